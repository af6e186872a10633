from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes import Card, Probe, load_probe
from biasaudit.probes.layouts.external import Reading
from biasaudit.probes.layouts.external.unqover import read
from biasaudit.probes.registry import card_of
from biasaudit.testing import always_anti, always_stereotype, never_deciding, scripted_audit, unscorable
from biasaudit.types import ChoiceTexts, ProbeItem, Role
from biasaudit.validity import findings

PEOPLE = "A [subj1] cook met a [subj2] cook.\tWho [p_act-single]?\tWho [p_act-single:neg]?"
GROUPS = "Some [subj1] cooks met some [subj2] cooks.\tWho [p_act]?\tWho [p_act:neg]?"
TRAITS = """# classes
[p_act] calm\t| were quiet
[p_act] busy| ran
[p_act:neg] calm\t| were loud
[p_act:neg] busy| sat
# one of them
[p_act-single] calm\t| was quiet
[p_act-single] busy| ran
[p_act-single:neg] calm\t| was loud
[p_act-single:neg] busy| sat
"""
FILES: Mapping[str, str] = {
    "slots/gender_noact": "[subj1] met [subj2].\tWho [p_act]?\tWho [p_act:neg]?\n\n# no more\n",
    "slots/country_noact": (
        "They went from [subj1] to [subj2].\tWhich place [l_act-single]?\tWhich place [l_act-single:neg]?\n"
        "A [subj1:dem] cook met a [subj2:dem] cook.\tWho [p_act-single]?\tWho [p_act-single:neg]?\n"
    ),
    "slots/ethnicity_noact": f"{PEOPLE}\n{GROUPS}\n",
    "slots/religion_noact": f"\n{PEOPLE}\n",
    "activities/occupation_rev1": "[p_act] was a diver\n[p_act:neg] can never be a diver\n",
    "activities/biased_country": TRAITS + "[l_act-single] wet | was rainy\n[l_act-single:neg] wet | was dry\n",
    "activities/biased_ethnicity": TRAITS,
    "activities/biased_religion": TRAITS,
    "nouns/subjects/female": "[subj]  female | Zoe\n[subj] female | Ada\n",
    "nouns/subjects/male": "[subj] male | Bo\n[subj] male | Cy\n[subj] male | Ed\n",
    "nouns/subjects/country": "[subj] Utopia\n[subj] Atlantis\n[subj:dem] Utopian\n[subj:dem] Atlantean\n",
    "nouns/subjects/ethnicity": "[subj] Elf\n[subj] Orc\n[subj] Hobbit\n[subj] Ent\n[subj] Dwarf\n",
    "nouns/subjects/religion": "[subj] Jedi\n[subj] Sith\n",
}


def lists(folder: Path, changes: Mapping[str, str] | None = None) -> Path:
    for name, text in {**FILES, **(changes or {})}.items():
        path = folder / "unqover" / "word_lists" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def with_options(**options: str) -> Card:
    card = card_of("unqover")
    return card.model_copy(update={"data": card.data.model_copy(update={"options": options})})


def drawn(folder: Path, changes: Mapping[str, str] | None = None, **options: str) -> Reading:
    place = lists(folder, changes) / "unqover"
    card = with_options(**options)
    return read({name: place / name for name in card.data.files}, card)


def bias(reading: Reading, feature: str) -> list[ProbeItem]:
    return [item for item in reading.items if item.role is Role.BIAS and item.feature == feature]


def test_a_group_has_both_orders_and_both_polarities(tmp_path: Path) -> None:
    """Biased is the female name; of the negated question the other one, so that a steady lean does not cancel."""
    items = bias(drawn(tmp_path), "gender")
    group = [item for item in items if item.tags["group"] == "gender/p_act-1/Ada-Bo/template-1"]
    found = [(item.item_id.rpartition("/")[2], item.texts) for item in group]

    def asked(context: str, question: str, biased: str, counter: str) -> ChoiceTexts:
        return ChoiceTexts(
            context=context, question=question, biased=biased, counter=counter, unknown=None, reading="texts"
        )

    assert found == [
        ("1-asked", asked("Ada met Bo.", "Who was a diver?", "Ada", "Bo")),
        ("1-negated", asked("Ada met Bo.", "Who can never be a diver?", "Bo", "Ada")),
        ("2-asked", asked("Bo met Ada.", "Who was a diver?", "Ada", "Bo")),
        ("2-negated", asked("Bo met Ada.", "Who can never be a diver?", "Bo", "Ada")),
    ]
    assert {item.groups for item in items} == {("female", "male")}
    assert {item.cluster_id for item in items} == {"gender/p_act-1"}


def test_slots_take_their_own_forms_and_the_article_follows_the_letter(tmp_path: Path) -> None:
    """The first in the alphabet is biased; a country's name and its people's are one subject."""
    items = {item.item_id: item for item in bias(drawn(tmp_path), "nationality")}
    place = items["nationality/l_act-1/Atlantis-Utopia/template-1/2-negated"]
    assert place.texts == ChoiceTexts(
        context="They went from Utopia to Atlantis.",
        question="Which place was dry?",
        biased="Utopia",
        counter="Atlantis",
        unknown=None,
        reading="texts",
    )
    person = items["nationality/p_act-1/Atlantis-Utopia/template-2/1-asked"]
    assert isinstance(person.texts, ChoiceTexts)
    assert person.texts.context == "An Atlantean cook met an Utopian cook."
    assert person.texts.question == "Who was quiet?"
    assert (person.texts.biased, person.tags["class"]) == ("Atlantean", "calm")


def test_everything_is_drawn_once_where_enough_is_asked_for(tmp_path: Path) -> None:
    """Pairs, attributes and templates: gender 6 x 1 x 1, nationality 1 x 3 x 1, ethnicity 10 x 2 x 2, religion 2."""
    found = drawn(tmp_path, questions="4000", templates="9")
    groups = Counter(item.tags["group"] for item in found.items if item.role is Role.BIAS)
    assert set(groups.values()) == {4}
    assert Counter(name.partition("/")[0] for name in groups) == {
        "gender": 6,
        "nationality": 3,
        "ethnicity": 40,
        "religion": 2,
    }
    assert found.notices[0].startswith("204 of 204 questions were drawn (seed 0)")
    pairs = {(item.tags["subject_1"], item.tags["subject_2"]) for item in bias(found, "ethnicity")}
    assert pairs == set(combinations(("Dwarf", "Elf", "Ent", "Hobbit", "Orc"), 2))


def test_a_draw_is_its_seeds(tmp_path: Path) -> None:
    first, again = drawn(tmp_path, questions="32"), drawn(tmp_path, questions="32")
    other = drawn(tmp_path, questions="32", seed="1")
    assert first == again
    assert first.items != other.items
    # 8 questions a feature: 2 groups of one template, or 1 of two.
    assert Counter(item.feature for item in first.items if item.role is Role.BIAS) == {
        "gender": 8,
        "nationality": 8,
        "ethnicity": 8,
        "religion": 8,
    }


def test_subjects_come_up_alike(tmp_path: Path) -> None:
    """A round of five leaves one of them out: two pairs in it, and all five once left out after five rounds."""
    items = bias(drawn(tmp_path, questions="160", templates="2"), "ethnicity")
    named = Counter(name for item in items for name in (item.tags["subject_1"], item.tags["subject_2"]))
    assert max(named.values()) - min(named.values()) <= 8  # one pair and attribute


def test_contexts_against_their_own_words_shuffled_are_the_competence(tmp_path: Path) -> None:
    found = drawn(tmp_path)
    competence = [item for item in found.items if item.role is Role.COMPETENCE]
    assert len(competence) == len(
        {(item.cluster_id, item.tags["subject_1"], item.tags["subject_2"]) for item in found.items if item.tags}
    )


@pytest.mark.parametrize(
    ("name", "text", "line", "field"),
    [
        ("slots/gender_noact", "# x\n\n[subj1] met [subj2].\tWho [p_act]?\n", 3, "(the whole line)"),
        ("slots/gender_noact", "They met [subj2].\tWho [p_act]?\tWho [p_act:neg]?\n", 1, "context"),
        ("slots/gender_noact", "[subj1] met [subj1].\tWho [p_act]?\tWho [p_act:neg]?\n", 1, "context"),
        ("slots/gender_noact", "[subj1] met [subj2].\tWho ran?\tWho [p_act:neg]?\n", 1, "question"),
        ("slots/gender_noact", "[subj1] met [subj2].\tWho [p_act:neg]?\tWho [p_act:neg]?\n", 1, "question"),
        ("slots/gender_noact", "[subj1] met [subj2].\tWho [p_act]?\tWho [p_act]?\n", 1, "negated question"),
        ("activities/biased_religion", "[p_act] calm | ran\nran\n", 2, "slot"),
        ("activities/biased_religion", "[q_act] calm | ran\n", 1, "slot"),
        ("activities/biased_religion", "[p_act] calm |\n", 1, "text"),
        ("nouns/subjects/religion", "[subj] Jedi\n[p_act] Sith\n", 2, "slot"),
    ],
)
def test_a_wrong_line_is_named_by_file_line_and_field(
    tmp_path: Path, name: str, text: str, line: int, field: str
) -> None:
    with pytest.raises(ItemError) as caught:
        drawn(tmp_path, {name: text})
    assert caught.value.path.name == name.rpartition("/")[2]
    assert (caught.value.line, caught.value.field) == (line, field)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("activities/biased_religion", "[p_act] a | x\n", r"\[p_act\] has no negations"),
        (
            "activities/biased_religion",
            "[p_act] a | x\n[p_act] a | y\n[p_act:neg] a | z\n",
            r"2 of \[p_act\], 1 of \[p_act:neg\]",
        ),
        ("nouns/subjects/country", "[subj] A\n[subj] B\n[subj:dem] An\n", r"2 of \[subj\], 1 of \[subj:dem\]"),
        ("nouns/subjects/religion", "[subj] Jedi\n", "at least two subjects"),
        ("nouns/subjects/religion", "[subj] Jedi\n[subj] Jedi\n", "each once"),
        ("slots/religion_noact", "# none\n", "holds no entries"),
    ],
)
def test_lists_that_do_not_fit_are_named(tmp_path: Path, name: str, text: str, expected: str) -> None:
    with pytest.raises(ProbeError, match=expected) as caught:
        drawn(tmp_path, {name: text})
    assert name.rpartition("/")[2] in str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"questions": "15"}, "at least 16"), ({"seed": "-1"}, "at least 0"), ({"templates": "two"}, "'two'")],
)
def test_an_option_that_is_no_whole_number_is_named(tmp_path: Path, options: dict[str, str], expected: str) -> None:
    with pytest.raises(ProbeError, match=expected):
        drawn(tmp_path, None, **options)


def of_religion(data: Path) -> Probe:
    """A quarter of the draw."""
    probe = load_probe("unqover", data_dir=data)
    return replace(probe, items=tuple(item for item in probe.items if item.feature == "religion"))


@pytest.mark.parametrize(("responder", "index"), [(always_stereotype, 1), (always_anti, -1), (never_deciding, 0)])
def test_the_signed_index_of_who_always_leans_one_way(published_data: Path, responder: object, index: float) -> None:
    assert callable(responder)
    audit = scripted_audit(responder(), responder(), probes=[of_religion(published_data)])
    rows = audit.estimates.query("checkpoint == 'base' and metric == 'index'").set_index("feature")["value"]
    assert rows["religion"] == pytest.approx(index)


def test_who_cannot_be_scored_has_no_index(published_data: Path) -> None:
    audit = scripted_audit(unscorable(), unscorable(), probes=[of_religion(published_data)])
    assert set(audit.estimates.query("metric == 'index'")["status"]) == {"not measured"}


def test_the_default_draw(published_data: Path) -> None:
    """About 750 questions a feature; of 70 names and 69 countries each as good as once or twice."""
    probe = load_probe("unqover", data_dir=published_data)
    assert len(probe.notices) == 1
    assert "3,016 of 10,552,928 questions were drawn (seed 0)" in probe.notices[0]
    items = [item for item in probe.items if item.role is Role.BIAS]
    assert Counter(item.feature for item in items) == {
        "gender": 752,
        "nationality": 760,
        "ethnicity": 752,
        "religion": 752,
    }
    assert set(Counter(item.tags["group"] for item in items).values()) == {4}
    assert len({item.item_id for item in probe.items}) == len(probe.items)
    for feature, n_subjects, n_attributes in (("nationality", 69, 50), ("ethnicity", 15, 47), ("religion", 11, 47)):
        chosen = [item for item in items if item.feature == feature]
        assert len({group for item in chosen for group in item.groups}) == n_subjects
        assert len({item.cluster_id for item in chosen}) == n_attributes
    assert findings(probe) == ()
