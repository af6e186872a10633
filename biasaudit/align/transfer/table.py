"""A transfer table as people take it away: CSV, Markdown, JSON values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.align.transfer.rows import COLLATERAL, Row, frame
from biasaudit.outputs import check_outputs, write_output
from biasaudit.types import Status

if TYPE_CHECKING:
    import pandas as pd

_HEADINGS: Final = (
    "| asked | feature | items (clusters) | base | tuned | base minus tuned | of it gone | verdict |",
    "|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What an adapter did where it was trained, and elsewhere.

    Attributes
    ----------
    rows : tuple of Row
    facts : mapping
        What was asked of which models, as JSON values.
    told : tuple of str
        What a reader must hear.
    """

    rows: tuple[Row, ...]
    facts: Mapping[str, Any]  # Any: JSON values
    told: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """The rows, with the columns of :class:`biasaudit.align.transfer.rows.Row`."""
        return frame(self.rows)

    def to_csv(self, path: str | Path) -> Path:
        """Write the rows to `path` and return it; an empty cell is what there is no number of."""
        return _written(path, self.table.to_csv(index=False, lineterminator="\n"))

    def to_markdown(self) -> str:
        """Return the rows as Markdown tables, one a framing."""
        return markdown(self.rows)

    def to_json(self) -> str:
        """Return everything as JSON, to be drawn again without models; see :func:`from_json`."""
        rows = [{name: getattr(row, name) for name in Row.__dataclass_fields__} for row in self.rows]
        return json.dumps({"facts": self.facts, "told": self.told, "rows": rows}, indent=1, allow_nan=False) + "\n"


def from_json(text: str) -> Transfer:
    """Return what :meth:`Transfer.to_json` wrote."""
    found = json.loads(text)
    return Transfer(rows=tuple(Row(**row) for row in found["rows"]), facts=found["facts"], told=tuple(found["told"]))


def markdown(rows: tuple[Row, ...], *, framings: tuple[str, ...] = ("plain", "chat")) -> str:
    """Return rows as Markdown tables: every index of a framing, then what is collateral.

    A negative number in brackets is the lower bound of an interval; what could not be measured has its status.
    """
    parts = []
    for framing in framings:
        here = [row for row in rows if row.framing == framing]
        if here:
            heading = {"plain": "Plain text", "chat": "In the chat template"}.get(framing, framing)
            parts.append("\n".join([f"**{heading}**", "", *_HEADINGS, *(_line(row) for row in here)]))
    return "\n\n".join(parts)


def _line(row: Row) -> str:
    feature = f"{row.feature} ({row.trained})" if row.feature and row.trained else row.feature
    measured = row.status == Status.OK.value
    shown = _number if row.measure == "ratio" else _signed
    difference = f"{shown(row.difference)} ({shown(row.ci_low)} to {shown(row.ci_high)})" if measured else row.status
    gone = ""
    if row.kind != COLLATERAL:
        gone = row.gone_status
        if row.gone is not None and row.gone_low is not None and row.gone_high is not None:
            gone = f"{row.gone:.0%} ({row.gone_low:.0%} to {row.gone_high:.0%})"
    unit = "" if row.measure == "index" else f", {row.measure}"
    cells = (
        f"{row.what}{unit}",
        feature,
        f"{row.n_items:,} ({row.n_clusters:,})",
        _number(row.base),
        _number(row.tuned),
        difference,
        gone,
        row.verdict,
    )
    return f"| {' | '.join(cells)} |"


def _signed(value: float | None) -> str:
    """Return a number with its sign, to three places.

    Examples
    --------
    >>> _signed(0.0512), _signed(-0.0001), _signed(None)
    ('+0.051', '0.000', '')
    """
    if value is None:
        return ""
    return "0.000" if abs(value) < 0.0005 else f"{value:+.3f}".replace("-", "\u2212")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".replace("-", "\u2212")


def _written(path: str | Path, text: str) -> Path:
    check_outputs([path])
    return write_output(path, text)
