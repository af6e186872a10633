"""Policy and tables in, decision out: pure, and without a model."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Protocol

from biasaudit.gate.decision import GateDecision, RuleResult, WaiverUse, outcome_of
from biasaudit.gate.evidence import evidence_of
from biasaudit.gate.family import intervals_of
from biasaudit.gate.lean import Interval
from biasaudit.gate.names import refuse_unknown_probes
from biasaudit.gate.readings import Table
from biasaudit.gate.rules import Cell, cells_of
from biasaudit.gate.vocabulary import Outcome, Severity
from biasaudit.gate.waivers import waived
from biasaudit.record.marks import marks_of, reading_of
from biasaudit.record.sealed import level_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from biasaudit.gate.policy import Policy
    from biasaudit.record.manifest import Manifest


def decide(
    policy: Policy,
    *,
    estimates: Table,
    comparisons: Table,
    disparities: Table = (),
    damage: Table | None = None,
    robustness: Table | None = None,
    baseline: Table | None = None,
    level: float,
    today: date | None = None,
    warnings_as_errors: bool = False,
    audit: str = "",
    baseline_name: str = "",
    marks: tuple[str, ...] = (),
    reading: str = "",
) -> GateDecision:
    """Judge an audit's tables by a policy.

    A limit is kept only if the whole interval keeps it, and broken only if the whole interval
    breaks it. What was not measured, or is not there, decides nothing; few items, and a model that is not shown to read
    them, take a pass away and give none.
    Every tuned checkpoint that a table names is judged on every cell that a rule asks for.

    Parameters
    ----------
    policy : Policy
    estimates, comparisons, disparities : DataFrame or sequence of mapping
        See :mod:`biasaudit.record.tables`.
    damage : DataFrame or sequence of mapping, optional
        See :data:`biasaudit.analysis.damage.SCHEMA`; None where an audit has none.
    robustness : DataFrame or sequence of mapping, optional
        See :data:`biasaudit.analysis.perturbed.robustness.SCHEMA`; None where an audit has none.
    baseline : DataFrame or sequence of mapping, optional
        See :func:`biasaudit.analysis.baseline.baseline_changes`.
    level : float
        Confidence level of the comparisons, which do not name it; see :func:`biasaudit.record.sealed.level_of`.
    today : datetime.date, optional
        Day by which waivers expire, recorded in the decision; None takes the present day, UTC, where there are any.
    warnings_as_errors : bool
        Let rules of severity warning, and waivers that cover nothing, fail the run.
    audit, baseline_name : str
        Names to show.
    marks : tuple of str
        What bears on every difference; see :func:`biasaudit.record.marks.marks_of`. Each is a warning.
    reading : str
        How answers were got; see :func:`biasaudit.record.marks.reading_of`.

    Returns
    -------
    GateDecision
        Results sorted by rule, criterion, checkpoint, probe, feature and group.
    """
    day = datetime.now(tz=UTC).date() if today is None and policy.waivers else today
    evidence = evidence_of(
        estimates=estimates,
        comparisons=comparisons,
        disparities=disparities,
        damage=damage,
        robustness=robustness,
        baseline=baseline,
        level=level,
    )
    cells = [cell for rule in policy.rules for cell in cells_of(policy.settled(rule), evidence)]
    intervals, divisor = intervals_of(cells, policy.family)
    results = [
        _result(cell, interval, divisor, warnings_as_errors=warnings_as_errors)
        for cell, interval in zip(cells, intervals, strict=True)
    ]
    results.sort(key=lambda result: (result.key, result.evidence))
    waivers: tuple[WaiverUse, ...] = ()
    if day is not None:
        results, waivers = waived(results, policy.waivers, today=day)
    return GateDecision(
        outcome=outcome_of(results, waivers, marks=marks, warnings_as_errors=warnings_as_errors),
        results=tuple(results),
        policy_name=policy.name,
        waivers=waivers,
        today=day,
        family=policy.family,
        warnings_as_errors=warnings_as_errors,
        audit=audit,
        baseline=baseline_name,
        marks=marks,
        reading=reading,
    )


class Audited(Protocol):
    """An audit as a check reads it: with frames, or with rows, which take no pandas."""

    @property
    def manifest(self) -> Manifest:
        """Its probes, and the level of its intervals."""

    @property
    def estimates(self) -> Table:
        """See :mod:`biasaudit.record.tables`."""

    @property
    def comparisons(self) -> Table:
        """As above."""

    @property
    def disparities(self) -> Table:
        """As above."""

    @property
    def damage(self) -> Table | None:
        """See :data:`biasaudit.analysis.damage.SCHEMA`; None where it has none."""

    @property
    def robustness(self) -> Table | None:
        """See :data:`biasaudit.analysis.perturbed.robustness.SCHEMA`; None where it has none."""


def decide_audit(
    policy: Policy,
    audit: Audited,
    *,
    baseline: Callable[[], Table] | None = None,
    today: date | None = None,
    warnings_as_errors: bool = False,
    name: str = "",
    baseline_name: str = "",
) -> GateDecision:
    """Judge an audit by a policy: what :func:`biasaudit.check` and the shell do.

    Parameters
    ----------
    policy : Policy
    audit : Audited
    baseline : callable, optional
        To the rows of :func:`biasaudit.analysis.baseline.baseline_changes`; not called for a policy of other probes.
    today, warnings_as_errors
        As of :func:`decide`.
    name, baseline_name : str
        Of the audit and of the baseline, to show.

    Raises
    ------
    PolicyError
        If the policy names a probe that the audit does not have.
    AlteredAuditError
        If the manifest does not say at which level the intervals are: none is taken in its place.
    """
    refuse_unknown_probes(policy, audit.manifest.probes)
    return decide(
        policy,
        estimates=audit.estimates,
        comparisons=audit.comparisons,
        disparities=audit.disparities,
        damage=audit.damage,
        robustness=audit.robustness,
        baseline=None if baseline is None else baseline(),
        level=level_of(audit.manifest),
        today=today,
        warnings_as_errors=warnings_as_errors,
        audit=name,
        baseline_name=baseline_name,
        marks=marks_of(audit.manifest),
        reading=reading_of(audit.manifest),
    )


def _result(cell: Cell, interval: Interval | None, divisor: int, *, warnings_as_errors: bool) -> RuleResult:
    rule, found = cell.rule, cell.found
    value, low, high = interval or (None, None, None)
    outcome, reason = Outcome.INCONCLUSIVE, cell.why
    if interval is not None:
        outcome, reason = cell.judged(interval[1], interval[2])
    elif cell.interval is not None:
        reason = "the interval cannot be widened for the family: its level or its clusters are not known"
    level = None if found is None or found.level is None or interval is None else 1 - (1 - found.level) / divisor
    if found is not None and rule.criterion.is_exact and interval is not None and outcome is not Outcome.INCONCLUSIVE:
        reason = found.method
    return RuleResult(
        rule_id=rule.id,
        criterion=rule.criterion.name,
        tuned=cell.tuned,
        probe=cell.probe,
        feature=cell.feature,
        group=cell.group,
        framing_or_contrast=rule.arm,
        limit=rule.limit,
        margin=rule.margin,
        value=value,
        ci_low=low,
        ci_high=high,
        level=level,
        n_items=found.n_items if found else 0,
        n_clusters=found.n_clusters if found else 0,
        is_read=not (found and found.unread),
        outcome=outcome,
        reason=reason,
        method=found.method if found else "",
        evidence=found.evidence if found else "",
        severity=Severity.ERROR if warnings_as_errors else rule.severity,
        on_inconclusive=rule.inconclusive,
    )
