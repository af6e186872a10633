"""The generated table of our own probes says what the probes hold."""

from __future__ import annotations

from tests.probes.suite_table import HELD, README, holdings, table


def test_the_table_is_that_of_the_probes_as_they_are() -> None:
    """Run `python -m tests.probes.suite_table demo:base` after a change of the probes."""
    assert "\n".join(table(HELD, holdings())) in README.read_text(encoding="utf-8")
