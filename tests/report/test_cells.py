from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from biasaudit.report import render_html
from biasaudit.report.charts.charts import reduction_chart
from biasaudit.report.sections.cells import chart_parts, contrast_views
from biasaudit.report.words.order import in_order
from tests.report.factory import CELLS, JOBS, PAIRS, audit

QUIET: dict[str, Any] = {"contrasts": ("template, tuned",), "with_disparities": False, "with_families": False}
UNREADABLE = "competence of the first arm includes chance"


def unread(cell: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same cell, not interpretable."""
    return (*cell[:5], "not interpretable", UNREADABLE)


def test_probes_that_can_be_interpreted_come_first() -> None:
    """By name the pairs stand before the occupations; nothing can be said of them."""
    cells = [unread(cell) if cell[0] == PAIRS else cell for cell in CELLS]
    given = audit(**{**QUIET, "with_families": True}, cells=cells)
    assert in_order([PAIRS, JOBS], audit(**QUIET).comparisons) == [PAIRS, JOBS]
    assert in_order([PAIRS, JOBS], given.comparisons) == [JOBS, PAIRS]
    html = render_html(given)
    cells_section = html[html.index('id="cells"') : html.index("</section>", html.index('id="cells"'))]
    assert cells_section.index("Gender and occupation") < cells_section.index("CrowS-Pairs (original release)")


def test_the_chart_has_the_order_of_the_table() -> None:
    cells = [unread(cell) if cell[0] == PAIRS else cell for cell in CELLS]
    spec = reduction_chart(audit(**QUIET, cells=cells).comparisons, contrast="template, tuned", tuned="tuned").to_dict()
    assert [panel["title"]["text"] for panel in spec["vconcat"]] == [JOBS, PAIRS]


def test_a_long_chart_is_parted_into_what_can_be_interpreted_and_what_cannot() -> None:
    """30 cells of the one and 50 of the other: a sheet bears 36 rows, so the second are in two probes and charts."""
    kept = [(JOBS, f"f{n:02d}", *CELLS[0][2:]) for n in range(30)]
    rest = [unread((probe, f"f{n:02d}", *CELLS[0][2:])) for probe in ("a", "b") for n in range(25)]
    rows = audit(**QUIET, cells=[*kept, *rest]).comparisons
    assert chart_parts([JOBS, "a", "b"], comparisons=rows) == ((JOBS,), ("a",), ("b",))
    small = audit(**QUIET).comparisons
    assert chart_parts([JOBS, PAIRS], comparisons=small) == ((JOBS, PAIRS),)


def test_each_probe_says_what_it_asks() -> None:
    """The first sentence of its card, how it asks and how much."""
    probes = contrast_views(audit(**QUIET), {})[0].probes
    assert [probe.asks for probe in probes] == [
        f"How strongly a model ties groups to attributes. By {how}; 180 items in 30 clusters."
        for how in ("probabilities of sentence pairs", "token probabilities")
    ]
    bare = audit(**QUIET, manifest_changes={"probes": {}})
    assert {probe.asks for probe in contrast_views(bare, {})[0].probes} == {""}


def test_a_change_that_is_the_same_in_every_cluster_is_words_and_no_interval() -> None:
    """0.000 (0.000 to 0.000) would read as certainty."""
    given = audit(**QUIET)
    rows = given.comparisons.copy()
    sign = (rows["feature"] == "gender") & (rows["metric"] == "sign")
    rows.loc[sign, ["reduction", "ci_low", "ci_high"]] = 0.0
    html = render_html(replace(given, comparisons=rows))
    assert "0.000 (0.000 to 0.000)" not in html
    assert '<td class="num change" role="cell" data-label="Change D">0.000 in every cluster</td>' in html


def test_the_sign_of_the_change_is_not_called_a_reduction() -> None:
    """Away from the stereotype is towards parity only where the first arm leans with it."""
    html = render_html(audit(**QUIET))
    cells_section = html[html.index('id="cells"') : html.index("</section>", html.index('id="cells"'))]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", cells_section))
    assert "Change D (+: less stereotype), 95\u00a0% interval" in text.replace("95 %", "95\u00a0%")
    assert "towards parity only where the first arm leans with it" in text
    assert "Reduction" not in text
