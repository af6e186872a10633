"""What the model makes of attributes: against the world's shares where they are known, else the leads."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.sections.groups import LEADS, attributes
from tests.report.by_group import disparities
from tests.report.factory import JOBS, audit, estimate_columns, frame, item

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit import Audit

QUIET: dict[str, Any] = {
    "contrasts": ("template, tuned",),
    "with_disparities": False,
    "with_families": False,
    "with_estimates": False,
}
TRAITS = "traits"


def lean(
    attribute: str, base: float, tuned: float, *, feature: str = "age", p_bh: float = 0.01, share: str = ""
) -> Any:
    """Return rows of one attribute for base and tuned; half-width of the interval 0.05."""
    return [
        {
            "checkpoint": checkpoint,
            "framing": "plain",
            "probe": JOBS if share else TRAITS,
            "feature": feature,
            "statistic": "by_attribute",
            "group": attribute,
            "reference": share,
            **estimate_columns(value, 0.05, unit="nats"),
            "p_value": p_bh / 2,
            "p_bh": p_bh if checkpoint == "base" else 0.5,
        }
        for checkpoint, value in (("base", base), ("tuned", tuned))
    ]


def of(*rows: list[dict[str, Any]]) -> Audit:
    return replace(audit(**QUIET), disparities=disparities(*rows))


def test_attributes_without_shares_make_a_table_of_leads_and_no_chart() -> None:
    """One attribute under two features is two rows; what is not told from 0 after the correction is counted alone."""
    found = of(
        lean("frail", 0.2, 0.1),
        lean("frail", -0.6, -0.5, feature="disability"),
        lean("kind", 0.9, 0.9, p_bh=0.06),
    )
    [part] = attributes(found, {TRAITS: "Traits"})
    assert (part.probe, part.picture) == ("Traits", None)
    assert part.finding == (
        "Of 3 attributes by feature, 2 lean clearly in the base and 0 after tuning, by Benjamini and Hochberg over all "
        "of them"
    )
    assert [(row.feature, row.attribute, row.base, row.tuned) for row in part.rows] == [
        ("disability", "frail", "−0.60 (−0.65 to −0.55)", "−0.50 (−0.55 to −0.45)"),
        ("age", "frail", "0.20 (0.15 to 0.25)", "0.10 (0.05 to 0.15)"),
    ]
    html = render_html(found)
    assert "The attributes that lean clearly" in html
    assert "Share of women" not in html


def naming(attribute: str, *groups: str, feature: str = "age") -> pd.DataFrame:
    """Return an item of two attributes for each pair of groups."""
    made = [
        {**item(TRAITS, number, None), "feature": feature, "groups": pair,
         "tags": json.dumps({"attribute_1": attribute, "attribute_2": "other"})}
        for number, pair in enumerate(groups)
    ]  # fmt: skip
    return frame(made, tables.ITEMS)


def test_a_lead_names_the_groups_that_it_leans_to() -> None:
    """Half-width 0.05: -0.6 leans to the second groups, 0.02 to none, and 0.2 against -0.2 to either."""
    pairs = ("old | young", "middle-aged | young")
    items = naming("frail", *pairs)

    def leans_to(base: float, tuned: float, items: pd.DataFrame = items) -> str:
        [part] = attributes(replace(of(lean("frail", base, tuned)), items=items), {})
        return part.rows[0].leans_to

    assert leans_to(0.6, 0.5) == "middle-aged and old over young"
    assert leans_to(-0.6, 0.02) == "young over middle-aged and old"
    assert leans_to(0.02, -0.01) == "not clear"
    assert leans_to(0.2, -0.2, naming("frail", "old | young")) == "base: old over young; tuned: young over old"
    assert leans_to(0.2, 0.2, naming("kind", "old | young")) == "first group"


def test_probabilities_by_group_say_of_what(small_page: str) -> None:
    """The first attribute of the items goes with their first group by the stereotype: woman."""
    assert small_page.count("probability of what is tied to <bdi>woman</bdi>") == 8
    assert "Up: woman. Down: man." in small_page
    assert "Lean in nats (up: woman, down: man)" in small_page


def test_the_table_of_leads_is_capped_and_says_so() -> None:
    [part] = attributes(of(*(lean(f"word {number}", number / 100, 0.0) for number in range(1, LEADS + 3))), {})
    assert len(part.rows) == LEADS
    assert part.rows[0].attribute == f"word {LEADS + 2}"
    assert part.finding.endswith(f"the {LEADS} of the strongest lean are shown")


def test_attributes_with_shares_stand_in_a_chart_and_a_whole_table() -> None:
    [part] = attributes(of(lean("nurse", 0.4, 0.2, share="0.868", p_bh=0.9), lean("cook", 0.0, 0.0, share="0.4")), {})
    assert part.picture is not None
    assert [(row.attribute, row.share) for row in part.rows] == [("nurse", "86.8\u00a0%"), ("cook", "40.0\u00a0%")]
