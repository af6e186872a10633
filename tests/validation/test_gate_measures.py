"""The gate's part of the published table, measured again with fewer draws."""

from __future__ import annotations

import pytest

from tests.validation.gate_measures import NAME, SUITES
from tests.validation.table import PAGE

SHARE = 0.25


def published() -> dict[tuple[str, str], float]:
    """What the page says was found, by question and setting."""
    inside = PAGE.read_text(encoding="utf-8").partition(f"<!-- {NAME} -->")[2].partition(f"<!-- /{NAME} -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.splitlines()]
    return {(row[0], row[1]): float(row[4].rstrip("%")) / 100 for row in rows if len(row) == 7 and row[4].endswith("%")}


@pytest.mark.parametrize("suite", list(SUITES))
def test_the_gate_does_what_the_page_says(suite: str) -> None:
    """And what is wanted, whatever the page says."""
    printed = published()
    for row in SUITES[suite](SHARE):
        assert row.holds, f"{row.question}, {row.setting}: {row.found:.1%}, wanted {row.wanted}"
        said = printed[row.question, row.setting]
        # Both are counts of draws: 4 standard errors of their difference.
        error = (max(said * (1 - said), 0.01) / row.repetitions * (1 + SHARE)) ** 0.5
        assert abs(row.found - said) <= 4 * error, (
            f"{row.question}, {row.setting}: {row.found:.1%}, published {said:.1%}"
        )
