"""Every group's lean against its reference, over the probes: a table with shades, signs and marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.facts import counted
from biasaudit.report.group_rates import PLAIN, against_group, decision_probes, leaves_out_zero
from biasaudit.report.wording import NOT_MEASURED, clean, estimate_text, p_value, present, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biasaudit.audits.result import Audit

STEPS: Final = (0.02, 0.05, 0.1, 0.2)
"""Where a shade of the table gives way to the next darker one: absolute differences of probabilities."""

CORRECTED: Final = "●"
"""The interval leaves out 0, and so it is after the correction over the table."""

UNCORRECTED: Final = "○"
"""The interval leaves out 0, each on its own."""

Row = dict[str, Any]  # Any: cells of a pandas row
Lean = tuple[str, str, str]
"""Feature, group and reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One lean: the class of its shade, its sign and mark, and both in words."""

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
    values: tuple[str, ...]
    p_values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The table of one framing.

    Attributes
    ----------
    framing, finding : str
    probes, checkpoints : tuple of str
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
    probes: tuple[str, ...]
    checkpoints: tuple[str, ...]
    span: str
    width: str
    steps: tuple[tuple[str, str], ...]
    is_corrected: bool
    features: tuple[HeatFeature, ...]
    numbers: tuple[HeatNumbers, ...]


def heat(audit: Audit, names: Mapping[str, str]) -> Heat | None:
    """Return the table of leans, in plain framing where that was measured; None where no group was compared.

    Parameters
    ----------
    audit : Audit
    names : mapping
        Probe -> name to show.
    """
    rows = records(audit.disparities[audit.disparities["statistic"] == "difference"])
    if not rows:
        return None
    framing = PLAIN if any(row["framing"] == PLAIN for row in rows) else str(rows[0]["framing"])
    rows = [row for row in rows if row["framing"] == framing]
    granted = frozenset(decision_probes(audit.disparities))
    is_corrected = any(present(row["p_bh"]) is not None for row in rows)
    of_decisions = {_lean(row) for row in rows if str(row["probe"]) in granted}
    by_place = {(_placed(row, of_decisions), str(row["probe"]), str(row["checkpoint"])): row for row in rows}
    probes = sorted({probe for _, probe, _ in by_place})
    checkpoints = sorted({name for *_, name in by_place}, key=lambda name: (name != "base", len(name), name))
    leans = sorted({lean for lean, *_ in by_place})
    columns = [(probe, checkpoint) for probe in probes for checkpoint in checkpoints]
    return Heat(
        framing=clean(framing),
        finding=_finding(by_place, granted, checkpoints, marks={CORRECTED} if is_corrected else {UNCORRECTED}),
        probes=tuple(names.get(probe, clean(probe)) for probe in probes),
        checkpoints=tuple(clean(name) for name in checkpoints),
        span=str(len(checkpoints)),
        width=str(len(columns) + 1),
        steps=tuple((f"step-{number}", said) for number, said in enumerate(_steps_in_words())),
        is_corrected=is_corrected,
        features=tuple(
            HeatFeature(
                feature=clean(feature),
                rows=tuple(
                    HeatRow(
                        group=clean(lean[1]),
                        reference=clean(lean[2]),
                        cells=tuple(_cell(by_place.get((lean, *column)), column[0] in granted) for column in columns),
                    )
                    for lean in leans
                    if lean[0] == feature
                ),
            )
            for feature in sorted({lean[0] for lean in leans})
        ),
        numbers=tuple(
            _numbers(by_place, lean, probe, checkpoints, names)
            for lean in leans
            for probe in probes
            if any((lean, probe, checkpoint) in by_place for checkpoint in checkpoints)
        ),
    )


def _lean(row: Row) -> Lean:
    return str(row["feature"]), against_group(row), str(row["reference"])


def _placed(row: Row, of_decisions: set[Lean]) -> Lean:
    """Return where a lean stands: an association of two groups beside the decisions about the same two.

    Which of the two groups an association names first says nothing: its difference leans with the stereotype
    or against it.
    """
    feature, group, reference = _lean(row)
    return (feature, reference, group) if (feature, reference, group) in of_decisions else (feature, group, reference)


def _finding(
    by_place: Mapping[tuple[Lean, str, str], Row],
    granted: frozenset[str],
    checkpoints: Sequence[str],
    *,
    marks: set[str],
) -> str:
    said = []
    for checkpoint in checkpoints:
        own = [
            (row, _is_with_the_stereotype(row, is_granted=probe in granted))
            for (_, probe, name), row in by_place.items()
            if name == checkpoint
        ]
        clear = [is_with for row, is_with in own if _mark(row) in marks]
        said.append(f"{clean(checkpoint)}: {sum(clear)} clearly with, {len(clear) - sum(clear)} clearly against")
    n_leans = len({(lean, probe) for lean, probe, _ in by_place})
    return f"Of {counted(n_leans, 'lean', 'leans')} of a group against its reference, {'; '.join(said)} the stereotype"


def _is_with_the_stereotype(row: Row, *, is_granted: bool) -> bool:
    """Whether a measured difference leans as the card says; of decisions, against the group that is not granted."""
    value = present(row["value"])
    return value is not None and (value < 0 if is_granted else value > 0)


def _mark(row: Row) -> str:
    """Return the mark of an interval that leaves out 0; empty where it does not."""
    if not leaves_out_zero(row):
        return ""
    adjusted = present(row["p_bh"])
    return CORRECTED if adjusted is not None and adjusted < 1 - float(row["level"]) else UNCORRECTED


def _cell(row: Row | None, is_granted: bool) -> HeatCell:  # noqa: FBT001  # what the difference is of
    if row is None:
        return HeatCell(css_class="", sign="", mark="", words="")
    value = present(row["value"])
    if row["status"] != "ok" or value is None:
        return HeatCell(css_class="unknown", sign="", mark="", words=clean(row["status"]))
    step = sum(abs(value) >= limit for limit in STEPS)
    is_with = _is_with_the_stereotype(row, is_granted=is_granted)
    mark = _mark(row)
    direction = "level" if value == 0 else "with" if is_with else "against"
    certainty = {CORRECTED: "clear", UNCORRECTED: "clear uncorrected"}.get(mark, "unclear")
    return HeatCell(
        css_class=f"{'with' if is_with else 'against'} step-{step}",
        sign="0" if value == 0 else "+" if is_with else "−",
        mark=mark,
        words=f"{direction}, {certainty}, {_steps_in_words()[step]}",
    )


def _steps_in_words() -> tuple[str, ...]:
    between = [f"{low} to {high}" for low, high in pairwise(STEPS)]
    return (f"below {STEPS[0]}", *between, f"from {STEPS[-1]} up")


def _numbers(
    by_place: Mapping[tuple[Lean, str, str], Row],
    lean: Lean,
    probe: str,
    checkpoints: Sequence[str],
    names: Mapping[str, str],
) -> HeatNumbers:
    rows = [by_place.get((lean, probe, checkpoint)) for checkpoint in checkpoints]
    return HeatNumbers(
        feature=clean(lean[0]),
        lean=f"{clean(lean[1])}, beside {clean(lean[2])}",
        probe=names.get(probe, clean(probe)),
        values=tuple(NOT_MEASURED if row is None else estimate_text(row) for row in rows),
        p_values=tuple(p_value(None if row is None else present(row["p_bh"])) for row in rows),
    )
