"""Contrasts to tune on: ours are apart from every probe, and a file that is wrong is told with its line."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from biasaudit.align.contrasts import OWN, Contrasts, GroupPair, Template, WordPair, read_contrasts
from biasaudit.align.overlap import Line, overlap, refuse_overlap
from biasaudit.errors import ContrastsError, UsageError
from biasaudit.probes import load_probe
from biasaudit.probes.layouts.own.templates import Template as AuditTemplate
from biasaudit.probes.skeletons import templates_of
from biasaudit.types import AssociationTexts, Role
from tests.align.contrast_file import save_contrasts

ROOT = Path(__file__).resolve().parents[2]
FEATURES = ("gender", "ethnicity", "religion", "nationality", "age", "disability")
WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
ARTICLES = {"a", "an", "the"}

SMALL = """\
templates:
  - {id: desk, order: group_first, word_forms: [job], text: "{group} works hard, as {word}."}
  - {id: desk-back, order: word_first, word_forms: [job], text: "Ask the {word_bare} what {group} meant.", \
groups: {gender: [{a: she, b: he}]}}
  - {id: mood, order: group_first, split: development, word_forms: [job], text: "Today {group} dressed as {word}."}
groups:
  gender: [{a: the woman, b: the man}, {a: my mother, b: my father}]
  age: [{a: an old man, b: a young man}]
words:
  gender:
    - {first: a welder, second: a midwife, form: job}
    - {first: an usher, second: an abbot, form: job, split: development}
  age:
    - {first: a gamer, second: a gardener, form: job}
licensed:
  gender: [{context: The bride smiled as, first: " she", second: " he"}]
neutral: [The river is wide., The moon rose.]
"""


@pytest.fixture(scope="module")
def own() -> Contrasts:
    return read_contrasts(None)


def written(folder: Path, text: str = SMALL) -> Path:
    path = folder / "contrasts.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def small(folder: Path) -> Contrasts:
    return read_contrasts(written(folder))


def words_in(*texts: str) -> set[str]:
    return {word.casefold() for text in texts for word in WORD.findall(text)}


def fillers(contrasts: Contrasts) -> list[str]:
    return [word for pair in contrasts.words for word in (pair.first, pair.second)]


# Our own data.


def test_ours_are_many_templates_in_both_sentence_forms(own: Contrasts) -> None:
    stems = Counter(template.id.removesuffix("-back") for template in own.templates)
    assert len(stems) >= 40
    assert set(stems.values()) == {2}
    for template in own.templates:
        assert template.order == ("word_first" if template.id.endswith("-back") else "group_first")
    held_back = {one.id.removesuffix("-back") for one in own.templates if one.split == "development"}
    assert 9 <= len(held_back) <= 12
    assert all(stems[stem] == 2 for stem in held_back)
    assert sum(bool(one.groups) for one in own.templates if one.order == "word_first") >= 12, "with pronouns"


def test_both_sentence_forms_of_a_template_are_of_one_split_and_fit_the_same_words(own: Contrasts) -> None:
    by_id = {one.id: one for one in own.templates}
    for template in own.templates:
        other = by_id[f"{template.id.removesuffix('-back')}-back"]
        assert (template.split, template.word_forms, template.features) == (
            other.split,
            other.word_forms,
            other.features,
        )


def test_ours_have_words_of_six_features_and_a_fifth_is_held_back(own: Contrasts) -> None:
    assert own.features == FEATURES
    n = Counter(pair.feature for pair in own.words)
    held_back = Counter(pair.feature for pair in own.words if pair.split == "development")
    assert sum(n.values()) >= 200
    for feature in FEATURES:
        assert n[feature] >= (90 if feature == "gender" else 22)
        assert 0.15 <= held_back[feature] / n[feature] <= 0.25
        assert len([pair for pair in own.groups if pair.feature == feature]) >= 10


def test_every_template_can_be_filled_in_its_own_split(own: Contrasts) -> None:
    for split in ("train", "development"):
        filled = {(feature, template.id) for feature, template, *_ in own.sets(split)}
        asked = {(feature, one.id) for one in own.templates if one.split == split for feature in one.features}
        assert filled == asked


def test_the_words_of_a_pair_are_alike_in_article_and_length(own: Contrasts) -> None:
    def shape(word: str) -> tuple[str, int]:
        first, *rest = word.split(" ")
        return (first if first in ARTICLES else "", len(rest))

    assert [pair for pair in own.words if shape(pair.first) != shape(pair.second)] == []


def test_articles_go_with_the_sound_that_follows(own: Contrasts) -> None:
    """By the letter, but for an hour and a silent h: a word that needs another rule is listed here."""
    texts = [*fillers(own), *(side for pair in own.groups for side in (pair.a, pair.b)), *own.neutral]
    texts += [one.context for one in own.licensed] + [one.text for one in own.templates]
    found = {match[0] for text in texts for match in re.finditer(r"\b[Aa]n? \w+", text)}
    by_letter = {one for one in found if (one.split()[0].lower() == "an") != (one.split()[1][0].lower() in "aeiou")}
    assert by_letter == {"an hour", "an herbalist"}


def test_no_word_stands_twice_in_a_feature_and_none_in_two_splits(own: Contrasts) -> None:
    n = Counter((pair.feature, word) for pair in own.words for word in (pair.first, pair.second))
    assert [word for word, times in n.items() if times > 1] == []
    train, held_back = (
        {word for pair in own.words if pair.split == split for word in (pair.first, pair.second)}
        for split in ("train", "development")
    )
    assert train & held_back == set()


def test_licensed_contrasts_come_with_their_mirror(own: Contrasts) -> None:
    """In what is right and wrong they cancel: how common a word is tells nothing then."""
    for feature in FEATURES:
        found = [one for one in own.licensed if one.feature == feature]
        assert len(found) >= 12
        assert len({one.context for one in found}) == len(found)
        right = Counter((one.first, one.second) for one in found)
        assert right == Counter((one.second, one.first) for one in found)


def test_neutral_sentences_are_many_and_about_nobody(own: Contrasts) -> None:
    assert len(set(own.neutral)) == len(own.neutral) >= 120
    people = (
        "he she him her his hers who whom man men woman women person people boy girl child children I me my we our you"
    )
    named = words_in(*(side for pair in own.groups for side in (pair.a, pair.b)))
    of_people = words_in(people) | (named & words_in("mother father sister brother wife husband neighbor colleague"))
    assert [text for text in own.neutral if words_in(text) & of_people] == []
    lengths = [len(text.split()) for text in own.neutral]
    assert min(lengths) <= 5
    assert max(lengths) >= 20


# Apart from the probes.


def attributes_of(probe: str) -> set[str]:
    """Return what a probe asks about, read from its file without the package."""
    folder = ROOT / "probes" / probe
    if probe == "occupations":
        return {one["bare"] for one in yaml.safe_load((folder / "templates.yaml").read_text("utf-8"))["attributes"]}
    if probe == "pronouns":
        rows = yaml.safe_load((folder / "referents.yaml").read_text("utf-8"))["templates"]
        return {word for row in rows for word in row["occupations"]}
    rows = yaml.safe_load((folder / "associations.yaml").read_text("utf-8"))["words"]
    return {row[side] for row in rows for side in ("first", "second")}


def plain(word: str) -> str:
    return " ".join(one for one in word.casefold().split() if one not in ARTICLES).removesuffix("s")


@pytest.mark.parametrize("probe", ["occupations", "traits", "harms", "pronouns"])
def test_no_word_of_ours_is_an_attribute_of_a_probe(own: Contrasts, probe: str) -> None:
    assert {plain(word) for word in fillers(own)} & {plain(word) for word in attributes_of(probe)} == set()


@pytest.mark.parametrize("probe", ["occupations", "traits", "pronouns"])
def test_no_part_of_an_attribute_stands_anywhere_in_ours(own: Contrasts, probe: str) -> None:
    """Not even `worker` or `technician`: whatever an audit compares words by, its occupations are held out."""
    asked = words_in(*attributes_of(probe)) - ARTICLES
    texts = [*(line.text for line in own.lines()), *(one.text for one in own.templates)]
    assert words_in(*texts) & asked == set()


def test_groups_of_an_audit_that_are_left_for_it(own: Contrasts) -> None:
    """That what was trained reaches other words for a group can be measured with these."""
    named = words_in(*(side for pair in own.groups for side in (pair.a, pair.b)))
    assert (
        named
        & words_in(
            "aunt uncle niece nephew daughter son sister brother wife husband lady gentleman queen king bride groom"
        )
        == set()
    )


CONTROLLED = ("occupations", "traits", "harms")
"""Probes with negative controls."""


def swaps(probe: str) -> set[str]:
    """Return the words by which a probe tells two controls apart, read from its items: of either sentence form."""
    asked = [item.texts for item in load_probe(probe).items if item.role is Role.CONTROL]
    tables = [one for one in asked if isinstance(one, AssociationTexts)]
    pairs = [one.contexts if one.group_in_context else one.continuations for one in tables]
    return {word for first, second in pairs for word in words_in(first) ^ words_in(second)}


@pytest.mark.parametrize("probe", CONTROLLED)
def test_no_word_of_our_controls_is_what_a_probe_tells_two_controls_apart_by(own: Contrasts, probe: str) -> None:
    """What an audit takes for evidence of blunting is about other things than those that a training holds."""
    assert len(swaps(probe)) > 10
    assert words_in(*(side for pair in own.controls for side in (pair.a, pair.b))) & swaps(probe) == set()


def test_no_two_probes_tell_their_controls_apart_by_the_same_word() -> None:
    found = Counter(word for probe in CONTROLLED for word in swaps(probe))
    assert [word for word, times in found.items() if times > 1] == []


def test_no_template_of_ours_is_near_one_of_a_probe(own: Contrasts) -> None:
    found = refuse_overlap(own.lines(), source=OWN.name)
    assert max((one.containment, one.probe) for one in found.values()) <= (0.4, "z")
    assert found["occupations"].containment <= 0.25


def licensed_of_probes() -> dict[str, list[dict[str, Any]]]:
    """Return feature -> templates of what every probe is asked beside its own, read without the package."""
    features = yaml.safe_load((ROOT / "probes" / "licensed.yaml").read_text("utf-8"))["features"]
    return dict(features)


def test_what_is_licensed_is_other_than_what_the_probes_ask(own: Contrasts) -> None:
    """No queen and no Quran: what is kept by training on it must not tell whether all else was kept."""
    asked = licensed_of_probes()
    for one in own.licensed:
        contrasts = [contrast for template in asked[one.feature] for contrast in template["contrasts"]]
        theirs = {word.casefold() for contrast in contrasts for word in contrast["words"]}
        context = f" {' '.join(WORD.findall(one.context)).casefold()} "
        assert [word for word in theirs if f" {word} " in context] == [], one.context


def pieces(text: str) -> set[tuple[str, ...]]:
    words = WORD.findall(re.sub(r"\{\w+\}", "_", text).casefold())
    return {tuple(words[n : n + 3]) for n in range(len(words) - 2)}


def test_no_context_of_ours_is_one_of_the_probes_with_other_words(own: Contrasts) -> None:
    """Of the three-word pieces of what they ask, a context of ours has a third at most, such as `people who are`."""
    asked = [pieces(one["text"]) for templates in licensed_of_probes().values() for one in templates]
    shares = {
        one.context: max(len(pieces(one.context) & theirs) / len(theirs) for theirs in asked) for one in own.licensed
    }
    assert max(shares.values()) <= 1 / 3, shares


def test_no_group_of_ours_is_a_word_that_decides_what_the_probes_ask(own: Contrasts) -> None:
    """Wife and husband, once trained to go with everything alike, would no longer tell what else was lost."""
    theirs = {
        word for template in licensed_of_probes()["gender"] for one in template["contrasts"] for word in one["words"]
    }
    named = words_in(*(side for pair in own.groups for side in (pair.a, pair.b)))
    assert named & words_in(*theirs) == set()


def test_a_template_of_a_probe_is_found_whatever_its_slots_hold(tmp_path: Path) -> None:
    """Neither `usher` nor `mother` is a word of `occupations`: what a template exchanges is masked."""
    text = SMALL.replace("{group} works hard, as {word}.", "{group} trained to be {word}.")
    found = overlap(read_contrasts(written(tmp_path, text)).lines(), templates_of(load_probe("occupations")))
    assert (found.containment, found.template) == (1.0, "my _ trained to be an _")
    assert found.line == Line(number=2, text="My _ trained to be an _.")
    assert {"woman", "man", "she", "he"} <= set(found.words)


# Texts.


def test_texts_are_those_that_an_audit_makes_of_such_a_template() -> None:
    """In both sentence forms, with the audit's own splitting and the table of its items."""
    groups = GroupPair(feature="gender", a="the woman", b="the man")
    words = WordPair(feature="gender", first="a welder", second="a midwife")
    for order, text in (
        ("group_first", "Since May, {group} has been {word} in Rome."),
        ("word_first", "They say {word} in Rome wrote to {group}, twice."),
    ):
        template = Template(id="x", order=order, split="train", text=text, features=("gender",))  # type: ignore[arg-type]
        theirs = AuditTemplate(
            id="x",
            order="group_first" if order == "group_first" else "attribute_first",
            text=text.replace("{word}", "{attribute}"),
            groups={"woman": "the woman", "man": "the man"},
        )
        found = template.texts(groups, words)
        rows, columns = (
            (("the woman", "the man"), ("a welder", "a midwife"))
            if order == "group_first"
            else (("a welder", "a midwife"), ("the woman", "the man"))
        )
        cells = [[theirs.split(row, column) for column in columns] for row in rows]
        assert found.contexts == (cells[0][0][0], cells[1][0][0])
        assert found.continuations == (cells[0][0][1], cells[0][1][1])
        assert found.group_in_context == (order == "group_first")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("{group} is {word}.", "The woman is a welder."),
        ("It rained. {group} is {word}.", "It rained. The woman is a welder."),
        ('"Well? {group}," said {word}.', '"Well? The woman," said a welder.'),
        ('"{group}, is it {word}?"', '"The woman, is it a welder?"'),
        ("No, {group} is the {word_bare}.", "No, the woman is the welder."),
    ],
)
def test_a_slot_where_a_sentence_begins_has_its_capital(text: str, whole: str) -> None:
    template = Template(id="x", order="group_first", split="train", text=text, features=("gender",))
    assert "".join(template.parts("the woman", "a welder")) == whole


# Reading.


def test_sets_cross_what_fits_in_one_split(tmp_path: Path) -> None:
    """Train: desk with 2 x 1 of gender and 1 x 1 of age, desk-back with its pronouns. Development: 2 x 1 of gender."""
    found = small(tmp_path)
    assert Counter((feature, template.id) for feature, template, *_ in found.sets("train")) == {
        ("gender", "desk"): 2,
        ("gender", "desk-back"): 1,
        ("age", "desk"): 1,
    }
    assert [(one.id, groups.a, words.first) for _, one, groups, words in found.sets("development")] == [
        ("mood", "the woman", "an usher"),
        ("mood", "my mother", "an usher"),
    ]
    assert {pair.first for *_, pair in found.sets("development", words="train")} == {"a welder", "a gamer"}


def test_a_template_with_groups_of_its_own_takes_no_others(tmp_path: Path) -> None:
    [back] = [one for one in small(tmp_path).templates if one.id == "desk-back"]
    assert back.features == ("gender",)
    assert [(pair.a, pair.b) for pair in small(tmp_path).groups_of(back, "gender")] == [("she", "he")]


def test_what_is_read_knows_its_line_and_the_file(tmp_path: Path) -> None:
    found = small(tmp_path)
    assert [one.line for one in found.templates] == [2, 3, 4]
    assert [pair.line for pair in found.groups] == [6, 6, 7]
    assert [pair.line for pair in found.words] == [10, 11, 13]
    assert ([one.line for one in found.licensed], found.neutral_lines) == ([15], (16, 16))
    assert found.name == "contrasts.yaml"
    assert re.fullmatch("[0-9a-f]{64}", found.sha256)
    assert found.licensed[0].texts.first == " she"


def test_of_some_features_nothing_of_others_is_left(tmp_path: Path) -> None:
    found = small(tmp_path).of(["age"])
    assert (found.features, [one.id for one in found.templates], found.licensed) == (("age",), ["desk", "mood"], ())
    assert all(one.features == ("age",) for one in found.templates)
    assert [pair.a for pair in found.groups] == ["an old man"]
    assert len(found.neutral) == 2
    assert small(tmp_path).of(["gender", "age"]) == small(tmp_path)


@pytest.mark.parametrize("wanted", [["body-size"], []])
def test_features_that_are_not_there_are_told_with_those_that_are(tmp_path: Path, wanted: list[str]) -> None:
    with pytest.raises(UsageError, match=r"no words of (body-size|no feature); expected some of gender, age\."):
        small(tmp_path).of(wanted)


def test_lines_have_each_frame_once_then_words_what_is_licensed_and_neutral_text(tmp_path: Path) -> None:
    """Frames of desk: the, my and nothing for the groups; a and, of the usher, an for the words."""
    found = [(line.number, line.text) for line in small(tmp_path).lines()]
    assert found[:6] == [
        (2, "The _ works hard, as a _."),
        (2, "My _ works hard, as an _."),
        (2, "_ works hard, as a _."),
        (3, "Ask the _ what _ meant."),
        (4, "Today the _ dressed as a _."),
        (4, "Today my _ dressed as an _."),
    ]
    for line in (
        (3, "she."),
        (6, "my father."),
        (10, "a midwife."),
        (15, "The bride smiled as he"),
        (16, "The moon rose."),
    ):
        assert line in found


WRONG = [
    ("id: desk,", "id: Desk,", 2, r"templates\.0\.id"),
    ("order: word_first", "order: group_first", 3, "and group_first needs {group} and then {word} or {word_bare}"),
    ("as {word}.", "as {word} {word}.", 2, "has the slots"),
    ("{group} works", "{who}: {group} works", 2, "no other braces"),
    ("hard, as {word}.", "hard ({word}).", 2, "one space before its second slot"),
    ("split: development, word_forms", "splitt: development, word_forms", 4, "'templates.2.splitt' is not known"),
    ("b: the man", "b: the woman", 6, "both sides are 'the woman'"),
    ("second: a midwife", "third: a midwife", 10, "words.gender.0"),
    ('first: " she"', "first: she", 15, "licensed.gender.0.first"),
    ("id: desk-back", "id: desk", 3, "'desk' stands in line 2 too"),
    ("Today {group} dressed as {word}.", "{group} works hard, as {word}.", 4, "the text of 'mood' stands in line 2"),
    ("an usher", "a welder", 11, "'a welder' is a word of development here, and of train in line 10"),
    ("  age: [{a", "  size: [{a", 7, "there are no words of the feature 'size'; there are words of gender, age"),
    ("id: mood,", "id: mood, features: [size],", 4, "names the feature 'size'"),
    ("id: mood,", "id: mood, group_forms: [many],", 4, "groups of the form many; of no feature are there both"),
    ("id: mood,", "id: mood, features: [age], group_forms: [many],", 4, "finds no groups of the form many of 'age'"),
    ("a gardener, form: job", "a gardener, form: jbo", 13, "no template takes a word of the form 'jbo' of 'age'"),
    ("b: the man", "b: the man, form: many", 6, "no template takes a group of the form 'many' of 'gender'"),
    (
        "neutral:",
        "controls: [{a: row one, b: row two, form: many}]\nneutral:",
        16,
        "no template that is trained takes a control",
    ),
    (
        "neutral:",
        "controls: [{a: the woman, b: row two}]\nneutral:",
        16,
        "the control 'the woman' is a group in line 6",
    ),
    ("first: a welder", "first: tired", 10, "'tired' fills {word_bare} of 'desk-back', and has no article"),
    ("a gardener, form: job", "a gardener, form: job, split: development", 13, "of 'age' there is nothing to train on"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "said"), WRONG, ids=[said for *_, said in WRONG])
def test_what_is_wrong_is_told_with_file_line_and_fix(
    tmp_path: Path, right: str, wrong: str, line: int, said: str
) -> None:
    assert right in SMALL
    path = written(tmp_path, SMALL.replace(right, wrong, 1))
    with pytest.raises(ContrastsError) as caught:
        read_contrasts(path)
    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert said.replace("\\", "") in caught.value.message
    assert "docs/tuning.md" in str(caught.value.fix)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds nothing"),
        ("- a", "holds list"),
        ("templates: [", "line 1"),
        ("groups: {gender: [{a: she, b: he}]}", "field 'templates' is missing"),
        ("#" * 2_000_001, "is larger than 2,000,000 bytes"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ContrastsError, match=said):
        read_contrasts(written(tmp_path, text))


def test_lists_are_bounded(tmp_path: Path) -> None:
    """Pairs are crossed with templates: a small file could ask for billions, with aliases an even smaller one."""
    many = "- &x {first: a gamer, second: a gardener, form: job}\n    - " + "\n    - ".join(["*x"] * 5_000)
    with pytest.raises(ContrastsError, match="at most 5000 items"):
        read_contrasts(written(tmp_path, SMALL.replace("- {first: a gamer, second: a gardener, form: job}", many)))


def test_the_file_of_the_page_is_one(tmp_path: Path) -> None:
    """What docs/tuning.md shows can be read, and says what is written beside it."""
    page = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```yaml\n(# contrasts\.yaml\n.*?)```", page, re.DOTALL)
    found = read_contrasts(written(tmp_path, block))
    assert [(one.id, one.order, one.split) for one in found.templates] == [
        ("desk", "group_first", "train"),
        ("desk-back", "word_first", "train"),
        ("mood", "group_first", "development"),
    ]
    own = read_contrasts(None)
    stems = {one.id.removesuffix("-back") for one in own.templates}
    said = f"{len(stems)} templates in both sentence forms, {len(own.words)} pairs of words"
    assert said in " ".join(page.split())
    assert f"{len(own.neutral)} sentences about nobody" in page


def test_ours_are_read_once() -> None:
    assert read_contrasts(None) is read_contrasts()
    assert read_contrasts(OWN) == read_contrasts(None)


def test_the_licence_is_ours_or_what_stands_beside_the_file(tmp_path: Path) -> None:
    """Of a file without either it is not known; our own file is ours by whichever path it is named."""
    file = save_contrasts(tmp_path)
    assert read_contrasts(file).licence is None
    beside = tmp_path / "contrasts.yaml.license"
    beside.write_text("# SPDX-FileCopyrightText: A\n# SPDX-License-Identifier: CC-BY-4.0\n", encoding="utf-8")
    assert read_contrasts(file).licence == "CC-BY-4.0"
    assert read_contrasts().licence == read_contrasts(OWN).licence == "Apache-2.0"


@pytest.mark.parametrize("text", [b"CC-BY-4.0", b"\xff"])
def test_a_licence_file_that_says_nothing_is_an_error(tmp_path: Path, text: bytes) -> None:
    file = save_contrasts(tmp_path)
    (tmp_path / "contrasts.yaml.license").write_bytes(text)
    with pytest.raises(ContrastsError, match=r"contrasts\.yaml\.license"):
        read_contrasts(file)
