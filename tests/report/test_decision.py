"""The section of the page that shows a decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from biasaudit.gate import Effect, RuleResult
from biasaudit.report.outputs.render import render_decision, render_html
from biasaudit.report.sections.decision import MOST_ROWS, SYMBOLS, decision_view
from tests.gate.rows import Row, judged, level
from tests.report.factory import audit

HOSTILE = "<script>alert(1)</script>\x00"
RULES: list[Row] = [{"id": "index", "max_index": 0.3}, {"id": "coverage", "min_coverage": 0.5}]


def test_what_needs_a_reader_stands_first() -> None:
    decision = judged(RULES, levels=[level(), level(0.2, 0.4, probe="open"), level(0.4, 0.5, probe="z")])
    view = decision_view(decision)
    assert [row.effect.verdict for row in view.rows] == ["violated", "inconclusive"]
    assert [row.effect.verdict for row in view.further] == ["passed"] * 4
    assert view.n_further == "4 results"
    assert view.rows[0].measured == "0.45 (0.40 to 0.50)"
    assert view.rows[0].limit == "max_index <= 0.3"
    assert view.rows[0].basis == "90 items, 10 clusters"
    assert {row.measured for row in view.further if row.rule == "coverage"} == {"0.9000"}
    assert view.outcome.verdict == "violated"


def test_no_number_where_none_was_measured() -> None:
    view = decision_view(judged(RULES, levels=[level(None, None, status="too few clusters", n_asked=0)]))
    assert [row.measured for row in (*view.rows, *view.further)] == ["not measured"] * 2


def test_of_many_that_need_a_reader_twelve_stand_open() -> None:
    view = decision_view(judged(RULES[:1], levels=[level(0.4, 0.5, probe=f"p{n:02d}") for n in range(15)]))
    assert (len(view.rows), len(view.further)) == (MOST_ROWS, 3)
    assert {row.effect.verdict for row in view.further} == {"violated"}


def test_each_effect_has_a_sign_of_its_own() -> None:
    """Colour alone tells nothing."""
    assert set(SYMBOLS) == set(Effect)
    assert len(set(SYMBOLS.values())) == len(Effect)


def test_foreign_text_is_text() -> None:
    waiver = {"rule": "index", "reason": HOSTILE, "owner": "o", "expires": date(2026, 1, 1)}
    decision = judged(
        RULES, levels=[level(probe=HOSTILE, feature=HOSTILE)], policy={"waivers": [waiver]}, today=date(2026, 11, 25)
    )
    lone = replace(decision.results[0], probe="\ud800")
    section = render_decision(replace(decision, results=(lone, *decision.results[1:]), audit="\ud800"))
    section.encode("utf-8")
    assert "<script" not in section
    assert "expired on 2026-01-01" in section


def test_the_page_holds_the_section_only_where_there_is_a_decision() -> None:
    found, decision = audit(contrasts=("as deployed",)), judged(RULES, levels=[level()])
    page = render_html(found, decision=decision)
    assert (page.count('id="policy"'), page.count('<li><a href="#policy">Policy</a></li>')) == (1, 1)
    assert 'id="policy"' not in render_html(found)


def test_an_empty_decision_has_no_table() -> None:
    from biasaudit.gate import GateDecision, Outcome

    section = render_decision(GateDecision(outcome=Outcome.INCONCLUSIVE, results=()))
    assert "nothing was judged" in section
    assert "<table" not in section


def test_a_result_leads_to_its_comparison_and_else_to_its_probe() -> None:
    """A level is of one model in one framing; a comparison has a row of its own."""
    decision = judged(RULES[:1], levels=[level(0.4, 0.5, probe="z")])
    [result] = decision.results
    compared = replace(result, tuned="tuned", framing_or_contrast="as deployed")
    cells = {("tuned", "as deployed", "z", result.feature): "cell-7"}

    def href(of: RuleResult, probes: dict[str, str]) -> str:
        return decision_view(replace(decision, results=(of,)), cells=cells, probes=probes).rows[0].href

    assert href(compared, {"z": "probe-3"}) == "cell-7"
    assert href(result, {"z": "probe-3"}) == "probe-3"
    assert href(result, {}) == ""
