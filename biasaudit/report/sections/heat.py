"""Every group's lean against its reference, over the probes: a table with shades, signs and marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from biasaudit.record.pairs import group_and_reference
from biasaudit.report.charts.group_rates import PLAIN, decision_probes, holds_corrected, leaves_out_zero
from biasaudit.report.charts.levels import levels, pooled
from biasaudit.report.section import Section, Source
from biasaudit.report.words.facts import counted, listed, with_and_against
from biasaudit.report.words.framings import in_framing
from biasaudit.report.words.order import in_order
from biasaudit.report.words.places import probe_places
from biasaudit.report.words.wording import NOT_MEASURED, clean, estimate_text, p_value, present, records
from biasaudit.stats.verdict import COMPETENCE_CHANCE
from biasaudit.types import stage_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biasaudit.record.audit_record import AuditRecord

STEPS: Final = (0.02, 0.05, 0.1, 0.2)
"""Where a shade of the table gives way to the next darker one: absolute differences of probabilities."""

CORRECTED: Final = "●"
"""The interval leaves out 0, and so it is after the correction over the table."""

UNCORRECTED: Final = "○"
"""The interval leaves out 0, each on its own."""

NOT_INTERPRETABLE: Final = "not interpretable"
"""Said of a probe in a checkpoint whose competence is not shown above chance."""

Row = dict[str, Any]  # Any: cells of a pandas row
Lean = tuple[str, str, str]
"""Feature, group and reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One lean: the class of its shade, its sign and mark, and both in words; no mark where it is not interpretable."""

    css_class: str
    sign: str
    mark: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """One group against its reference; a cell for each probe and checkpoint."""

    group: str
    reference: str
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatFeature:
    """The groups of one feature."""

    feature: str
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatNumbers:
    """The numbers behind a group's cells of one probe: for each checkpoint the difference, and its p-value."""

    feature: str
    lean: str
    probe: str
    note: str
    values: tuple[str, ...]
    p_values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatProbe:
    """One probe at the head of the table, where its section stands, and the models in which it is not interpretable.

    The place is empty where it has no section.
    """

    name: str
    place: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The table of one framing.

    Attributes
    ----------
    framing, finding : str
    read : str
        How many leans of each checkpoint are interpretable; empty where all are.
    left_out : str
        Probes of the audit that are not in the table.
    has_uninterpretable : bool
        Whether some probe is not interpretable in some checkpoint.
    probes : tuple of HeatProbe
    checkpoints : tuple of str
    span : str
        Checkpoints, and ``width`` all columns.
    steps : tuple of (str, str)
        Class of a shade, and what it stands for.
    is_corrected : bool
        Whether the audit has p-values for the correction.
    features : tuple of HeatFeature
    numbers : tuple of HeatNumbers
    """

    framing: str
    finding: str
    read: str
    left_out: str
    has_uninterpretable: bool
    probes: tuple[HeatProbe, ...]
    checkpoints: tuple[str, ...]
    span: str
    width: str
    steps: tuple[tuple[str, str], ...]
    is_corrected: bool
    features: tuple[HeatFeature, ...]
    numbers: tuple[HeatNumbers, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leans:
    """What the table is made of; `unread` holds the probes and checkpoints that are not interpretable."""

    by_place: Mapping[tuple[Lean, str, str], Row]
    probes: Sequence[str]
    checkpoints: Sequence[str]
    granted: frozenset[str]
    unread: frozenset[tuple[str, str]]

    @property
    def leans(self) -> list[Lean]:
        return sorted({lean for lean, *_ in self.by_place})

    @property
    def columns(self) -> list[tuple[str, str]]:
        return [(probe, checkpoint) for probe in self.probes for checkpoint in self.checkpoints]


def heat(audit: AuditRecord, names: Mapping[str, str]) -> Heat | None:
    """Return the table of leans, in plain framing where that was measured; None where no group was compared.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    rows = records(audit.disparities[audit.disparities["statistic"] == "difference"])
    if not rows:
        return None
    framing = PLAIN if any(row["framing"] == PLAIN for row in rows) else str(rows[0]["framing"])
    rows = [row for row in rows if row["framing"] == framing]
    is_corrected = any(present(row["p_bh"]) is not None for row in rows)
    found = _leans(audit, rows, framing)
    places = probe_places(names)
    probes = {probe: _probe(probe, found, names, place=places.get(probe, "")) for probe in found.probes}
    return Heat(
        framing=in_framing(framing),
        finding=_finding(found, mark=CORRECTED if is_corrected else UNCORRECTED),
        read=_read(found),
        left_out=listed([name for probe, name in names.items() if probe not in probes]),
        has_uninterpretable=bool(found.unread),
        probes=tuple(probes.values()),
        checkpoints=tuple(clean(name) for name in found.checkpoints),
        span=str(len(found.checkpoints)),
        width=str(len(found.columns) + 1),
        steps=tuple((f"step-{number}", said) for number, said in enumerate(_steps_in_words())),
        is_corrected=is_corrected,
        features=_features(found),
        numbers=tuple(
            _numbers(own, lean, probes[probe])
            for lean in found.leans
            for probe in found.probes
            if any(own := [found.by_place.get((lean, probe, checkpoint)) for checkpoint in found.checkpoints])
        ),
    )


def _leans(audit: AuditRecord, rows: Sequence[Row], framing: str) -> _Leans:
    granted = frozenset(decision_probes(audit.disparities))
    of_decisions = {_lean(row) for row in rows if str(row["probe"]) in granted}
    by_place = {(_placed(row, of_decisions), str(row["probe"]), str(row["checkpoint"])): row for row in rows}
    there = {(probe, checkpoint) for _, probe, checkpoint in by_place}
    return _Leans(
        by_place=by_place,
        probes=in_order({probe for probe, _ in there}, audit.comparisons),
        checkpoints=sorted({name for _, name in there}, key=stage_place),
        granted=granted,
        unread=frozenset(_unread(audit, framing) & there),
    )


def _features(found: _Leans) -> tuple[HeatFeature, ...]:
    return tuple(
        HeatFeature(
            feature=clean(feature),
            rows=tuple(
                HeatRow(
                    group=clean(lean[1]),
                    reference=clean(lean[2]),
                    cells=tuple(
                        _cell(
                            found.by_place.get((lean, *column)),
                            is_granted=column[0] in found.granted,
                            is_read=column not in found.unread,
                        )
                        for column in found.columns
                    ),
                )
                for lean in found.leans
                if lean[0] == feature
            ),
        )
        for feature in sorted({lean[0] for lean in found.leans})
    )


def _unread(audit: AuditRecord, framing: str) -> set[tuple[str, str]]:
    """Return the probes and checkpoints whose competence was measured and is not shown above chance."""
    sense = levels(audit.estimates, metric="competence")
    cells = pooled(sense)
    return {
        (cell[0], checkpoint)
        for ((checkpoint, told), cell), row in sense.items()
        if told == framing and cell == cells[cell[0]] and (low := present(row["ci_low"])) is not None
        if low <= COMPETENCE_CHANCE
    }


def _probe(probe: str, found: _Leans, names: Mapping[str, str], *, place: str) -> HeatProbe:
    unread = [clean(checkpoint) for checkpoint in found.checkpoints if (probe, checkpoint) in found.unread]
    note = f"{listed(unread)}: {NOT_INTERPRETABLE}" if unread else ""
    return HeatProbe(
        name=names.get(probe, clean(probe)),
        place=place,
        note=NOT_INTERPRETABLE if len(unread) == len(found.checkpoints) else note,
    )


def _lean(row: Row) -> Lean:
    return str(row["feature"]), *group_and_reference(row)


def _placed(row: Row, of_decisions: set[Lean]) -> Lean:
    """Return where a lean stands: an association of two groups beside the decisions about the same two.

    Which of the two groups an association names first says nothing: its difference leans with the stereotype
    or against it.
    """
    feature, group, reference = _lean(row)
    return (feature, reference, group) if (feature, reference, group) in of_decisions else (feature, group, reference)


def _finding(found: _Leans, *, mark: str) -> str:
    counts = {}
    for checkpoint in found.checkpoints:
        clear = [
            _is_with_the_stereotype(row, is_granted=probe in found.granted)
            for probe, row in _of(found, checkpoint)
            if _mark(row) == mark
        ]
        counts[clean(checkpoint)] = sum(clear), len(clear) - sum(clear)
    n_pairs = len({(lean, probe) for lean, probe, _ in found.by_place})
    of = counted(n_pairs, "pair of group and reference", "pairs of group and reference")
    return f"Of {of}, {with_and_against(counts)}"


def _read(found: _Leans) -> str:
    if not found.unread:
        return ""
    return listed([f"{len(_of(found, name))} count in {clean(name)}" for name in found.checkpoints])


def _of(found: _Leans, checkpoint: str) -> list[tuple[str, Row]]:
    """Return the probe and the row of every lean of a checkpoint that is interpretable."""
    return [
        (probe, row)
        for (_, probe, name), row in found.by_place.items()
        if name == checkpoint and (probe, name) not in found.unread
    ]


def _is_with_the_stereotype(row: Row, *, is_granted: bool) -> bool:
    """Whether a measured difference leans as the card says; of decisions, against the group that is not granted."""
    value = present(row["value"])
    return value is not None and (value < 0 if is_granted else value > 0)


def _mark(row: Row) -> str:
    """Return the mark of an interval that leaves out 0; empty where it does not."""
    if not leaves_out_zero(row):
        return ""
    return CORRECTED if holds_corrected(row) else UNCORRECTED


def _cell(row: Row | None, *, is_granted: bool, is_read: bool) -> HeatCell:
    if row is None:
        return HeatCell(css_class="", sign="", mark="", words="")
    value = present(row["value"])
    if row["status"] != "ok" or value is None:
        return HeatCell(css_class="unknown", sign="", mark="", words=clean(row["status"]))
    step = sum(abs(value) >= limit for limit in STEPS)
    is_with = _is_with_the_stereotype(row, is_granted=is_granted)
    mark = _mark(row)
    direction = "level" if value == 0 else "with" if is_with else "against"
    sign = "0" if value == 0 else "+" if is_with else "−"
    if not is_read:
        return HeatCell(css_class="unread", sign=sign, mark="", words=f"{direction}, {NOT_INTERPRETABLE}")
    certainty = {CORRECTED: "clear", UNCORRECTED: "clear uncorrected"}.get(mark, "unclear")
    return HeatCell(
        css_class=f"{'with' if is_with else 'against'} step-{step}",
        sign=sign,
        mark=mark,
        words=f"{direction}, {certainty}, {_steps_in_words()[step]}",
    )


def _steps_in_words() -> tuple[str, ...]:
    between = [f"{low} to {high}" for low, high in pairwise(STEPS)]
    return (f"below {STEPS[0]}", *between, f"from {STEPS[-1]} up")


def _numbers(rows: Sequence[Row | None], lean: Lean, probe: HeatProbe) -> HeatNumbers:
    return HeatNumbers(
        feature=clean(lean[0]),
        lean=f"{clean(lean[1])}, beside {clean(lean[2])}",
        probe=probe.name,
        note=probe.note,
        values=tuple(NOT_MEASURED if row is None else estimate_text(row) for row in rows),
        p_values=tuple(p_value(None if row is None else present(row["p_bh"])) for row in rows),
    )


def _view(source: Source) -> Heat | None:
    return heat(source.audit, source.names)


SECTION: Final = Section(name="leans", title="Groups and probes", template="heat.html.jinja", view=_view)
