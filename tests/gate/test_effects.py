"""What a run makes of results: severity, undecided cells, waivers, and what stands beside the cells."""

from __future__ import annotations

from datetime import date

import pytest

from biasaudit import gate
from biasaudit.gate import Effect, GateDecision
from tests.gate.rows import Row, judged, level

TODAY = date(2026, 11, 25)
PASSES, FAILS, OPEN = level(), level(0.4, 0.5, probe="fails"), level(0.2, 0.4, probe="open")
UNMEASURED = level(None, None, probe="unmeasured", status="too few clusters")
WAIVER: Row = {"rule": "r", "reason": "being retrained", "owner": "Ada", "expires": date(2026, 12, 31)}


def run(
    *levels: Row, waivers: tuple[Row, ...] = (), today: date | None = TODAY, strict: bool = False, **keys: object
) -> GateDecision:
    return judged(
        [{"id": "r", "max_index": 0.3, **keys}],
        levels=levels,
        policy={"waivers": list(waivers)},
        today=today,
        warnings_as_errors=strict,
    )


def effects(decision: GateDecision) -> list[str]:
    return [result.effect.value for result in decision.results]


def test_a_warning_is_shown_and_fails_nothing_unless_warnings_are_errors() -> None:
    lenient, strict = (run(PASSES, FAILS, OPEN, severity="warning", strict=strict) for strict in (False, True))
    assert (lenient.exit_code, sorted(effects(lenient))) == (0, ["passed", "warning", "warning"])
    assert (strict.exit_code, sorted(effects(strict))) == (1, ["inconclusive", "passed", "violated"])
    assert run(PASSES, OPEN, severity="warning", strict=True).exit_code == 3


@pytest.mark.parametrize(
    ("keys", "effect", "code"),
    [
        ({}, "inconclusive", 3),
        ({"inconclusive": "warn"}, "inconclusive", 3),
        ({"inconclusive": "fail"}, "violated", 1),
        ({"inconclusive": "pass"}, "accepted", 0),
        ({"inconclusive": "pass", "severity": "warning"}, "accepted", 0),
        ({"inconclusive": "fail", "severity": "warning"}, "warning", 0),
    ],
)
def test_a_rule_says_what_an_undecided_cell_does(keys: dict[str, str], effect: str, code: int) -> None:
    decision = run(OPEN, **keys)  # type: ignore[arg-type]  # keys of the rule alone
    assert (effects(decision), decision.exit_code) == ([effect], code)
    assert decision.results[0].outcome.value == "inconclusive"


def test_what_was_not_measured_is_not_accepted() -> None:
    """A misspelled probe in a rule that lets undecided cells pass would otherwise pass for ever."""
    assert effects(run(UNMEASURED, OPEN, inconclusive="pass")) == ["accepted", "inconclusive"]
    assert run(PASSES, inconclusive="pass", probes=["typo"]).exit_code == 3
    assert run(UNMEASURED, inconclusive="fail").exit_code == 1


def test_warnings_alone_do_not_pass_without_evidence() -> None:
    """No data never ends with 0."""
    decision = run(UNMEASURED, severity="warning")
    assert (effects(decision), decision.exit_code) == (["warning"], 3)
    assert [note.message for note in decision.notes] == ["nothing that the policy asks for was measured"]


def test_a_waived_failure_is_shown_and_does_not_fail() -> None:
    decision = run(PASSES, FAILS, waivers=({**WAIVER, "probe": "fails"},))
    assert (decision.exit_code, effects(decision)) == (0, ["waived", "passed"])
    waived = decision.results[0]
    assert (waived.outcome.value, waived.waiver is not None and waived.waiver.owner) == ("violated", "Ada")
    assert "violated, waived until 2026-12-31 by Ada: being retrained" in gate.to_text(decision)


@pytest.mark.parametrize("scope", [{"probe": "other"}, {"feature": "race"}, {"group": "woman"}])
def test_a_waiver_covers_what_it_names_and_no_more(scope: dict[str, str]) -> None:
    decision = run(FAILS, waivers=({**WAIVER, **scope},))
    assert (decision.exit_code, effects(decision)) == (1, ["violated"])
    assert [note.effect for note in decision.notes] == [Effect.WARNING]


def test_a_waiver_covers_what_was_measured_and_not_decided_but_no_lack_of_evidence() -> None:
    """A cell near its limit is now violated, now undecided; no evidence is a fault of the audit."""
    assert effects(run(OPEN, waivers=(WAIVER,))) == ["waived"]
    assert run(OPEN, waivers=(WAIVER,)).exit_code == 0
    assert effects(run(UNMEASURED, waivers=(WAIVER,))) == ["inconclusive"]
    failing = run(UNMEASURED, waivers=(WAIVER,), inconclusive="fail")
    assert (effects(failing), failing.exit_code) == (["waived"], 3)


def test_an_expired_waiver_fails_the_run_and_is_shown() -> None:
    """Even where the cell passes by now: somebody must look at the file."""
    last, after = (run(FAILS, waivers=(WAIVER,), today=day) for day in (date(2026, 12, 31), date(2027, 1, 1)))
    assert (last.exit_code, last.today) == (0, date(2026, 12, 31))
    assert (after.exit_code, effects(after)) == (1, ["violated"])
    fine = run(PASSES, waivers=(WAIVER,), today=date(2027, 1, 1))
    assert (fine.exit_code, fine.waivers[0].state.value) == (1, "expired")
    assert "waiver of r: expired on 2026-12-31; Ada answered for it: being retrained" in gate.to_text(fine)


def test_an_unused_waiver_is_a_warning() -> None:
    lenient, strict = (run(PASSES, waivers=(WAIVER,), strict=strict) for strict in (False, True))
    assert (lenient.exit_code, lenient.counts[Effect.WARNING]) == (0, 1)
    assert "Ada can take it out" in gate.to_text(lenient)
    assert (strict.exit_code, strict.counts[Effect.VIOLATED]) == (1, 1)


def test_of_several_waivers_the_longest_holds_and_all_are_used() -> None:
    later = {**WAIVER, "owner": "Grace", "expires": date(2027, 6, 1)}
    expired = {**WAIVER, "owner": "Old", "expires": date(2026, 1, 1)}
    decision = run(FAILS, waivers=(WAIVER, later))
    assert decision.results[0].waiver is not None
    assert decision.results[0].waiver.owner == "Grace"
    assert {one.state.value for one in decision.waivers} == {"used"}
    assert decision == run(FAILS, waivers=(later, WAIVER))
    assert run(FAILS, waivers=(WAIVER, expired)).exit_code == 1


def test_without_waivers_the_day_does_not_matter_and_with_them_it_is_recorded() -> None:
    assert run(PASSES, today=None).today is None
    assert run(PASSES, today=TODAY).today == TODAY
    assert run(PASSES, waivers=(WAIVER,), today=None).today is not None
