"""Whether a program that scores is to be believed: the same texts asked in several ways that must agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from biasaudit.models.engine.check_packs import TOLERANCES_NATS

Texts = tuple[tuple[int, ...], ...]
"""Token ids of whole texts, the beginning among them."""

N_TEXTS: Final = 4
_SHORTEST: Final = 4

Asks = Callable[[Sequence[tuple[tuple[int, ...], int]]], list[list[float]]]


def inconsistency(ask: Asks, texts: Texts, *, dtype: str) -> tuple[str, float | None]:
    """Ask each text whole, cut short, with more of it given, and once more by itself.

    All log-probabilities are finite. A token's does not depend on what follows it, so that a text cut short has those
    that it had, and log p(ab) = log p(a) + log p(b given a), token by token; nor does it depend on what is asked
    beside it or was asked before. How far two of the same may lie apart is
    :data:`biasaudit.models.engine.check_packs.TOLERANCES_NATS`.

    Parameters
    ----------
    ask : callable
        From (token ids, number of them that are given) to the log-probabilities of the others, in nats.
    texts : sequence of token ids
        Those of fewer than four tokens are left out.
    dtype : str

    Returns
    -------
    str
        What does not agree; empty where all does.
    float or None
        Largest difference between two of the same, in nats; None where nothing was compared.
    """
    chosen = [ids for ids in texts if len(ids) >= _SHORTEST][:N_TEXTS]
    if not chosen:
        return "no ordinary sentence has the four tokens that a check needs", None
    middles = [len(ids) // 2 for ids in chosen]
    whole = ask([(ids, 1) for ids in chosen])
    if not all(math.isfinite(value) for values in whole for value in values):
        return "a log-probability of an ordinary sentence is no number", None
    short = ask([(ids[:middle], 1) for ids, middle in zip(chosen, middles, strict=True)])
    later = ask([(ids, middle) for ids, middle in zip(chosen, middles, strict=True)])
    last = ask([(ids, len(ids) - 1) for ids in chosen])
    alone = [ask([(ids, 1)])[0] for ids in chosen]
    starts = [values[: middle - 1] for values, middle in zip(whole, middles, strict=True)]
    ends = [values[middle - 1 :] for values, middle in zip(whole, middles, strict=True)]
    # The last token by itself goes another way through an engine.
    ends = [[*values, values[-1]] for values in ends]
    later = [[*values, *one] for values, one in zip(later, last, strict=True)]
    largest = {
        "the same tokens differ with what follows them": _apart(starts, short),
        "log p(ab) is not log p(a) + log p(b given a)": _apart(ends, later),
        "the same text differs when it is asked again": _apart(whole, alone),
    }
    for said, difference in largest.items():
        if difference > TOLERANCES_NATS.get(dtype, TOLERANCES_NATS["float32"]):
            return f"{said} (by up to {difference:.2g} nats a token)", difference
    return "", max(largest.values())


def _apart(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> float:
    """Return the largest difference; what is no number is apart from everything."""
    differences = [
        abs(one - other)
        for values, others in zip(ours, theirs, strict=True)
        for one, other in zip(values, others, strict=True)
    ]
    return max((one if math.isfinite(one) else math.inf for one in differences), default=0.0)
