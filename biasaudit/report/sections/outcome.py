"""What came of a probe, and the order in which every form of the report shows probes and their comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from biasaudit.report.charts.overview import SAYS_NOTHING
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.words.wording import present
from biasaudit.types import Verdict

Row = Mapping[str, Any]  # Any: cells of a pandas row


class State(StrEnum):
    """What came of a probe, in the order of the page; the words are headings."""

    CHANGED = "Changed"
    UNDECIDED = "Undecided"
    UNCHANGED = "Unchanged"
    UNREAD = "Not interpretable"


_ORDER: Final = tuple(State)


def state_of(cells: Sequence[Row]) -> State:
    """Return what came of a probe: one change is enough, and one cell that is undecided where none changed."""
    verdicts = {str(row["verdict"]) for row in cells}
    if verdicts & set(CHANGED):
        return State.CHANGED
    if Verdict.INCONCLUSIVE.value in verdicts:
        return State.UNDECIDED
    return State.UNCHANGED if Verdict.UNCHANGED.value in verdicts else State.UNREAD


def in_order_of_page(cells: Sequence[Row]) -> list[Row]:
    """Return comparisons by what came of their probe, then by probe, and in it those that changed, then the others.

    Parameters
    ----------
    cells : sequence of mapping
        Of one contrast; see :data:`biasaudit.record.tables.COMPARISONS`.

    Returns
    -------
    list of mapping
        Probes that changed first, then undecided ones, unchanged ones, and those that cannot be read. Among those of
        which the same came, and within a probe, the largest move first.
    """
    probes = probes_in_order(cells)
    return sorted(cells, key=lambda row: (probes.index(str(row["probe"])), _importance(row)))


def probes_in_order(cells: Sequence[Row]) -> list[str]:
    """Return the probes of comparisons in the order of :func:`in_order_of_page`."""
    of_probe: dict[str, list[Row]] = {}
    for row in cells:
        of_probe.setdefault(str(row["probe"]), []).append(row)
    return sorted(
        of_probe, key=lambda probe: (_ORDER.index(state_of(of_probe[probe])), min(map(_importance, of_probe[probe])))
    )


def _importance(row: Row) -> tuple[bool, bool, float, str, str]:
    """As the overview has it; what cannot be read stands last, whatever its numbers."""
    verdict = str(row["verdict"])
    first, second = (present(row[f"{arm}_value"]) for arm in ("first", "second"))
    moved = 0.0 if first is None or second is None else abs(first - second)
    return verdict in SAYS_NOTHING, verdict not in CHANGED, -moved, str(row["probe"]), str(row["feature"])
