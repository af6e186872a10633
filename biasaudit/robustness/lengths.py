"""How much longer a perturbation makes what stands before the words that items are about."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING

from biasaudit.kinds import kind_of

if TYPE_CHECKING:
    from biasaudit.probes import Probe
    from biasaudit.types import ProbeItem


def added_tokens(before: Probe, after: Probe, count: Callable[[str], int]) -> dict[str, float]:
    """Return how many tokens a perturbation adds to the contexts of a probe.

    Parameters
    ----------
    before, after : Probe
        The same items in the same order.
    count : callable
        From a text to its number of tokens, such as :func:`biasaudit.validity.reference_tokens`.

    Returns
    -------
    dict
        ``min``, ``median`` and ``max`` over the contexts of both sides; below 0 where they became shorter. ``uneven``:
        items of whose two sides one grew by more than the other.
    """
    known: dict[str, int] = {}

    def length(text: str) -> int:
        if text not in known:
            known[text] = count(text)
        return known[text]

    grown = [
        tuple(length(new) - length(old) for old, new in zip(_contexts(one), _contexts(other), strict=True))
        for one, other in zip(before.items, after.items, strict=True)
    ]
    each = [n for sides in grown for n in sides] or [0]
    return {
        "min": min(each),
        "median": statistics.median(each),
        "max": max(each),
        "uneven": sum(len(set(sides)) > 1 for sides in grown),
    }


def _contexts(item: ProbeItem) -> tuple[str, ...]:
    contexts = kind_of(item).contexts
    return () if contexts is None else contexts.of(item.texts)
