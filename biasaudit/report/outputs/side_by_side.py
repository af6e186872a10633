"""Several audits on one page, each with its own answer; nothing of one is subtracted from another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.outputs.summary import CellLine, cell_line, cell_rows, tuned_of
from biasaudit.report.sections.first_screen import first_screen
from biasaudit.report.view import probe_names
from biasaudit.report.words.facts import mapping
from biasaudit.report.words.wording import ARMS, NOT_RECORDED, clean, count, in_words

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

NOT_ASKED: Final = "not asked"

Recorded = Mapping[str, Any]  # Any: JSON values


@dataclass(frozen=True, slots=True, kw_only=True)
class Headed:
    """One audit and its answer."""

    name: str
    base: str
    tuned: str
    sentence: str
    basis: tuple[str, ...]
    measured: bool
    verdicts: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A part of the plan: what each audit says of it, and whether all say the same."""

    term: str
    values: tuple[str, ...]
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One tuned checkpoint of one audit, in the contrast of that audit's answer."""

    name: str
    tuned: str
    contrast: str
    first_arm: str
    second_arm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsRow:
    """One probe and feature; a cell is None where that audit does not have it."""

    feature: str
    cells: tuple[CellLine | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRows:
    """The features of one probe; `differs` says in what its data are not the same in all audits."""

    probe: str
    differs: str
    rows: tuple[CellsRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Everything that the page shows."""

    audits: tuple[Headed, ...]
    differing: tuple[PlanRow, ...]
    same: tuple[str, ...]
    columns: tuple[Column, ...]
    probes: tuple[ProbeRows, ...]
    n_columns: str


def sides(audits: Mapping[str, AuditRecord]) -> Sides:
    """Gather the page.

    Parameters
    ----------
    audits : mapping
        Name to show -> audit; two or more.
    """
    recorded = {name: audit.manifest.as_dict() for name, audit in audits.items()}
    rows = _plan_rows(audits, recorded)
    differing = tuple(row for row in rows if not row.same)
    columns, cells = _columns(audits)
    return Sides(
        audits=tuple(_headed(name, audit, recorded[name]) for name, audit in audits.items()),
        differing=differing,
        same=tuple(row.term for row in rows if row.same),
        columns=columns,
        probes=_probes(audits, recorded, cells),
        n_columns=str(len(columns) + 1),
    )


def _headed(name: str, audit: AuditRecord, recorded: Recorded) -> Headed:
    first = first_screen(audit, recorded, probe_names(audit, recorded))
    counts = audit.headlines[0].counts if audit.headlines else {}
    return Headed(
        name=clean(name),
        base=first.base,
        tuned=", ".join(first.tuned),
        sentence=first.answer.sentence,
        basis=first.answer.basis,
        measured=first.answer.measured,
        verdicts=f"{first.cells}: {in_words(counts)}" if counts else first.cells,
        warnings=first.warnings,
    )


def _plan_rows(audits: Mapping[str, AuditRecord], recorded: Mapping[str, Recorded]) -> list[PlanRow]:
    """Return every part of the plans, the same or not, one value per audit."""

    def row(term: str, value: Callable[[Recorded], object]) -> PlanRow:
        return _plan_row(term, [value(found) for found in recorded.values()])

    def plan(name: str) -> Callable[[Recorded], object]:
        return lambda found: mapping(found.get("plan")).get(name)

    probes = sorted({str(probe) for found in recorded.values() for probe in mapping(found.get("probes"))})
    contrasts = [audit.headlines[0].contrast if audit.headlines else NOT_RECORDED for audit in audits.values()]
    return [
        row("Base", plan("base")),
        row("Weights of the base", lambda found: _fingerprint(found, "base").get("weights")),
        row("Number format of the base", lambda found: _fingerprint(found, "base").get("dtype")),
        row("Tuned", lambda found: ", ".join(map(str, mapping(mapping(found.get("plan")).get("tuned")).values()))),
        _plan_row("Contrast of the answer", contrasts),
        row("Framings", _framings),
        row("Chat template, sha256", plan("chat_template_sha256")),
        *(_plan_row(f"Probe {probe}", [_probe(found, probe) for found in recorded.values()]) for probe in probes),
        row("Suite", plan("suite")),
        row("Sample: bias items of each probe", lambda found: mapping(found.get("plan")).get("limit") or "all"),
        row("Seed", plan("seed")),
        row("Margin", plan("margin")),
        row("Level", plan("level")),
        row("Version of biasaudit", lambda found: found.get("biasaudit_version")),
    ]


def _plan_row(term: str, found: Sequence[object]) -> PlanRow:
    return PlanRow(term=clean(term), values=tuple(map(_said, found)), same=len({str(value) for value in found}) == 1)


def _fingerprint(found: Recorded, checkpoint: str) -> Mapping[str, Any]:  # Any: JSON values
    return mapping(mapping(found.get("fingerprints")).get(checkpoint))


def _framings(found: Recorded) -> str:
    wordings = [mapping(framing) for framing in mapping(found.get("plan")).get("framings") or ()]
    return ", ".join(
        str(wording.get("framing_id")) + (f": “{wording['request']}”" if wording.get("request") else "")
        for wording in wordings
    )


def _probe(found: Recorded, probe: str) -> str:
    card = mapping(mapping(found.get("probes")).get(probe))
    if not card:
        return NOT_ASKED
    return (
        f"version {clean(card.get('version', NOT_RECORDED))}, {count(card.get('n_items'))} items in "
        f"{count(card.get('n_clusters'))} clusters, sha256 {clean(card.get('sha256', NOT_RECORDED))}"
    )


def _said(value: object) -> str:
    return "none" if value is None or value == "" else clean(value, limit=300)


def _columns(audits: Mapping[str, AuditRecord]) -> tuple[tuple[Column, ...], list[dict[tuple[str, str], CellLine]]]:
    """Return the columns, and for each of them (probe, feature) -> cell."""
    columns: list[Column] = []
    cells: list[dict[tuple[str, str], CellLine]] = []
    for name, audit in audits.items():
        if not audit.headlines:
            continue
        contrast = audit.headlines[0].contrast
        first_arm, second_arm = ARMS.get(contrast, ("first arm", "second arm"))
        names = probe_names(audit, audit.manifest.as_dict())
        for tuned in tuned_of(audit, contrast=contrast):
            columns.append(
                Column(
                    name=clean(name),
                    tuned=clean(tuned),
                    contrast=clean(contrast),
                    first_arm=first_arm,
                    second_arm=second_arm,
                )
            )
            rows = cell_rows(audit, tuned=tuned, contrast=contrast)
            cells.append({(str(row["probe"]), str(row["feature"])): cell_line(row, names) for row in rows})
    return tuple(columns), cells


def _probes(
    audits: Mapping[str, AuditRecord],
    recorded: Mapping[str, Recorded],
    cells: Sequence[Mapping[tuple[str, str], CellLine]],
) -> tuple[ProbeRows, ...]:
    keys = sorted({key for of_column in cells for key in of_column})
    names: dict[str, str] = {}
    for name, audit in audits.items():
        names = {**probe_names(audit, recorded[name]), **names}
    found = []
    for probe in dict.fromkeys(probe for probe, _ in keys):
        cards = [mapping(mapping(one.get("probes")).get(probe)) for one in recorded.values()]
        versions = {(card.get("version"), card.get("sha256"), card.get("n_items")) for card in cards if card}
        found.append(
            ProbeRows(
                probe=names.get(probe, clean(probe)),
                differs="not the same items in all audits" if len(versions) > 1 else "",
                rows=tuple(
                    CellsRow(feature=clean(feature), cells=tuple(column.get((probe, feature)) for column in cells))
                    for of_probe, feature in keys
                    if of_probe == probe
                ),
            )
        )
    return tuple(found)
