"""Every chart by its name, as a notebook asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.errors import EmptySampleError, UsageError
from biasaudit.record.siblings import are_siblings
from biasaudit.report.charts.charts import occupations_chart, reduction_chart
from biasaudit.report.charts.competence_chart import competence_chart
from biasaudit.report.charts.group_rates import decision_probes, group_rates
from biasaudit.report.charts.levels import levels
from biasaudit.report.charts.rates_chart import decisions_chart, errors_chart
from biasaudit.report.charts.wording_chart import families_chart, wordings_by_feature
from biasaudit.report.sections.four_arms import arms_chart
from biasaudit.report.sections.stages import stages_chart
from biasaudit.report.view import probe_names

if TYPE_CHECKING:
    import altair as alt

    from biasaudit.record.audit_record import AuditRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a chart shows of an audit."""

    audit: AuditRecord
    tuned: str
    contrast: str
    framing: str
    probe: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of an audit.

    Attributes
    ----------
    name : str
    draw : callable
        Raises EmptySampleError where the audit has nothing that the chart shows.
    probes : callable or None
        Of a chart of a single probe: those of an audit that it can show. None for a chart of the whole audit.
    """

    name: str
    draw: Callable[[Asked], alt.VConcatChart | alt.LayerChart]
    probes: Callable[[AuditRecord], list[str]] | None = None


def _reduction(asked: Asked) -> alt.VConcatChart:
    comparisons = asked.audit.comparisons
    return reduction_chart(comparisons, contrast=asked.contrast, tuned=asked.tuned, names=asked.names)


def _arms(asked: Asked) -> alt.VConcatChart:
    return arms_chart(asked.audit.estimates, asked.audit.comparisons, tuned=asked.tuned, names=asked.names)


def _competence(asked: Asked) -> alt.VConcatChart:
    return competence_chart(asked.audit.estimates, asked.audit.comparisons, tuned=asked.tuned, names=asked.names)


def _stages(asked: Asked) -> alt.VConcatChart:
    if not levels(asked.audit.estimates):
        raise EmptySampleError("no cell of this audit has what the chart 'stages' shows.")
    siblings = are_siblings(asked.audit)
    return stages_chart(asked.audit.estimates, asked.audit.comparisons, names=asked.names, siblings=siblings)


def _wordings(asked: Asked) -> alt.VConcatChart:
    return families_chart(asked.audit.families, probe=asked.probe, tuned=asked.tuned, framing=asked.framing)


def _occupations(asked: Asked) -> alt.LayerChart:
    return occupations_chart(asked.audit.disparities, probe=asked.probe, tuned=asked.tuned, framing=asked.framing)


def _decisions(asked: Asked) -> alt.VConcatChart:
    return decisions_chart(asked.audit.disparities, probe=asked.probe, tuned=asked.tuned)


def _errors(asked: Asked) -> alt.VConcatChart:
    return errors_chart(asked.audit.disparities, probe=asked.probe, tuned=asked.tuned)


def _with_wordings(audit: AuditRecord) -> list[str]:
    probes = sorted({str(probe) for probe in audit.families["probe"]})
    return [probe for probe in probes if wordings_by_feature(audit.families, probe=probe)]


def _with_attributes(audit: AuditRecord) -> list[str]:
    rows = audit.disparities
    return sorted({str(probe) for probe in rows.loc[rows["statistic"] == "by_attribute", "probe"]})


def _with_errors(audit: AuditRecord) -> list[str]:
    probes = decision_probes(audit.disparities)
    return [probe for probe in probes if group_rates(audit.disparities, probe=probe).has_errors]


def _with_decisions(audit: AuditRecord) -> list[str]:
    return list(decision_probes(audit.disparities))


CHARTS: Final[Mapping[str, Chart]] = {
    chart.name: chart
    for chart in (
        Chart(name="reduction", draw=_reduction),
        Chart(name="arms", draw=_arms),
        Chart(name="competence", draw=_competence),
        Chart(name="stages", draw=_stages),
        Chart(name="wordings", draw=_wordings, probes=_with_wordings),
        Chart(name="occupations", draw=_occupations, probes=_with_attributes),
        Chart(name="decisions", draw=_decisions, probes=_with_decisions),
        Chart(name="errors", draw=_errors, probes=_with_errors),
    )
}


def drawn(
    audit: AuditRecord,
    name: str,
    *,
    tuned: str | None = None,
    contrast: str | None = None,
    framing: str = "plain",
    probe: str | None = None,
) -> alt.VConcatChart | alt.LayerChart:
    """Return a chart of an audit.

    Parameters
    ----------
    audit : AuditRecord
    name : str
        One of `CHARTS`.
    tuned, contrast : str, optional
        Else those of the headline.
    framing : str
    probe : str, optional
        For the charts of one probe; else the first that the chart can show.

    Raises
    ------
    UsageError
        If there is no chart, tuned checkpoint, contrast or probe of that name.
    EmptySampleError
        If the audit has nothing that the chart shows.
    """
    if name not in CHARTS:
        raise UsageError(f"there is no chart {name!r}.", fix=f"Charts: {', '.join(CHARTS)}.")
    if not audit.headlines:
        raise EmptySampleError("nothing was compared, so that there is nothing to draw.")
    headline = audit.headlines[0]
    pairs = {
        "tuned checkpoint": (tuned or headline.tuned, sorted(set(audit.comparisons["tuned"]))),
        "contrast": (contrast or headline.contrast, sorted(set(audit.comparisons["contrast"]))),
    }
    for what, (wanted, there) in pairs.items():
        if wanted not in there:
            raise UsageError(f"this audit has no {what} {wanted!r}.", fix=f"It has: {', '.join(map(str, there))}.")
    asked = Asked(
        audit=audit,
        tuned=pairs["tuned checkpoint"][0],
        contrast=pairs["contrast"][0],
        framing=framing,
        probe=_probe(audit, CHARTS[name], probe),
        names=probe_names(audit, audit.manifest.as_dict()),
    )
    return CHARTS[name].draw(asked)


def _probe(audit: AuditRecord, chart: Chart, probe: str | None) -> str:
    if chart.probes is None:
        return ""
    there = chart.probes(audit)
    if not there:
        raise EmptySampleError(f"no probe of this audit has what the chart {chart.name!r} shows.")
    if probe is not None and probe not in there:
        raise UsageError(
            f"the chart {chart.name!r} cannot show the probe {probe!r}.", fix=f"It can: {', '.join(there)}."
        )
    return probe or there[0]
