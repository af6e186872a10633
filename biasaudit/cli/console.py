"""What probes and published scores say, on standard output."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from biasaudit.cli import terminal
from biasaudit.visible import visible_line

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.validity import Finding

EXAMPLES: Final = 5
"""Findings of one code that are printed; the rest are counted."""


def print_prospects(prospects: pd.DataFrame, *, margin: float) -> None:
    """Print what each cell of a probe can show."""
    from biasaudit.analysis.prospects import smallest_text

    headings = ("items", "clusters", "smallest change found", "called unchanged if it is")
    terminal.show_table(
        title=f"{prospects['probe'].iloc[0]}: what an audit can show at margin {margin:g}",
        columns=("feature", *((heading, {"justify": "right"}) for heading in headings)),
        rows=[
            (
                row["feature"],
                f"{row['n_items']:,}",
                f"{row['n_clusters']:,}",
                smallest_text(row),
                f"{row['power_unchanged']:.0%}" if row["status"] == "ok" else "never",
            )
            for row in prospects.to_dict("records")
        ],
    )


def print_scores(scores: pd.DataFrame, *, title: str) -> None:
    """Print published scores."""
    from biasaudit.benchmarks.printed import value_text

    headings = ("value (interval)", "parity", "scored / asked")
    terminal.show_table(
        title=title,
        columns=("subset", "score", *((heading, {"justify": "right", "no_wrap": True}) for heading in headings)),
        rows=[
            (
                row["subset"],
                row["score"],
                value_text(row),
                f"{row['parity']:g}" if row["parity"] == row["parity"] and row["parity"] is not None else "",  # not NaN
                f"{row['n_items']:,} / {row['n_asked']:,}",
            )
            for row in scores.to_dict("records")
        ],
    )


def print_findings(probe: str, n_items: int, findings: Sequence[Finding]) -> None:
    """Print what a check found, by code: what must be mended, then what the card accepts."""
    to_mend = [finding for finding in findings if finding.accepted is None]
    accepted = [finding for finding in findings if finding.accepted is not None]
    counts = f"{len(to_mend):,} to mend" if to_mend else "nothing to mend" if accepted else "nothing found"
    terminal.say(
        f"{visible_line(probe)}: {n_items:,} items, {counts}" + (f", {len(accepted):,} accepted." if accepted else ".")
    )
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
        lines += [f"    - {visible_line(finding.message)}" for finding in found[:EXAMPLES]]
        if len(found) > EXAMPLES:
            lines.append(f"    and {len(found) - EXAMPLES:,} more of this code")
        terminal.say("\n".join(lines), dim=dim)
