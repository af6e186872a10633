"""The validation table, as measured: `python -m tests.validation` writes it into docs/validation.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.validation.measures import Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation.md"


def markdown(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | where | wanted | found | repetitions | refused |", "|---|---|---|---|---|---|"]
    for row in rows:
        low, high = row.wanted
        wanted = f"at most {high:.0%}" if low == 0 else f"{low:.0%} to {high:.0%}"
        lines.append(
            f"| {row.question} | {row.setting} | {wanted} | {row.found:.1%} | {row.repetitions:,} | {row.refused} |"
        )
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
        if len(cells) == 6 and cells[3].endswith("%"):
            found[cells[0], cells[1]] = float(cells[3].rstrip("%")) / 100
    return found
