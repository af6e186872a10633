"""What the page of an explanation shows of training records: the ends of the order, groups, and hostile texts."""

from __future__ import annotations

from typing import Any

import jinja2
import pandas as pd

from biasaudit.record.influences import RECORD_GROUPS, RECORDS
from biasaudit.record.tables import checked
from biasaudit.report.outputs.explained_records import ExplainedRecords, explained_records, records_not_measured
from tests.browser.hostile import ATTACK

FACTS: dict[str, Any] = {  # Any: JSON values
    "file": "rows.jsonl",
    "n_used": 30,
    "n_asked": 30,
    "checkpoints": [{"step": 4, "learning_rate": 0.01}, {"step": 8, "learning_rate": 0.005}],
    "level": 0.95,
    "no_groups": "",
    "agreement": {"gender": 0.834},
    "n_clusters": {"gender": 12},
}


def rows(values: list[float], *, text: str = "said") -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "feature": "gender",
            "line": range(1, len(values) + 1),
            "group": [None, *["web"] * (len(values) - 1)],
            "prompt": text,
            "response": [f"{text} {number}" for number in range(1, len(values) + 1)],
            "n_response_tokens": 3,
            "influence": values,
            "influence_ci_low": [one - 0.0001 for one in values],
            "influence_ci_high": [one + 0.0001 for one in values],
        }
    )
    return checked(frame.astype({"group": object}), RECORDS)


def groups(*, name: str = "web") -> pd.DataFrame:
    row = {"feature": "gender", "group": name, "n_records": 29, "influence": 0.00012, "chance_low": -0.00003}
    return checked(pd.DataFrame([{**row, "chance_high": 0.00004, "p": 0.002, "p_adjusted": 0.003}]), RECORD_GROUPS)


def page_of(shown: ExplainedRecords) -> str:
    """Return the part of the page as the page's own environment would draw it."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("biasaudit.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("explanation_records.html.jinja").render(training=shown)


def test_both_ends_of_the_order_are_shown_each_with_its_strongest_first() -> None:
    """Thirty records from -0.0014 to 0.0015: ten that raise, ten that lower, and none that does neither."""
    values = [(number - 14) / 10_000 for number in range(30)]
    (feature,) = explained_records(rows(values), groups(), FACTS).features
    assert [one.line for one in feature.raise_it] == [f"{number}" for number in range(30, 20, -1)]
    assert [one.line for one in feature.lower_it] == [f"{number}" for number in range(1, 11)]
    assert feature.raise_it[0].influence == "0.0015 (0.0014 to 0.0016)"
    assert feature.lower_it[0].influence == "−0.0014 (−0.0015 to −0.0013)"
    assert (feature.lower_it[0].group, feature.lower_it[1].group) == ("", "web")
    (few,) = explained_records(rows([0.0, 0.001]), groups(), FACTS).features
    assert (len(few.raise_it), few.lower_it) == (1, ())


def test_without_an_interval_the_value_stands_alone() -> None:
    frame = rows([0.5, -0.25]).assign(influence_ci_low=float("nan"), influence_ci_high=float("nan"))
    (feature,) = explained_records(frame, groups(), {**FACTS, "agreement": {"gender": None}}).features
    assert feature.raise_it[0].influence == "0.500"
    assert feature.sure.startswith("Too few clusters")


def test_what_was_asked_and_how_sure_it_is_is_said() -> None:
    shown = explained_records(rows([0.1, 0.2]), groups(), FACTS)
    page = page_of(shown)
    assert "30 of 30 records that were trained on" in page
    assert "2, after 4, 8 updates" in page
    assert "correlation of 0.83" in page
    assert "attribution to first order, not proof" in page
    assert shown.features[0].groups[0].chance == "−0.00003 to 0.00004"
    assert "0.003" in page


def test_records_that_were_not_asked_are_counted() -> None:
    shown = explained_records(rows([0.1, 0.2]), groups(), {**FACTS, "n_used": 1030})
    assert shown.counts == "30 of 1,030 records that were trained on, drawn at random; the other 1,000 were not asked"


def test_without_groups_the_reason_is_said() -> None:
    facts = {**FACTS, "no_groups": "no record says where it comes from"}
    page = page_of(explained_records(rows([0.1, 0.2]), groups().iloc[:0], facts))
    assert "No groups of records: <bdi>no record says where it comes from</bdi>." in page


def test_what_could_not_be_asked_is_not_measured_and_has_no_number() -> None:
    page = page_of(records_not_measured("the training kept no weights."))
    assert "Not measured: <bdi>the training kept no weights.</bdi>" in page
    assert "<table" not in page


def test_texts_of_records_are_escaped_and_cut() -> None:
    long = ATTACK + "w" * 5_000
    frame = rows([0.1, -0.1], text=long).assign(group=ATTACK, feature=ATTACK)
    facts = {**FACTS, "file": ATTACK, "agreement": {ATTACK: 0.5}, "n_clusters": {ATTACK: 12}}
    page = page_of(explained_records(frame, groups(name=ATTACK).assign(feature=ATTACK), facts))
    assert "<img" not in page
    assert "<script" not in page
    assert "\u202e" not in page
    assert "more characters" in page
    assert "w" * 1_000 not in page
