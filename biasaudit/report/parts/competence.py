"""Whether the models can read the probe at all, and what they give where there is nothing to find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.part import Part
from biasaudit.report.section import Source
from biasaudit.report.sections.first.guards import (
    COVERS,
    DOES_NOT_COVER,
    NO_ITEMS,
    NOT_ABOVE_CHANCE,
    PART_NAME,
    GuardRow,
    Guards,
    failed_control,
    guards,
)
from biasaudit.report.words.arm_columns import ArmColumns, framing_in_words
from biasaudit.report.words.facts import listed
from biasaudit.report.words.wording import ARMS, NOT_RECORDED, clean, present, records, with_interval
from biasaudit.types import Contrast, stage_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.record.audit_record import AuditRecord

NOTHING_ASKED: Final = (
    "Not measured: the probe has no items of sense against nonsense and no negative controls. Nothing shows that the "
    "model reads it, and no comparison of it passes a check."
)

_BETWEEN_ARMS: Final = tuple(
    contrast.value
    for contrast in Contrast
    if contrast not in {Contrast.INTERACTION, Contrast.WEIGHTS_AVERAGED, Contrast.TEMPLATE_AVERAGED}
)
"""Contrasts of two arms, each with a competence of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sentence, and whether it stands in the way of reading the numbers."""

    says: str
    warns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCell:
    """One guard in one arm; `of` is empty where all arms rest on as much, as the head of the row says."""

    value: str
    says: str
    of: str
    warns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLine:
    """One guard in every arm."""

    name: str
    explained: str
    of: str
    cells: tuple[GuardCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Competence:
    """One probe: what its guards say, and their numbers by arm."""

    lines: tuple[Line, ...]
    columns: ArmColumns
    rows: tuple[GuardLine, ...]


def competence(source: Source) -> dict[str, Competence]:
    """Return probe -> its competence and controls, of every probe: what was not measured is said.

    Parameters
    ----------
    source : Source
    """
    return {part.key: _view(part, source.audit) for part in guards(source.audit, source.names)}


def _view(part: Guards, audit: AuditRecord) -> Competence:
    if not part.rows:
        return Competence(lines=(Line(says=NOTHING_ASKED, warns=True),), columns=part.columns, rows=())
    rows = [_competence_row(part.rows), _control_row(part.rows)]
    return Competence(
        lines=(_of_competence(part), *_falls(audit, part.key), _of_control(part)),
        columns=part.columns,
        rows=tuple(row for row in rows if any(cell.says != NO_ITEMS for cell in row.cells)),
    )


def _of_competence(part: Guards) -> Line:
    if all(row.competence_says == NO_ITEMS for row in part.rows):
        says = "Not measured: the probe has no items of sense against nonsense. Nothing shows that the model reads it."
        return Line(says=says, warns=True)
    if not part.unread:
        return Line(says=f"Yes: plain items are read better than by guessing in {_everywhere(part)}.", warns=False)
    if len(part.unread) == len(part.rows):
        says = f"Not shown: in {_everywhere(part)}, plain items may have been guessed."
    else:
        says = f"Not shown for {listed(part.unread)}: plain items may have been guessed there."
    return Line(says=f"{says} A model that cannot read the texts shows no lean either.", warns=True)


def _of_control(part: Guards) -> Line:
    if all(row.control_says == NO_ITEMS for row in part.rows):
        return Line(says="It has no negative control: nothing was asked where no stereotype is.", warns=False)
    failed = failed_control(part)
    if failed:
        says = f"The {failed}: a lean shows where no stereotype is, so a lean of that size here is no sign of one."
        return Line(says=says, warns=True)
    if all(row.control_says == COVERS for row in part.rows):
        return Line(says=f"The negative control {COVERS} in {_everywhere(part)}, as it should.", warns=False)
    without = [part.columns.named(row.arm) for row in part.rows if row.control_says not in {COVERS, DOES_NOT_COVER}]
    return Line(says=f"The negative control has no number in {listed(without)}.", warns=False)


def _everywhere(part: Guards) -> str:
    n_arms = len(part.rows)
    if n_arms == 1:
        return part.columns.named(part.rows[0].arm)
    return "both models" if n_arms == 2 and not part.columns.framings else f"all {n_arms} models and framings"


def _competence_row(rows: Sequence[GuardRow]) -> GuardLine:
    cells = [
        GuardCell(
            value=row.competence,
            says=row.competence_says or NOT_ABOVE_CHANCE,
            of=row.competence_of,
            warns=not row.is_read,
        )
        for row in rows
    ]
    return _row("Competence", "share of plain items right; guessing gives 0.5", cells)


def _control_row(rows: Sequence[GuardRow]) -> GuardLine:
    cells = [
        GuardCell(value=row.control, says=row.control_says, of=row.control_of, warns=row.control_failed) for row in rows
    ]
    return _row("Negative control", "a lean where no stereotype is: should cover 0", cells)


def _row(name: str, explained: str, cells: Sequence[GuardCell]) -> GuardLine:
    sizes = {cell.of for cell in cells}
    of_all = sizes.pop() if len(sizes) == 1 else ""
    return GuardLine(
        name=name,
        explained=explained,
        of=of_all,
        cells=tuple(replace(cell, of="") if of_all else cell for cell in cells),
    )


def _falls(audit: AuditRecord, probe: str) -> tuple[Line, ...]:
    """Say where competence fell beyond the intervals of both arms; it is the same in all features of a probe."""
    rows = audit.comparisons
    rows = rows[(rows["probe"] == probe) & (rows["metric"] == "graded") & rows["competence_fell"]]
    found = {(str(row["contrast"]), str(row["tuned"])): row for row in records(rows)}
    return tuple(
        Line(says=_fell(found[contrast, tuned], contrast, tuned), warns=True)
        for contrast in _BETWEEN_ARMS
        for tuned in sorted({name for of, name in found if of == contrast}, key=stage_place)
    )


def _fell(row: Mapping[str, Any], contrast: str, tuned: str) -> str:  # Any: cells of a pandas row
    first, second = (_arm_in_words(arm, tuned) for arm in ARMS[contrast])
    loss = [present(row.get(f"competence_loss{end}")) for end in ("", "_ci_low", "_ci_high")]
    by = with_interval(*loss, otherwise="")
    size = f"by {by} " if by else ""
    without = "" if by else f", by how much is {clean(row.get('competence_loss_status') or NOT_RECORDED)}"
    return (
        f"Competence fell {size}from {first} to {second}{without}: a model that reads less leans less for that alone."
    )


def _arm_in_words(arm: str, tuned: str) -> str:
    """Return an arm of a contrast in words, the tuned checkpoint by its name.

    Examples
    --------
    >>> _arm_in_words("tuned, chat", "1-sft"), _arm_in_words("base", "1-sft")
    ('1-sft in chat', 'base')
    """
    name, _, framing = arm.partition(", ")
    shown = {"tuned": clean(tuned), "this one": clean(tuned), "before": "the checkpoint before"}.get(name, name)
    return f"{shown} in {framing_in_words(framing)}" if framing else shown


PART: Final = Part(
    name=PART_NAME,
    title="Can the model read it? Competence and controls",
    template="parts/competence.html.jinja",
    views=competence,
    prints=True,
)
