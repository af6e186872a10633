"""The record of the run."""

from __future__ import annotations

from typing import Any

from biasaudit.report.sections.audited import audited


def run_facts(**changes: Any) -> dict[str, tuple[str, ...]]:
    recorded = {"counts": {"ok": 89_144}, "run": {"tokens": 1_812, "tokens_per_second": 17.4, **changes}}
    return {fact.term: fact.values for fact in audited(recorded).run}


def test_what_this_run_calculated_is_told_from_what_was_known_already() -> None:
    """89,144 requests at 1,812 tokens would be nonsense: all but 216 came from the cache."""
    said = run_facts(requests_computed=216, seconds=173.4, started="2026-03-01T09:05:00+00:00")
    assert said["Requests"] == ("ok: 89,144",)
    assert said["Calculated in this run"] == (
        "216 requests, 1,812 tokens, at 17.4 a second, cache and checks included",
        "the other requests were repeats, or answered from the cache",
    )
    assert said["Time of this run"] == ("173.4 s, tables included",)
    assert said["Started"] == ("2026-03-01 09:05 UTC",)


def test_an_older_manifest_is_not_filled_in() -> None:
    """No count of what was calculated, no claim about the cache."""
    assert run_facts()["Calculated in this run"] == ("1,812 tokens, at 17.4 a second, cache and checks included",)
    said = run_facts(tokens=None, tokens_per_second=None)
    assert said["Calculated in this run"] == ("not recorded",)
    assert said["Started"] == ("not recorded",)
