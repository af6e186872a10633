"""The chart of competence beside the index, over all probes; `audit.chart("competence")` draws it."""

from __future__ import annotations

from biasaudit.report.charts.competence_chart import competence_chart, competence_finding
from tests.report.factory import JOBS, PAIRS
from tests.report.test_levels import AGE, FOUR, JOB, ONE, estimates, made, marks, points


def test_competence_stands_beside_the_index_of_the_whole_probe() -> None:
    """Of a probe with several features the pooled index; of one with a single feature that."""
    able = {("base", "plain"): 0.9, ("tuned", "plain"): 0.7, ("tuned", "chat"): 0.6}
    made_audit = made(
        estimates(FOUR, [JOB, AGE]),
        estimates(dict.fromkeys(FOUR, 0.55), [(PAIRS, "all")]),
        estimates(able, [(JOBS, "all"), (PAIRS, "all")], "competence"),
        checkpoints=ONE,
    )
    spec = competence_chart(made_audit.estimates, made_audit.comparisons, tuned="tuned").to_dict()
    assert (JOBS, "tuned, chat", 0.6) in marks(spec)
    assert (JOBS, "tuned, chat", 0.1) in marks(spec)
    assert (PAIRS, "base", 0.55) in marks(spec)
    assert {"value": 0.5} in points(spec)


def test_competence_that_is_not_shown_above_chance_is_the_finding() -> None:
    """Half-width 0.05: 0.9 and 0.56 lie above 0.5, 0.52 does not; so one probe of two loses it."""
    able = [
        estimates({("base", "plain"): 0.9, ("tuned", "plain"): 0.52}, [(JOBS, "all")], "competence"),
        estimates({("base", "plain"): 0.56, ("tuned", "plain"): 0.56}, [(PAIRS, "all")], "competence"),
    ]
    made_audit = made(estimates(FOUR, [JOB, AGE]), *able, checkpoints=ONE)
    title = competence_finding(made_audit.estimates, made_audit.comparisons, tuned="tuned").title
    assert title == (
        "Competence is not shown above chance in 0 of 2 probes before tuning and in 1 after it; 1 of these was above "
        "it before. A fall beyond the intervals of both is shown in 0 of 5 cells (weights, plain)"
    )


def test_a_fall_of_competence_is_said_with_its_verdicts() -> None:
    """Five declared cells; of those where competence fell, one is judged reduced."""
    able = estimates({("base", "plain"): 0.9, ("tuned", "plain"): 0.7}, [(PAIRS, "all")], "competence")
    made_audit = made(estimates(FOUR, [AGE]), able, competence_fell=True)
    title = competence_finding(made_audit.estimates, made_audit.comparisons, tuned="tuned").title
    assert title.startswith("Competence is not shown above chance in 0 of 1 probe before tuning and in 0 after it. ")
    assert title.endswith("is shown in 5 of 5 cells (weights, plain); 1 of these are judged reduced")
