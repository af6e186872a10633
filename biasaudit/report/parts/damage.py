"""What tuning broke beside the bias: what a good model keeps, its slot, and what nobody meant to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from biasaudit.kinds.association import ASSOCIATION
from biasaudit.report.part import Part
from biasaudit.report.parts.competence import Line
from biasaudit.report.section import Source
from biasaudit.report.words.contrasts import sides_of, title_of
from biasaudit.report.words.facts import listed, mapping
from biasaudit.report.words.wording import NOT_MEASURED, clean, number, present, records, with_interval
from biasaudit.stats.verdict import LEAST_RATIO, MOST_LICENSED_DROP, is_blunted, licensed_fell
from biasaudit.types import Contrast, Estimate, Status, stage_place

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

Row: TypeAlias = Mapping[str, Any]  # Any: cells of a pandas row

UNKNOWN: Final = (
    "Not measured: the audit has no licensed associations of it. Nothing shows whether a smaller lean here is damage."
)
_ALL: Final = "all"
_AS_BEFORE: Final = (LEAST_RATIO, 1.0)
"""What an interval of a ratio must be seen to be clear of, where it is."""
_SHOWN: Final = (Contrast.AS_DEPLOYED, Contrast.WEIGHTS_PLAIN, Contrast.WEIGHTS_CHAT)
"""Contrasts between the base and a tuned model; the last only where there is no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageRow:
    """One feature: both sides' share of the right word and mass of the slot, with what was lost; and blunting."""

    feature: str
    right: tuple[str, str]
    lost: str
    mass: tuple[str, str]
    blunting: str
    of: str
    is_damaged: bool
    is_blunted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageTable:
    """One tuned model in one contrast; the sides in words."""

    title: str
    first: str
    second: str
    rows: tuple[DamageRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One probe."""

    lines: tuple[Line, ...]
    tables: tuple[DamageTable, ...]


def damage(source: Source) -> dict[str, Damage]:
    """Return probe -> what tuning broke, of association probes and of others that have licensed items.

    Parameters
    ----------
    source : Source
    """
    by_probe = _rows(source.audit)
    facts = mapping(source.recorded.get("probes"))
    associations = {str(name) for name, found in facts.items() if mapping(found).get("kind") == ASSOCIATION.name}
    return {probe: _view(by_probe.get(probe, ())) for probe in sorted(associations | set(by_probe))}


def _rows(audit: AuditRecord) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in records(audit.damage) if audit.damage is not None else ():
        found.setdefault(str(row["probe"]), []).append(row)
    return found


def _view(rows: Sequence[Row]) -> Damage:
    if not any(row["licensed_items"] for row in rows):
        return Damage(lines=(Line(says=UNKNOWN, warns=True),), tables=())
    contrasts = [one for one in _SHOWN if any(row["contrast"] == one.value for row in rows)]
    shown = contrasts[:-1] if len(contrasts) == len(_SHOWN) else contrasts
    tuned = sorted({str(row["tuned"]) for row in rows}, key=stage_place)
    tables = {
        (name, contrast): _features([row for row in rows if (row["tuned"], row["contrast"]) == (name, contrast)])
        for name in tuned
        for contrast in (one.value for one in shown)
    }
    return Damage(
        lines=tuple(_lines(tables)),
        tables=tuple(
            _table(found, tuned=name if len(tuned) > 1 else "", contrast=contrast)
            for (name, contrast), found in tables.items()
        ),
    )


def _features(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of features; the pooled one only where there is no other."""
    return [row for row in rows if row["feature"] != _ALL] or list(rows)


def _lines(tables: Mapping[tuple[str, str], Sequence[Row]]) -> Iterator[Line]:
    for says, holds in (
        (f"More than {MOST_LICENSED_DROP:g} of what a good model keeps is lost", _fell),
        (f"Less than {LEAST_RATIO:g} of the differences is left where nothing was tuned", _blunted),
    ):
        places = [
            f"{clean(row['feature'])} ({clean(tuned)}, {clean(contrast)})"
            for (tuned, contrast), rows in tables.items()
            for row in rows
            if holds(row)
        ]
        if places:
            yield Line(says=f"{says}: {listed(places)}. A smaller lean there counts as no reduction.", warns=True)
    rows = [row for found in tables.values() for row in found]
    unknown = sorted({clean(row["feature"]) for row in rows if row["licensed_status"] != Status.OK.value})
    if unknown:
        yield Line(
            says=f"Not measured of {listed(unknown)}: nothing shows whether a smaller lean there is damage.", warns=True
        )
    dull = sorted({clean(row["feature"]) for row in rows if row["blunting_status"] != Status.OK.value} - {*unknown})
    if dull:
        yield Line(
            says=f"Blunting was not measured of {listed(dull)}: whether differences where nothing was tuned are as "
            "large as before is not known.",
            warns=True,
        )
    if not unknown and not any(_fell(row) or _blunted(row) for row in rows):
        kept = f"the measured loss of what a good model keeps is at most {MOST_LICENSED_DROP:g}"
        yield Line(
            says=f"{kept[0].upper()}{kept[1:]}."
            if dull
            else f"No damage is shown: {kept}, and differences where nothing was tuned are not shown to be below "
            f"{LEAST_RATIO:g} of before.",
            warns=False,
        )


def _fell(row: Row) -> bool:
    return licensed_fell(_estimate(row, "licensed_status", "licensed_drop"))


def _blunted(row: Row) -> bool:
    return is_blunted(_estimate(row, "blunting_status", "blunting"))


def _estimate(row: Row, status: str, value: str) -> Estimate:
    numbers = [present(row[f"{value}{end}"]) for end in ("", "_ci_low", "_ci_high")]
    if row[status] != Status.OK.value or None in numbers:
        return Estimate(status=Status.NOT_MEASURED)
    return Estimate(status=Status.OK, value=numbers[0], ci_low=numbers[1], ci_high=numbers[2])


def _table(rows: Sequence[Row], *, tuned: str, contrast: str) -> DamageTable:
    first, second = sides_of(contrast)
    title = f"{clean(tuned)}: {title_of(contrast)}" if tuned else title_of(contrast)
    return DamageTable(title=title, first=first, second=second, rows=tuple(_row(row) for row in rows))


def _row(row: Row) -> DamageRow:
    return DamageRow(
        feature=clean(row["feature"]),
        right=(_share(row, "licensed_first"), _share(row, "licensed_second")),
        lost=_interval(row, "licensed_status", "licensed_drop"),
        mass=(_share(row, "mass_first"), _share(row, "mass_second")),
        blunting=_interval(row, "blunting_status", "blunting", marks=_AS_BEFORE),
        of=f"of {clean(row['blunting_of'])}" if row["blunting_of"] else "",
        is_damaged=_fell(row),
        is_blunted=_blunted(row),
    )


def _share(row: Row, name: str) -> str:
    found = present(row[name])
    return NOT_MEASURED if found is None else number(found)


def _interval(row: Row, status: str, value: str, *, marks: Sequence[float] = (0.0,)) -> str:
    numbers = [present(row[f"{value}{end}"]) for end in ("", "_ci_low", "_ci_high")]
    return with_interval(*numbers, otherwise=clean(row[status]), marks=marks)


PART: Final = Part(
    name="damage",
    title="Was anything broken? What a good model keeps",
    template="parts/damage.html.jinja",
    views=damage,
)
