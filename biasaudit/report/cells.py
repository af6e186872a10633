"""The comparisons, one table per tuned checkpoint and contrast, with their charts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts import NARROW, reduction_chart, reduction_finding
from biasaudit.report.pictures import Picture, picture
from biasaudit.report.wording import (
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

    from biasaudit.audits.result import Audit

DRAWN: Final = (Contrast.WEIGHTS_PLAIN.value, Contrast.AS_DEPLOYED.value)
"""Contrasts with a chart."""

SHOWN: Final = (Contrast.WEIGHTS_PLAIN.value, Contrast.TEMPLATE_TUNED.value, Contrast.AS_DEPLOYED.value)
"""Contrasts that stand open; the others are folded."""

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
    reduction: str
    p_holm: str
    verdict: str
    css_class: str
    symbol: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeCells:
    """The rows of one probe."""

    name: str
    rows: tuple[CellRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastView:
    """One contrast of one tuned checkpoint."""

    tuned: str
    contrast: str
    anchor: str
    explained: str
    first_arm: str
    second_arm: str
    finding: str
    probes: tuple[ProbeCells, ...]
    picture: Picture | None


def contrast_views(audit: Audit, names: Mapping[str, str]) -> tuple[ContrastView, ...]:
    """Return every contrast that was compared, those that are shown open first.

    Parameters
    ----------
    audit : Audit
    names : mapping
        Probe -> name to show.
    """
    there = {(str(row["tuned"]), str(row["contrast"])) for row in records(audit.comparisons[["tuned", "contrast"]])}
    order = [*SHOWN, *(value.value for value in Contrast if value.value not in SHOWN)]
    order += sorted({contrast for _, contrast in there} - set(order))
    saturated = saturated_arms(audit)
    return tuple(
        _contrast_view(audit, names, tuned=tuned, contrast=contrast, anchor=f"contrast-{number}", saturated=saturated)
        for number, (tuned, contrast) in enumerate(
            (tuned, contrast)
            for contrast in order
            for tuned in sorted({name for name, _ in there})
            if (tuned, contrast) in there
        )
    )


def saturated_arms(audit: Audit) -> frozenset[tuple[str, str]]:
    """Return the probes and features whose index is at its limit in some checkpoint."""
    rows = records(audit.estimates[audit.estimates["saturated"]])
    return frozenset((str(row["probe"]), str(row["feature"])) for row in rows)


def _contrast_view(
    audit: Audit,
    names: Mapping[str, str],
    *,
    tuned: str,
    contrast: str,
    anchor: str,
    saturated: frozenset[tuple[str, str]],
) -> ContrastView:
    comparisons = audit.comparisons
    rows = records(comparisons[(comparisons["tuned"] == tuned) & (comparisons["contrast"] == contrast)])
    rows.sort(key=lambda row: (bool(row["declared"]), str(row["feature"]), str(row["metric"]) != "graded"))
    finding = reduction_finding(comparisons, contrast=contrast, tuned=tuned)
    first_arm, second_arm = ARMS.get(contrast, ("first arm", "second arm"))
    drawn = None
    if contrast in DRAWN:
        wide = reduction_chart(comparisons, contrast=contrast, tuned=tuned, names=names)
        narrow = reduction_chart(comparisons, contrast=contrast, tuned=tuned, names=names, width=NARROW)
        drawn = picture(wide, narrow, alt=finding.description)
    return ContrastView(
        tuned=clean(tuned),
        contrast=clean(contrast),
        anchor=anchor,
        explained=EXPLAINED.get(contrast, ""),
        first_arm=first_arm,
        second_arm=second_arm,
        finding=finding.title,
        probes=tuple(
            ProbeCells(
                name=names.get(probe, clean(probe)),
                rows=_cell_rows([row for row in rows if str(row["probe"]) == probe], saturated),
            )
            for probe in sorted({str(row["probe"]) for row in rows})
        ),
        picture=drawn,
    )


def _cell_rows(
    rows: Sequence[Mapping[str, Any]], saturated: frozenset[tuple[str, str]]
) -> tuple[CellRow, ...]:  # Any: pandas cells
    cells = [list(forms) for _, forms in groupby(rows, key=lambda row: (bool(row["declared"]), str(row["feature"])))]
    return tuple(
        _cell_row(row, saturated, span=len(forms) if number == 0 else 0)
        for forms in cells
        for number, row in enumerate(forms)
    )


def _cell_row(
    row: Mapping[str, Any], saturated: frozenset[tuple[str, str]], *, span: int
) -> CellRow:  # Any: pandas cells
    verdict, status = str(row["verdict"]), clean(row["status"])
    graded = str(row["metric"]) == "graded"
    return CellRow(
        span=str(span),
        feature=clean(row["feature"]),
        form=_form(row, graded=graded),
        carries_verdict=graded,
        first=_levels(row, "first", status),
        second=_levels(row, "second", status),
        reduction=status
        if status != "ok"
        else with_interval(present(row["reduction"]), present(row["ci_low"]), present(row["ci_high"])),
        p_holm=p_value(present(row["p_holm"])),
        verdict=clean(verdict),
        css_class=verdict_class(verdict),
        symbol=VERDICT_SYMBOLS.get(verdict, "•"),
        notes=_notes(row, saturated) if graded else (),
    )


def _form(row: Mapping[str, Any], *, graded: bool) -> str:  # Any: pandas cells
    if not graded:
        return "sign, as published"
    size = f"graded, {count(row['n_items'])} items in {count(row['n_clusters'])} clusters"
    return size if row["declared"] else f"{size}; features pooled, outside the corrected family"


def _levels(row: Mapping[str, Any], arm: str, status: str) -> str:  # Any: pandas cells
    value, low, high = (present(row[f"{arm}_{part}"]) for part in ("value", "ci_low", "ci_high"))
    return with_interval(value, low, high, otherwise=status if status != "ok" else "not measured")


def _notes(row: Mapping[str, Any], saturated: frozenset[tuple[str, str]]) -> tuple[str, ...]:  # Any: pandas cells
    notes = [clean(row["verdict_reason"], limit=300)]
    smallest = present(row["smallest_detectable_change"])
    if smallest is not None and str(row["verdict"]) in _NEEDS_POWER:
        notes.append(f"Smallest detectable change at 80\u00a0% power: {number(smallest)}")
    if (str(row["probe"]), str(row["feature"])) in saturated:
        notes.append("The sign form is saturated: over 95\u00a0% of the items lie on one side")
    if row["competence_fell"]:
        notes.append("Competence fell")
    low, high = present(row["framings_low"]), present(row["framings_high"])
    agree = present(row["framings_agree"])
    if low is not None and high is not None and agree is not None and low != high:
        notes.append(
            f"D over the wordings of the request: {number(low)} to {number(high)}; "
            f"{percent(agree, decimals=0)} of them on the same side of 0"
        )
    return tuple(f"{note[0].upper()}{note[1:]}" for note in notes if note)
