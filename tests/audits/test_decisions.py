"""Decisions by group: worked by hand, whether or not it is known which are right."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import biasaudit
from biasaudit.probes import Probe, load_probe
from biasaudit.testing import ScriptedModel, always_anti, always_stereotype, scripted_audit
from biasaudit.types import DecisionTexts, ProbeItem, Request, Role

CASES = 6
GROUPS = {"tall": "a tall one", "short": "a short one", "middling": "a middling one"}


def item(case: int, group: str) -> ProbeItem:
    texts = {name: f"Case {case}: hire {words}?" for name, words in GROUPS.items()}
    return ProbeItem(
        item_id=f"{case}/{group}",
        cluster_id=f"{case}",
        feature="height",
        groups=("tall", group),
        role=Role.BIAS,
        family="question",
        texts=DecisionTexts(favoured=texts["tall"], other=texts[group], reply="", yes=(" yes",), no=(" no",)),
        tags={},
    )


def probe(n_cases: int = CASES) -> Probe:
    """Return cases of which each is asked about a short and a middling one, either beside a tall one."""
    decisions = load_probe("decisions")
    card = decisions.card.model_copy(update={"id": "heights", "groups": {"height": tuple(GROUPS)}})
    return replace(
        decisions,
        card=card,
        items=tuple(item(case, group) for case in range(n_cases) for group in ("short", "middling")),
    )


def saying(yes: Callable[[int, str], float | None]) -> ScriptedModel:
    """Return a model whose p(yes) follows from the case and the group."""

    def answer(_: ProbeItem, request: Request) -> float | None:
        words = request.context.split()
        share = yes(int(words[1].removesuffix(":")), words[4])
        if share is None:
            return None
        return math.log(share if request.continuation == " yes" else 1 - share)

    return ScriptedModel(name="saying", answer=answer)


def uneven(case: int, group: str) -> float:
    """Grant 5 tall, 2 short and 5 middling of 6, with 0.8; say 0.4 to the others."""
    return 0.8 if case < {"tall": 5, "short": 2, "middling": 5}[group] else 0.4


def row(audit: biasaudit.Audit, statistic: str, group: str, checkpoint: str = "base") -> dict[str, Any]:
    """Return one row of the table, as a mapping; its values are of several types."""
    table = audit.disparities
    chosen = table[(table["checkpoint"] == checkpoint) & (table["statistic"] == statistic) & (table["group"] == group)]
    [found] = chosen.to_dict("records")
    return {str(name): value for name, value in found.items()}


def values(audit: biasaudit.Audit, checkpoint: str = "base") -> pd.Series[float]:
    table = audit.disparities
    return table[table["checkpoint"] == checkpoint].set_index(["statistic", "group"])["value"]


def test_decisions_by_group_are_those_counted_by_hand() -> None:
    """Mean p(yes): 0.8 in 5, 2 and 5 of 6 cases, 0.4 in the others. Ratio of 2 / 6 to 5 / 6: 0.4."""
    audit = scripted_audit(saying(uneven), saying(lambda *_: 0.7), probes=[probe()])
    tall, short = (5 * 0.8 + 0.4) / 6, (2 * 0.8 + 4 * 0.4) / 6
    expected = {
        ("by_group", "tall"): tall,
        ("by_group", "short"): short,
        ("by_group", "middling"): tall,
        ("difference", "short - tall"): short - tall,
        ("difference", "middling - tall"): 0.0,
        ("selection_rate", "tall"): 5 / 6,
        ("selection_rate", "short"): 2 / 6,
        ("selection_rate", "middling"): 5 / 6,
        ("selection_rate_ratio", "short / tall"): 0.4,
        ("selection_rate_ratio", "middling / tall"): 1.0,
        ("impact_ratio", "tall"): 1.0,
        ("impact_ratio", "short"): 0.4,
        ("impact_ratio", "middling"): 1.0,
    }
    found = {key: value for key, value in values(audit).items() if not math.isnan(value)}
    # Six cases are too few for an interval of this ratio.
    assert row(audit, "selection_rate_ratio", "short / tall")["status"] in {"ok", "not estimable"}
    assert found == pytest.approx({key: value for key, value in expected.items() if key in found})
    assert set(expected) == set(values(audit).keys())


def test_the_ratio_of_enough_cases_has_an_interval_around_the_counted_value() -> None:
    """Of 60 cases 50 tall and 20 short ones are granted: 0.4, clearly below four fifths."""

    def often(case: int, group: str) -> float:
        return uneven(case % CASES, group)

    audit = scripted_audit(saying(often), saying(often), probes=[probe(60)])
    ratio = row(audit, "selection_rate_ratio", "short / tall")
    assert (ratio["status"], ratio["reference"], ratio["unit"]) == ("ok", "tall", "ratio")
    assert ratio["value"] == pytest.approx(0.4)
    assert 0.2 < ratio["ci_low"] < 0.4 < ratio["ci_high"] < 0.8


def test_an_impact_ratio_is_taken_to_the_group_that_is_selected_most() -> None:
    """Short ones are granted in 20 of 60 cases, the others in 50; the card's reference is no more than one of them."""

    def often(case: int, group: str) -> float:
        return uneven(case % CASES, {"tall": "short", "short": "tall"}.get(group, group))

    audit = scripted_audit(saying(often), saying(often), probes=[probe(60)])
    tall, short = row(audit, "impact_ratio", "tall"), row(audit, "impact_ratio", "short")
    assert (tall["value"], short["value"]) == pytest.approx((0.4, 1.0))
    assert tall["reference"] == "middling"
    assert 0.2 < tall["ci_low"] < 0.4 < tall["ci_high"] < 0.8
    assert short["ci_high"] == 1


def test_the_shared_case_of_the_reference_counts_once() -> None:
    audit = scripted_audit(saying(uneven), saying(uneven), probes=[probe()])
    assert [row(audit, "by_group", group)["n_items"] for group in GROUPS] == [CASES] * 3


def test_a_difference_has_its_t_test() -> None:
    """Short minus tall by case: 0, 0, -0.4, -0.4, -0.4, 0; t = -0.2 / (0.2191 / sqrt 6) = -2.236, p = 0.0756."""
    audit = scripted_audit(saying(uneven), saying(uneven), probes=[probe()])
    gap = row(audit, "difference", "short - tall")
    assert gap["p_value"] == pytest.approx(0.0756, abs=1e-4)
    # Two differences in the arm, the other with p = 1.
    assert gap["p_bh"] == pytest.approx(2 * gap["p_value"])
    assert row(audit, "difference", "middling - tall")["p_bh"] == 1


def test_both_extremes_and_their_ratios() -> None:
    """Only the reference is ever granted: ratio 0 with an upper limit. Never the reference: not estimable."""
    audit = scripted_audit(always_stereotype(), always_anti(), probes=[probe()])
    assert row(audit, "difference", "short - tall")["value"] == pytest.approx(-1)
    assert row(audit, "selection_rate_ratio", "short / tall")["value"] == 0
    assert row(audit, "difference", "short - tall", "tuned")["value"] == pytest.approx(1)
    assert row(audit, "selection_rate_ratio", "short / tall", "tuned")["status"] == "not estimable"


def test_nothing_scored_is_not_measured() -> None:
    audit = scripted_audit(saying(uneven), saying(lambda *_: None), probes=[probe()])
    rows = audit.disparities[audit.disparities["checkpoint"] == "tuned"]
    assert len(rows) == 13
    assert set(rows["status"]) == {"not measured"}
    assert rows[["value", "ci_low", "ci_high", "p_value", "p_bh"]].isna().all(axis=None)


def test_one_scored_cluster_is_too_few() -> None:
    """Nothing to resample, and no interval to make up."""
    audit = scripted_audit(saying(uneven), saying(lambda case, _: 0.7 if case == 0 else None), probes=[probe()])
    rows = audit.disparities[audit.disparities["checkpoint"] == "tuned"]
    assert set(rows["status"]) == {"too few clusters"}


@pytest.mark.slow
def test_the_same_audit_gives_the_same_ratios_beside_another_probe() -> None:
    """Each arm has a generator of its own."""
    alone = scripted_audit(saying(uneven), saying(uneven), probes=[probe(30)]).disparities
    model = always_stereotype()

    def answer(asked: ProbeItem, request: Request) -> float | None:
        return (saying(uneven) if asked.feature == "height" else model).answer(asked, request)

    both = ScriptedModel(name="both", answer=answer)
    beside = scripted_audit(both, both, probes=[probe(30), "dialect-decisions"]).disparities
    shown = ["checkpoint", "statistic", "group", "value", "ci_low", "ci_high"]
    own = beside.loc[beside["probe"] == "heights", shown].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone[shown], own)


def test_fairlearn_gives_the_same_selection_rates() -> None:
    frame = scripted_audit(saying(uneven), saying(uneven), probes=[probe()]).metric_frame("heights")
    assert frame.by_group["selection_rate"].to_dict() == pytest.approx(
        {"tall": 5 / 6, "short": 2 / 6, "middling": 5 / 6}
    )
