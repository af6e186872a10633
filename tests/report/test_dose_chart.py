"""The dose curve: marks where the numbers are, and nothing of what was not measured."""

from __future__ import annotations

from typing import Any

import pytest

from biasaudit.report.charts.dose_chart import Dose, dose_chart
from biasaudit.report.charts.pictures import SURFACE


def dose(epsilon: float, seed: int, index: float, *, licensed: float | None = 0.01) -> Dose:
    return Dose(
        epsilon=epsilon,
        seed=seed,
        index=index,
        ci_low=index - 0.1,
        ci_high=index + 0.1,
        base=0.8,
        perplexity_change=0.02,
        licensed_drop=licensed,
    )


def drawn(*doses: Dose) -> list[list[dict[str, float]]]:
    """Return the rows that each panel draws."""
    chart: Any = dose_chart(doses, title="t").to_dict()  # of Vega-Lite

    def rows(data: Any) -> list[dict[str, float]]:  # inline, or by name
        found: list[dict[str, float]] = data["values"] if "values" in data else chart["datasets"][data["name"]]
        return found

    return [
        [row for layer in panel["layer"] for row in rows(layer.get("data") or panel["data"])]
        for panel in chart["vconcat"]
    ]


def values(panel: list[dict[str, float]], name: str) -> list[float]:
    return [row[name] for row in panel if name in row]


def test_the_line_goes_through_the_mean_of_the_seeds() -> None:
    """0.1 and 0.3 at one epsilon: 0.2; each seed has a mark of its own, too."""
    lean = values(drawn(dose(0.4, 0, 0.1), dose(0.4, 1, 0.3))[0], "index")
    assert sum(one == pytest.approx(0.2) for one in lean) == 1
    assert {0.1, 0.3} <= set(lean)


def test_costs_are_in_percent_and_points() -> None:
    _, perplexity, licensed = drawn(dose(0.2, 0, 0.1))
    assert set(values(perplexity, "cost")) == {0.0, 2.0}
    assert set(values(licensed, "cost")) == {0.0, 1.0}


def test_what_was_not_measured_has_no_panel() -> None:
    assert len(drawn(dose(0.2, 0, 0.1, licensed=None))) == 2


def test_it_can_be_read_on_a_dark_page() -> None:
    assert dose_chart([dose(0.2, 0, 0.1)], title="t").to_dict()["background"] == SURFACE


def test_no_dose_is_no_curve() -> None:
    with pytest.raises(ValueError, match="at least one dose"):
        dose_chart([], title="t")
