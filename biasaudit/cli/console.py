"""What the shell shows: progress on standard error, the verdicts on standard output."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd
    from rich.progress import TaskID

    from biasaudit.audits.result import Audit
    from biasaudit.validity import Finding

EXAMPLES: Final = 5
"""Findings of one code that are printed; the rest are counted."""


class Shown:
    """Progress of an audit, drawn on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task: TaskID | None = None
        self._tokens = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """Tell one line."""
        self._console.print(escape(text), highlight=False)

    def begin(self, label: str, total: int) -> None:
        """Begin a bar."""
        self._tokens = 0
        self._task = self._bars.add_task(escape(label), total=total, rate="")

    def advance(self, n_requests: int, n_tokens: int) -> None:
        """Move the bar on."""
        if self._task is None:
            return
        self._tokens += n_tokens
        elapsed = self._bars.tasks[-1].elapsed or 0.0
        rate = f"{self._tokens / elapsed:,.0f} tokens/s" if elapsed > 1 and self._tokens else ""
        self._bars.update(self._task, advance=n_requests, rate=rate)


def print_verdicts(audit: Audit) -> None:
    """Print the headline and one line per cell of the first contrast."""
    from biasaudit.report.shares import DIFFERENT_LINEAGE, left_out, sentence
    from biasaudit.report.wording import in_words

    console = Console()
    for headline in audit.headlines:
        related = not str(audit.manifest.lineage.get(headline.tuned, "")).startswith(DIFFERENT_LINEAGE)
        said = [
            sentence(headline, related=related),
            left_out(headline),
            f"{headline.n_cells} cells: {in_words(headline.counts)}{' (exploratory)' if headline.exploratory else ''}.",
        ]
        console.print(escape(f"{headline.tuned}: {' '.join(part for part in said if part)}"), highlight=False)
    if audit.headlines:
        console.print(_table(audit))


def _table(audit: Audit) -> Table:
    first = audit.headlines[0]
    table = Table(title=f"{first.tuned}, {first.contrast}: graded index, positive with the stereotype")
    for column in ("probe", "feature", "base", "tuned", "reduction", "p of |B|, corrected", "verdict"):
        table.add_column(column)
    rows = audit.comparisons
    rows = rows[(rows["tuned"] == first.tuned) & (rows["contrast"] == first.contrast) & (rows["metric"] == "graded")]
    for row in rows.to_dict("records"):
        adjusted = row["p_bh"] if row["exploratory"] else row["p_holm"]
        table.add_row(
            escape(str(row["probe"])),
            escape(str(row["feature"])),
            _interval(row, "first_value", "first_ci_low", "first_ci_high"),
            _interval(row, "second_value", "second_ci_low", "second_ci_high"),
            _interval(row, "reduction", "ci_low", "ci_high"),
            f"{adjusted:.3f}" if adjusted is not None and adjusted >= 0 else "-",  # NaN is not
            f"{row['verdict']}{' (exploratory)' if row['exploratory'] else ''}",
        )
    return table


def _interval(row: Mapping[Hashable, Any], value: str, low: str, high: str) -> str:
    if row[value] is None or row[value] != row[value]:  # NaN
        return str(row["status"])
    return f"{row[value]:+.3f} ({row[low]:+.3f} to {row[high]:+.3f})"


def print_prospects(prospects: pd.DataFrame, *, margin: float) -> None:
    """Print what each cell of a probe can show."""
    from biasaudit.audits.prospects import smallest_text

    table = Table(title=f"{escape(str(prospects['probe'].iloc[0]))}: what an audit can show at margin {margin:g}")
    table.add_column("feature")
    for heading in ("items", "clusters", "smallest change found", "called unchanged if it is"):
        table.add_column(heading, justify="right")
    for row in prospects.to_dict("records"):
        measured = row["status"] == "ok"
        table.add_row(
            escape(str(row["feature"])),
            f"{row['n_items']:,}",
            f"{row['n_clusters']:,}",
            smallest_text(row),
            f"{row['power_unchanged']:.0%}" if measured else "never",
        )
    Console().print(table)


def print_scores(scores: pd.DataFrame, *, title: str) -> None:
    """Print published scores."""
    from biasaudit.published.printed import value_text

    table = Table(title=escape(title))
    table.add_column("subset")
    table.add_column("score")
    for heading in ("value (interval)", "parity", "scored / asked"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in scores.to_dict("records"):
        table.add_row(
            escape(str(row["subset"])),
            escape(str(row["score"])),
            value_text(row),
            f"{row['parity']:g}" if row["parity"] == row["parity"] and row["parity"] is not None else "",  # not NaN
            f"{row['n_items']:,} / {row['n_asked']:,}",
        )
    Console().print(table)


def print_findings(probe: str, n_items: int, findings: Sequence[Finding]) -> None:
    """Print what a check found, by code: what must be mended, then what the card accepts."""
    to_mend = [finding for finding in findings if finding.accepted is None]
    accepted = [finding for finding in findings if finding.accepted is not None]
    counts = f"{len(to_mend):,} to mend" if to_mend else "nothing to mend" if accepted else "nothing found"
    typer.echo(f"{probe}: {n_items:,} items, {counts}" + (f", {len(accepted):,} accepted." if accepted else "."))
    _print_codes(to_mend, dim=False)
    _print_codes(accepted, dim=True)


def _print_codes(findings: Sequence[Finding], *, dim: bool) -> None:
    from biasaudit.validity import CODES

    by_code: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_code[finding.code].append(finding)
    for code, found in by_code.items():
        heading = f"  {code} ({len(found):,}): {CODES[code]}"
        reason = found[0].accepted
        lines = [heading if reason is None else f"{heading}; accepted: {reason.strip()}"]
        lines += [f"    - {finding.message}" for finding in found[:EXAMPLES]]
        if len(found) > EXAMPLES:
            lines.append(f"    and {len(found) - EXAMPLES:,} more of this code")
        typer.secho("\n".join(lines), dim=dim)
