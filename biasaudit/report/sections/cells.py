"""The comparisons, one table per tuned checkpoint and contrast, with their charts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts.charts import NARROW, WIDE, reduction_chart, reduction_finding
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.section import Section, Source
from biasaudit.report.sections.equal_lengths import OF_EQUAL_LENGTH, disagreement, form_of, with_equal_lengths
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.words.asks import asked_by_probe
from biasaudit.report.words.order import in_order, is_interpretable
from biasaudit.report.words.wording import (
    ARMS,
    VERDICT_SYMBOLS,
    clean,
    count,
    number,
    p_value,
    percent,
    present,
    records,
    verdict_class,
    with_interval,
)
from biasaudit.types import Contrast, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

DRAWN: Final = (Contrast.WEIGHTS_PLAIN.value, Contrast.AS_DEPLOYED.value)
"""Contrasts with a chart."""

SHOWN: Final = (Contrast.WEIGHTS_PLAIN.value, Contrast.TEMPLATE_TUNED.value, Contrast.AS_DEPLOYED.value)
"""Contrasts that stand open; of the others, those without any change are folded."""

EXPLAINED: Final[Mapping[str, str]] = {
    Contrast.WEIGHTS_PLAIN: "What the changed weights do: plain text to both checkpoints, no chat template.",
    Contrast.TEMPLATE_TUNED: "What the chat template adds: the same tuned weights, without and with the template.",
    Contrast.AS_DEPLOYED: "What a user meets: the base on plain text, the tuned checkpoint in its chat template.",
    Contrast.WEIGHTS_CHAT: "The changed weights, with the chat template around the text for both checkpoints.",
    Contrast.TEMPLATE_BASE: "The chat template's effect on the base, which never saw it.",
    Contrast.WEIGHTS_AVERAGED: "The weights' effect, mean of both framings; with the template's it makes as deployed.",
    Contrast.TEMPLATE_AVERAGED: "The template's effect, mean of both checkpoints.",
    Contrast.STEP_PLAIN: "From the tuned checkpoint before to this one, plain text.",
    Contrast.STEP_CHAT: "From the tuned checkpoint before to this one, in the chat template.",
    Contrast.INTERACTION: "How much more the weights reduce in the chat template; described, not judged.",
}

_CHART_ROWS: Final = 36
"""Rows that a chart may have on one sheet of paper."""

_HEADER_ROWS: Final = 3
"""Rows that the title of a probe, the space above it and its axis take."""

_NEEDS_POWER: Final = {Verdict.UNCHANGED.value, Verdict.INCONCLUSIVE.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRow:
    """One cell in one form, display-ready; `span` is how many rows its verdict covers, of the forms below too."""

    span: str
    feature: str
    form: str
    carries_verdict: bool
    first: str
    second: str
    change: str
    p_adjusted: str
    verdict: str
    css_class: str
    symbol: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeCells:
    """The rows of one probe, after what it asks."""

    name: str
    asks: str
    rows: tuple[CellRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastView:
    """One contrast of one tuned checkpoint; `finding` is empty where a chart has it as its title.

    `is_open` says that it is not folded: it is one of :data:`SHOWN`, or some cell changed in it.
    """

    tuned: str
    contrast: str
    anchor: str
    explained: str
    first_arm: str
    second_arm: str
    finding: str
    is_open: bool
    probes: tuple[ProbeCells, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What all contrasts share."""

    names: Mapping[str, str]
    asked: Mapping[str, str]
    order: tuple[str, ...]
    saturated: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The section: contrasts that stand open, and those that are folded."""

    contrasts: tuple[ContrastView, ...]
    further_contrasts: tuple[ContrastView, ...]


def cells(audit: AuditRecord, names: Mapping[str, str]) -> Cells:
    """Return every contrast, open or folded; see :func:`contrast_views`."""
    views = contrast_views(audit, names)
    return Cells(
        contrasts=tuple(view for view in views if view.is_open),
        further_contrasts=tuple(view for view in views if not view.is_open),
    )


def contrast_views(audit: AuditRecord, names: Mapping[str, str]) -> tuple[ContrastView, ...]:
    """Return every contrast that was compared, those that are shown open first.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    shown = _Shown(
        names=names,
        asked=asked_by_probe(audit.manifest.as_dict()),
        order=tuple(in_order((str(probe) for probe in audit.comparisons["probe"]), audit.comparisons)),
        saturated=saturated_arms(audit),
    )
    return tuple(
        _contrast_view(audit, shown, tuned=tuned, contrast=contrast, anchor=anchor)
        for (tuned, contrast), anchor in anchors(audit.comparisons).items()
    )


def anchors(comparisons: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return (tuned, contrast) -> the id of its heading, in the order of the section.

    The rows of its n-th probe, in the order of :func:`biasaudit.report.words.order.in_order`, have ``-n`` after it.
    """
    there = {(str(row["tuned"]), str(row["contrast"])) for row in records(comparisons[["tuned", "contrast"]])}
    order = [*SHOWN, *(value.value for value in Contrast if value.value not in SHOWN)]
    order += sorted({contrast for _, contrast in there} - set(order))
    found = (
        (tuned, contrast)
        for contrast in order
        for tuned in sorted({name for name, _ in there})
        if (tuned, contrast) in there
    )
    return {where: f"contrast-{number}" for number, where in enumerate(found)}


def saturated_arms(audit: AuditRecord) -> frozenset[tuple[str, str]]:
    """Return the probes and features whose index is at its limit in some checkpoint."""
    rows = records(audit.estimates[audit.estimates["saturated"]])
    return frozenset((str(row["probe"]), str(row["feature"])) for row in rows)


def _contrast_view(audit: AuditRecord, shown: _Shown, *, tuned: str, contrast: str, anchor: str) -> ContrastView:
    comparisons = audit.comparisons
    chosen = comparisons[(comparisons["tuned"] == tuned) & (comparisons["contrast"] == contrast)]
    rows = records(chosen)
    rows.sort(key=lambda row: (bool(row["declared"]), str(row["feature"]), str(row["metric"]) != "graded"))
    there = {str(row["probe"]) for row in rows}
    probes = [probe for probe in shown.order if probe in there]
    first_arm, second_arm = ARMS.get(contrast, ("first arm", "second arm"))
    pictures: tuple[Picture, ...] = ()
    if contrast in DRAWN:
        pictures = tuple(
            _picture(comparisons[comparisons["probe"].isin(part)], shown, contrast=contrast, tuned=tuned)
            for part in chart_parts(probes, comparisons=chosen)
        )
    return ContrastView(
        tuned=clean(tuned),
        contrast=clean(contrast),
        anchor=anchor,
        explained=EXPLAINED.get(contrast, ""),
        first_arm=first_arm,
        second_arm=second_arm,
        finding=""
        if len(pictures) == 1
        else f"{reduction_finding(comparisons, contrast=contrast, tuned=tuned).title}.",
        is_open=contrast in SHOWN or any(row["declared"] and row["verdict"] in CHANGED for row in rows),
        probes=tuple(
            ProbeCells(
                name=shown.names.get(probe, clean(probe)),
                asks=shown.asked.get(probe, ""),
                rows=_cell_rows([row for row in rows if str(row["probe"]) == probe], shown.saturated),
            )
            for probe in probes
        ),
        pictures=pictures,
    )


def chart_parts(probes: Sequence[str], *, comparisons: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Split the probes of a contrast over charts that fit a sheet of paper each, those that can be read first.

    Parameters
    ----------
    probes : sequence of str
        In the order of the page.
    comparisons : DataFrame
        Rows of one contrast and tuned checkpoint.
    """
    graded = comparisons[comparisons["metric"] == "graded"]
    heights = {probe: _HEADER_ROWS + int((graded["probe"] == probe).sum()) for probe in probes}
    if sum(heights.values()) <= _CHART_ROWS:
        return (tuple(probes),) if probes else ()
    parts: list[list[str]] = []
    for _, alike in groupby(probes, key=lambda probe: is_interpretable(probe, comparisons)):
        parts.append([])
        for probe in alike:
            if parts[-1] and sum(heights[other] for other in parts[-1]) + heights[probe] > _CHART_ROWS:
                parts.append([])
            parts[-1].append(probe)
    return tuple(tuple(part) for part in parts)


def _picture(comparisons: pd.DataFrame, shown: _Shown, *, contrast: str, tuned: str) -> Picture:
    wide, narrow = (
        reduction_chart(comparisons, contrast=contrast, tuned=tuned, names=shown.names, width=width)
        for width in (WIDE, NARROW)
    )
    return picture(wide, narrow, alt=reduction_finding(comparisons, contrast=contrast, tuned=tuned).description)


def _cell_rows(
    rows: Sequence[Mapping[str, Any]], saturated: frozenset[tuple[str, str]]
) -> tuple[CellRow, ...]:  # Any: pandas cells
    forms_of_each = list(with_equal_lengths(rows))
    shown_cells = [
        list(forms) for _, forms in groupby(forms_of_each, key=lambda row: (bool(row["declared"]), str(row["feature"])))
    ]
    return tuple(
        _cell_row(row, saturated, span=len(forms) if number == 0 else 0)
        for forms in shown_cells
        for number, row in enumerate(forms)
    )


def _cell_row(
    row: Mapping[str, Any], saturated: frozenset[tuple[str, str]], *, span: int
) -> CellRow:  # Any: pandas cells
    verdict, status = str(row["verdict"]), clean(row["status"])
    graded = str(row["metric"]) == "graded" and not row.get(OF_EQUAL_LENGTH)
    return CellRow(
        span=str(span),
        feature=clean(row["feature"]),
        form=form_of(row, form=_form(row, graded=graded)),
        carries_verdict=graded,
        first=_levels(row, "first", status),
        second=_levels(row, "second", status),
        change=status if status != "ok" else _change(row),
        p_adjusted=_adjusted(row),
        verdict=clean(verdict),
        css_class=verdict_class(verdict),
        symbol=VERDICT_SYMBOLS.get(verdict, "•"),
        notes=_notes(row, saturated) if graded else (),
    )


def _adjusted(row: Mapping[str, Any]) -> str:  # Any: pandas cells
    """Return p of no difference in size, corrected; an exploratory one says so."""
    if row["exploratory"]:
        found = p_value(present(row["p_bh"]))
        return found if found == "–" else f"{found} (exploratory)"
    return p_value(present(row["p_holm"]))


def _form(row: Mapping[str, Any], *, graded: bool) -> str:  # Any: pandas cells
    if not graded:
        return "by sign alone"
    size = f"by degree, {count(row['n_items'])} items in {count(row['n_clusters'])} clusters"
    return size if row["declared"] else f"{size}; features pooled"


def _change(row: Mapping[str, Any]) -> str:  # Any: pandas cells
    """Return D with its interval, or that all clusters have the same D: an interval of no width would say certain."""
    value, low, high = (present(row[name]) for name in ("reduction", "ci_low", "ci_high"))
    if value is not None and low == high == value:
        return f"{number(value)} in every cluster"
    return with_interval(value, low, high)


def _levels(row: Mapping[str, Any], arm: str, status: str) -> str:  # Any: pandas cells
    value, low, high = (present(row[f"{arm}_{part}"]) for part in ("value", "ci_low", "ci_high"))
    return with_interval(value, low, high, otherwise=status if status != "ok" else "not measured")


def _is_competence_known(row: Mapping[str, Any]) -> bool:  # Any: pandas cells
    return all(present(row[f"competence_{arm}"]) is not None for arm in ("first", "second"))


def _notes(row: Mapping[str, Any], saturated: frozenset[tuple[str, str]]) -> tuple[str, ...]:  # Any: pandas cells
    notes = [clean(row["verdict_reason"], limit=300), *disagreement(row)]
    smallest = present(row["smallest_detectable_change"])
    if smallest is not None and str(row["verdict"]) in _NEEDS_POWER:
        notes.append(f"Smallest detectable change at 80\u00a0% power: {number(smallest)}")
    if (str(row["probe"]), str(row["feature"])) in saturated:
        notes.append("The sign form is saturated: over 95\u00a0% of the items lie on one side")
    if row["competence_fell"]:
        notes.append("Competence fell")
    if str(row["contrast"]) != Contrast.INTERACTION.value and not _is_competence_known(row):
        notes.append("Competence was not measured in both arms: nothing shows that the model reads these items")
    low, high = present(row["framings_low"]), present(row["framings_high"])
    agree = present(row["framings_agree"])
    if low is not None and high is not None and agree is not None and low != high:
        notes.append(
            f"D over the wordings of the request: {number(low)} to {number(high)}; "
            f"{percent(agree, decimals=0)} of them on the same side of 0"
        )
    return tuple(f"{note[0].upper()}{note[1:]}" for note in notes if note)


def _view(source: Source) -> Cells:
    return cells(source.audit, source.names)


SECTION: Final = Section(name="cells", title="Probes and features", template="cells.html.jinja", view=_view)
