"""Words against words for the groups of several features: what associations expand to, and what is refused."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from biasaudit.errors import ProbeError
from biasaudit.probes import Probe, limited, load_probe, of_features, thinned
from biasaudit.testing import ScriptedModel, always_anti, always_stereotype, never_deciding, scripted_audit
from biasaudit.types import AssociationTexts, PairTexts, ProbeItem, Request, Role

CARD: dict[str, object] = {
    "id": "heights",
    "name": "Heights",
    "version": "1",
    "kind": "association",
    "language": "en",
    "groups": {"height": ["tall", "short", "mid height"], "home": ["town", "farm"]},
    "construct": "Whether the tall are liked.",
    "harm": "stereotyping",
    "positive_index": "The tall are liked.",
    "clusters": "designed",
    "licence": "Apache-2.0",
    "citation": "none",
    "known_defects": ["made up"],
    "not_shown": "anything else",
    "data": {"format": "associations", "file": "associations.yaml"},
}

GROUPS = {
    "height": {
        "tall": {"one": "a tall person", "many": "tall people"},
        "short": {"one": "a short person", "many": "short people"},
        "mid height": {"one": "an average person", "many": "average people"},
    },
    "home": {
        "town": {"one": "a townsman", "many": "townsmen"},
        "farm": {"one": "a farmer", "many": "farmers"},
    },
}

KIND = {"id": "kind", "dimension": "warmth", "first": "kind", "second": "cruel"}
ABLE = {"id": "able", "dimension": "competence", "first": "able", "second": "inept"}


def template(name: str, text: str, order: str = "group_first", n_attention: int = 3) -> dict[str, object]:
    known = [
        {"sense": "here", "nonsense": "seven"},
        {"sense": "well", "nonsense": "of"},
        {"sense": "up", "nonsense": "a"},
    ]
    return {"id": name, "order": order, "text": text, "attention": known[:n_attention]}


ONE = template("one", "{One} is {word}.")
MANY = template("many", "They say that {many} are {word} today.")
WORD = template("word", "Whoever is {word} is {one}.", "word_first", n_attention=2)


SEAT: dict[str, object] = {
    "id": "seat",
    "order": "group_first",
    "text": "Whoever sat by the {swap} is {word}.",
    "swap": ["wall", "gate"],
}
CAKE: dict[str, object] = {
    "id": "cake",
    "order": "word_first",
    "text": "The {word} one ate the {swap}.",
    "swap": ["pear", "plum"],
}
SURE = {"id": "sure", "dimension": "competence", "first": "sure", "second": "lost"}


def controls(*templates: dict[str, object], per_dimension: int = 1) -> dict[str, object]:
    return {"controls": {"per_dimension": per_dimension, "templates": list(templates)}}


def content() -> dict[str, object]:
    return {
        "person": {"one": "a person", "many": "people"},
        "groups": GROUPS,
        "words": [KIND, ABLE],
        "ties": {"warmth": "reference", "competence": "reference"},
        "templates": [
            ONE,
            MANY,
            template("some", "In all, some {many} seem {word}."),
            WORD,
            template("most", "Of the {word}, most were {many}.", "word_first"),
        ],
    }


def save(folder: Path, associations: dict[str, object], card: dict[str, object] = CARD) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
    (folder / "associations.yaml").write_text(yaml.safe_dump(associations, sort_keys=False), encoding="utf-8")
    return str(folder)


def load(folder: Path, associations: dict[str, object]) -> Probe:
    return load_probe(save(folder, associations))


def bias(probe: Probe) -> list[ProbeItem]:
    return [item for item in probe.items if item.role is Role.BIAS]


def of_id(probe: Probe, item_id: str) -> ProbeItem:
    [found] = [item for item in probe.items if item.item_id == item_id]
    return found


def test_every_group_meets_the_reference_with_every_word_in_every_template(tmp_path: Path) -> None:
    """By hand: 5 templates with 2 pairs of words, for 2 other heights and 1 other home."""
    probe = load(tmp_path, content())
    items = bias(probe)
    assert Counter(item.feature for item in items) == {"height": 5 * 2 * 2, "home": 5 * 2}
    assert Counter(item.groups for item in items) == {
        ("tall", "short"): 10,
        ("tall", "mid height"): 10,
        ("town", "farm"): 10,
    }
    assert len({item.item_id for item in probe.items}) == len(probe.items)


def test_a_template_is_the_cluster_and_the_family(tmp_path: Path) -> None:
    """Items of one sentence move together; and nobody could tell a lean from a habit of one wording."""
    items = bias(load(tmp_path, content()))
    assert Counter(item.cluster_id for item in items) == dict.fromkeys(("one", "many", "some", "word", "most"), 6)
    assert all(item.family == item.cluster_id for item in items)


def test_ids_name_template_word_feature_and_group(tmp_path: Path) -> None:
    """Stored responses are found by these ids; a group's spaces are no part of them."""
    items = bias(load(tmp_path, content()))
    assert items[0].item_id == "one/kind/height/short"
    assert "word/able/height/mid-height" in {item.item_id for item in items}


def test_a_group_comes_first_where_the_template_says_so(tmp_path: Path) -> None:
    """The first cell is what the stereotype pairs: the reference with the first word."""
    item = of_id(load(tmp_path, content()), "many/kind/height/short")
    assert item.texts == AssociationTexts(
        contexts=("They say that tall people are", "They say that short people are"),
        continuations=(" kind today.", " cruel today."),
        group_in_context=True,
    )
    assert item.tags == {"dimension": "warmth", "attribute_1": "kind", "attribute_2": "cruel"}


def test_a_word_comes_first_where_the_template_says_so(tmp_path: Path) -> None:
    """The words are then the contexts, and still the reference goes with the first of them."""
    item = of_id(load(tmp_path, content()), "word/kind/height/mid-height")
    assert item.texts == AssociationTexts(
        contexts=("Whoever is kind is", "Whoever is cruel is"),
        continuations=(" a tall person.", " an average person."),
        group_in_context=False,
    )
    assert item.groups == ("tall", "mid height")


def test_a_sentence_begins_with_a_capital(tmp_path: Path) -> None:
    texts = of_id(load(tmp_path, content()), "one/kind/height/mid-height").texts
    assert isinstance(texts, AssociationTexts)
    assert texts.contexts == ("A tall person is", "An average person is")


@pytest.mark.parametrize("name", ["one", "word"])
def test_an_exception_turns_the_direction_of_one_group_and_dimension(tmp_path: Path, name: str) -> None:
    """Who is seen as warm and not competent is tied to the first word of warmth alone."""
    exceptions = {"height": {"short": {"warmth": "other"}}}
    plain = load(tmp_path / "plain", content())
    mixed = load(tmp_path / "mixed", content() | {"exceptions": exceptions})
    before, after = (of_id(probe, f"{name}/kind/height/short") for probe in (plain, mixed))
    assert (before.groups, after.groups) == (("tall", "short"), ("short", "tall"))
    assert isinstance(before.texts, AssociationTexts)
    assert isinstance(after.texts, AssociationTexts)
    if name == "one":
        assert after.texts.contexts == before.texts.contexts[::-1]
        assert after.texts.continuations == before.texts.continuations
    else:
        assert after.texts.contexts == before.texts.contexts
        assert after.texts.continuations == before.texts.continuations[::-1]
    assert after.tags == before.tags
    unturned = {item.item_id: item for item in bias(plain) if "/kind/height/short" not in item.item_id}
    assert {item.item_id: item for item in bias(mixed) if item.item_id in unturned} == unturned


def test_what_no_stereotype_is_on_record_for_is_not_asked(tmp_path: Path) -> None:
    """An item without a direction of its own would be counted for or against a stereotype that nobody holds."""
    exceptions = {"height": {"short": {"warmth": "none"}, "mid height": {"competence": "none"}}}
    probe = load(tmp_path, content() | {"exceptions": exceptions})
    assert Counter((item.groups[1], item.tags["dimension"]) for item in bias(probe)) == {
        ("short", "competence"): 5,
        ("mid height", "warmth"): 5,
        ("farm", "warmth"): 5,
        ("farm", "competence"): 5,
    }
    assert set(Counter(item.cluster_id for item in bias(probe)).values()) == {4}


def test_exceptions_may_state_every_tie(tmp_path: Path) -> None:
    """With ties of none, what is asked is what the file states group by group."""
    exceptions = {
        "height": {"short": {"warmth": "other"}, "mid height": {"warmth": "reference"}},
        "home": {"farm": {"competence": "reference"}},
    }
    associations = content() | {"ties": {"warmth": "none", "competence": "none"}, "exceptions": exceptions}
    assert Counter(item.groups for item in bias(load(tmp_path, associations))) == {
        ("short", "tall"): 5,
        ("tall", "mid height"): 5,
        ("town", "farm"): 5,
    }


def test_attention_names_no_group(tmp_path: Path) -> None:
    """Sense against nonsense is asked of a person of whom no group is said: 3 + 3 + 3 + 2 x 2 + 3 x 2 items."""
    found = [item for item in load(tmp_path, content()).items if item.role is Role.COMPETENCE]
    assert Counter(item.family for item in found) == {"one": 3, "many": 3, "some": 3, "word": 4, "most": 6}
    assert {item.groups for item in found} == {()}
    assert [item.item_id for item in found[:4]] == [
        "one/attention-1a",
        "one/attention-2a",
        "one/attention-3a",
        "many/attention-1a",
    ]
    assert found[1].texts == PairTexts(context="A person is", first=" well.", second=" of.")
    assert found[3].texts == PairTexts(context="They say that people are", first=" here today.", second=" seven today.")


def test_attention_follows_both_first_words_where_a_word_comes_first(tmp_path: Path) -> None:
    """So that neither the favorable nor the other word alone makes the model seem to read."""
    probe = load(tmp_path, content())
    a, b = (of_id(probe, f"word/attention-2{letter}").texts for letter in "ab")
    assert a == PairTexts(context="Whoever is kind is", first=" well.", second=" of.")
    assert b == PairTexts(context="Whoever is cruel is", first=" well.", second=" of.")


def test_an_audit_gives_both_extremes_and_the_middle(tmp_path: Path) -> None:
    folder = save(tmp_path, content() | {"exceptions": {"height": {"short": {"warmth": "other"}}}})
    extremes = scripted_audit(always_stereotype(), always_anti(), probes=[folder]).estimates
    for feature in ("height", "home"):
        cell = extremes[(extremes["metric"] == "sign") & (extremes["feature"] == feature)]
        side = cell.set_index("checkpoint")["value"]
        assert side["base"] == pytest.approx(1.0)
        assert side["tuned"] == pytest.approx(-1.0)
    middle = scripted_audit(never_deciding(), never_deciding(), probes=[folder]).estimates
    assert set(middle[middle["metric"] == "sign"]["value"]) == {0.0}


def town_kind(_: ProbeItem, request: Request) -> float:
    """Find a kind or able townsman, and a cruel or inept farmer, e times as likely as the other pairings."""
    text = request.context + request.continuation
    return -2.0 if ("town" in text) == bool(re.search("kind|able", text)) else -3.0


def test_a_swapped_tie_flips_the_sign(tmp_path: Path) -> None:
    """The model is the same; what counts as the stereotype is not. By hand: d = 2 x 1, so tanh(2 / 4) = 0.462."""
    model = ScriptedModel(name="town", answer=town_kind)
    values = {}
    for tie in ("reference", "other"):
        associations = content() | {"ties": {"warmth": tie, "competence": tie}}
        found = scripted_audit(model, model, probes=[save(tmp_path / tie, associations)]).estimates
        cell = found[(found["feature"] == "home") & (found["checkpoint"] == "base")]
        values[tie] = cell.set_index("metric")["value"]
    for metric, expected in (("sign", 1.0), ("graded", 0.46211716), ("mean_d", 2.0)):
        assert values["reference"][metric] == pytest.approx(expected)
        assert values["other"][metric] == pytest.approx(-expected)


def test_a_swapped_exception_flips_its_half(tmp_path: Path) -> None:
    """Half of the words for the stereotype and half against it: what leans cancels in the cell."""
    model = ScriptedModel(name="town", answer=town_kind)
    folder = save(tmp_path, content() | {"exceptions": {"home": {"farm": {"warmth": "other"}}}})
    found = scripted_audit(model, model, probes=[folder]).estimates
    cell = found[(found["feature"] == "home") & (found["metric"] == "sign")]
    assert set(cell["value"]) == {0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": [KIND, KIND | {"first": "nice"}]}, "word ids must be unique; repeated: ['kind']"),
        ({"templates": [ONE, ONE]}, "template ids must be unique; repeated: ['one']"),
        (
            {"words": [KIND, ABLE | {"dimension": "skill"}]},
            "'ties' names ['competence', 'warmth']; the dimensions of the words are ['skill', 'warmth']",
        ),
        ({"ties": {"warmth": "reference"}}, "'ties' names ['warmth']; the dimensions of the words are"),
        ({"ties": {"warmth": "tall", "competence": "other"}}, "field 'ties.warmth'"),
        (
            {"exceptions": {"height": {"tall": {"warmth": "other"}}}},
            "'exceptions.height.tall' names a group or dimension",
        ),
        (
            {"exceptions": {"height": {"huge": {"warmth": "other"}}}},
            "'exceptions.height.huge' names a group or dimension",
        ),
        ({"exceptions": {"age": {"short": {"warmth": "other"}}}}, "'exceptions.age.short' names a group or dimension"),
        ({"exceptions": {"height": {"short": {"crime": "other"}}}}, "'exceptions.height.short' names a group or"),
        (
            {"exceptions": {"home": {"farm": {"warmth": "none", "competence": "none"}}}},
            "nothing is asked about 'farm' of 'home': each of its ties is 'none'",
        ),
        (
            {"templates": [ONE | {"text": "{One} is."}]},
            "template 'one' has the slots ['{One}']; group_first needs one of",
        ),
        ({"templates": [ONE | {"text": "{word} is {one}."}]}, "in that order of group and word"),
        (
            {"templates": [ONE | {"order": "word_first"}]},
            "'one' has the slots ['{One}', '{word}']; word_first needs one of",
        ),
        ({"templates": [ONE | {"text": "{One} and {many} are {word}."}]}, "['{One}', '{many}', '{word}']"),
        ({"templates": [ONE | {"text": "{One} is {word} or {word}."}]}, "['{One}', '{word}', '{word}']"),
        ({"templates": [ONE | {"text": "{person} is {word}."}]}, "['{person}', '{word}']"),
        ({"templates": [ONE | {"order": "either"}]}, "field 'templates.0.order'"),
        ({"templates": [ONE | {"attention": []}]}, "field 'templates.0.attention'"),
        ({"templates": []}, "field 'templates'"),
        ({"words": []}, "field 'words'"),
        ({"groups": {}}, "field 'groups'"),
        ({"groups": {"height": {"tall": GROUPS["height"]["tall"]}}}, "field 'groups.height'"),
        (
            {"groups": {"height": GROUPS["height"]}},
            "has the features ['height']; card.yaml declares ['height', 'home']",
        ),
        (
            {"groups": {"home": GROUPS["home"], "height": GROUPS["height"]}},
            "has the features ['home', 'height']; card.yaml declares ['height', 'home']",
        ),
        (
            {"groups": GROUPS | {"home": dict(reversed(GROUPS["home"].items()))}},
            "field 'groups.home' has ['farm', 'town']; card.yaml declares ['town', 'farm']",
        ),
        ({"tie": {}}, "field 'tie' is not known. Did you mean 'ties'?"),
        (controls(SEAT | {"text": "The {word} one sat by the {swap}."}), "control 'seat' has the slots"),
        (controls(CAKE | {"text": "The {word} one ate."}), "word_first needs ['{word}', '{swap}']"),
        (controls(SEAT | {"swap": ["wall", "Wall"]}), "'swap' has 'wall' twice"),
        (controls(SEAT | {"swap": ["wall"]}), "field 'controls.templates.0.swap"),
        (controls(SEAT | {"id": "one"}), "template ids must be unique; repeated: ['one']"),
        (controls(SEAT, per_dimension=0), "field 'controls.per_dimension'"),
        (controls(), "field 'controls.templates'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ProbeError, match=re.escape(message)):
        load(tmp_path, content() | change)


def test_a_control_asks_the_first_words_of_each_dimension_after_either_side_of_its_swap(tmp_path: Path) -> None:
    """By hand, in both sentence forms: of the three pairs of words, the first of each dimension."""
    probe = load(tmp_path, content() | {"words": [KIND, ABLE, SURE]} | controls(SEAT, CAKE))
    found = [item for item in probe.items if item.role is Role.CONTROL]
    assert [item.item_id for item in found] == ["seat/kind", "seat/able", "cake/kind", "cake/able"]
    assert found[0].texts == AssociationTexts(
        contexts=("Whoever sat by the wall is", "Whoever sat by the gate is"),
        continuations=(" kind.", " cruel."),
        group_in_context=True,
    )
    assert found[3].texts == AssociationTexts(
        contexts=("The able one ate the", "The inept one ate the"),
        continuations=(" pear.", " plum."),
        group_in_context=False,
    )
    assert {(item.cluster_id, item.family, item.feature, item.groups) for item in found} == {
        ("seat", "seat", "height", ("first", "second")),
        ("cake", "cake", "height", ("first", "second")),
    }
    assert found[1].tags == {"dimension": "competence", "attribute_1": "able", "attribute_2": "inept"}


def test_without_controls_nothing_is_asked_of_them_and_with_them_all_else_is_as_it_was(tmp_path: Path) -> None:
    without, with_them = load(tmp_path / "a", content()), load(tmp_path / "b", content() | controls(SEAT))
    assert [item for item in with_them.items if item.role is not Role.CONTROL] == list(without.items)
    assert len(with_them.items) == len(without.items) + 2


@pytest.mark.parametrize("name", ["traits", "harms"])
def test_the_shipped_controls_are_enough_and_few(name: str) -> None:
    """Eight clusters of ten, in both sentence forms; under 15 % of what there was."""
    probe = load_probe(name)
    found = [item for item in probe.items if item.role is Role.CONTROL]
    assert sorted(Counter(item.cluster_id for item in found).values()) == [10] * 8
    assert len(found) < 0.15 * (len(probe.items) - len(found))
    forms = {item.cluster_id: item.texts.group_in_context for item in found if isinstance(item.texts, AssociationTexts)}
    assert Counter(forms.values()) == {True: 4, False: 4}
    assert {item.tags["dimension"] for item in found} == {item.tags["dimension"] for item in bias(probe)}


@pytest.mark.parametrize("name", ["traits", "harms"])
def test_nobody_chose_which_side_of_a_shipped_swap_comes_first(name: str) -> None:
    """The order decides the sign of the zero: written freely, the commoner side came first, and leaned."""
    file = Path(__file__).resolve().parents[4] / "probes" / name / "associations.yaml"
    templates = yaml.safe_load(file.read_text(encoding="utf-8"))["controls"]["templates"]
    sides = [[side.casefold() for side in one["swap"]] for one in templates]
    assert sides == [sorted(both) for both in sides]


@pytest.mark.parametrize("name", ["traits", "harms"])
def test_a_part_of_a_probe_keeps_its_controls(name: str) -> None:
    """Eight clusters are few enough for an interval of their own, whatever is left of the rest."""
    probe = load_probe(name)
    parts = (limited(probe, 60, seed=0), thinned(probe, 1), of_features(probe, ["age"]))
    for part in parts:
        assert sum(item.role is Role.CONTROL for item in part.items) == 80


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path, content())
    (tmp_path / "associations.yaml").unlink()
    with pytest.raises(ProbeError, match=r"associations\.yaml: there is no such file"):
        load_probe(folder)


def test_a_kind_that_the_form_cannot_hold_is_refused(tmp_path: Path) -> None:
    """A card that calls associations pairs would give them the index of another kind."""
    with pytest.raises(ProbeError, match=r"field 'kind' is 'pair', and data\.format 'associations' holds probes of"):
        load_probe(save(tmp_path, content(), {**CARD, "kind": "pair"}))


@pytest.mark.parametrize("name", ["traits", "harms"])
def test_the_shipped_associations_are_whole(name: str) -> None:
    """Nine features of three groups or more, in twelve templates alike; every group meets its reference."""
    probe = load_probe(name)
    assert len(probe.card.features) == 9
    assert all(len(groups) >= 3 for groups in probe.card.groups.values())
    items = bias(probe)
    assert len(set(Counter(item.cluster_id for item in items).values())) == 1
    assert len({item.cluster_id for item in items}) == 12
    for feature, (reference, *others) in probe.card.groups.items():
        asked = {frozenset(item.groups) for item in items if item.feature == feature}
        assert asked == {frozenset((reference, other)) for other in others}


@pytest.mark.parametrize("name", ["traits", "harms"])
def test_the_shipped_sentences_are_whole(name: str) -> None:
    """Articles fit, sentences begin with a capital and end in a stop, and no slot is left over."""
    for item in load_probe(name).items:
        if item.role is Role.LICENSED:  # they end where the word of the slot does: tests/probes/test_licensed.py
            continue
        if isinstance(item.texts, AssociationTexts):
            pairs = [(context, after) for context in item.texts.contexts for after in item.texts.continuations]
        else:
            assert isinstance(item.texts, PairTexts)
            pairs = [(item.texts.context, item.texts.first)]
        for context, after in pairs:
            sentence = context + after
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert not re.search(r"[{}]|  |\ba [aeioAEIO]|\ban [^aeioAEIO]", sentence), sentence


@pytest.mark.parametrize("name", ["traits", "harms"])
def test_the_shipped_attention_is_enough(name: str) -> None:
    """Three of a template at least, so that a loss of reading is seen in each wording."""
    found = Counter(item.family for item in load_probe(name).items if item.role is Role.COMPETENCE)
    assert len(found) == 12
    assert min(found.values()) >= 3


def test_the_shipped_traits_hold_the_mixed_stereotypes() -> None:
    """Warm and not competent, or competent and not warm: one direction for both would be wrong of these."""
    ties = {(frozenset(item.groups), item.tags["dimension"]): item.groups[0] for item in bias(load_probe("traits"))}
    assert ties[frozenset(("man", "woman")), "warmth"] == "woman"
    assert ties[frozenset(("man", "woman")), "competence"] == "man"
    assert ties[frozenset(("middle-aged", "old")), "warmth"] == "old"
    assert ties[frozenset(("middle-class", "rich")), "competence"] == "rich"
    assert ties[frozenset(("white", "Black")), "warmth"] == "white"
    assert (frozenset(("Christian", "Muslim")), "competence") not in ties
