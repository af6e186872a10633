"""The part of the published table that is about the depth of a reduction, measured again with fewer draws."""

from __future__ import annotations

import pytest

from tests.validation.depth_measures import NAME, SUITES
from tests.validation.table import PAGE


def published() -> dict[tuple[str, str], float]:
    """What the page says was found, by question and setting."""
    inside = PAGE.read_text(encoding="utf-8").partition(f"<!-- {NAME} -->")[2].partition(f"<!-- /{NAME} -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.splitlines()]
    return {(row[0], row[1]): float(row[4].rstrip("%")) / 100 for row in rows if len(row) == 7 and row[4].endswith("%")}


@pytest.mark.slow
@pytest.mark.parametrize("suite", list(SUITES))
def test_profiles_do_what_the_page_says(suite: str) -> None:
    """Few draws: 4 standard errors each, from what is published and from what is wanted."""
    printed, share = published(), 0.05
    for row in SUITES[suite](share):
        said, (low, high) = printed[row.question, row.setting], row.wanted
        # The parts of one draw are not independent of each other.
        error = (max(said * (1 - said), 0.01) / min(row.repetitions, 1_000 * share) * (1 + share)) ** 0.5
        assert abs(row.found - said) <= 4 * error, f"{row.question}: {row.found:.1%}, published {said:.1%}"
        assert low - 4 * error <= row.found <= high + 4 * error


def test_every_published_share_is_what_is_wanted() -> None:
    inside = PAGE.read_text(encoding="utf-8").partition(f"<!-- {NAME} -->")[2].partition(f"<!-- /{NAME} -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.splitlines() if "%" in line]
    assert len(rows) == 23
    for question, setting, wanted, _, found, n, _ in rows:
        share = float(found.rstrip("%")) / 100
        error = (0.05 * 0.95 / int(n.replace(",", ""))) ** 0.5
        if wanted.startswith("at most"):
            assert share <= float(wanted.split()[-1].rstrip("%")) / 100 + 2 * error, (question, setting)
        else:
            low, _, high = wanted.partition(" to ")
            assert float(low.rstrip("%")) / 100 <= share <= float(high.rstrip("%")) / 100, (question, setting)
