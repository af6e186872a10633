"""Decisions of which it is known whether they are right: errors by group, worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import biasaudit
from biasaudit.errors import EmptySampleError
from biasaudit.probes import Probe, load_probe
from biasaudit.testing import ScriptedModel, always_anti, always_stereotype, scripted_audit
from biasaudit.types import DecisionTexts, ProbeItem, Request, Role

FRAMES = 6
"""Of each truth; frame 0 to 5."""

WORDS = {"tall": "a tall one", "short": "a short one", "middling": "a middling one"}


def item(truth: str, frame: int, group: str) -> ProbeItem:
    texts = {name: f"Is this toxic? {truth} {frame} about {words}" for name, words in WORDS.items()}
    return ProbeItem(
        item_id=f"{truth}-{frame}/{group}",
        cluster_id=f"{truth}-{frame}",
        feature="height",
        groups=("tall", group),
        role=Role.BIAS,
        family="question",
        texts=DecisionTexts(favoured=texts["tall"], other=texts[group], reply="", yes=(" no",), no=(" yes",)),
        tags={"truth": "yes" if truth == "harmless" else "no"},
    )


def probe(*further: ProbeItem) -> Probe:
    """Return 6 harmless and 6 toxic comments; each about a tall one is asked in two items."""
    decisions = load_probe("decisions")
    card = decisions.card.model_copy(update={"id": "remarks", "groups": {"height": ("tall", "short", "middling")}})
    items = [
        item(truth, frame, group)
        for truth in ("harmless", "toxic")
        for frame in range(FRAMES)
        for group in ("short", "middling")
    ]
    return replace(decisions, card=card, items=(*items, *further))


def calling(toxic: Callable[[str], float | None]) -> ScriptedModel:
    """Return a model that calls a comment toxic with a probability that its text sets."""

    def answer(_: ProbeItem, request: Request) -> float | None:
        share = toxic(request.context)
        if share is None:
            return None
        return math.log(share if request.continuation == " yes" else 1 - share)

    return ScriptedModel(name="calling", answer=answer)


def told(context: str) -> tuple[str, int, str]:
    truth, frame, group = context.split()[3], context.split()[4], context.split()[7]
    return truth, int(frame), group


def uneven(context: str) -> float:
    """Call toxic: of the harmless ones 1 tall, 4 short, 0 middling of 6; of the toxic ones 6, 6 and 3."""
    truth, frame, group = told(context)
    called = {"harmless": {"tall": 1, "short": 4, "middling": 0}, "toxic": {"tall": 6, "short": 6, "middling": 3}}
    return 0.8 if frame < called[truth][group] else 0.3


def rows(audit: biasaudit.Audit, checkpoint: str = "base") -> pd.DataFrame:
    """Return the error rates."""
    table = audit.disparities
    chosen = table[(table["checkpoint"] == checkpoint) & table["statistic"].str.contains("positive_rate")]
    return chosen.set_index(["statistic", "group"])


def row(audit: biasaudit.Audit, statistic: str, group: str, checkpoint: str = "base") -> dict[str, Any]:
    """Return one row of the table, as a mapping; its values are of several types."""
    table = audit.disparities
    chosen = table[(table["checkpoint"] == checkpoint) & (table["statistic"] == statistic) & (table["group"] == group)]
    [found] = chosen.to_dict("records")
    return {str(name): value for name, value in found.items()}


def test_rates_and_their_differences_are_those_counted_by_hand() -> None:
    """False positives 1, 4 and 0 of 6; true positives 6, 6 and 3 of 6; each group minus the reference, tall."""
    audit = scripted_audit(calling(uneven), calling(lambda _: 0.3), probes=[probe()])
    value = rows(audit)["value"]
    assert {key: round(number, 9) for key, number in value.items()} == {
        ("false_positive_rate", "tall"): round(1 / 6, 9),
        ("false_positive_rate", "short"): round(4 / 6, 9),
        ("false_positive_rate", "middling"): 0.0,
        ("false_positive_rate_difference", "short - tall"): 0.5,
        ("false_positive_rate_difference", "middling - tall"): round(-1 / 6, 9),
        ("true_positive_rate", "tall"): 1.0,
        ("true_positive_rate", "short"): 1.0,
        ("true_positive_rate", "middling"): 0.5,
        ("true_positive_rate_difference", "short - tall"): 0.0,
        ("true_positive_rate_difference", "middling - tall"): -0.5,
    }
    assert set(rows(audit).xs("false_positive_rate_difference")["reference"]) == {"tall"}


def test_differences_are_within_frames_and_have_an_interval() -> None:
    """By hand: of 6 frames 3 differ by 1 and 3 by 0, mean 0.5, SD 0.5477 over sqrt(6), t(5) = 2.5706; 1 is the most."""
    audit = scripted_audit(calling(uneven), calling(uneven), probes=[probe()])
    gap = row(audit, "false_positive_rate_difference", "short - tall")
    half = 2.570582 * math.sqrt(6 * 0.25 / 5) / math.sqrt(6)
    assert gap["ci_low"] == pytest.approx(0.5 - half, abs=1e-5)
    assert gap["ci_high"] == 1.0
    assert gap["n_clusters"] == FRAMES


def test_a_comment_that_several_items_share_counts_once() -> None:
    """The tall one stands in the items of both other groups: twice in the items, once in the rates."""
    audit = scripted_audit(calling(uneven), calling(uneven), probes=[probe()])
    assert rows(audit).xs("false_positive_rate")["n_items"].to_dict() == dict.fromkeys(WORDS, FRAMES)
    frame = audit.metric_frame("remarks", checkpoint="base")
    assert frame.by_group["count"].to_dict() == dict.fromkeys(WORDS, 2 * FRAMES)


def test_fairlearn_gives_the_same_rates() -> None:
    """Selected: 1 + 6, 4 + 6 and 0 + 3 of 12; the largest difference is fairlearn's."""
    audit = scripted_audit(calling(uneven), calling(lambda _: 0.3), probes=[probe()])
    frame = audit.metric_frame("remarks", checkpoint="base", feature="height")
    by_group = frame.by_group
    for metric, values in {
        "false_positive_rate": (1 / 6, 4 / 6, 0.0),
        "true_positive_rate": (1.0, 1.0, 0.5),
        "selection_rate": (7 / 12, 10 / 12, 3 / 12),
        "mean_prediction": (0.3 + 0.5 * 7 / 12, 0.3 + 0.5 * 10 / 12, 0.3 + 0.5 * 3 / 12),
    }.items():
        assert by_group.loc[list(WORDS), metric].tolist() == pytest.approx(values)
    assert frame.difference()["false_positive_rate"] == pytest.approx(4 / 6)
    never = audit.metric_frame("remarks").overall
    assert (never["false_positive_rate"], never["true_positive_rate"]) == (0, 0)


def test_both_extremes() -> None:
    """With the stereotype every comment about the others is called toxic and none about the reference."""
    audit = scripted_audit(always_stereotype(), always_anti(), probes=[probe()])
    for checkpoint, gap in (("base", 1.0), ("tuned", -1.0)):
        table = rows(audit, checkpoint)
        for metric in ("false_positive_rate", "true_positive_rate"):
            assert set(table.xs(f"{metric}_difference")["value"]) == {gap}
            assert row(audit, metric, "tall", checkpoint)["value"] == (gap < 0)


def test_a_tie_lets_the_comment_pass() -> None:
    """As in the index, where yes and no of equal probability count as granted."""
    audit = scripted_audit(calling(lambda _: 0.5), calling(lambda _: 0.500001), probes=[probe()])
    assert set(rows(audit)["value"]) == {0.0}
    assert set(rows(audit, "tuned").xs("false_positive_rate")["value"]) == {1.0}


def test_what_was_not_scored_is_not_counted_as_harmless() -> None:
    """Of the short ones 4 harmless frames fail, so that too few are left; of the toxic middling ones all fail."""

    def answer(context: str) -> float | None:
        truth, frame, group = told(context)
        if (truth, group) == ("harmless", "short") and frame >= 2:
            return None
        return None if (truth, group) == ("toxic", "middling") else 0.8

    audit = scripted_audit(calling(answer), calling(answer), probes=[probe()])
    few = row(audit, "false_positive_rate", "short")
    assert (few["status"], few["n_items"], math.isnan(few["value"])) == ("too few clusters", 2, True)
    none = row(audit, "true_positive_rate", "middling")
    assert (none["status"], math.isnan(none["value"])) == ("not measured", True)
    assert row(audit, "true_positive_rate_difference", "middling - tall")["status"] == "not measured"
    assert row(audit, "true_positive_rate", "short")["value"] == 1.0


def test_nothing_scored_is_not_measured() -> None:
    audit = scripted_audit(calling(uneven), calling(lambda _: None), probes=[probe()])
    assert set(rows(audit, "tuned")["status"]) == {"not measured"}
    with pytest.raises(EmptySampleError, match="no rows by group for tuned, plain"):
        audit.metric_frame("remarks")
    with pytest.raises(EmptySampleError, match="no rows by group for base, plain, weight"):
        audit.metric_frame("remarks", checkpoint="base", feature="weight")


@pytest.mark.slow
def test_only_items_with_a_truth_and_two_groups_have_rates() -> None:
    """A decision without truth has no errors; an item that names no groups has no group to count them to."""
    plain = replace(item("harmless", 0, "short"), item_id="untold", cluster_id="untold", tags={})
    nameless = replace(item("harmless", 0, "short"), item_id="nameless", cluster_id="nameless", groups=())
    audit = scripted_audit(calling(uneven), calling(uneven), probes=[probe(plain, nameless)])
    assert rows(audit).xs("false_positive_rate")["n_items"].to_dict() == dict.fromkeys(WORDS, FRAMES)
    without = replace(probe(), items=tuple(replace(each, tags={}) for each in probe().items))
    audit = scripted_audit(calling(uneven), calling(uneven), probes=[without])
    assert rows(audit).empty
    frame = audit.metric_frame("remarks", checkpoint="base")
    assert "false_positive_rate" not in frame.by_group.columns
    assert frame.by_group.loc["tall", "selection_rate"] == pytest.approx(1 - 7 / 12)


def test_an_association_probe_keeps_its_frame() -> None:
    """Mean probability of the first attribute by group, now also for one feature."""
    audit = scripted_audit(always_stereotype(), always_anti(), probes=["occupations"])
    whole = audit.metric_frame("occupations", checkpoint="base").by_group
    assert whole.equals(audit.metric_frame("occupations", checkpoint="base", feature="gender").by_group)
    assert list(whole.columns) == ["mean_probability", "count"]


def test_a_case_that_another_item_asks_without_a_truth_keeps_its_own() -> None:
    """Of the copies of a shared case the one that knows its truth counts; the reference was lost, in a traceback."""
    asked = probe()
    silent = [replace(one, tags={}) if one.groups[1] == "short" else one for one in asked.items]
    found = scripted_audit(calling(uneven), calling(uneven), probes=[replace(asked, items=tuple(silent))])
    rates = row(found, "false_positive_rate", "tall")
    assert rates["value"] == pytest.approx(1 / 6)


def test_association_items_of_one_group_have_no_rows_by_group() -> None:
    """They ended an audit in a traceback, after everything was scored."""
    asked = load_probe("occupations")
    alone = tuple(replace(one, groups=one.groups[:1]) for one in asked.items)
    found = scripted_audit(always_stereotype(), always_anti(), probes=[replace(asked, items=alone)])
    assert set(found.disparities["statistic"]) <= {"by_attribute"}
