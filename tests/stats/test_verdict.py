"""The rule of the verdict, as a table, at its edges, and by what it says."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from biasaudit import stats
from biasaudit.types import Estimate, Status, Verdict, VerdictCode

NOTHING = Estimate(status=Status.NOT_MEASURED)
TESTED = stats.TestResult(p_value=0.001, test="made up")
SMALL, LARGE = 0.01, 0.5


def span(low: float, high: float, unit: str = "index") -> Estimate:
    return Estimate(status=Status.OK, value=(low + high) / 2, ci_low=low, ci_high=high, unit=unit)


def p_values(size: float = SMALL, moved: float = SMALL, sides: float = SMALL) -> stats.ClaimPValues:
    return stats.ClaimPValues(size=size, moved=moved, sides=sides)


DOWN, FLAT, WIDE, UP = span(0.1, 0.3), span(-0.03, 0.03), span(-0.2, 0.2), span(-0.3, -0.1)
TOGETHER, BEFORE, AFTER, CLEAR = span(0.5, 0.7), span(0.35, 0.45), span(0.15, 0.25), p_values()


def bounds(lowest: Estimate, total: Estimate, first: Estimate, second: Estimate) -> stats.MissingBounds:
    """Every filling alike, for a guard that only asks on which side they lie."""
    return stats.MissingBounds(
        lowest=lowest, highest=lowest, lowest_total=total, highest_total=total, first=(first,) * 2, second=(second,) * 2
    )


def case(
    reduction: Estimate = DOWN,
    total: Estimate = TOGETHER,
    *,
    ninety: Estimate | None = None,
    p: stats.ClaimPValues | None = CLEAR,
    first: Estimate = BEFORE,
    second: Estimate = AFTER,
    competence: tuple[Estimate, Estimate] = (NOTHING, NOTHING),
    coverage: tuple[float, float] = (1.0, 1.0),
    filled: stats.MissingBounds | None = None,
    saturated: bool = False,
    damage: tuple[Estimate, Estimate] = (NOTHING, NOTHING),
) -> stats.Evidence:
    change = stats.Change(
        reduction=reduction,
        reduction_90=ninety or reduction,
        total=total,
        test=TESTED,
        total_test=TESTED,
        first_test=TESTED,
        second_test=TESTED,
        equivalence=None,
        relative=NOTHING,
        smallest_detectable_change=None,
    )
    return stats.Evidence(
        change=change,
        adjusted=p,
        first=first,
        second=second,
        first_competence=competence[0],
        second_competence=competence[1],
        first_coverage=coverage[0],
        second_coverage=coverage[1],
        bounds=filled,
        saturated=saturated,
        licensed_drop=damage[0],
        blunting=damage[1],
    )


HIGH, LOW, CHANCE = span(0.9, 0.97, "share"), span(0.7, 0.8, "share"), span(0.45, 0.6, "share")
SENSE = {"none": (NOTHING, NOTHING), "high": (HIGH, HIGH), "fell": (HIGH, LOW), "chance": (HIGH, CHANCE)}
CHANGES = {"down": DOWN, "flat": FLAT, "wide": WIDE, "up": UP, "unmeasured": NOTHING}
TOTALS = {"with": span(0.3, 0.6), "none": span(-0.1, 0.1), "against": span(-0.6, -0.3)}
LEVELS = {"with": span(0.05, 0.1), "none": span(-0.1, 0.1), "against": span(-0.2, -0.1)}
SIDE = {"with": 1, "down": 1, "against": -1, "up": -1}


def test_every_combination_of_evidence_has_the_verdict_of_the_table() -> None:
    """The table: the first line that holds decides. 12,960 combinations of what the rule looks at."""
    combinations = itertools.product(
        CHANGES, TOTALS, itertools.product((SMALL, LARGE), repeat=3), SENSE, (False, True), (1.0, 0.9), LEVELS, LEVELS
    )
    for change, total, (size, moved, sides), sense, saturated, coverage, before, after in combinations:
        found = stats.rule(
            case(
                CHANGES[change],
                TOTALS[total],
                p=p_values(size, moved, sides),
                first=LEVELS[before],
                second=LEVELS[after],
                competence=SENSE[sense],
                coverage=(coverage, 1.0),
                saturated=saturated,
            )
        ).verdict
        clear = SIDE.get(change, 0)
        by_size = size == SMALL and clear != 0 and total != "none"
        turned = sides == SMALL and SIDE.get(before, 0) * SIDE.get(after, 0) < 0
        shifted = moved == SMALL and clear != 0
        claims = change == "flat" or by_size or turned or shifted
        larger = by_size and SIDE[total] != clear
        table = (
            (change == "unmeasured", Verdict.NOT_MEASURED),
            (sense == "chance", Verdict.NOT_INTERPRETABLE),
            (saturated, Verdict.INCONCLUSIVE),
            (claims and coverage < 0.98, Verdict.INCONCLUSIVE),
            (change == "flat", Verdict.UNCHANGED),
            (larger, Verdict.INCREASED),
            (claims and sense == "fell", Verdict.NOT_INTERPRETABLE),
            (by_size, Verdict.REDUCED),
            (turned, Verdict.REVERSED),
            (shifted, Verdict.SHIFTED_AGAINST if clear > 0 else Verdict.SHIFTED_WITH),
            (True, Verdict.INCONCLUSIVE),
        )
        expected = next(verdict for holds, verdict in table if holds)
        assert found is expected, (change, total, size, moved, sides, sense, saturated, coverage, before, after)


KEPT, LOST = span(0.0, 0.1, "share difference"), span(0.0, 0.102, "share difference")
"""Values of .05, which is borne, and of .051, which is not: the value decides, not its interval."""
BORNE, BLUNT = span(0.7, 0.95, "ratio"), span(0.9, 0.94, "ratio")
"""Blunting that may be the 5 % that are borne, and one that is more: the upper end decides, not the value."""
DAMAGE = {
    "unknown": ((NOTHING, NOTHING), None),
    "none": ((KEPT, span(0.9, 1.0, "ratio")), None),
    "borne": ((KEPT, BORNE), None),
    "blunted within the margin": ((KEPT, span(0.88, 0.96, "ratio")), None),
    "a small loss that is measured well": ((KEPT, span(0.961, 0.988, "ratio")), None),
    "gained": ((span(-0.6, -0.4, "share difference"), span(1.2, 1.4, "ratio")), None),
    "licensed": ((LOST, NOTHING), VerdictCode.LICENSED_FELL),
    "blunted": ((NOTHING, BLUNT), VerdictCode.BLUNTED),
    "both": ((LOST, BLUNT), VerdictCode.LICENSED_FELL),
}
CLAIMS = {
    Verdict.REDUCED: case(),
    Verdict.REVERSED: case(DOWN, WIDE, p=p_values(LARGE, LARGE), first=BEFORE, second=span(-0.2, -0.1)),
    Verdict.SHIFTED_AGAINST: case(DOWN, WIDE, p=p_values(LARGE, sides=LARGE)),
    Verdict.SHIFTED_WITH: case(UP, WIDE, p=p_values(LARGE, sides=LARGE)),
    Verdict.INCREASED: case(UP, TOGETHER),
    Verdict.UNCHANGED: case(FLAT),
    Verdict.INCONCLUSIVE: case(WIDE, p=p_values(LARGE, LARGE, LARGE)),
}


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_takes_back_what_a_loss_of_competence_takes_back(claim: Verdict, damage: str) -> None:
    """A claim of less lean, in either direction; never one of more, of none, or none at all."""
    (licensed, blunted), code = DAMAGE[damage]
    found = stats.rule(replace(CLAIMS[claim], licensed_drop=licensed, blunting=blunted))
    kept = code is None or claim in {Verdict.INCREASED, Verdict.UNCHANGED, Verdict.INCONCLUSIVE}
    assert found.verdict is (claim if kept else Verdict.NOT_INTERPRETABLE)
    assert kept or found.code is code
    by_competence = stats.rule(replace(CLAIMS[claim], first_competence=HIGH, second_competence=LOW))
    assert code is None or (by_competence.verdict is found.verdict)


def test_the_first_guard_that_holds_is_the_one_that_is_named() -> None:
    """Missing items, then competence, then damage."""
    broken = case(damage=(LOST, BLUNT), competence=(HIGH, LOW))
    assert stats.rule(broken).code is VerdictCode.COMPETENCE_FELL
    assert stats.rule(replace(broken, first_coverage=0.9)).code is VerdictCode.MISSING


@pytest.mark.parametrize(
    ("base", "tuned", "verdict"),
    [
        (0.3, 0.05, Verdict.REDUCED),
        (-0.3, -0.05, Verdict.REDUCED),
        (-0.6, 0.05, Verdict.REDUCED),
        (0.6, -0.05, Verdict.REDUCED),
        (-0.1, -0.4, Verdict.INCREASED),
        (0.1, 0.4, Verdict.INCREASED),
        (0.07, -0.9, Verdict.INCREASED),
        (0.0, -0.62, Verdict.INCREASED),
        (0.0, 0.62, Verdict.INCREASED),
        (-0.49, 0.0, Verdict.REDUCED),
        (0.3, -0.3, Verdict.REVERSED),
        (-0.3, 0.3, Verdict.REVERSED),
        (0.055, -0.045, Verdict.SHIFTED_AGAINST),
        (-0.045, 0.055, Verdict.SHIFTED_WITH),
        (0.3, 0.29, Verdict.UNCHANGED),
        (0.3, 0.275, Verdict.INCONCLUSIVE),
    ],
)
def test_the_verdict_is_about_the_size_of_the_lean(base: float, tuned: float, verdict: Verdict) -> None:
    """Every interval reaches 0.02, but 0.05 where an arm is under 0.06: there neither arm leans clearly."""
    half = 0.05 if max(abs(base), abs(tuned)) < 0.06 else 0.02
    around = [span(value - reach, value + reach) for value, reach in (
        (base - tuned, 0.03), (base + tuned, 0.03), (base, half), (tuned, half)
    )]  # fmt: skip
    found = stats.rule(case(around[0], around[1], first=around[2], second=around[3], p=p_values(
        SMALL if abs(base - tuned) > 0.03 and abs(base + tuned) > 0.03 else LARGE,
        SMALL if abs(base - tuned) > 0.05 else LARGE,
    )))  # fmt: skip
    assert found.verdict is (Verdict.UNCHANGED if abs(base - tuned) + 0.03 < 0.05 else verdict)


@pytest.mark.parametrize(
    ("evidence_at_the_edge", "verdict"),
    [
        (case(p=p_values(size=0.05)), Verdict.REDUCED),
        (case(p=p_values(size=0.0501, moved=0.0501)), Verdict.INCONCLUSIVE),
        (case(p=p_values(size=0.0501, moved=0.05)), Verdict.SHIFTED_AGAINST),
        (case(UP, p=p_values(size=0.0501, moved=0.05)), Verdict.SHIFTED_WITH),
        (case(span(0.0, 0.3)), Verdict.INCONCLUSIVE),
        (case(span(-0.3, 0.0)), Verdict.INCONCLUSIVE),
        (case(DOWN, span(0.0, 0.3)), Verdict.SHIFTED_AGAINST),
        (case(WIDE, ninety=span(-0.05, 0.04)), Verdict.INCONCLUSIVE),
        (case(WIDE, ninety=span(-0.04, 0.05)), Verdict.INCONCLUSIVE),
        (case(WIDE, ninety=span(-0.049, 0.049)), Verdict.UNCHANGED),
        (case(coverage=(1.0, 0.98)), Verdict.REDUCED),
        (case(coverage=(1.0, 0.979)), Verdict.INCONCLUSIVE),
        (case(coverage=(0.979, 0.979)), Verdict.INCONCLUSIVE),
        (case(competence=(span(0.5, 0.6), NOTHING)), Verdict.NOT_INTERPRETABLE),
        (case(competence=(span(0.51, 0.6), NOTHING)), Verdict.REDUCED),
        (case(competence=(NOTHING, span(0.5, 0.6))), Verdict.NOT_INTERPRETABLE),
        (case(competence=(span(0.8, 0.9), span(0.7, 0.8))), Verdict.REDUCED),
        (case(competence=(span(0.8, 0.9), span(0.7, 0.79))), Verdict.NOT_INTERPRETABLE),
        (case(DOWN, WIDE, first=span(0.0, 0.2), second=span(-0.3, -0.1)), Verdict.SHIFTED_AGAINST),
        (case(DOWN, WIDE, first=span(0.01, 0.2), second=span(-0.3, -0.01)), Verdict.REVERSED),
        (case(DOWN, WIDE, p=p_values(sides=0.051), first=span(0.01, 0.2), second=span(-0.3, -0.01)),
         Verdict.SHIFTED_AGAINST),
    ],
)  # fmt: skip
def test_the_edges_of_the_rule(evidence_at_the_edge: stats.Evidence, verdict: Verdict) -> None:
    assert stats.rule(evidence_at_the_edge).verdict is verdict


SURVIVED = bounds(DOWN, span(0.3, 0.6), span(0.1, 0.2), span(-0.2, -0.1))


@pytest.mark.parametrize(
    ("evidence_given", "filled", "survives"),
    [
        (case(), SURVIVED, True),
        (case(), replace(SURVIVED, lowest=WIDE), False),
        (case(), replace(SURVIVED, lowest_total=WIDE), False),
        (case(), replace(SURVIVED, highest=UP), False),
        (case(UP), replace(SURVIVED, lowest=UP, highest=UP), True),
        (case(UP), replace(SURVIVED, lowest=UP, highest=UP, highest_total=WIDE), False),
        (case(p=p_values(size=LARGE)), replace(SURVIVED, lowest_total=WIDE), True),
        (case(p=p_values(size=LARGE)), replace(SURVIVED, highest=WIDE), False),
        (case(DOWN, WIDE, first=span(0.1, 0.2), second=span(-0.2, -0.1)), replace(SURVIVED, lowest_total=WIDE), True),
        (case(DOWN, WIDE, first=span(0.1, 0.2), second=span(-0.2, -0.1)), replace(SURVIVED, second=(UP, WIDE)), False),
        (case(FLAT), replace(SURVIVED, lowest=FLAT, highest=FLAT), True),
        (case(FLAT), replace(SURVIVED, lowest=span(-0.06, 0.0), highest=FLAT), False),
        (case(FLAT), replace(SURVIVED, lowest=FLAT, highest=NOTHING), False),
    ],
)
def test_what_is_missing_takes_a_claim_back_that_it_could_explain(
    *, evidence_given: stats.Evidence, filled: stats.MissingBounds, survives: bool
) -> None:
    """A claim of size needs D and S on one side each; of a shift D; of a reversal either arm; of no change the margin.

    Missing in both arms alike counts too: equal coverage of 0.70 gave a reduction in 80 % where nothing had changed.
    """
    complete = stats.rule(evidence_given)
    gaps = stats.rule(replace(evidence_given, first_coverage=0.7, second_coverage=0.7, bounds=filled))
    assert gaps.verdict is (complete.verdict if survives else Verdict.INCONCLUSIVE)
    assert (gaps.code is VerdictCode.MISSING) is not survives


@pytest.mark.parametrize(
    ("evidence_given", "code", "reason"),
    [
        (
            case(),
            VerdictCode.SMALLER,
            "|B| is smaller: D and S are clear of 0 after Holm's correction, and of one sign",
        ),
        (
            case(UP),
            VerdictCode.LARGER,
            "|B| is larger: D and S are clear of 0 after Holm's correction, and of opposite signs",
        ),
        (case(FLAT, p=p_values(moved=LARGE)), VerdictCode.WITHIN_MARGIN, "the 90 % interval of D lies within ±0.05"),
        (
            case(WIDE),
            VerdictCode.UNDECIDED,
            "neither a change nor its absence is shown at this sample size",
        ),
        (case(NOTHING), VerdictCode.NO_ITEMS, "not measured"),
        (
            case(Estimate(status=Status.TOO_FEW_CLUSTERS, n_clusters=4)),
            VerdictCode.FEW_CLUSTERS,
            "too few clusters",
        ),
        (
            case(span(0.01, 0.03)),
            VerdictCode.WITHIN_MARGIN,
            (
                "the 90 % interval of D lies within ±0.05; "
                "a change that small is there: D is above 0 after Holm's correction"
            ),
        ),
        (
            case(span(-0.03, -0.01)),
            VerdictCode.WITHIN_MARGIN,
            (
                "the 90 % interval of D lies within ±0.05; "
                "a change that small is there: D is below 0 after Holm's correction"
            ),
        ),
        (
            case(span(0.01, 0.03), p=p_values(moved=0.051)),
            VerdictCode.WITHIN_MARGIN,
            "the 90 % interval of D lies within ±0.05",
        ),
        (
            case(UP, span(-0.6, -0.4), first=span(-0.5, -0.4)),
            VerdictCode.SMALLER,
            (
                "|B| is smaller: D and S are clear of 0 after Holm's correction, and of one sign; "
                "the first arm leans against the stereotype"
            ),
        ),
        (
            case(UP, competence=(HIGH, LOW)),
            VerdictCode.LARGER,
            ("|B| is larger: D and S are clear of 0 after Holm's correction, and of opposite signs; competence fell"),
        ),
        (
            case(p=p_values(size=LARGE)),
            VerdictCode.MOVED,
            "B moved: D is clear of 0 after Holm's correction; whether |B| is smaller or larger is not shown",
        ),
        (
            case(DOWN, WIDE, first=span(0.1, 0.2), second=span(-0.2, -0.1)),
            VerdictCode.OTHER_SIDE,
            "the lean is now against the stereotype: the intervals of the two arms lie on opposite sides of 0",
        ),
        (
            case(UP, WIDE, first=span(-0.2, -0.1), second=span(0.1, 0.2)),
            VerdictCode.OTHER_SIDE,
            (
                "the lean is now with the stereotype: the intervals of the two arms lie on opposite sides of 0; "
                "the first arm leans against the stereotype"
            ),
        ),
        (case(competence=(CHANCE, HIGH)), VerdictCode.CHANCE_FIRST, "competence of the first arm includes chance"),
        (case(competence=(HIGH, CHANCE)), VerdictCode.CHANCE_SECOND, "competence of the second arm includes chance"),
        (
            case(damage=(LOST, NOTHING)),
            VerdictCode.LICENSED_FELL,
            "less lean together with damage: licensed associations, which a good model keeps, fell by more than 0.05",
        ),
        (
            case(damage=(NOTHING, BLUNT)),
            VerdictCode.BLUNTED,
            "less lean together with blunting: of differences of what was not trained, less than 0.95 is left",
        ),
        (
            case(competence=(HIGH, LOW)),
            VerdictCode.COMPETENCE_FELL,
            "less lean together with less competence: they cannot be told apart",
        ),
        (
            case(coverage=(1.0, 0.9)),
            VerdictCode.MISSING,
            "over 2 % of the items of an arm have no score, and the unscored items could explain the difference",
        ),
        (
            case(saturated=True),
            VerdictCode.SATURATED,
            "scale saturated: over 95 % of the values of an arm lie at one end, where no change can be told",
        ),
        (case(p=None), VerdictCode.NO_ESTIMATE, "not measured"),
    ],
)
def test_the_reason_says_all_and_only_what_decided(
    evidence_given: stats.Evidence, code: VerdictCode, reason: str
) -> None:
    found = stats.rule(evidence_given)
    assert (found.code, found.reason) == (code, reason)


def test_a_cell_that_competence_bars_needs_no_place_in_a_family() -> None:
    assert stats.rule(case(p=None, competence=(HIGH, CHANCE))).verdict is Verdict.NOT_INTERPRETABLE


def test_an_arm_that_was_not_measured_cannot_have_a_measured_change() -> None:
    with pytest.raises(ValueError, match=r"^an arm of a measured change is itself measured$"):
        stats.rule(case(first=NOTHING))


def test_a_margin_a_level_and_a_correction_of_ones_own_are_used() -> None:
    """0.1 either way is inside a margin of 0.2; p = 0.04 shows nothing at level 0.01."""
    assert stats.rule(replace(case(span(-0.1, 0.1)), margin=0.2)).verdict is Verdict.UNCHANGED
    assert stats.rule(replace(case(p=p_values(0.04, 0.04)), alpha=0.01)).verdict is Verdict.INCONCLUSIVE
    assert "after a look at all" in stats.rule(replace(case(), correction="a look at all")).reason
