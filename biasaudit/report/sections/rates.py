"""Decisions by group: how readily each is granted, the four-fifths rule, and the errors where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.record.pairs import JOINTS
from biasaudit.report.charts.chart_parts import NARROW
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.rates_chart import decisions_chart, decisions_finding, errors_chart, errors_finding
from biasaudit.report.section import Section, Source
from biasaudit.report.sections.group_rates import (
    AGAINST,
    PLAIN,
    Arm,
    FeatureGroups,
    GroupRates,
    decision_probes,
    group_rates,
)
from biasaudit.report.words.facts import mapping
from biasaudit.report.words.order import in_order
from biasaudit.report.words.wording import NOT_MEASURED, clean, estimate_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

COMMENTS: Final = "comments"
"""Format of the probes that ask whether a comment is toxic."""

_DECISIONS: Final = ("by_group", "selection_rate")
_ERRORS: Final = ("false_positive_rate", "true_positive_rate")

_COLUMNS: Final[Mapping[str, str]] = {
    "by_group": "Mean p(yes)",
    "difference": "Minus the reference",
    "selection_rate": "Selection rate",
    "impact_ratio": "Impact ratio, and four fifths",
    "false_positive_rate": "False-positive rate",
    "false_positive_rate_difference": "Minus the reference",
    "true_positive_rate": "True-positive rate",
    "true_positive_rate_difference": "Minus the reference",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCell:
    """One estimate, and what is said of it."""

    estimate: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRates:
    """One group in one arm."""

    arm: str
    cells: tuple[RateCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group; `span` is the number of its arms."""

    group: str
    is_reference: bool
    span: str
    arms: tuple[ArmRates, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRows:
    """The groups of one feature."""

    feature: str
    rows: tuple[GroupRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChart:
    """The chart of one tuned checkpoint, named where there are several."""

    tuned: str
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTable:
    """Charts, and a table with their numbers."""

    charts: tuple[RateChart, ...]
    columns: tuple[str, ...]
    width: str
    features: tuple[FeatureRows, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRates:
    """One decision probe; without `errors` where it is not known which cases are rightly granted.

    `is_of_comments` tells that what is granted is no case but a comment, which is let pass.
    """

    probe: str
    framing: str
    is_of_comments: bool
    decisions: RateTable
    errors: RateTable | None


def rates(audit: AuditRecord, names: Mapping[str, str]) -> tuple[ProbeRates, ...]:
    """Return every probe whose decisions were measured by group.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    cards = mapping(audit.manifest.as_dict().get("probes"))
    return tuple(
        _probe_rates(
            audit.disparities,
            probe,
            names.get(probe, clean(probe)),
            is_of_comments=mapping(cards.get(probe)).get("format") == COMMENTS,
        )
        for probe in in_order(decision_probes(audit.disparities), audit.comparisons)
    )


def _probe_rates(disparities: pd.DataFrame, probe: str, name: str, *, is_of_comments: bool) -> ProbeRates:
    found = group_rates(disparities, probe=probe)
    decisions, errors = [], []
    for tuned in found.tuned:
        shown = clean(tuned) if len(found.tuned) > 1 else ""
        wide, narrow = (decisions_chart(disparities, probe=probe, tuned=tuned, **size) for size in _SIZES)
        finding = decisions_finding(disparities, probe=probe, tuned=tuned)
        drawn = picture(wide, narrow, alt=finding.description)
        decisions.append(RateChart(tuned=shown, picture=drawn))
        if found.has_errors:
            wide, narrow = (errors_chart(disparities, probe=probe, tuned=tuned, **size) for size in _SIZES)
            finding = errors_finding(disparities, probe=probe, tuned=tuned)
            drawn = picture(wide, narrow, alt=finding.description)
            errors.append(RateChart(tuned=shown, picture=drawn))
    return ProbeRates(
        probe=name,
        framing=clean(found.framing),
        is_of_comments=is_of_comments,
        decisions=_table(found, _DECISIONS, decisions),
        errors=_table(found, _ERRORS, errors) if found.has_errors else None,
    )


_SIZES: Final[tuple[dict[str, int], ...]] = ({}, {"width": NARROW})


def _table(found: GroupRates, statistics: Sequence[str], charts: Sequence[RateChart]) -> RateTable:
    shown = [name for statistic in statistics for name in (statistic, AGAINST[statistic])]
    arms = _shown_arms(found)
    return RateTable(
        charts=tuple(charts),
        columns=tuple(_COLUMNS[name] for name in shown),
        width=str(len(shown) + 2),
        features=tuple(
            FeatureRows(
                feature=clean(of.feature),
                rows=tuple(
                    GroupRow(
                        group=clean(group),
                        is_reference=group == of.reference,
                        span=str(len(arms)),
                        arms=tuple(
                            ArmRates(
                                arm=clean(f"{arm[0]}, {arm[1]}"),
                                cells=tuple(_cell(found, arm, of, name, group) for name in shown),
                            )
                            for arm in arms
                        ),
                    )
                    for group in of.groups
                ),
            )
            for of in found.features
        ),
    )


def _shown_arms(found: GroupRates) -> list[Arm]:
    """Return the arms of the drawn framing, and after plain what a user meets: the tuned ones in chat."""
    return [
        (checkpoint, framing)
        for checkpoint, framing in found.arms
        if framing == found.framing or (found.framing == PLAIN and checkpoint != "base")
    ]


def _cell(found: GroupRates, arm: Arm, of: FeatureGroups, statistic: str, group: str) -> RateCell:
    if group == of.reference and statistic in JOINTS:
        return RateCell(estimate="reference", note="")
    row = found.row(arm, of.feature, statistic, group)
    if row is None:
        return RateCell(estimate=NOT_MEASURED, note="")
    is_judged = statistic == "impact_ratio" and row["status"] == "ok"
    return RateCell(estimate=estimate_text(row), note=found.ruling(arm, of, group).value if is_judged else "")


def _view(source: Source) -> tuple[ProbeRates, ...] | None:
    return rates(source.audit, source.names) or None


SECTION: Final = Section(name="rates", title="Decisions", template="rates.html.jinja", view=_view)
