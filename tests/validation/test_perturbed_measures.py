"""The part of the published table that is about perturbations, measured again with fewer draws."""

from __future__ import annotations

import pytest

from tests.validation.perturbed_measures import NAME, SUITES
from tests.validation.table import PAGE

SHARES = dict.fromkeys(SUITES, 0.05) | {"perturbations, worst": 0.02, "perturbations, crossed": 0.02}


def published() -> dict[tuple[str, str], float]:
    """What the page says was found, by question and setting."""
    inside = PAGE.read_text(encoding="utf-8").partition(f"<!-- {NAME} -->")[2].partition(f"<!-- /{NAME} -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.splitlines()]
    return {(row[0], row[1]): float(row[4].rstrip("%")) / 100 for row in rows if len(row) == 7 and row[4].endswith("%")}


@pytest.mark.slow
@pytest.mark.parametrize("suite", list(SUITES))
def test_the_claims_over_perturbations_do_what_the_page_says(suite: str) -> None:
    """Many rows of few draws: 4 standard errors each, from what is published and from what is wanted."""
    printed, share = published(), SHARES[suite]
    for row in SUITES[suite](share):
        said, (low, high) = printed[row.question, row.setting], row.wanted
        error = (max(said * (1 - said), 0.01) / row.repetitions * (1 + share)) ** 0.5
        assert abs(row.found - said) <= 4 * error, (
            f"{row.question}, {row.setting}: {row.found:.1%}, published {said:.1%}"
        )
        assert low - 4 * error <= row.found <= high + 4 * error


def test_no_published_share_is_outside_of_what_is_wanted() -> None:
    """Each within two Monte-Carlo errors of 6 %, all of one question below it on average."""
    inside = PAGE.read_text(encoding="utf-8").partition(f"<!-- {NAME} -->")[2].partition(f"<!-- /{NAME} -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.splitlines() if "%" in line]
    promised = [
        (row[0], float(row[4].rstrip("%")) / 100, int(row[5].replace(",", "")))
        for row in rows
        if row[2] == "at most 6%"
    ]
    assert len(promised) > 60
    assert [row for row in promised if row[1] > 0.06 + 2 * (0.06 * 0.94 / row[2]) ** 0.5] == []
    for question in {row[0] for row in promised}:
        found = [row[1] for row in promised if row[0] == question]
        assert sum(found) / len(found) <= 0.06
