"""Decision probes written as cases: what they expand to, and what is refused."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
import yaml

from biasaudit.errors import ProbeError
from biasaudit.kinds import prompts
from biasaudit.probes import load_probe
from biasaudit.testing import ScriptedModel, always_anti, always_stereotype, scripted_audit
from biasaudit.types import DecisionTexts, ProbeItem, Request, Role

CARD = {
    "id": "seats",
    "name": "Seats",
    "version": "1",
    "kind": "decision",
    "language": "en",
    "groups": {"height": ["tall", "short", "middling"]},
    "construct": "Whether a seat is granted.",
    "harm": "allocation",
    "positive_index": "The tall are seated more readily.",
    "clusters": "designed",
    "licence": "Apache-2.0",
    "citation": "none",
    "known_defects": ["made up"],
    "not_shown": "anything else",
    "data": {"format": "cases", "file": "cases.yaml"},
}

NAMES = {"height": {"tall": ["Ann Low", "Bo Low"], "short": ["Cy Low", "Di Low"], "middling": ["Ed Low", "Flo Low"]}}


def case(number: int) -> dict[str, str]:
    return {
        "id": f"case-{number}",
        "domain": "seats",
        "facts": f"Train {number} is half full.",
        "who": "The guest is {person}.",
        "question": "May the guest sit?",
        "clear_yes": f"Train {number} is empty.",
        "clear_no": f"Train {number} has no seats.",
    }


def content() -> dict[str, object]:
    return {
        "person": "a person",
        "groups": {"height": {"tall": "a tall person", "short": "a short person", "middling": "a middling person"}},
        "wordings": [
            {"id": "one", "text": "{facts} {who} {question}", "reply": " Answer:"},
            {"id": "two", "text": "Case: {facts} {who}\n{question}", "reply": "\nDecision:"},
        ],
        "cases": [case(number) for number in range(5)],
    }


def save(folder: Path, cases: dict[str, object]) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "card.yaml").write_text(yaml.safe_dump(CARD, sort_keys=False), encoding="utf-8")
    (folder / "cases.yaml").write_text(yaml.safe_dump(cases, sort_keys=False), encoding="utf-8")
    return str(folder)


def test_every_case_is_asked_of_every_group_in_every_wording(tmp_path: Path) -> None:
    probe = load_probe(save(tmp_path, content()))
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert Counter(item.groups for item in bias) == {("tall", "short"): 10, ("tall", "middling"): 10}
    assert Counter(item.family for item in bias) == {"one": 10, "two": 10}
    assert len({item.cluster_id for item in bias}) == 5
    first = bias[0]
    assert first.texts == DecisionTexts(
        favoured="Train 0 is half full. The guest is a tall person. May the guest sit?",
        other="Train 0 is half full. The guest is a short person. May the guest sit?",
        reply=" Answer:",
        yes=(" yes", " Yes"),
        no=(" no", " No"),
    )


def test_competence_is_the_clear_yes_over_the_clear_no(tmp_path: Path) -> None:
    probe = load_probe(save(tmp_path, content()))
    competence = [item.texts for item in probe.items if item.role is Role.COMPETENCE]
    assert len(competence) == 10
    assert isinstance(competence[0], DecisionTexts)
    assert competence[0].favoured == "Train 0 is empty. The guest is a person. May the guest sit?"
    assert competence[0].other == "Train 0 has no seats. The guest is a person. May the guest sit?"


def test_a_case_can_have_several_clear_pairs(tmp_path: Path) -> None:
    """Compared in their order; the first keeps the name that it has alone."""
    cases = content()
    pairs = {"clear_yes": ["It is empty.", "It is free."], "clear_no": ["It is full.", "It is gone."]}
    cases["cases"] = [{**case(0), **pairs}, *(case(number) for number in range(1, 5))]
    found = {
        item.item_id: item.texts for item in load_probe(save(tmp_path, cases)).items if item.role is Role.COMPETENCE
    }
    assert len(found) == 12
    first, second = found["case-0/one/clear"], found["case-0/one/clear-2"]
    assert isinstance(first, DecisionTexts)
    assert isinstance(second, DecisionTexts)
    assert (first.favoured.split(".")[0], first.other.split(".")[0]) == ("It is empty", "It is full")
    assert (second.favoured.split(".")[0], second.other.split(".")[0]) == ("It is free", "It is gone")


def test_clear_cases_without_their_counterpart_are_refused(tmp_path: Path) -> None:
    cases = content()
    cases["cases"] = [{**case(0), "clear_yes": ["It is empty.", "It is free."]}]
    with pytest.raises(ProbeError, match="case 'case-0' has 2 clear yes and 1 clear no"):
        load_probe(save(tmp_path, cases))


@pytest.mark.parametrize(
    ("probe", "n_items", "n_clusters"),
    [("hiring", 120, 12), ("decisions", 120, 40), ("dialect-decisions", 54, 54), ("identity-toxicity", 60, 30)],
)
def test_the_shipped_decisions_have_clear_cases_enough(probe: str, n_items: int, n_clusters: int) -> None:
    """Ten a cluster where there are 12; what that tells apart is measured in tests/validation/gate_measures.py."""
    clear = [item for item in load_probe(probe).items if item.role is Role.COMPETENCE]
    assert (len(clear), len({item.cluster_id for item in clear})) == (n_items, n_clusters)
    assert len({item.texts for item in clear}) == n_items


def test_a_model_that_says_yes_to_all_still_shows_that_it_reads(tmp_path: Path) -> None:
    """By hand: p(yes) 0.8 or 0.6 of the two words, over one half in both; the order is what counts."""

    def answer(_: ProbeItem, request: Request) -> float:
        yes = 0.8 if "is empty" in request.context else 0.6
        return math.log(yes if "yes" in request.continuation.lower() else 1 - yes)

    model = ScriptedModel(name="says-yes", answer=answer)
    audit = scripted_audit(model, model, probes=[save(tmp_path, content())])
    found = audit.estimates[audit.estimates["metric"] == "competence"]
    assert set(found["value"]) == {1.0}


def test_an_audit_gives_both_extremes(tmp_path: Path) -> None:
    audit = scripted_audit(always_stereotype(), always_anti(), probes=[save(tmp_path, content())])
    side = audit.estimates[audit.estimates["metric"] == "sign"].set_index("checkpoint")["value"]
    assert side["base"] > 0
    assert side["tuned"] < 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cases": [case(0), case(0)]}, "case ids must be unique"),
        ({"cases": [case(0) | {"who": "A guest."}]}, "expected once"),
        ({"cases": [case(0) | {"facts": "{person} waits."}]}, "belongs in 'who' alone"),
        ({"wordings": [{"id": "one", "text": "{facts} {who}", "reply": " A:"}]}, r"\{question\} 0 times"),
        ({"groups": {"height": {"short": "a short person", "tall": "a tall person"}}}, r"groups\.height"),
        ({"groups": {"weight": {"a": "a", "b": "b"}}}, "card.yaml declares"),
        (
            {"groups": {"height": {"tall": ["Ann", "Bo"], "short": "Cy", "middling": ["Di", "Ed"]}}},
            r"'groups\.height' has words of unequal number \(2 for 'tall', 1 for 'short', 2 for 'middling'\)",
        ),
        ({"groups": {"height": {"tall": [], "short": [], "middling": []}}}, r"groups\.height\.tall"),
        ({"cases": [case(0) | {"level": "Very strong"}]}, r"cases\.0\.level"),
        ({"casses": []}, "not known"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        load_probe(save(tmp_path, content() | change))


def test_lists_of_words_are_compared_in_their_order(tmp_path: Path) -> None:
    """The first name of one group with the first of another: so that a list can hold what is to be equal in both."""
    probe = load_probe(save(tmp_path, content() | {"groups": NAMES, "cases": [case(0)]}))
    compared = {item.item_id: item for item in probe.items if item.family == "one"}
    assert {item_id: item.tags for item_id, item in compared.items() if "short" in item_id} == {
        "case-0/one/height/short": {"domain": "seats", "person_favoured": "Ann Low", "person_other": "Cy Low"},
        "case-0/one/height/short-2": {"domain": "seats", "person_favoured": "Bo Low", "person_other": "Di Low"},
    }
    assert compared["case-0/one/height/middling-2"].groups == ("tall", "middling")
    assert compared["case-0/one/height/middling-2"].tags["person_other"] == "Flo Low"


def test_the_tagged_persons_are_those_of_the_texts(tmp_path: Path) -> None:
    """Groups are crossed by these tags (a name says two of them), so that a tag must not name the other person."""
    probe = load_probe(save(tmp_path, content() | {"groups": NAMES}))
    for item in probe.items:
        assert isinstance(item.texts, DecisionTexts)
        if item.role is Role.COMPETENCE:
            assert item.tags == {"domain": "seats", "clear": "favoured"}
            continue
        assert item.tags["person_favoured"] in item.texts.favoured
        assert item.tags["person_other"] in item.texts.other


def test_a_level_is_a_tag_of_all_items_of_its_case_and_of_no_other(tmp_path: Path) -> None:
    """Bias is read by level, and a case without one must not be counted to any."""
    probe = load_probe(save(tmp_path, content() | {"cases": [case(0) | {"level": "weak"}, case(1)]}))
    levels = {(item.cluster_id, item.role, item.tags.get("level")) for item in probe.items}
    assert levels == {
        ("case-0", Role.BIAS, "weak"),
        ("case-0", Role.COMPETENCE, "weak"),
        ("case-1", Role.BIAS, None),
        ("case-1", Role.COMPETENCE, None),
    }


def test_cases_of_one_cluster_are_resampled_together(tmp_path: Path) -> None:
    """Three applications for one job share their beginning: counted as three clusters, the interval is too narrow."""
    cases = [case(0) | {"cluster": "seats"}, case(1) | {"cluster": "seats"}, case(2)]
    probe = load_probe(save(tmp_path, content() | {"cases": cases}))
    by_cluster = Counter(item.cluster_id for item in probe.items if item.role is Role.BIAS)
    assert by_cluster == {"seats": 2 * 2 * 2, "case-2": 2 * 2}
    assert {item.cluster_id for item in probe.items if item.role is Role.COMPETENCE} == {"seats", "case-2"}


def test_the_shipped_decisions_are_complete_and_minimal() -> None:
    probe = load_probe("decisions")
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert len({item.cluster_id for item in bias}) == 40
    per_feature = Counter(item.feature for item in bias)
    for feature, groups in probe.card.groups.items():
        assert per_feature[feature] == 40 * 3 * (len(groups) - 1)
    for item in bias:
        assert isinstance(item.texts, DecisionTexts)
        assert item.texts.favoured != item.texts.other
        assert "{" not in item.texts.favoured + item.texts.other


def test_the_shipped_decisions_keep_their_item_ids() -> None:
    """Stored responses are found by these ids: cases with one word for each group must not be numbered."""
    ids = [item.item_id for item in load_probe("decisions").items]
    assert len(ids) == len(set(ids)) == 40 * 3 * 14 + 40 * 3
    assert ids[0] == "loan-car/question/gender/woman"
    assert "loan-car/opinion/disability/wheelchair-user" in ids
    assert "loan-car/decide/clear" in ids


def test_the_shipped_hiring_is_a_full_cross() -> None:
    """36 applications in 2 wordings, for 8, 12, 2, 2, 2, 1, 3 and 2 comparisons of persons."""
    probe = load_probe("hiring")
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert len({item.cluster_id for item in bias}) == 12
    assert Counter(item.feature for item in bias) == {
        feature: 36 * 2 * n_comparisons
        for feature, n_comparisons in zip(probe.card.features, (8, 12, 2, 2, 2, 1, 3, 2), strict=True)
    }
    assert Counter(item.tags["level"] for item in bias) == dict.fromkeys(("weak", "middling", "strong"), 12 * 2 * 32)
    assert (
        len({prompt.context for item in probe.items for prompt in prompts(item)}) == 36 * 2 * (16 + 19 + 2) + 24 * 2 * 2
    )


def test_the_shipped_hiring_differs_in_the_person_alone_and_names_the_person_late() -> None:
    """Equal up to the person, so that nothing else can move the answer and the beginning need be read only once."""
    for item in load_probe("hiring").items:
        if item.role is Role.COMPETENCE:
            continue
        assert isinstance(item.texts, DecisionTexts)
        favoured, other = item.tags["person_favoured"], item.tags["person_other"]
        assert favoured != other
        assert item.texts.favoured.replace(favoured, "{person}") == item.texts.other.replace(other, "{person}")
        assert item.texts.favoured.count(favoured) == item.texts.other.count(other) == 1
        assert item.texts.favoured.index(favoured) > len(item.texts.favoured) / 2


def test_the_names_of_the_shipped_hiring_are_matched_on_the_other_feature() -> None:
    """Women are compared with men of the same surname, ethnicities within a gender: one thing changes at a time."""
    bias = [item for item in load_probe("hiring").items if item.role is Role.BIAS]
    pairs = {
        feature: {(item.tags["person_favoured"], item.tags["person_other"]) for item in bias if item.feature == feature}
        for feature in ("gender", "ethnicity")
    }
    assert all(man.split()[-1] == woman.split()[-1] for man, woman in pairs["gender"])
    men, women = (set(side) for side in zip(*pairs["gender"], strict=True))
    assert {name for pair in pairs["ethnicity"] for name in pair} == men | women
    assert all(set(pair) <= men or set(pair) <= women for pair in pairs["ethnicity"])


def test_a_kind_that_the_form_cannot_hold_is_refused(tmp_path: Path) -> None:
    """Cases are decisions: a card that calls them choices would give them the index of another kind."""
    folder = save(tmp_path, content())
    (tmp_path / "card.yaml").write_text(yaml.safe_dump({**CARD, "kind": "choice"}), encoding="utf-8")
    with pytest.raises(ProbeError, match=r"field 'kind' is 'choice', and data\.format 'cases' holds probes of kind"):
        load_probe(folder)
