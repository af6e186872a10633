"""Where a reduction sits, in sentences: for the page and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.wording import (
    NOT_MEASURED,
    clean,
    in_row,
    number,
    percent_with_interval,
    present,
    with_interval,
)
from biasaudit.types.depth import DepthVerdict

if TYPE_CHECKING:
    from biasaudit.explanations.record import Explanation

Row = Mapping[str, Any]  # Any: pandas cells

_SAID: Final = {
    DepthVerdict.UPSTREAM.value: "Exchanged alone, the parts below the cut bring about {lower} of it, and those above "
    "{upper}: it is removed upstream",
    DepthVerdict.MASKED.value: "Exchanged alone, the parts above the cut bring about {upper} of it, and those below "
    "{lower}: it is masked late",
    DepthVerdict.REDUNDANT.value: "Exchanged alone, the parts below the cut bring about {lower} of it and those above "
    "{upper}, together more than all: it is redundant, and which half does it hangs on the order",
    DepthVerdict.DISTRIBUTED.value: "Exchanged alone, the parts below the cut bring about {lower} of it and those "
    "above {upper}: it is distributed, since {reason}",
    DepthVerdict.UNCHANGED.value: "That is no change, so that there is nothing to place",
    DepthVerdict.NOT_ESTIMABLE.value: "Where it sits is not estimable ({reason})",
}


def three(row: Row, name: str) -> str:
    """Return a number of a row with its interval; a share as a percentage."""
    if name not in {"lower_share", "upper_share", "interaction"}:
        return in_row(row, name)
    found, low, high = (present(row[one]) for one in (name, f"{name}_ci_low", f"{name}_ci_high"))
    if found is None or low is None or high is None:
        return NOT_MEASURED
    return percent_with_interval(found, low, high)


def depth_sentence(row: Row) -> str:
    """Say what came of one feature: how far the index falls, and what either half of the parts does of it alone."""
    base, tuned = present(row["base"]), present(row["tuned"])
    if base is None or tuned is None:
        return f"{clean(row['feature'])}: {NOT_MEASURED} ({clean(row['reason'], limit=300)})."
    shares = {name: three(row, f"{name}_share") for name in ("lower", "upper")}
    said = _SAID[str(row["verdict"])].format(reason=clean(row["reason"], limit=300), **shares)
    return f"{clean(row['feature'])}: the index goes from {number(base)} to {number(tuned)}, {_change(row)}. {said}."


def _change(row: Row) -> str:
    """Return how far the index falls, or rises, with its interval."""
    found, low, high = (present(row[one]) for one in ("reduction", "reduction_ci_low", "reduction_ci_high"))
    if found is None or low is None or high is None:
        return "a change without an interval"
    if found < 0:
        return f"a rise of {with_interval(-found, -high, -low)}"
    return f"a fall of {with_interval(found, low, high)}"


def cut_words(explanation: Explanation) -> str:
    """Say what lies below the cut and what above.

    The cut is between parts: the first is the embeddings, the last the final norm with the head.
    """
    facts = explanation.facts
    below, above = facts.parts[: facts.cut], facts.parts[facts.cut :]
    return f"below it {_ends(below)}, above it {_ends(above)}"


def _ends(parts: tuple[str, ...]) -> str:
    """Return the first and the last of some parts.

    Examples
    --------
    >>> _ends(("embeddings", "block 0", "block 1")), _ends(("head",)), _ends(())
    ('embeddings to block 1', 'head', 'nothing')
    """
    if not parts:
        return "nothing"
    return parts[0] if len(parts) == 1 else f"{parts[0]} to {parts[-1]}"
