"""Decisions by group: how readily each is granted, the four-fifths rule, and the errors where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.record.pairs import JOINTS
from biasaudit.report.charts.chart_parts import NARROW
from biasaudit.report.charts.group_rates import (
    AGAINST,
    PLAIN,
    Arm,
    FeatureGroups,
    GroupRates,
    arm_names,
    decision_probes,
    group_rates,
)
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.rates_chart import (
    RatesFinding,
    decisions_chart,
    decisions_finding,
    errors_chart,
    errors_finding,
)
from biasaudit.report.part import Part
from biasaudit.report.words.controls import failed_controls
from biasaudit.report.words.facts import mapping
from biasaudit.report.words.framings import in_framing
from biasaudit.report.words.wording import NOT_MEASURED, clean, estimate_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import altair as alt

    from biasaudit.record.audit_record import AuditRecord
    from biasaudit.report.section import Source

COMMENTS: Final = "comments"
"""Format of the probes that ask whether a comment is toxic."""

_DECISIONS: Final = ("by_group", "selection_rate")
_ERRORS: Final = ("false_positive_rate", "true_positive_rate")

_MEASURED: Final[Mapping[str, str]] = {
    "by_group": "Mean probability of granting",
    "difference": "that, minus the reference's",
    "selection_rate": "Share granted (selection rate)",
    "impact_ratio": "that, over the highest of any group (impact ratio)",
    "false_positive_rate": "Wrongly denied (false-positive rate)",
    "false_positive_rate_difference": "that, minus the reference's",
    "true_positive_rate": "Rightly denied (true-positive rate)",
    "true_positive_rate_difference": "that, minus the reference's",
}

_SIZES: Final[tuple[dict[str, int], ...]] = ({}, {"width": NARROW})


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCell:
    """One estimate, and what is said of it."""

    estimate: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """One quantity of a group: a cell for each model and way of asking."""

    measured: str
    cells: tuple[RateCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRows:
    """One group; `span` is the number of its rows."""

    group: str
    is_reference: bool
    span: str
    rows: tuple[RateRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRows:
    """The groups of one feature."""

    feature: str
    groups: tuple[GroupRows, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneAnswer:
    """That all groups get the same answer, and the numbers of it."""

    said: str
    numbers: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChart:
    """What came of one tuned checkpoint, named where there are several."""

    tuned: str
    one_answer: tuple[OneAnswer, ...]
    finding: str
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTable:
    """Charts, and a table with their numbers.

    Attributes
    ----------
    explains : bool
        Whether it is said here what it means that all groups get one answer: once in a probe.
    charts : tuple of RateChart
    arms : tuple of str
        Columns, of which there are `width` with those of the group and of what was measured.
    features : tuple of FeatureRows
    """

    explains: bool
    charts: tuple[RateChart, ...]
    arms: tuple[str, ...]
    width: str
    features: tuple[FeatureRows, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRates:
    """One decision probe; without `errors` where it is not known which cases are rightly granted.

    Attributes
    ----------
    framing : str
        Of the charts, as it is said.
    is_of_comments : bool
        Whether what is granted is no case but a comment, which is let pass.
    failed_control : str
        That its negative control does not hold; empty where it does, or where there is none.
    decisions : RateTable
    errors : RateTable or None
    """

    framing: str
    is_of_comments: bool
    failed_control: str
    decisions: RateTable
    errors: RateTable | None


def rates(audit: AuditRecord) -> dict[str, ProbeRates]:
    """Return probe -> its rates, of every probe whose decisions were measured by group.

    Parameters
    ----------
    audit : AuditRecord
    """
    cards, failed = mapping(audit.manifest.as_dict().get("probes")), failed_controls(audit.estimates)
    found = {}
    for probe in decision_probes(audit.disparities):
        own = group_rates(audit.disparities, probe=probe)
        decided = _charts(audit, probe, own, decisions_finding, decisions_chart)
        explains = any(chart.one_answer for chart in decided)
        found[probe] = ProbeRates(
            framing=in_framing(own.framing),
            is_of_comments=mapping(cards.get(probe)).get("format") == COMMENTS,
            failed_control=failed.get(probe, ""),
            decisions=_table(own, _DECISIONS, decided, explains=explains),
            errors=_table(own, _ERRORS, _charts(audit, probe, own, errors_finding, errors_chart), explains=not explains)
            if own.has_errors
            else None,
        )
    return found


def _charts(
    audit: AuditRecord,
    probe: str,
    found: GroupRates,
    says: Callable[..., RatesFinding],
    draws: Callable[..., alt.VConcatChart],
) -> tuple[RateChart, ...]:
    made, table = [], audit.disparities
    for tuned in found.tuned:
        finding = says(table, probe=probe, tuned=tuned)
        wide, narrow = (draws(table, probe=probe, tuned=tuned, **size) for size in _SIZES)
        made.append(
            RateChart(
                tuned=clean(tuned) if len(found.tuned) > 1 else "",
                one_answer=tuple(OneAnswer(said=said, numbers=numbers) for said, numbers in finding.one_answer),
                finding=finding.counted,
                picture=picture(wide, narrow, alt=finding.description),
            )
        )
    return tuple(made)


def _table(found: GroupRates, statistics: Sequence[str], charts: tuple[RateChart, ...], *, explains: bool) -> RateTable:
    shown = [name for statistic in statistics for name in (statistic, AGAINST[statistic])]
    arms = _shown_arms(found)
    return RateTable(
        explains=explains,
        charts=charts,
        arms=arm_names(arms),
        width=str(len(arms) + 2),
        features=tuple(
            FeatureRows(
                feature=clean(of.feature),
                groups=tuple(_group(found, of, group, shown, arms) for group in of.groups),
            )
            for of in found.features
        ),
    )


def _group(found: GroupRates, of: FeatureGroups, group: str, shown: Sequence[str], arms: Sequence[Arm]) -> GroupRows:
    is_reference = group == of.reference
    rows = tuple(
        RateRow(measured=_MEASURED[name], cells=tuple(_cell(found, arm, of, name, group) for arm in arms))
        for name in shown
        if not (is_reference and name in JOINTS)
    )
    return GroupRows(group=clean(group), is_reference=is_reference, span=str(len(rows)), rows=rows)


def _shown_arms(found: GroupRates) -> list[Arm]:
    """Return the arms of the drawn framing, and after plain what a user meets: the tuned ones in chat."""
    return [
        (checkpoint, framing)
        for checkpoint, framing in found.arms
        if framing == found.framing or (found.framing == PLAIN and checkpoint != "base")
    ]


def _cell(found: GroupRates, arm: Arm, of: FeatureGroups, statistic: str, group: str) -> RateCell:
    row = found.row(arm, of.feature, statistic, group)
    if row is None:
        return RateCell(estimate=NOT_MEASURED, note="")
    is_judged = statistic == "impact_ratio" and row["status"] == "ok"
    return RateCell(estimate=estimate_text(row), note=found.ruling(arm, of, group).value if is_judged else "")


def _views(source: Source) -> dict[str, ProbeRates]:
    return rates(source.audit)


PART: Final = Part(
    name="rates", title="Who is granted what", template="parts/rates.html.jinja", views=_views, prints=True
)
