"""Probes of pronouns whose referent the sentence decides: what they expand to, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from biasaudit.errors import ProbeError
from biasaudit.probes import load_probe
from biasaudit.testing import always_anti, always_stereotype, choosing, scripted_audit
from biasaudit.types import ChoiceTexts, ProbeItem, Role

CARD: dict[str, object] = {
    "id": "whose",
    "name": "Whose",
    "version": "1",
    "kind": "choice",
    "language": "en",
    "groups": {"gender": ["woman", "man"], "pronoun": ["he or she", "they"]},
    "construct": "Whom a pronoun means.",
    "harm": "stereotyping",
    "positive_index": "She means the nurse.",
    "clusters": "designed",
    "licence": "Apache-2.0",
    "citation": "none",
    "known_defects": ["made up"],
    "not_shown": "anything else",
    "data": {"format": "referents", "file": "referents.yaml"},
}
ONE_FEATURE = {**CARD, "groups": {"gender": ["woman", "man"]}}
PRONOUNS: dict[str, object] = {
    "she": {"forms": ["she", "her", "her"], "group": "woman"},
    "he": {"forms": ["he", "him", "his"], "group": "man"},
    "they": {"forms": ["they", "them", "their"]},
}


def template(number: int, referent: str = "a") -> dict[str, object]:
    return {
        "id": f"met-{number}",
        "type": 1 + number % 2,
        "occupations": ["nurse", "pilot"],
        "text": f"The {{a}} paid the {{b}} on day {number}, since {{he}} had to.",
        "referent": referent,
        "question": "Who had to?",
    }


def content() -> dict[str, object]:
    return {
        "pronouns": PRONOUNS,
        "both": "Both people",
        "templates": [template(number, "aabb"[number % 4]) for number in range(8)],
    }


def save(folder: Path, referents: dict[str, object], card: dict[str, object] = CARD) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
    (folder / "referents.yaml").write_text(yaml.safe_dump(referents, sort_keys=False), encoding="utf-8")
    return str(folder)


def asked(folder: str) -> dict[str, ProbeItem]:
    return {item.item_id: item for item in load_probe(folder).items}


def right_answer(item: ProbeItem) -> str:
    """Return the option that a reader without error takes."""
    return item.tags["correct"] if item.role is Role.COMPETENCE else item.tags["referent"]


def test_every_template_is_asked_with_every_pronoun_in_both_orders(tmp_path: Path) -> None:
    """8 templates in 2 orders: 2 pronouns of gender; they, and as often one of these beside it."""
    items = asked(save(tmp_path, content()))
    assert len(items) == len(load_probe(str(tmp_path)).items)
    assert Counter((item.feature, item.role) for item in items.values()) == {
        ("gender", Role.BIAS): 8 * 2 * 2,
        ("gender", Role.COMPETENCE): 8 * 2 * 2,
        ("pronoun", Role.BIAS): 8 * 2 * 2,
        ("pronoun", Role.COMPETENCE): 8 * 2,
    }
    assert {item.cluster_id for item in items.values()} == {f"met-{number}" for number in range(8)}
    assert {item.family for item in items.values() if item.cluster_id == "met-1"} == {"type 2"}
    assert {(item.feature, item.groups) for item in items.values() if item.role is Role.BIAS} == {
        ("gender", ("woman", "man")),
        ("pronoun", ("he or she", "they")),
    }


def test_the_biased_answer_is_the_occupation_of_the_pronouns_gender(tmp_path: Path) -> None:
    items = asked(save(tmp_path, content()))
    assert items["met-0/she/straight"].texts == ChoiceTexts(
        context="The nurse paid the pilot on day 0, since she had to.",
        question="Who had to?",
        biased="The nurse",
        counter="The pilot",
        unknown=None,
        reading="texts",
    )
    swapped = items["met-0/he/swapped"].texts
    assert isinstance(swapped, ChoiceTexts)
    assert swapped.context == "The pilot paid the nurse on day 0, since he had to."
    assert (swapped.biased, swapped.counter) == ("The pilot", "The nurse")


def test_the_right_answer_follows_the_slot_and_not_the_occupation(tmp_path: Path) -> None:
    """Slot a for met-0, slot b for met-2; the first occupation fills slot a where the order is straight."""
    items = asked(save(tmp_path, content()))
    told = {
        name: items[f"{name}/resolved"].texts
        for name in ("met-0/she/straight", "met-0/she/swapped", "met-2/she/straight", "met-2/they/swapped")
    }
    right = {name: texts.counter for name, texts in told.items() if isinstance(texts, ChoiceTexts)}
    assert right == {
        "met-0/she/straight": "The nurse",
        "met-0/she/swapped": "The pilot",
        "met-2/she/straight": "The pilot",
        "met-2/they/swapped": "The nurse",
    }
    assert {items[f"{name}/resolved"].tags["correct"] for name in told} == {"counter"}


def test_the_right_answer_is_as_often_with_the_stereotype_as_against_it(tmp_path: Path) -> None:
    items = asked(save(tmp_path, content()))
    of_gender = [item for item in items.values() if item.feature == "gender" and item.role is Role.BIAS]
    assert Counter(item.tags["referent"] for item in of_gender) == {"biased": 16, "counter": 16}


def test_beside_they_stands_a_pronoun_of_gender_whose_biased_answer_is_the_one_person(tmp_path: Path) -> None:
    items = asked(save(tmp_path, content()))
    they, he = items["met-0/they/swapped"].texts, items["met-0/they/swapped/he"].texts
    assert isinstance(they, ChoiceTexts)
    assert isinstance(he, ChoiceTexts)
    assert they.context.replace("they", "he") == he.context
    assert (they.biased, they.counter) == ("Both people", "The pilot")
    assert (he.biased, he.counter) == ("The pilot", "Both people")


def test_he_and_she_stand_beside_they_equally_often_in_either_order(tmp_path: Path) -> None:
    items = asked(save(tmp_path, content()))
    beside = [item_id.split("/")[2:] for item_id in items if item_id.count("/") == 3 and "resolved" not in item_id]
    assert Counter(map(tuple, beside)) == {
        (order, name): 4 for order in ("straight", "swapped") for name in ("she", "he")
    }


def test_a_reader_without_error_has_no_lean(tmp_path: Path) -> None:
    """By hand: in each cluster one half of the right answers is the biased one, for both features; all are right."""
    reader = choosing("reader", right_answer)
    audit = scripted_audit(reader, always_stereotype(), probes=[save(tmp_path, content())])
    found = audit.estimates.query("checkpoint == 'base'").set_index(["metric", "feature"])["value"]
    assert found["sign"].to_dict() == {"all": 0.0, "gender": 0.0, "pronoun": 0.0}
    assert found["graded"].abs().max() < 1e-9
    assert set(found["competence"]) == {1.0}


def test_an_audit_gives_both_extremes(tmp_path: Path) -> None:
    audit = scripted_audit(always_stereotype(), always_anti(), probes=[save(tmp_path, content())])
    side = audit.estimates.query("metric == 'sign'").set_index(["checkpoint", "feature"])["value"]
    assert {side["base"][feature] for feature in ("gender", "pronoun")} == {1.0}
    assert {side["tuned"][feature] for feature in ("gender", "pronoun")} == {-1.0}


def test_to_read_every_pronoun_as_both_is_no_lean_against_they(tmp_path: Path) -> None:
    """A model that answers "Both people" whatever the pronoun makes no difference between them."""

    def both(item: ProbeItem) -> str:
        assert isinstance(item.texts, ChoiceTexts)
        return "biased" if item.texts.biased == "Both people" else "counter"

    model = choosing("both", both)
    audit = scripted_audit(model, model, probes=[save(tmp_path, content())])
    side = audit.estimates.query("metric == 'sign' and feature == 'pronoun'")["value"]
    assert set(side) == {0.0}


def test_without_a_pronoun_of_no_gender_there_is_one_feature(tmp_path: Path) -> None:
    two = {name: PRONOUNS[name] for name in ("she", "he")}
    items = asked(save(tmp_path, content() | {"pronouns": two}, ONE_FEATURE))
    assert {item.feature for item in items.values()} == {"gender"}
    assert len(items) == 8 * 2 * 2 * 2


def test_each_further_pronoun_is_a_group_of_its_own(tmp_path: Path) -> None:
    pronouns = {**PRONOUNS, "xe": {"forms": ["xe", "xem", "xyr"]}}
    card = {**CARD, "groups": {"gender": ["woman", "man"], "pronoun": ["he or she", "they", "xe"]}}
    items = asked(save(tmp_path, content() | {"pronouns": pronouns}, card))
    assert items["met-0/xe/straight"].groups == ("he or she", "xe")
    assert items["met-0/xe/straight/she"].groups == ("he or she", "xe")
    assert items["met-0/they/straight/she"].groups == ("he or she", "they")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"templates": [template(0), template(0)]}, "template ids must be unique"),
        ({"templates": [template(0) | {"text": "The {a} paid the {b}."}]}, r"one of \{he\}, \{him\}, \{his\}"),
        ({"templates": [template(0) | {"text": "The {a} paid, since {he} had to."}]}, r"slots \{a\} and \{b\}"),
        ({"templates": [template(0) | {"text": "The {a}, the {b}: {he} and {his}."}]}, "and one of"),
        ({"templates": [template(0) | {"text": "The {a}, the {b}: {she}."}]}, "and one of"),
        ({"templates": [template(0) | {"referent": "c"}]}, r"templates\.0\.referent"),
        ({"templates": [template(0) | {"type": 3}]}, r"templates\.0\.type"),
        ({"templates": [template(0) | {"occupations": ["nurse"]}]}, r"templates\.0\.occupations"),
        ({"templates": []}, "templates"),
        (
            {"pronouns": {"they": PRONOUNS["they"], "she": PRONOUNS["she"], "he": PRONOUNS["he"]}},
            "the first two pronouns name the groups",
        ),
        (
            {"pronouns": {"he": PRONOUNS["he"], "she": PRONOUNS["she"], "they": PRONOUNS["they"]}},
            r"has the groups \['man', 'woman'\]; card.yaml declares \['woman', 'man'\] for 'gender'",
        ),
        ({"pronouns": {name: PRONOUNS[name] for name in ("she", "he")}}, "has 0 of no group, and card.yaml declares"),
        ({"bothe": "Both"}, "not known"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        load_probe(save(tmp_path, content() | change))


def test_a_pronoun_of_no_gender_needs_a_feature_of_its_own(tmp_path: Path) -> None:
    """Under the feature of gender, both persons would pass for the stereotype of one."""
    with pytest.raises(ProbeError, match=r"has 1 of no group, and card.yaml declares \[\] after its first feature"):
        load_probe(save(tmp_path, content(), ONE_FEATURE))


def test_the_shipped_pronouns_are_balanced() -> None:
    """30 sentences of each type, the referent as often the first person as the second, in each."""
    probe = load_probe("pronouns")
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert len({item.cluster_id for item in bias}) == 60
    first: Counter[tuple[str, bool]] = Counter()
    for item in probe.items:
        if item.item_id.endswith("/she/straight/resolved"):
            assert isinstance(item.texts, ChoiceTexts)
            context, right, wrong = (
                text.lower() for text in (item.texts.context, item.texts.counter, item.texts.biased)
            )
            first[item.family, context.index(right) < context.index(wrong)] += 1
    assert first == {(f"type {kind}", is_first): 15 for kind in (1, 2) for is_first in (True, False)}
    assert Counter(item.tags["referent"] for item in bias) == {"biased": 240, "counter": 240}


def test_a_reader_without_error_has_no_lean_in_the_shipped_pronouns() -> None:
    reader = choosing("reader", right_answer)
    audit = scripted_audit(reader, reader, probes=["pronouns"])
    sides = audit.estimates.query("metric == 'sign'")
    assert sides["value"].abs().max() < 1e-9


def test_the_shipped_occupations_are_those_of_the_statistics() -> None:
    """Mostly women's, then mostly men's, by the shares that the probe occupations gives."""
    shares = {}
    for item in load_probe("occupations").items:
        for number in (1, 2):
            if f"share_{number}" in item.tags:
                shares[item.tags[f"attribute_{number}"]] = float(item.tags[f"share_{number}"])
    folder = Path(__file__).resolve().parents[4] / "probes" / "pronouns"
    told = yaml.safe_load((folder / "referents.yaml").read_text(encoding="utf-8"))["templates"]
    for each in told:
        womens, mens = (shares[name.replace(" ", "-")] for name in each["occupations"])
        assert womens >= 0.65
        assert mens <= 0.35
