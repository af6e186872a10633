"""The validation table, as measured: `python -m tests.validation` writes it into docs/validation.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.validation.row import Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation.md"


def markdown(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | where | wanted | before | found | repetitions | refused |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        low, high = row.wanted
        wanted = f"at most {high:.0%}" if low == 0 else f"{low:.0%} to {high:.0%}"
        wanted = "refused" if high == 0 else "not promised" if (low, high) == (0, 1) else wanted
        before = "" if row.before is None else f"{row.before:.1%}"
        found = f"{row.found:.1%}" if row.repetitions else "none"
        cells = (row.question, row.setting, wanted, before, found, f"{row.repetitions:,}", str(row.refused))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def written(page: str, name: str, table: str) -> str:
    """Return the page with `table` in the place called `name`."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def published() -> dict[tuple[str, str], float]:
    """Return what the page says was found, by question and setting."""
    page = PAGE.read_text(encoding="utf-8")
    inside = page.partition("<!-- measured -->")[2].partition("<!-- /measured -->")[0]
    found = {}
    for line in inside.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[4].endswith("%"):
            found[cells[0], cells[1]] = float(cells[4].rstrip("%")) / 100
    return found
