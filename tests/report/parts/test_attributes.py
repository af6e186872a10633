"""What the model makes of attributes: against the world's shares where they are known, else the leads."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.parts.associated import GroupTable, group_tables
from biasaudit.report.parts.attributes import LEADS, Attributes, associations, attributes
from biasaudit.report.words.places import probe_places
from tests.report.by_group import DECISIONS, QUIET, association, disparities, rows
from tests.report.factory import JOBS, PAIRS, audit, estimate_columns, frame, item

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit import Audit

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
    names = {"probes": {TRAITS: {"name": "Traits"}, JOBS: {"name": "Jobs"}}}
    return replace(audit(**QUIET, manifest_changes=names), disparities=disparities(*rows))


def only(audited: Audit) -> Attributes:
    [found] = attributes(audited).values()
    return found


def test_attributes_without_shares_make_a_table_of_leads_and_no_chart() -> None:
    """One attribute under two features is two rows; what is not told from 0 after the correction is counted alone."""
    found = of(
        lean("frail", 0.2, 0.1),
        lean("frail", -0.6, -0.5, feature="disability"),
        lean("kind", 0.9, 0.9, p_bh=0.06),
    )
    part = only(found)
    assert part.pictures == ()
    assert part.finding == (
        "Of 3 words (a word counts once for each feature that it stands in), 2 lean clearly to one group in the base "
        "and 0 after tuning, after a correction for their number"
    )
    assert part.checkpoints == ("base", "tuned")
    assert [(row.feature, row.attribute, row.values) for row in part.rows] == [
        ("disability", "frail", ("−0.60 (−0.65 to −0.55)", "−0.50 (−0.55 to −0.45)")),
        ("age", "frail", ("0.20 (0.15 to 0.25)", "0.10 (0.05 to 0.15)")),
    ]
    html = render_html(found)
    assert "The words that lean clearly" in html
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
        return only(replace(of(lean("frail", base, tuned)), items=items)).rows[0].leans_to

    assert leans_to(0.6, 0.5) == "middle-aged and old over young"
    assert leans_to(-0.6, 0.02) == "young over middle-aged and old"
    assert leans_to(0.02, -0.01) == "not clear"
    assert leans_to(0.2, -0.2, naming("frail", "old | young")) == "base: old over young; tuned: young over old"
    assert leans_to(0.2, 0.2, naming("kind", "old | young")) == "first group"


def test_several_tuned_checkpoints_are_columns_of_one_table() -> None:
    """A lead is clear in any of them; half-width 0.05."""
    dpo = [{**row, "checkpoint": "2-dpo"} for row in lean("frail", 0.4, 0.4)[:1]]
    part = only(replace(of(lean("frail", 0.2, 0.1, p_bh=0.5), dpo), items=naming("frail", "old | young")))
    assert part.checkpoints == ("base", "tuned", "2-dpo")
    assert part.finding.startswith(
        "Of 1 word, 0 lean clearly to one group in the base, 0 in tuned and 1 in 2-dpo, after a correction"
    )
    [row] = part.rows
    assert (row.values[2], row.leans_to) == ("0.40 (0.35 to 0.45)", "old over young")


def table(*parts: Any) -> GroupTable:
    [found] = group_tables(disparities(*parts)).values()
    return found


def test_two_groups_have_a_row_each_and_their_difference_with_models_as_columns() -> None:
    levels = [("by_group", "woman", "", 0.6, 0.5), ("by_group", "man", "", 0.3, 0.4)]
    found = table(rows(levels, probe=JOBS), association("woman", "man", 0.3, 0.1))
    assert found.arms == ("base, plain", "tuned, plain", "base, chat", "tuned, chat")
    [feature] = found.features
    assert (feature.tied_to, found.finding, found.is_long) == ("woman", "", False)
    assert [(row.group, row.values[:2]) for row in feature.rows] == [
        ("man", ("0.30 (0.25 to 0.35)", "0.40 (0.35 to 0.45)")),
        ("woman", ("0.60 (0.55 to 0.65)", "0.50 (0.45 to 0.55)")),
        ("woman − man", ("0.30 (0.25 to 0.35)", "0.10 (0.05 to 0.15)")),
    ]


def test_groups_beside_a_reference_are_counted_by_direction_and_the_strongest_named() -> None:
    """p after the correction of 0.2 is not clear, and an interval that holds 0 neither; half-width 0.05."""
    plain: dict[str, Any] = {"framings": ("plain",), "feature": "age"}
    found = table(
        association("old", "middle-aged", 0.3, 0.2, p_bh=0.01, **plain),
        association("young", "middle-aged", -0.3, 0.4, p_bh=0.01, **plain),
        association("poor", "rich", 0.3, 0.3, p_bh=0.2, **plain),
        association("sick", "well", 0.3, 0.01, p_bh=0.01, **plain),
    )
    assert found.finding == (
        "Of 4 groups beside a reference group, 2 lean clearly with the stereotype and 1 against it in base, 2 and 0 "
        "in tuned, after a correction for their number. Most with it after tuning: young beside middle-aged and old "
        "beside middle-aged"
    )
    assert (found.has_levels, found.arms) == (False, ("base", "tuned"))
    uncorrected = table(association("a", "b", 0.3, 0.2, **plain), association("c", "b", 0.3, 0.01, **plain))
    assert uncorrected.finding == (
        "Of 2 groups beside a reference group, 2 lean clearly with the stereotype and 0 against it in base, 1 and 0 in "
        "tuned. Most with it after tuning: a beside b"
    )


def test_a_long_table_of_groups_is_folded() -> None:
    assert not table(*(association(f"g{number}", "man", 0.3, 0.1) for number in range(8))).is_long
    assert table(*(association(f"g{number}", "man", 0.3, 0.1) for number in range(9))).is_long


def test_decisions_have_no_part_of_words() -> None:
    """They stand in the part of their own."""
    assert associations(of(rows(DECISIONS))) == {}


def test_probabilities_by_group_say_of_what(small_page: str) -> None:
    """The first attribute of the items goes with their first group by the stereotype: woman."""
    assert small_page.count("probability of what is tied to <bdi>woman</bdi>") == 1
    assert "Up: woman. Down: man." in small_page
    assert "Lean in nats (up: woman, down: man)" in small_page


def test_each_probe_has_its_own_words_and_none_of_another(small_page: str) -> None:
    """They stand in the section of the probe of associations alone."""
    parts = re.findall(r'<section class="part attributes" id="(probe-\d+)-attributes"', small_page)
    assert parts == [probe_places([PAIRS, JOBS])[JOBS]]


def test_the_table_of_leads_is_capped_and_says_so() -> None:
    part = only(of(*(lean(f"word {number}", number / 100, 0.0) for number in range(1, LEADS + 3))))
    assert len(part.rows) == LEADS
    assert part.rows[0].attribute == f"word {LEADS + 2}"
    assert part.finding.endswith(f"The {LEADS} of the strongest lean are in the table")


def test_attributes_with_shares_stand_in_a_chart_and_a_whole_table() -> None:
    part = only(of(lean("nurse", 0.4, 0.2, share="0.868", p_bh=0.9), lean("cook", 0.0, 0.0, share="0.4")))
    assert len(part.pictures) == 1
    assert part.finding.startswith("Of 2 occupations, 1 lean clearly to one group in the base and 1 after tuning")
    assert [(row.attribute, row.share) for row in part.rows] == [("nurse", "86.8\u00a0%"), ("cook", "40.0\u00a0%")]
