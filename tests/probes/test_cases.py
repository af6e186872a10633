"""Decision probes written as cases: what they expand to, and what is refused."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
import yaml

from biasaudit.errors import ProbeError
from biasaudit.probes import findings, load_probe
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
    assert findings(probe) == ()


def test_competence_is_the_clear_yes_over_the_clear_no(tmp_path: Path) -> None:
    probe = load_probe(save(tmp_path, content()))
    competence = [item.texts for item in probe.items if item.role is Role.COMPETENCE]
    assert len(competence) == 10
    assert isinstance(competence[0], DecisionTexts)
    assert competence[0].favoured == "Train 0 is empty. The guest is a person. May the guest sit?"
    assert competence[0].other == "Train 0 has no seats. The guest is a person. May the guest sit?"


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
        ({"casses": []}, "not known"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        load_probe(save(tmp_path, content() | change))


def test_the_shipped_decisions_are_complete_and_minimal() -> None:
    probe = load_probe("decisions")
    assert findings(probe) == ()
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert len({item.cluster_id for item in bias}) == 40
    per_feature = Counter(item.feature for item in bias)
    for feature, groups in probe.card.groups.items():
        assert per_feature[feature] == 40 * 3 * (len(groups) - 1)
    for item in bias:
        assert isinstance(item.texts, DecisionTexts)
        assert item.texts.favoured != item.texts.other
        assert "{" not in item.texts.favoured + item.texts.other


def test_a_kind_that_the_form_cannot_hold_is_refused(tmp_path: Path) -> None:
    """Cases are decisions: a card that calls them choices would give them the index of another kind."""
    folder = save(tmp_path, content())
    (tmp_path / "card.yaml").write_text(yaml.safe_dump({**CARD, "kind": "choice"}), encoding="utf-8")
    with pytest.raises(ProbeError, match="field 'kind' is 'choice', and data.format 'cases' holds probes of kind"):
        load_probe(folder)
