"""The order in which the page shows probes and their comparisons: what can be read first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from biasaudit.types import Contrast, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

_SAYS_NOTHING: Final = {Verdict.NOT_INTERPRETABLE.value, Verdict.NOT_MEASURED.value}
_RANKS: Final = {
    Verdict.INCONCLUSIVE.value: 1,
    Verdict.UNCHANGED.value: 2,
    Verdict.NOT_INTERPRETABLE.value: 3,
    Verdict.NOT_MEASURED.value: 4,
}
"""Of verdicts that are no change; any other comes before them."""
_CONTRASTS: Final = tuple(contrast.value for contrast in Contrast)


def in_order(probes: Iterable[str], comparisons: pd.DataFrame) -> list[str]:
    """Return the probes with an interpretable cell in the first contrast, then the others, each by name.

    Parameters
    ----------
    probes : iterable of str
    comparisons : DataFrame
        See :data:`biasaudit.record.tables.COMPARISONS`. One contrast decides for all, so that every section
        has the same order.
    """
    interpretable = _interpretable(comparisons)
    return sorted(set(probes), key=lambda probe: (probe not in interpretable, probe))


def by_verdict(row: Mapping[str, Any]) -> tuple[bool, int, str]:  # Any: cells of a pandas row
    """Return the place of a comparison among those of its probe: changed, undecided, unchanged, and what says nothing.

    Rows that pool the features of a probe come last.

    Examples
    --------
    >>> rows = [("b", "unchanged"), ("c", "reduced"), ("a", "reduced"), ("d", "inconclusive")]
    >>> [name for name, _ in sorted(rows, key=lambda row: by_verdict(
    ...     {"declared": True, "feature": row[0], "verdict": row[1]}))]
    ['a', 'c', 'd', 'b']
    """
    return not row["declared"], _RANKS.get(str(row["verdict"]), 0), str(row["feature"])


def _interpretable(comparisons: pd.DataFrame) -> set[str]:
    there = set(comparisons["contrast"])
    first = next((contrast for contrast in _CONTRASTS if contrast in there), None)
    cells = comparisons[
        (comparisons["contrast"] == first) & (comparisons["metric"] == "graded") & comparisons["declared"]
    ]
    said = zip(cells["probe"], cells["verdict"], strict=True)
    return {str(probe) for probe, verdict in said if str(verdict) not in _SAYS_NOTHING}
