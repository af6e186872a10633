"""Does a reduction hold under other words: each claimed one under every perturbation, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from biasaudit.record.perturbed_facts import Perturbed, perturbed_of
from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding, domain
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.row_chart import Mark, Panel, Row, Words, base_arm, rows_chart, tuned_arms
from biasaudit.report.parts.item_form import ItemForm, item_form, known
from biasaudit.report.section import Section, Source
from biasaudit.report.words.facts import counted
from biasaudit.report.words.robust import robustness_finding, robustness_rows
from biasaudit.report.words.wording import (
    NOT_MEASURED,
    chart_label,
    clean,
    number,
    p_value,
    present,
    records,
    verdict_class,
    with_interval,
)
from biasaudit.types import Checkpoint, Robustness, Role

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

PLAIN_ROW: Final = "as it is"
MOST_DRAWN: Final = 6
"""Comparisons that are drawn; the table has all."""

MOST_ITEMS: Final = 3
"""Items that are shown of a comparison."""

_ARMS: Final = ("base", "tuned")

Records = Sequence[Mapping[str, Any]]  # Any: pandas cells


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderRow:
    """One perturbation of one comparison."""

    perturbation: str
    summary: str
    base: str
    tuned: str
    reduction: str
    loss: str
    loss_p: str
    holds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRow:
    """One comparison over all perturbations.

    Attributes
    ----------
    name : str
        Probe, feature and, of several, the tuned checkpoint.
    verdict, css_class, why : str
    worst, worst_reduction, worst_low, worst_index, worst_index_high : str
    typical, spread : str
    under : tuple of UnderRow
        The least reduction first.
    items : tuple of ItemForm
        Those that lean most under the worst perturbation of which something is claimed.
    """

    name: str
    verdict: str
    css_class: str
    why: str
    worst: str
    worst_reduction: str
    worst_low: str
    worst_index: str
    worst_index_high: str
    typical: str
    spread: str
    under: tuple[UnderRow, ...]
    items: tuple[ItemForm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustnessSection:
    """All comparisons of the probes that were perturbed."""

    finding: str
    asked: str
    contrast: str
    rows: tuple[CellRow, ...]
    unclaimed: tuple[CellRow, ...]
    pictures: tuple[Picture, ...]
    not_made: tuple[tuple[str, str], ...]


def _view(source: Source) -> RobustnessSection | None:
    facts = perturbed_of(source.audit.manifest.perturbed)
    tables = source.audit.tables
    if facts is None or "robustness" not in tables:
        return None
    rows = robustness_rows(source.audit)
    several = len({row["tuned"] for row in rows}) > 1
    by_cell: dict[tuple[str, str, str], list[dict[str, Any]]] = {}  # Any: pandas cells
    for row in records(tables["variants"]):
        by_cell.setdefault(_cell(row), []).append(row)
    found = [_row(source, facts, row, by_cell[_cell(row)], several=several) for row in rows]
    claimed = [one for row, one in zip(rows, found, strict=True) if row["verdict"] != Robustness.NO_REDUCTION.value]
    rest = [one for row, one in zip(rows, found, strict=True) if row["verdict"] == Robustness.NO_REDUCTION.value]
    drawn = [row for row in rows if row["verdict"] != Robustness.NO_REDUCTION.value] or rows
    return RobustnessSection(
        finding=robustness_finding(rows),
        asked=f"{counted(len(facts.of_reductions), 'perturbation', 'perturbations')} (set {clean(facts.name)})",
        contrast=facts.contrast,
        rows=tuple(claimed),
        unclaimed=tuple(rest),
        pictures=tuple(_picture(source, row, by_cell[_cell(row)], several=several) for row in drawn[:MOST_DRAWN]),
        not_made=tuple(
            (source.names.get(probe, clean(probe)), f"{clean(name)}: {clean(why, limit=300)}")
            for probe, of_probe in sorted(facts.not_made.items())
            for name, why in of_probe.items()
        ),
    )


def _cell(row: Mapping[str, Any]) -> tuple[str, str, str]:  # Any: pandas cells
    return str(row["tuned"]), str(row["probe"]), str(row["feature"])


def _name(source: Source, row: Mapping[str, Any], *, several: bool) -> str:  # Any: pandas cells
    tuned = f"{clean(row['tuned'])}, " if several else ""
    return f"{tuned}{source.names.get(str(row['probe']), clean(row['probe']))}, {clean(row['feature'])}"


def _row(
    source: Source, facts: Perturbed, row: Mapping[str, Any], under: Records, *, several: bool
) -> CellRow:  # Any: pandas cells
    broken = f" by {row['broken_by']}" if row["broken_by"] else ""
    spread = present(row["spread"])
    return CellRow(
        name=_name(source, row, several=several),
        verdict=f"{row['verdict']}{broken}",
        css_class=verdict_class(str(row["verdict"])),
        why=clean(row["reason"], limit=600),
        worst=clean(row["worst"]) or NOT_MEASURED,
        worst_reduction=_three(row, "worst_reduction", "worst_"),
        worst_low=_one(row["worst_low"]),
        worst_index=_three(row, "worst_index", "worst_index_"),
        worst_index_high=_one(row["worst_index_high"]),
        typical=_three(row, "typical", "typical_"),
        spread=NOT_MEASURED if spread is None else number(spread),
        under=tuple(_under(facts, one) for one in _in_order(row, under)),
        items=_items(source.audit, row, under) if row["verdict"] != Robustness.NO_REDUCTION.value else (),
    )


def _in_order(row: Mapping[str, Any], under: Records) -> list[Mapping[str, Any]]:  # Any: pandas cells
    """Return the rows of perturbations, the least reduction first, those without a number last."""
    side = -1.0 if (present(row["typical"]) or 0.0) < 0 else 1.0

    def size(one: Mapping[str, Any]) -> float:  # Any: pandas cells
        value = present(one["reduction"])
        return float("inf") if value is None else side * value

    return sorted(under, key=size)


def _under(facts: Perturbed, one: Mapping[str, Any]) -> UnderRow:  # Any: pandas cells
    name = str(one["perturbation"])
    held = {"yes": "yes", "no": "not shown"}.get(str(one["holds"]), "")
    return UnderRow(
        perturbation=clean(name),
        summary=clean(facts.perturbations[name].summary) if name in facts.perturbations else "",
        base=_three(one, "first_value", "first_"),
        tuned=_three(one, "second_value", "second_"),
        reduction=_three(one, "reduction", ""),
        loss=_three(one, "loss", "loss_"),
        loss_p=p_value(present(one["loss_p"])),
        holds=held or f"not claimed: {clean(one['why_not'], limit=300) or one['status']}",
    )


def _three(row: Mapping[str, Any], value: str, prefix: str) -> str:  # Any: pandas cells
    found = present(row[value])
    if found is None:
        return NOT_MEASURED
    return with_interval(found, present(row[f"{prefix}ci_low"]), present(row[f"{prefix}ci_high"]))


def _one(value: object) -> str:
    found = present(value)
    return NOT_MEASURED if found is None else number(found)


def _items(audit: AuditRecord, row: Mapping[str, Any], under: Records) -> tuple[ItemForm, ...]:  # Any: pandas cells
    """Return the items that lean most in the tuned checkpoint under the worst perturbation."""
    variant = next((str(one["variant"]) for one in under if one["perturbation"] == row["worst"]), "")
    scores = audit.tables["variant_scores"]
    chosen = scores[
        (scores["probe"] == variant)
        & (scores["feature"] == row["feature"])
        & (scores["checkpoint"] == row["tuned"])
        & (scores["role"] == Role.BIAS.value)
        & (scores["status"] == "ok")
    ]
    if not len(chosen):
        return ()
    # Of one wording a single item: the others say the same of other words.
    strongest = chosen.loc[chosen["d_nats"].abs().sort_values(ascending=False, kind="stable").index]
    strongest = strongest.drop_duplicates("cluster_id").head(MOST_ITEMS)
    items = [(variant, str(item)) for item in strongest["item_id"]]
    perturbed = replace(
        audit, items=audit.tables["variant_items"], responses=audit.tables["variant_responses"], scores=scores
    )
    gathered = known(perturbed, items)
    return tuple(item_form(gathered, item, (Checkpoint.BASE.value, str(row["tuned"]))) for item in items)


def _picture(source: Source, row: Mapping[str, Any], under: Records, *, several: bool) -> Picture:  # Any: as above
    name = _name(source, row, several=several)
    rows = _in_order(row, under)
    least = next((one for one in rows if present(one["reduction"]) is not None), None)
    said = "" if least is None else f"; least is left under {clean(least['perturbation'])}"
    finding = Finding(
        title=chart_label(f"{name}: {row['verdict']}", limit=70),
        description=(
            f"Dot chart of the lean of base (open circle) and tuned model (filled diamond) in {name}, one row "
            f"without a perturbation and one for each of {len(rows)}, the least reduction first{said}. The table "
            "holds the same numbers."
        ),
    )
    plain = _plain_row(source.audit.comparisons, row)
    wide, narrow = (_chart([plain, *rows], finding, width=width) for width in (WIDE, NARROW))
    return picture(wide, narrow, alt=finding.description)


def _plain_row(comparisons: pd.DataFrame, row: Mapping[str, Any]) -> dict[str, Any]:  # Any: pandas cells
    found = comparisons[
        (comparisons["tuned"] == row["tuned"])
        & (comparisons["contrast"] == row["contrast"])
        & (comparisons["probe"] == row["probe"])
        & (comparisons["feature"] == row["feature"])
        & (comparisons["metric"] == "graded")
    ]
    return {**(records(found)[0] if len(found) else {}), "perturbation": PLAIN_ROW}


def _chart(rows: Records, finding: Finding, *, width: int) -> alt.VConcatChart:
    drawn, words = [], []
    for at, row in enumerate(rows):
        marks = [
            Mark(row=at, arm=arm, value=value, low=low, high=high)
            for arm, side in zip(_ARMS, ("first", "second"), strict=True)
            if (value := present(row.get(f"{side}_value"))) is not None
            and (low := present(row.get(f"{side}_ci_low"))) is not None
            and (high := present(row.get(f"{side}_ci_high"))) is not None
        ]
        drawn += marks
        if not marks:
            words.append(Words(row=at, text=NOT_MEASURED))
    low, high = domain([end for mark in drawn for end in (mark.low, mark.high)])
    title = "Lean (0: none)" if width < WIDE else "Lean: 0 is none, above it is with the stereotype"
    panel = Panel(title=title, marks=tuple(drawn), ends=(low, high), guides=(0.0,), words=tuple(words))
    labels = [Row(label=str(row["perturbation"])) for row in rows]
    looks = (base_arm(_ARMS[0]), *tuned_arms(_ARMS[1:]))
    return rows_chart(labels, [panel], looks, finding, width=width, joined=True)


SECTION: Final = Section(name="robustness", title="Other words", template="robustness.html.jinja", view=_view)
