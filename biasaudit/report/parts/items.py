"""The items that changed sides: how many of each comparison lost or gained a lean, and the strongest of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.part import Part
from biasaudit.report.parts.strongest import AT_MOST, Evidence, evidence
from biasaudit.report.section import Source
from biasaudit.report.words.places import Cell, cell_places
from biasaudit.report.words.wording import ARMS, clean, count, records
from biasaudit.types import Contrast, stage_place

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

FATES: Final[Mapping[str, str]] = {
    "inherited": "kept its lean",
    "removed": "lost it",
    "introduced": "gained one",
    "never": "never had one",
    "missing": "not scored",
}
"""What may have become of an item -> what the legend says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPart:
    """Items of one fate; `width` is a CSS percentage of the bar."""

    fate: str
    said: str
    n_items: str
    width: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """The fates of the items of one comparison; `place` is the id of its row."""

    feature: str
    tuned: str
    place: str
    parts: tuple[FlowPart, ...]
    in_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The fates of all items of a probe, and the items that changed sides most.

    Attributes
    ----------
    ways : tuple of str
        The two models, or ways of asking, between which the fates are told.
    fates : tuple of (str, str)
        CSS class and words of each; of items that were not scored only where there are any.
    flows : tuple of FlowRow
    evidence : tuple of Evidence
        By tuned checkpoint, in plain framing.
    has_several : bool
        Whether there are several tuned checkpoints.
    are_of_plain : bool
        Whether the fates are told of what `evidence` is about: of either model on plain text.
    """

    ways: tuple[str, str]
    fates: tuple[tuple[str, str], ...]
    flows: tuple[FlowRow, ...]
    evidence: tuple[Evidence, ...]
    has_several: bool
    are_of_plain: bool
    texts_left_out: bool
    is_shaded: bool
    most_items: str


def items(source: Source) -> dict[str, Items]:
    """Return probe -> what happened to its items, of every probe that was compared or asked in plain framing."""
    audit = source.audit
    contrast = flow_contrast(audit)
    flows = flow_rows(audit, contrast)
    found = evidence(audit, _places(audit, contrast), contrast=contrast)
    return {probe: _shown(contrast, flows.get(probe, ()), found.get(probe, ())) for probe in {**flows, **found}}


def _shown(contrast: str, flows: tuple[FlowRow, ...], found: tuple[Evidence, ...]) -> Items:
    flips = [flip for one in found for direction in one.directions for flip in direction.flips]
    return Items(
        ways=ARMS.get(contrast, ("first", "second")),
        fates=tuple(fate for fate in FATES.items() if fate[0] in {part.fate for row in flows for part in row.parts}),
        flows=flows,
        evidence=found,
        has_several=len({row.tuned for row in flows} | {one.tuned for one in found}) > 1,
        are_of_plain=contrast == Contrast.WEIGHTS_PLAIN.value,
        texts_left_out=any(not flip.form.has_texts for flip in flips),
        is_shaded=any(flip.shadings for flip in flips),
        most_items=str(AT_MOST),
    )


def flow_contrast(audit: AuditRecord) -> str:
    """Return the contrast whose flows are shown: that of the headline, else the weights in plain framing."""
    return audit.headlines[0].contrast if audit.headlines else Contrast.WEIGHTS_PLAIN.value


def _places(audit: AuditRecord, contrast: str) -> dict[Cell, str]:
    """Return the ids of the rows of the declared comparisons of a contrast."""
    rows = audit.comparisons[(audit.comparisons["contrast"] == contrast) & audit.comparisons["declared"]]
    declared = set(zip(rows["tuned"], rows["contrast"], rows["probe"], rows["feature"], strict=True))
    return {cell: place for cell, place in cell_places(audit.comparisons).items() if cell in declared}


def flow_rows(audit: AuditRecord, contrast: str) -> dict[str, tuple[FlowRow, ...]]:
    """Return probe -> the flows of its comparisons, the checkpoints in the order in which they were made."""
    rows = audit.comparisons[(audit.comparisons["metric"] == "graded") & audit.comparisons["declared"]]
    places = _places(audit, contrast)
    chosen = records(rows[rows["contrast"] == contrast])
    chosen.sort(key=lambda row: (str(row["probe"]), *stage_place(str(row["tuned"])), str(row["feature"])))
    found: dict[str, list[FlowRow]] = {}
    for row in chosen:
        cell = (str(row["tuned"]), contrast, str(row["probe"]), str(row["feature"]))
        found.setdefault(str(row["probe"]), []).append(_flow_row(row, places.get(cell, "")))
    return {probe: _scored(tuple(own)) for probe, own in found.items()}


def _scored(rows: tuple[FlowRow, ...]) -> tuple[FlowRow, ...]:
    """Leave out how many items were not scored where all were."""
    if any(part.fate == "missing" and part.n_items != "0" for row in rows for part in row.parts):
        return rows
    return tuple(replace(row, parts=tuple(part for part in row.parts if part.fate != "missing")) for row in rows)


def _flow_row(row: Mapping[str, Any], place: str) -> FlowRow:  # Any: pandas cells
    counts = {fate: int(row[f"flow_{fate}"]) for fate in FATES}
    total = sum(counts.values()) or 1
    return FlowRow(
        feature=clean(row["feature"]),
        tuned=clean(row["tuned"]),
        place=place,
        parts=tuple(
            FlowPart(fate=fate, said=FATES[fate], n_items=count(n_items), width=f"{100 * n_items / total:.2f}%")
            for fate, n_items in counts.items()
        ),
        in_words=", ".join(f"{n_items} {FATES[fate]}" for fate, n_items in counts.items()),
    )


def _has_items(shown: Items) -> bool:
    return bool(shown.evidence)


PART: Final = Part(
    name="items",
    title="The items that changed sides",
    template="parts/items.html.jinja",
    views=items,
    has_script=_has_items,
)
