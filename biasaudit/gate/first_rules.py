"""What a first policy is written from, and how its lines are written: by each criterion, for `biasaudit init`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final, TypeAlias

import yaml

from biasaudit.gate.measurement import Measurement

LEVEL: Final = 0.95
"""Nothing is widened here, so that it changes nothing."""

FirstRow: TypeAlias = dict[str, Any]  # Any: cells of several types

_STEP: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCell:
    """One probe and feature: rows of the graded index of tuned checkpoints, and of its changes."""

    probe: str
    feature: str
    levels: tuple[FirstRow, ...]
    changes: tuple[FirstRow, ...]

    def head(self, what: str) -> list[str]:
        """Return the first lines of a rule on this cell, whose id says what it limits."""
        return [
            f"  - id: {quoted(f'{self.probe} / {self.feature}: {what}')}",
            f"    probes: [{quoted(self.probe)}]",
            f"    features: [{quoted(self.feature)}]",
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAudit:
    """The cells of an audit, all rows of change, and the framing and the contrast that a first policy judges."""

    cells: tuple[FirstCell, ...]
    changes: tuple[FirstRow, ...]
    framing: str
    contrast: str


def outward(value: float, *, up: bool) -> float:
    """Round to 0.01, up or down, never past a value that has two digits already.

    Examples
    --------
    >>> outward(0.5646, up=True), outward(0.07, up=True), outward(-0.001, up=True), outward(0.989, up=False)
    (0.57, 0.07, 0.0, 0.98)
    """
    rounded = Decimal(repr(float(value))).quantize(_STEP, ROUND_CEILING if up else ROUND_FLOOR)
    return float(rounded) + 0.0  # 0.0 in place of -0.0


def highest(found: Iterable[Measurement]) -> float:
    """Return the loosest limit of those measured; a policy takes none below 0."""
    return outward(max(0.0, *(one.interval.high for one in found if one.interval is not None)), up=True)


def lacking(rows: Iterable[FirstRow]) -> list[str]:
    """Return a comment for each row that was not measured."""
    return [
        f"    # not measured in {_names(row)} ({quoted(str(row['status']))}): no limit comes from there"
        for row in rows
        if not measured([row])
    ]


def measured(rows: Iterable[FirstRow]) -> list[FirstRow]:
    """Return the rows that have an interval."""
    return [row for row in rows if row["status"] == "ok" and all(map(math.isfinite, (row["ci_low"], row["ci_high"])))]


def interval_text(row: Mapping[str, Any], value: str) -> str:
    """Return a value with its interval, and where it was measured."""
    return f"{row[value]:.4f} ({row['ci_low']:.4f} to {row['ci_high']:.4f}) in {_names(row)}"


def quoted(text: str) -> str:
    """Return a double-quoted YAML scalar of one line, in ASCII: names are foreign text."""
    return yaml.safe_dump(text, default_style='"', width=10**9).strip()


def _names(row: Mapping[str, Any]) -> str:
    parts = (row["checkpoint"], row["framing"]) if "checkpoint" in row else (row["tuned"], row["contrast"])
    return ", ".join(quoted(str(part)) for part in parts)
