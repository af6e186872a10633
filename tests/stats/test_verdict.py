from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from biasaudit import stats
from biasaudit.types import Estimate, Status, Verdict


def level(value: float, half: float = 0.01, unit: str = "index") -> Estimate:
    return Estimate(status=Status.OK, value=value, ci_low=value - half, ci_high=value + half, unit=unit)


NOTHING = Estimate(status=Status.NOT_MEASURED)


def evidence(
    reduction: float,
    *,
    half: float = 0.02,
    p: float | None = 0.001,
    first: float = 0.5,
    competence: tuple[Estimate, Estimate] = (NOTHING, NOTHING),
    coverage: tuple[float, float] = (1.0, 1.0),
) -> stats.Evidence:
    change = stats.Change(
        reduction=level(reduction, half),
        reduction_90=level(reduction, half * 0.8),
        test=stats.TestResult(p_value=p or 1, test="made up"),
        equivalence=None,
        relative=NOTHING,
        smallest_detectable_change=0.03,
    )
    return stats.Evidence(
        change=change,
        p_adjusted=p,
        first=level(first),
        second=level(first - reduction),
        first_competence=competence[0],
        second_competence=competence[1],
        first_coverage=coverage[0],
        second_coverage=coverage[1],
    )


HIGH, LOW, CHANCE = level(0.95, unit="share"), level(0.8, unit="share"), level(0.5, unit="share")


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (evidence(0.2), Verdict.REDUCED),
        (evidence(-0.2), Verdict.INCREASED),
        (evidence(0.9), Verdict.REVERSED),
        (evidence(0.01, p=0.4), Verdict.UNCHANGED),
        (evidence(0.04, p=0.2, half=0.06), Verdict.INCONCLUSIVE),
        (evidence(0.2, p=0.2, half=0.3), Verdict.INCONCLUSIVE),
        (evidence(0.2, p=None), Verdict.NOT_MEASURED),
        (evidence(0.2, competence=(CHANCE, HIGH)), Verdict.NOT_INTERPRETABLE),
        (evidence(0.2, competence=(HIGH, CHANCE)), Verdict.NOT_INTERPRETABLE),
        (evidence(0.2, competence=(HIGH, LOW)), Verdict.NOT_INTERPRETABLE),
        (evidence(0.2, competence=(LOW, HIGH)), Verdict.REDUCED),
        (evidence(0.2, coverage=(1.0, 0.97)), Verdict.INCONCLUSIVE),
        (evidence(-0.2, coverage=(1.0, 0.97)), Verdict.INCREASED),
    ],
)
def test_the_verdict_rule(case: stats.Evidence, verdict: Verdict) -> None:
    assert stats.rule(case).verdict is verdict


def test_a_verdict_says_what_a_reader_must_know() -> None:
    small = stats.rule(evidence(0.02, half=0.01))
    against = stats.rule(evidence(0.1, first=-0.4))
    assert small.verdict is Verdict.UNCHANGED
    assert "a change that small is there" in small.reason
    assert "leans against the stereotype" in against.reason


def span(low: float, high: float, unit: str = "index") -> Estimate:
    return Estimate(status=Status.OK, value=(low + high) / 2, ci_low=low, ci_high=high, unit=unit)


def bounds(low: float, high: float) -> stats.MissingBounds:
    """Both fillings with a half-width of 0.02 around these values."""
    return stats.MissingBounds(all_counter=span(low - 0.02, low + 0.02), all_stereotype=span(high - 0.02, high + 0.02))


def case(
    reduction: Estimate,
    *,
    ninety: Estimate | None = None,
    p: float | None = 0.001,
    first: Estimate | None = None,
    second: Estimate | None = None,
    competence: tuple[Estimate, Estimate] = (NOTHING, NOTHING),
    coverage: tuple[float, float] = (1.0, 1.0),
    filled: stats.MissingBounds | None = None,
) -> stats.Evidence:
    change = stats.Change(
        reduction=reduction,
        reduction_90=ninety or reduction,
        test=None,
        equivalence=None,
        relative=NOTHING,
        smallest_detectable_change=None,
    )
    return stats.Evidence(
        change=change,
        p_adjusted=p,
        first=first or span(0.4, 0.5),
        second=second or span(0.1, 0.2),
        first_competence=competence[0],
        second_competence=competence[1],
        first_coverage=coverage[0],
        second_coverage=coverage[1],
        bounds=filled,
    )


DOWN, FLAT, WIDE, UP = span(0.1, 0.3), span(-0.03, 0.03), span(-0.2, 0.2), span(-0.3, -0.1)
SENSE = {
    "none": (NOTHING, NOTHING),
    "high": (HIGH, HIGH),
    "fell": (HIGH, LOW),
    "chance": (HIGH, CHANCE),
}
GAPS = {
    "none": ((1.0, 1.0), None),
    "small": ((1.0, 0.99), None),
    "unknown": ((1.0, 0.9), None),
    "survived": ((0.9, 1.0), bounds(0.1, 0.2)),
    "undone": ((1.0, 0.9), bounds(-0.1, 0.2)),
}
LEVELS = {"with": span(0.05, 0.1), "none": span(-0.1, 0.1), "against": span(-0.2, -0.1)}


CHANGES = {"down": DOWN, "flat": FLAT, "wide": WIDE, "up": UP, "unmeasured": NOTHING}


def test_every_combination_of_evidence_has_the_verdict_of_the_table() -> None:
    """The table: the first line that holds decides. 2,700 combinations of what the rule looks at."""
    combinations = itertools.product(CHANGES, (0.01, 0.5, None), SENSE, GAPS, LEVELS, LEVELS)
    for change, p, sense, gap, before, after in combinations:
        coverage, filled = GAPS[gap]
        found = stats.rule(
            case(
                CHANGES[change],
                p=p,
                first=LEVELS[before],
                second=LEVELS[after],
                competence=SENSE[sense],
                coverage=coverage,
                filled=filled,
            )
        ).verdict
        fell = p == 0.01 and change == "down"
        table = (
            (change == "unmeasured" or p is None, Verdict.NOT_MEASURED),
            (sense == "chance", Verdict.NOT_INTERPRETABLE),
            (change == "flat", Verdict.UNCHANGED),
            (p == 0.01 and change == "up", Verdict.INCREASED),
            (fell and gap in {"unknown", "undone"}, Verdict.INCONCLUSIVE),
            (fell and sense == "fell", Verdict.NOT_INTERPRETABLE),
            (fell and (before, after) == ("with", "against"), Verdict.REVERSED),
            (fell, Verdict.REDUCED),
            (True, Verdict.INCONCLUSIVE),
        )
        expected = next(verdict for holds, verdict in table if holds)
        assert found is expected, (change, p, sense, gap, before, after)


@pytest.mark.parametrize(
    ("evidence_at_the_edge", "verdict"),
    [
        (case(DOWN, p=0.05), Verdict.REDUCED),
        (case(DOWN, p=0.0501), Verdict.INCONCLUSIVE),
        (case(UP, p=0.05), Verdict.INCREASED),
        (case(UP, p=0.0501), Verdict.INCONCLUSIVE),
        (case(span(0.0, 0.3)), Verdict.INCONCLUSIVE),
        (case(span(-0.3, 0.0)), Verdict.INCONCLUSIVE),
        (case(WIDE, ninety=span(-0.05, 0.04), p=0.5), Verdict.INCONCLUSIVE),
        (case(WIDE, ninety=span(-0.04, 0.05), p=0.5), Verdict.INCONCLUSIVE),
        (case(WIDE, ninety=span(-0.049, 0.049), p=0.5), Verdict.UNCHANGED),
        (case(DOWN, coverage=(1.0, 0.98)), Verdict.INCONCLUSIVE),
        (case(DOWN, coverage=(1.0, 0.981)), Verdict.REDUCED),
        (case(DOWN, coverage=(0.98, 1.0)), Verdict.INCONCLUSIVE),
        # The one pair whose difference is 0.02 to the last digit.
        (case(DOWN, coverage=(0.02, 0.0)), Verdict.INCONCLUSIVE),
        (case(DOWN, coverage=(1.0, 0.9), filled=bounds(0.02, 0.2)), Verdict.INCONCLUSIVE),
        (case(DOWN, coverage=(1.0, 0.9), filled=bounds(0.2, 0.02)), Verdict.INCONCLUSIVE),
        (case(DOWN, coverage=(1.0, 0.9), filled=bounds(0.021, 0.021)), Verdict.REDUCED),
        (case(DOWN, competence=(span(0.5, 0.6), NOTHING)), Verdict.NOT_INTERPRETABLE),
        (case(DOWN, competence=(span(0.51, 0.6), NOTHING)), Verdict.REDUCED),
        (case(DOWN, competence=(NOTHING, span(0.5, 0.6))), Verdict.NOT_INTERPRETABLE),
        (case(DOWN, competence=(span(0.8, 0.9), span(0.7, 0.8))), Verdict.REDUCED),
        (case(DOWN, competence=(span(0.8, 0.9), span(0.7, 0.79))), Verdict.NOT_INTERPRETABLE),
        (case(DOWN, first=span(0.0, 0.2), second=span(-0.3, -0.1)), Verdict.REDUCED),
        (case(DOWN, first=span(0.1, 0.2), second=span(-0.3, 0.0)), Verdict.REDUCED),
        (case(DOWN, first=span(0.01, 0.2), second=span(-0.3, -0.01)), Verdict.REVERSED),
    ],
)
def test_the_edges_of_the_rule(evidence_at_the_edge: stats.Evidence, verdict: Verdict) -> None:
    assert stats.rule(evidence_at_the_edge).verdict is verdict


@pytest.mark.parametrize(
    ("evidence_given", "reason"),
    [
        (case(DOWN), "D is above 0 after Holm's correction"),
        (case(UP), "D is below 0 after Holm's correction"),
        (case(FLAT, p=0.5), "the 90 % interval of D lies within ±0.05"),
        (case(WIDE, p=0.5), "neither a change nor its absence is shown at this sample size"),
        (case(NOTHING), "not measured"),
        (
            case(span(0.01, 0.03)),
            (
                "the 90 % interval of D lies within ±0.05; "
                "a change that small is there: D is above 0 after Holm's correction"
            ),
        ),
        (case(span(0.01, 0.03), p=0.051), "the 90 % interval of D lies within ±0.05"),
        (case(span(0.0, 0.03)), "the 90 % interval of D lies within ±0.05"),
        (case(span(-0.03, 0.0)), "the 90 % interval of D lies within ±0.05"),
        (
            case(UP, first=span(-0.5, -0.4)),
            "D is below 0 after Holm's correction; the first arm leans against the stereotype",
        ),
        (case(UP, first=span(-0.5, 0.0)), "D is below 0 after Holm's correction"),
        (case(UP, competence=(HIGH, LOW)), "D is below 0 after Holm's correction; competence fell"),
        (case(DOWN, competence=(CHANCE, HIGH)), "competence of the first arm includes chance"),
        (case(DOWN, competence=(HIGH, CHANCE)), "competence of the second arm includes chance"),
        (
            case(DOWN, competence=(HIGH, LOW)),
            "less lean together with less competence: they cannot be told apart",
        ),
        (
            case(DOWN, first=span(0.1, 0.2), second=span(-0.2, -0.1)),
            "the lean is now against the stereotype",
        ),
        (
            case(DOWN, coverage=(1.0, 0.9)),
            "coverage differs by 2 points or more, and the unscored items could explain the difference",
        ),
        (case(span(0.01, 0.03), ninety=span(0.01, 0.05)), "D is above 0 after Holm's correction"),
        (case(span(-0.03, -0.01), ninety=span(-0.05, -0.01)), "D is below 0 after Holm's correction"),
        (
            case(span(-0.03, -0.01), p=0.05),
            (
                "the 90 % interval of D lies within ±0.05; "
                "a change that small is there: D is below 0 after Holm's correction"
            ),
        ),
    ],
)
def test_the_reason_says_all_and_only_what_decided(evidence_given: stats.Evidence, reason: str) -> None:
    assert stats.rule(evidence_given).reason == reason


def test_an_arm_that_was_not_measured_cannot_have_a_measured_change() -> None:
    with pytest.raises(ValueError, match=r"^an arm of a measured change is itself measured$"):
        stats.rule(case(DOWN, first=NOTHING))


def test_a_margin_and_a_level_of_ones_own_are_used() -> None:
    """0.1 either way is inside a margin of 0.2; p = 0.04 shows nothing at level 0.01."""
    assert stats.rule(replace(case(span(-0.1, 0.1), p=0.5), margin=0.2)).verdict is Verdict.UNCHANGED
    assert stats.rule(replace(case(DOWN, p=0.04), alpha=0.01)).verdict is Verdict.INCONCLUSIVE
