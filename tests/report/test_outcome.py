"""What came of a probe, and one order for the page, the terminal, Markdown and notebooks."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from biasaudit.report.outputs.summary import cell_rows
from biasaudit.report.section import Source
from biasaudit.report.sections.outcome import State, in_order_of_page, probes_in_order, state_of
from biasaudit.report.sections.probes import probes
from biasaudit.report.view import probe_names
from tests.report.factory import audit


def cell(probe: str, feature: str, verdict: str, first: float | None, second: float | None) -> dict[str, Any]:
    return {"probe": probe, "feature": feature, "verdict": verdict, "first_value": first, "second_value": second}


CELLS = [
    cell("a", "x", "unchanged", 0.10, 0.12),
    cell("b", "x", "not interpretable", 0.90, 0.10),
    cell("c", "x", "inconclusive", 0.10, 0.15),
    cell("c", "y", "not interpretable", 0.90, 0.10),
    cell("d", "x", "unchanged", 0.10, 0.14),
    cell("e", "x", "inconclusive", 0.10, 0.40),
    cell("e", "y", "reduced", 0.30, 0.20),
    cell("e", "z", "not measured", None, None),
]


def test_probes_stand_by_what_came_of_them_and_then_by_the_largest_move() -> None:
    """e changed; c is undecided; d moved by 0.04 and a by 0.02; of b nothing is known, whatever its numbers."""
    assert probes_in_order(CELLS) == ["e", "c", "d", "a", "b"]
    assert [state_of([row for row in CELLS if row["probe"] == probe]) for probe in "ecdab"] == [
        State.CHANGED, State.UNDECIDED, State.UNCHANGED, State.UNCHANGED, State.UNREAD
    ]  # fmt: skip


def test_in_a_probe_what_changed_is_first_and_what_cannot_be_read_last() -> None:
    """A move of 0.8 that cannot be read is none."""
    found = [(row["probe"], row["feature"]) for row in in_order_of_page(CELLS)]
    assert found == [("e", "y"), ("e", "x"), ("e", "z"), ("c", "x"), ("c", "y"), ("d", "x"), ("a", "x"), ("b", "x")]


@given(st.permutations(CELLS))
def test_the_order_does_not_hang_on_that_of_the_table(rows: list[dict[str, Any]]) -> None:
    assert in_order_of_page(rows) == in_order_of_page(CELLS)


def test_every_form_has_the_order_of_the_page() -> None:
    """Sections of the page, and the rows that Markdown, cards and notebooks show."""
    made = audit(contrasts=("weights, plain",), with_disparities=False, with_families=False)
    names = probe_names(made, made.manifest.as_dict())
    view = probes(Source(audit=made, recorded=made.manifest.as_dict(), names=names, level="95 %"))
    assert view is not None
    of_page = [probe.name for group in view.groups for probe in group.probes]
    rows = cell_rows(made, tuned="tuned", contrast="weights, plain")
    assert list(dict.fromkeys(names[str(row["probe"])] for row in rows)) == of_page
