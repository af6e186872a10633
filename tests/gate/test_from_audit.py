from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit import gate
from biasaudit.errors import EvidenceError
from biasaudit.gate.first_rules import outward
from biasaudit.gate.from_audit import policy_text
from tests.gate.rows import LEVEL, Row, able, change, lean
from tests.gate.rows import level as published


def level(low: float | None = -0.1, high: float | None = 0.1, **changes: object) -> Row:
    """An index in the form that the report shows."""
    return published(low, high, **{"metric": "graded", **changes})


MEASURED = [level(0.1234, 0.3456, n_items=93), level(0.1, 0.2, framing="plain")]


def text_of(levels: list[Row], changes: list[Row] | None = None) -> str:
    return policy_text(
        estimates=pd.DataFrame(levels, columns=list(level())),
        comparisons=pd.DataFrame(changes or [], columns=list(change())),
        source="here",
    )


def rules_of(text: str) -> list[dict[str, object]]:
    rules: list[dict[str, object]] = yaml.safe_load(text)["rules"]
    return rules


def outcome(text: str, folder: Path, levels: list[Row], changes: list[Row]) -> str:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    decision = gate.decide(
        gate.read_policy(path),
        # Coverage is read from the published form of the index.
        estimates=pd.DataFrame(
            [*levels, *({**row, "metric": "index"} for row in levels), *able(levels)], columns=list(level())
        ),
        comparisons=pd.DataFrame(changes, columns=list(change())),
        level=LEVEL,
    )
    return decision.outcome.value


@given(st.floats(-1, 1))
def test_outward_is_the_nearest_hundredth_that_holds_the_value(value: float) -> None:
    up, down = outward(value, up=True), outward(value, up=False)
    assert down <= value <= up
    assert up - down < 0.01 + 1e-9
    assert round(up, 2) == up


def test_each_limit_is_the_end_of_the_interval_rounded_outward() -> None:
    """0.3456 becomes 0.35; an increase of at most 0.0211 becomes 0.03; 93 of 100 is 0.93; a loss of 0.02 stays."""
    text = text_of(MEASURED, [change(-0.0211, 0.2)])
    index, increase, coverage, competence = rules_of(text)
    assert (index["max_abs_index"], index["framing"], index["features"]) == (0.35, "chat", ["gender"])
    assert index["form"] == "graded"
    assert (competence["max_competence_loss"], competence["contrast"]) == (0.02, "as deployed")
    assert (increase["max_increase"], increase["contrast"]) == (0.03, "as deployed")
    assert coverage["min_coverage"] == 0.93
    assert "0.2345 (0.1234 to 0.3456)" in text
    assert "it is no\n# standard" in text


def test_a_limit_holds_either_way() -> None:
    """-0.4321 is as far as 0.44; a limit on one side alone would let the lean grow without end on the other."""
    index = rules_of(text_of([level(-0.4321, 0.1)]))[0]
    assert index["max_abs_index"] == 0.44
    assert "max_index" not in index


def test_a_fall_of_the_lean_gives_the_limit_0() -> None:
    """To whichever side: -0.5 to -0.1 is a fall as 0.5 to 0.1 is."""
    for row in (change(0.1, 0.2), lean(-0.5, -0.1)):
        assert rules_of(text_of(MEASURED, [row]))[1]["max_increase"] == 0
    assert rules_of(text_of(MEASURED, [lean(0.0, -0.62, 0.05)]))[1]["max_increase"] == 0.67


def test_a_change_that_was_not_measured_gives_no_limit() -> None:
    text = text_of(MEASURED, [change(), change(None, None, status="too few clusters", tuned="tuned-2")])
    assert '# not measured in "tuned-2", "as deployed" ("status: too few clusters")' in text
    lost = {"competence_loss_status": "not measured", "competence_loss": None}
    unmeasured = change(None, None, status="not measured", **lost)
    assert [rule["id"] for rule in rules_of(text_of(MEASURED, [unmeasured]))] == [
        "occupations / gender: index",
        "coverage",
    ]


def test_the_audit_keeps_its_own_policy(tmp_path: Path) -> None:
    levels, changes = [*MEASURED, level(-0.4, -0.0999, probe="q")], [change(-0.3, 0.3), change(0.1, 0.2, probe="q")]
    assert outcome(text_of(levels, changes), tmp_path, levels, changes) == "passed"


def test_a_cell_without_a_number_leaves_the_audit_inconclusive(tmp_path: Path) -> None:
    """It has a rule all the same, whose limit is none, and the text says so."""
    levels = [*MEASURED, level(None, None, probe="q", status="too few clusters")]
    text = text_of(levels, [change()])
    assert '# not measured in "tuned", "chat" ("too few clusters")' in text
    assert [rule["max_abs_index"] for rule in rules_of(text) if rule.get("probes") == ["q"]] == [1]
    assert outcome(text, tmp_path, levels, [change()]) == "inconclusive"


def test_of_several_tuned_models_the_loosest_sets_the_limit(tmp_path: Path) -> None:
    levels = [level(0.1, 0.2), level(0.3, 0.4, checkpoint="tuned-2"), level(0.8, 0.9, checkpoint="base")]
    changes = [change(-0.1, 0.0), change(-0.2, 0.0, tuned="tuned-2")]
    text = text_of(levels, changes)
    assert [rules_of(text)[0]["max_abs_index"], rules_of(text)[1]["max_increase"]] == [0.4, 0.2]
    assert outcome(text, tmp_path, levels, changes) == "passed"


@pytest.mark.parametrize(("framing", "contrast"), [("plain", "weights, plain"), ("chat", "weights, chat")])
def test_an_audit_of_one_framing_is_judged_in_it(framing: str, contrast: str) -> None:
    index, increase, coverage, _ = rules_of(text_of([level(framing=framing)], [change(contrast=contrast)]))
    assert (index["framing"], increase["contrast"], coverage["framing"]) == (framing, contrast, framing)


def test_pooled_rows_are_cells_only_where_there_is_no_other() -> None:
    levels = [level(), level(feature="all"), level(probe="q", feature="all")]
    cells = [(rule["probes"], rule["features"]) for rule in rules_of(text_of(levels))[:-1]]
    assert cells == [(["occupations"], ["gender"]), (["q"], ["all"])]


@pytest.mark.parametrize("levels", [[], [level(checkpoint="base")], [level(None, None, status="not measured")]])
def test_nothing_measured_gives_no_policy(levels: list[Row]) -> None:
    with pytest.raises(EvidenceError, match="no measured cell"):
        text_of(levels)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_hostile_names_stay_names(name: str) -> None:
    """In comments too, which a line break would end."""
    rules = rules_of(text_of([level(probe=name)]))
    assert [rule.get("probes") for rule in rules] == [[name], None]
