from __future__ import annotations

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
    assert "smaller than the margin" in small.reason
    assert "leans against the stereotype" in against.reason
