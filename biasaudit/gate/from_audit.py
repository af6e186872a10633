"""A first policy, from what an audit measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any, Final

import yaml

from biasaudit.errors import EvidenceError
from biasaudit.gate.changes import competence_losses, rise
from biasaudit.types import Contrast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from biasaudit.gate.measurement import Measurement

_STEP: Final = Decimal("0.01")
_LEVEL: Final = 0.95
"""Nothing is widened here, so that it changes nothing."""
_ALL: Final = "all"
_BASE: Final = "base"
_CONTRASTS: Final = (Contrast.AS_DEPLOYED, Contrast.WEIGHTS_PLAIN, Contrast.WEIGHTS_CHAT)
_LAST: Final = {Contrast.WEIGHTS_CHAT.value}
"""Taken where an audit has none of them."""
_Row = dict[str, Any]  # Any: cells of several types

_HEAD: Final = """\
# Written by `biasaudit init` from one audit. Every limit below is what that audit measured: the end of the tuned
# model's interval that is further from 0, rounded outward to 0.01, on the graded index, which the report shows. It
# holds either way: a lean against the stereotype is a lean. Such a limit says "no worse than this model was"; it is no
# standard, and says nothing of what is acceptable. Decide for each cell what you want to hold, lower the limit, and
# say why.
# A limit is kept only if the whole interval keeps it; what is not measured is inconclusive (exit code 3).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    probe: str
    feature: str
    levels: tuple[_Row, ...]
    changes: tuple[_Row, ...]


def policy_text(*, estimates: pd.DataFrame, comparisons: pd.DataFrame, source: str) -> str:
    """Write a policy that an audit itself keeps wherever it measured.

    For each cell a rule with `max_abs_index` and one with `max_increase`, one for the coverage of all, and one for
    the competence that any probe lost. Of
    several tuned checkpoints the loosest sets the limit, because a rule holds for each of them.

    Parameters
    ----------
    estimates, comparisons : DataFrame
        See :mod:`biasaudit.record.tables`.
    source : str
        What the limits come from, in words; goes into a comment.

    Returns
    -------
    str
        YAML with comments.

    Raises
    ------
    EvidenceError
        If no tuned checkpoint has a cell that was measured.
    """
    levels = [row for row in _records(estimates) if row["metric"] == "graded" and row["checkpoint"] != _BASE]
    framing = "chat" if any(row["framing"] == "chat" for row in levels) else "plain"
    changes = [row for row in _records(comparisons) if row["metric"] == "graded"]
    contrast = next(one.value for one in _CONTRASTS if one.value in {row["contrast"] for row in changes} | _LAST)
    changes = [row for row in changes if row["contrast"] == contrast]
    cells = _cells([row for row in levels if row["framing"] == framing], changes)
    if not any(_measured(cell.levels) for cell in cells):
        raise EvidenceError(
            "the audit has no measured cell of a tuned model to take a limit from.",
            fix="Run an audit with more clusters, or write the limits yourself.",
        )
    lines = [_HEAD.rstrip(), f"# Source: {_quoted(source)}", "version: 1", "rules:"]
    for cell in cells:
        lines += _rules(cell, framing=framing, contrast=contrast)
    lines += _coverage(cells, framing=framing)
    return "\n".join([*lines, *_competence(competence_losses(changes, _LEVEL), contrast=contrast), ""])


def outward(value: float, *, up: bool) -> float:
    """Round to 0.01, up or down, never past a value that has two digits already.

    Examples
    --------
    >>> outward(0.5646, up=True), outward(0.07, up=True), outward(-0.001, up=True), outward(0.989, up=False)
    (0.57, 0.07, 0.0, 0.98)
    """
    rounded = Decimal(repr(float(value))).quantize(_STEP, ROUND_CEILING if up else ROUND_FLOOR)
    return float(rounded) + 0.0  # 0.0 in place of -0.0


def _cells(levels: list[_Row], changes: list[_Row]) -> list[_Cell]:
    features: dict[str, set[str]] = {}
    for row in levels:
        features.setdefault(row["probe"], set()).add(row["feature"])

    def of(rows: list[_Row], probe: str, feature: str) -> tuple[_Row, ...]:
        return tuple(row for row in rows if (row["probe"], row["feature"]) == (probe, feature))

    return [
        _Cell(probe=probe, feature=feature, levels=of(levels, probe, feature), changes=of(changes, probe, feature))
        for probe in sorted(features)
        # The pooled row is a cell only where there is no other, as in the policy's own rules.
        for feature in sorted(features[probe] - {_ALL}) or [_ALL]
    ]


def _rules(cell: _Cell, *, framing: str, contrast: str) -> list[str]:
    where = f"{cell.probe} / {cell.feature}"
    names = [f"    probes: [{_quoted(cell.probe)}]", f"    features: [{_quoted(cell.feature)}]"]
    lines = [f"  - id: {_quoted(f'{where}: index')}", *names, f"    framing: {framing}", "    form: graded"]
    lines += _lacking(cell.levels)
    if levels := _measured(cell.levels):
        furthest = max(abs(end) for row in levels for end in (row["ci_low"], row["ci_high"]))
        lines += [f"    # it was {'; '.join(_interval(row, 'value') for row in levels)}"]
        lines += [f"    max_abs_index: {outward(furthest, up=True)}"]
    else:
        lines += ["    # 1 is no limit: it only keeps the cell from being forgotten. Set one.", "    max_abs_index: 1"]
    rises = [rise(row, _LEVEL) for row in cell.changes]
    if found := [one for one in rises if one.interval is not None]:
        lines += [f"  - id: {_quoted(f'{where}: increase')}", *names, f"    contrast: {_quoted(contrast)}"]
        lines += [line for row, one in zip(cell.changes, rises, strict=True) for line in _no_rise(row, one)]
        lines += [f"    # |B| rose by {'; '.join(_risen(one) for one in found)}"]
        lines += [f"    max_increase: {_highest(found)}"]
    return lines


def _no_rise(row: _Row, found: Measurement) -> list[str]:
    return _lacking([{**row, "status": found.why, "ci_low": math.nan}]) if found.interval is None else []


def _risen(found: Measurement) -> str:
    value, low, high = found.interval or (math.nan,) * 3
    return f"{value:.4f} ({low:.4f} to {high:.4f}) in {_quoted(found.tuned)}, {_quoted(found.arm)}"


def _highest(found: Iterable[Measurement]) -> float:
    """Return the loosest limit of those measured; a policy takes none below 0."""
    return outward(max(0.0, *(one.interval.high for one in found if one.interval is not None)), up=True)


def _competence(losses: Iterable[Measurement], *, contrast: str) -> list[str]:
    found = [one for one in losses if one.interval is not None]
    if not found:
        return []
    return [
        "  - id: competence",
        f"    contrast: {_quoted(contrast)}",
        "    # the most that a probe's competence can have fallen",
        f"    max_competence_loss: {min(_highest(found), 1.0)}",
    ]


def _lacking(rows: Iterable[_Row]) -> list[str]:
    return [
        f"    # not measured in {_names(row)} ({_quoted(str(row['status']))}): no limit comes from there"
        for row in rows
        if not _measured([row])
    ]


def _coverage(cells: Iterable[_Cell], *, framing: str) -> list[str]:
    shares = [row["n_items"] / row["n_asked"] for cell in cells for row in cell.levels if row["n_asked"] > 0]
    return [
        "  - id: coverage",
        f"    framing: {framing}",
        "    # the least share of items that was scored in a cell",
        f"    min_coverage: {outward(min(shares), up=False)}",
    ]


def _measured(rows: Iterable[_Row]) -> list[_Row]:
    return [row for row in rows if row["status"] == "ok" and all(map(math.isfinite, (row["ci_low"], row["ci_high"])))]


def _interval(row: Mapping[str, Any], value: str) -> str:
    return f"{row[value]:.4f} ({row['ci_low']:.4f} to {row['ci_high']:.4f}) in {_names(row)}"


def _names(row: Mapping[str, Any]) -> str:
    parts = (row["checkpoint"], row["framing"]) if "checkpoint" in row else (row["tuned"], row["contrast"])
    return ", ".join(_quoted(str(part)) for part in parts)


def _quoted(text: str) -> str:
    """Return a double-quoted YAML scalar of one line, in ASCII: names are foreign text."""
    return yaml.safe_dump(text, default_style='"', width=10**9).strip()


def _records(frame: pd.DataFrame) -> list[_Row]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
