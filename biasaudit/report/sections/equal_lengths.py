"""What a comparison of pairs is over the pairs of equal length alone, as rows beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from biasaudit.report.words.wording import count, present

Row = Mapping[str, Any]  # Any: pandas cells

OF_EQUAL_LENGTH: Final = "of_equal_length"
"""Key of a row that stands beside another."""

DISAGREES: Final = (
    "Over the pairs whose two texts have as many tokens, the first arm leans to the other side: nothing is claimed "
    "about its level"
)


def with_equal_lengths(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield rows of the comparisons, each followed by the same over the pairs of equal length, where that was asked."""
    for row in rows:
        yield row
        if row.get("equal_items"):
            yield {
                **row,
                OF_EQUAL_LENGTH: True,
                "n_items": row["equal_items"],
                "status": "ok" if present(row["equal_reduction"]) is not None else "too few clusters",
                **{
                    f"{arm}_{part}": row[f"equal_{arm}_{part}"]
                    for arm in ("first", "second")
                    for part in ("value", "ci_low", "ci_high")
                },
                "reduction": row["equal_reduction"],
                "ci_low": row["equal_reduction_ci_low"],
                "ci_high": row["equal_reduction_ci_high"],
                "p_holm": None,
            }


def form_of(row: Row, *, form: str) -> str:
    """Return the name of a row's form; of one that stands beside another, how many pairs it is over.

    Examples
    --------
    >>> form_of({"of_equal_length": True, "n_items": 1091, "metric": "sign"}, form="by sign alone")
    'by sign alone, the 1,091 pairs of equal length'
    >>> form_of({"metric": "sign"}, form="by sign alone")
    'by sign alone'
    """
    if not row.get(OF_EQUAL_LENGTH):
        return form
    plain = "by sign alone" if str(row["metric"]) == "sign" else "by degree"
    return f"{plain}, the {count(row['n_items'])} pairs of equal length"


def disagreement(row: Row) -> tuple[str, ...]:
    """Return the note that belongs to a row whose level is not the same on pairs of equal length."""
    return (DISAGREES,) if row.get("equal_disagrees") else ()
