"""Words and layers on a page: pictures with their tables, what was not measured as words, and names as text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from biasaudit.analysis.perturbed.rows import framed
from biasaudit.explanations.associations import NO_ASSOCIATIONS, empty
from biasaudit.explanations.layers import LAYERS, FoundLayers
from biasaudit.explanations.words import ALL, EXCHANGED, LEFT_OUT, PATH, SLOT, WORDS, FoundWords
from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding
from biasaudit.report.charts.layer_chart import layer_chart
from biasaudit.report.outputs.explained_layers import WARNING, layers_view
from biasaudit.report.outputs.explained_words import words_view
from biasaudit.report.outputs.render import _environment
from biasaudit.report.words.wording import records

NASTY = "<script>alert(1)</script> \u202e"
Row = dict[str, Any]


def word(evidence: str, checkpoint: str, effect: float | None, **changes: object) -> Row:
    bound = None if effect is None else 0.25
    return {
        "feature": "gender",
        "checkpoint": checkpoint,
        "evidence": evidence,
        "wording": "works-as",
        "place": 0,
        "word": "The",
        "effect": effect,
        "effect_ci_low": None if effect is None or bound is None else effect - bound,
        "effect_ci_high": None if effect is None or bound is None else effect + bound,
        "n_items": 5,
        **changes,
    }


PATHS: dict[str, object] = {"n_items": 6, "most_steps": 16, "largest_error_nats": 0.0012, "left_out": {NASTY: 2}}
FACTS = {
    "status": "ok",
    "n_items": 60,
    "n_there": 384,
    "n_wordings": 12,
    "n_unscored": {"base": 0, "tuned": 3},
    "paths": {"base": PATHS, "tuned": {**PATHS, "largest_error_nats": None}},
}


def found_words() -> FoundWords:
    rows = [
        *(word(LEFT_OUT, name, value) for name, value in (("base", 1.5), ("tuned", 0.5))),
        *(word(LEFT_OUT, name, value, word=NASTY, place=1) for name, value in (("base", -0.5), ("tuned", None))),
        *(word(EXCHANGED, name, value, word=SLOT, wording=ALL) for name, value in (("base", 3.0), ("tuned", 1.0))),
        word(PATH, "base", 0.75, word=f"token 1 of {SLOT}", wording=ALL),
    ]
    by = ("feature", "checkpoint", "evidence", "wording", "place", "word")
    return FoundWords(table=framed(rows, WORDS, by=by), facts=FACTS)


def layer(checkpoint: str, number: int, lens: float | None, decodable: float | None) -> Row:
    def three(name: str, value: float | None) -> Row:
        low, high = (None, None) if value is None else (value - 0.125, value + 0.125)
        return {name: value, f"{name}_ci_low": low, f"{name}_ci_high": high}

    return {
        "feature": NASTY,
        "checkpoint": checkpoint,
        "number": number,
        "layer": "embeddings" if number == 0 else f"block {number - 1}",
        **three("lens_d", lens),
        **three("own_d", lens),
        **three("decodable", decodable),
        "control": None if decodable is None else 0.5,
        **three("selectivity", None if decodable is None else decodable - 0.5),
        "n_items": 60,
        "n_contexts": 20,
    }


def found_layers(*, lens: float | None = 2.0) -> FoundLayers:
    rows = [
        layer(name, number, None if lens is None else number * lens, 0.5 + number / 8)
        for name in ("base", "tuned")
        for number in range(3)
    ]
    status = "ok" if lens is not None else "not measured: <b>capped</b>"
    facts = {
        "status": "ok",
        "n_items": 60,
        "n_there": 384,
        "left_out": {"base": {}, "tuned": {"one continuation begins with the other": 2}},
        "heads": {name: {"status": status, "apart_nats": 0.0} for name in ("base", "tuned")},
    }
    return FoundLayers(table=framed(rows, LAYERS, by=("feature", "checkpoint", "number")), facts=facts)


def drawn(partial: str, **views: object) -> str:
    return _environment().get_template(partial).render(**views)


def test_words_stand_in_picture_and_table_of_both_checkpoints() -> None:
    view = words_view(found_words(), level="95%")
    (feature,) = view.features
    # The strongest first in the picture, the order of the context in the table.
    assert [row.place for row in feature.words] == ["1", "2"]
    assert feature.words[0].base.startswith("1.5")
    assert feature.words[1].tuned == "not measured"
    assert feature.exchanged[0].wording == "all wordings"
    page = drawn("explanation_words.html.jinja", words=view)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "60 of 384 items, 12 wordings; tuned did not score 3" in page
    assert page.count("<svg") == 2
    assert "sums miss d by up to 0.001 nats" in page
    assert "sums miss d by up to not measured" in page


def test_layers_stand_beside_the_warning_and_their_numbers() -> None:
    page = drawn("explanation_layers.html.jinja", layers=layers_view(found_layers(), level="95%"))
    assert WARNING in page
    assert "<script" not in page
    assert page.count("<svg") == 2
    assert len(re.findall(r"<tr><th scope=\"row\">", page)) == 6
    assert "tuned: 2 items left out" in page
    for forbidden in ("still inside", "removed"):
        assert forbidden not in page


def test_a_lens_that_was_not_measured_is_no_curve() -> None:
    found = found_layers(lens=None)
    view = layers_view(found, level="95%")
    assert {row.lens_d for row in view.features[0].rows} == {"not measured"}
    assert [note.partition(", lens: ")[2][:12] for note in view.notes[:2]] == ["not measured"] * 2
    page = drawn("explanation_layers.html.jinja", layers=view)
    assert "<b>capped" not in page
    for width in (WIDE, NARROW):
        chart = layer_chart(records(found.table), Finding(title="t", description="d"), width=width)
        values = json.dumps(chart.to_dict())
        assert "decodable" in values
        assert '"curve": "lens_d"' not in values


@pytest.mark.parametrize("lens", [2.0, -1.5])
def test_curves_hold_the_numbers_of_the_table(lens: float) -> None:
    rows = records(found_layers(lens=lens).table)
    text = json.dumps(layer_chart(rows, Finding(title="t", description="d"), width=WIDE).to_dict())
    for row in rows:
        assert f'"value": {row["lens_d"]}' in text
        assert f'"value": {row["decodable"]}' in text


def test_what_was_not_measured_says_so() -> None:
    words = words_view(FoundWords(table=empty(WORDS), facts={"status": NO_ASSOCIATIONS}), level="95%")
    layers = layers_view(FoundLayers(table=empty(LAYERS), facts={"status": NO_ASSOCIATIONS}), level="95%")
    for page in (
        drawn("explanation_words.html.jinja", words=words),
        drawn("explanation_layers.html.jinja", layers=layers),
    ):
        assert NO_ASSOCIATIONS in page
        assert "<svg" not in page


def test_words_without_an_interval_have_no_picture_that_says_nothing() -> None:
    rows = [word(LEFT_OUT, name, None) for name in ("base", "tuned")]
    by = ("feature", "checkpoint", "evidence", "wording", "place", "word")
    view = words_view(FoundWords(table=framed(rows, WORDS, by=by), facts=FACTS), level="95%")
    page = drawn("explanation_words.html.jinja", words=view)
    assert "<svg" not in page
    assert "none has an interval, and there is no picture" in page
    assert "not measured" in page
