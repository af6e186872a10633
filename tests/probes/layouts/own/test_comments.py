"""Probes of comments that are toxic or harmless about any group: what they expand to, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from biasaudit.errors import ProbeError
from biasaudit.probes import load_probe
from biasaudit.testing import always_anti, always_stereotype, scripted_audit
from biasaudit.types import DecisionTexts, Role

CARD = {
    "id": "remarks",
    "name": "Remarks",
    "version": "1",
    "kind": "decision",
    "language": "en",
    "groups": {"height": ["tall", "short", "middling"], "shoes": ["brown", "red"]},
    "construct": "Whether a remark is called toxic.",
    "harm": "erasure",
    "positive_index": "Remarks about the tall pass more readily.",
    "clusters": "designed",
    "licence": "Apache-2.0",
    "citation": "none",
    "known_defects": ["made up"],
    "not_shown": "anything else",
    "data": {"format": "comments", "file": "comments.yaml"},
}


def frame(number: int, truth: str) -> dict[str, str]:
    text = f"On day {number} I met {{one}}." if truth == "harmless" else f"{{Many}} ruined day {number}."
    return {"id": f"{truth}-{number}", "truth": truth, "text": text}


def words(kind: str) -> dict[str, str]:
    return {"one": f"a {kind} person", "many": f"{kind} people"}


def content() -> dict[str, object]:
    return {
        "person": {"one": "a person", "many": "people"},
        "groups": {
            feature: {group: words(group) for group in groups}
            for feature, groups in (("height", ("tall", "short", "middling")), ("shoes", ("brown", "red")))
        },
        "wordings": [
            {"id": "ask", "text": 'Is this toxic? "{comment}"', "reply": " Answer:"},
            {"id": "rule", "text": "Should this go?\n{comment}", "reply": "\nDecision:"},
        ],
        "frames": [frame(number, truth) for truth in ("harmless", "toxic") for number in range(5)],
    }


def save(folder: Path, comments: dict[str, object]) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "card.yaml").write_text(yaml.safe_dump(CARD, sort_keys=False), encoding="utf-8")
    (folder / "comments.yaml").write_text(yaml.safe_dump(comments, sort_keys=False), encoding="utf-8")
    return str(folder)


def test_every_frame_is_asked_of_every_group_in_every_wording(tmp_path: Path) -> None:
    probe = load_probe(save(tmp_path, content()))
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert Counter(item.groups for item in bias) == {
        ("tall", "short"): 20,
        ("tall", "middling"): 20,
        ("brown", "red"): 20,
    }
    assert Counter(item.family for item in bias) == {"ask": 30, "rule": 30}
    assert {item.cluster_id for item in bias} == {f"{truth}-{n}" for truth in ("harmless", "toxic") for n in range(5)}
    assert len({item.item_id for item in probe.items}) == len(probe.items)
    assert bias[0].item_id == "harmless-0/ask/height/short"


def test_to_grant_is_to_call_a_comment_harmless(tmp_path: Path) -> None:
    """The answer "no" lets it pass: the index is then positive where the reference group is let pass more readily."""
    probe = load_probe(save(tmp_path, content()))
    assert probe.items[0].texts == DecisionTexts(
        favoured='Is this toxic? "On day 0 I met a tall person."',
        other='Is this toxic? "On day 0 I met a short person."',
        reply=" Answer:",
        yes=(" no", " No"),
        no=(" yes", " Yes"),
    )


def test_a_slot_at_the_beginning_has_a_capital(tmp_path: Path) -> None:
    probe = load_probe(save(tmp_path, content()))
    texts = next(item.texts for item in probe.items if item.cluster_id == "toxic-3")
    assert isinstance(texts, DecisionTexts)
    assert texts.other == 'Is this toxic? "Short people ruined day 3."'


def test_the_truth_is_whether_the_comment_is_rightly_let_pass(tmp_path: Path) -> None:
    """False-positive and true-positive rates by group are read from this tag; competence items have none."""
    probe = load_probe(save(tmp_path, content()))
    told = Counter((item.cluster_id.partition("-")[0], item.role, item.tags.get("truth")) for item in probe.items)
    assert told == {
        ("harmless", Role.BIAS, "yes"): 30,
        ("toxic", Role.BIAS, "no"): 30,
        ("harmless", Role.COMPETENCE, None): 10,
    }


def test_competence_is_a_harmless_comment_over_a_toxic_one_about_nobody(tmp_path: Path) -> None:
    probe = load_probe(save(tmp_path, content()))
    clear = [item for item in probe.items if item.role is Role.COMPETENCE]
    assert isinstance(clear[0].texts, DecisionTexts)
    assert clear[0].texts.favoured == 'Is this toxic? "On day 0 I met a person."'
    assert clear[0].texts.other == 'Is this toxic? "People ruined day 0."'
    assert {(item.tags["clear"], item.groups) for item in clear} == {("favoured", ())}


def test_an_audit_gives_both_extremes_and_the_rates_by_group(tmp_path: Path) -> None:
    """By hand: with the stereotype, every comment about another group is called toxic and none about the reference."""
    audit = scripted_audit(always_stereotype(), always_anti(), probes=[save(tmp_path, content())])
    side = audit.estimates.query("metric == 'sign' and feature == 'height'").set_index("checkpoint")["value"]
    assert (side["base"], side["tuned"]) == (1, -1)
    rates = audit.disparities.query("checkpoint == 'base' and statistic == 'false_positive_rate'")
    assert dict(zip(rates["group"], rates["value"], strict=True)) == {
        "tall": 0.0,
        "short": 1.0,
        "middling": 1.0,
        "brown": 0.0,
        "red": 1.0,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": [frame(0, "harmless"), frame(1, "harmless"), frame(0, "toxic")]}, "2 frames are harmless and 1"),
        ({"frames": [frame(0, "harmless"), frame(0, "harmless")]}, "frame ids must be unique"),
        ({"frames": [frame(0, "harmless") | {"text": "Nobody."}, frame(0, "toxic")]}, "exactly one of the slots"),
        ({"frames": [frame(0, "harmless") | {"text": "{one} {many}"}, frame(0, "toxic")]}, "exactly one of the slots"),
        ({"frames": [frame(0, "harmless") | {"text": "{one} {two}"}, frame(0, "toxic")]}, "exactly one of the slots"),
        ({"frames": [frame(0, "harmless") | {"truth": "rude"}, frame(0, "toxic")]}, r"frames\.0\.truth"),
        ({"wordings": [{"id": "ask", "text": "Toxic?", "reply": " A:"}]}, r"\{comment\} 0 times; expected once"),
        ({"wordings": [{"id": "ask", "text": "{comment}", "reply": " A:"}] * 2}, "wording ids must be unique"),
        ({"groups": {"height": {"tall": words("tall"), "short": words("short")}}}, "card.yaml declares"),
        (
            {
                "groups": {
                    "height": {group: words(group) for group in ("short", "tall", "middling")},
                    "shoes": {group: words(group) for group in ("brown", "red")},
                }
            },
            r"groups\.height",
        ),
        ({"person": "a person"}, "person"),
        ({"framse": []}, "not known"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        load_probe(save(tmp_path, content() | change))


def test_the_shipped_comments_are_half_toxic_and_minimal() -> None:
    """60 frames in 2 wordings, for the 23 groups beside the 7 references; the two texts differ in the group alone."""
    probe = load_probe("identity-toxicity")
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert Counter(item.tags["truth"] for item in bias) == {"yes": 30 * 2 * 23, "no": 30 * 2 * 23}
    assert len({item.cluster_id for item in bias}) == 60
    for feature, groups in probe.card.groups.items():
        assert sum(item.feature == feature for item in bias) == 60 * 2 * (len(groups) - 1)
    for item in bias:
        assert isinstance(item.texts, DecisionTexts)
        assert "{" not in item.texts.favoured + item.texts.other


def test_the_shipped_comments_name_the_group_late() -> None:
    """What stands before the group is read once for all groups, so that the probe costs little."""
    for item in load_probe("identity-toxicity").items:
        if item.role is Role.BIAS:
            assert isinstance(item.texts, DecisionTexts)
            favoured, other = item.texts.favoured, item.texts.other
            alike = next(n for n, (one, two) in enumerate(zip(favoured, other, strict=False)) if one != two)
            assert alike > len(other) / 2


def test_the_shipped_comments_warn_of_what_they_hold() -> None:
    probe = load_probe("identity-toxicity")
    assert "offensive by design" in probe.card.measures
    assert any("offensive by design" in defect for defect in probe.card.known_defects)
