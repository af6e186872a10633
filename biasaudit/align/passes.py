"""What a model expects at some places of some texts, at the least work. Imports torch.

Texts of like length go through it together, padded, and the output layer runs only where something is read: with a
vocabulary of 262,144 words it would be most of the work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import torch

from biasaudit.models.engine.one_pass import Place, Row, one_pass

if TYPE_CHECKING:
    from torch import Tensor

_PASS_TOKENS: Final = 8
_PASS_WORK: Final = 1e9
"""What a pass costs beside its tokens: so many tokens, and this over the number of weights. Models of 0.1 M weights
take one pass for all, since 10,000 tokens of them cost as much as another."""


def logits_at(
    model: Any, rows: Sequence[Row], places: Sequence[Place]
) -> Tensor:  # PeftModel or PreTrainedModel: two unrelated types
    """Run the model on padded rows and its output layer on the places alone; shape [places, vocabulary].

    Rows of like length go through it together: of those that an update has a third would be padding.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    passes = _passes([len(row) for row in rows], pass_tokens=_PASS_TOKENS + _PASS_WORK / _n_weights(inner))
    of_row: dict[int, list[int]] = {}
    for number, (row, _) in enumerate(places):
        of_row.setdefault(row, []).append(number)
    found: list[Tensor] = []
    order: list[int] = []
    for chosen in passes:
        read = [number for row in chosen for number in of_row.get(row, ())]
        if not read:
            continue
        new = {row: at for at, row in enumerate(chosen)}
        at = [(new[places[number][0]], places[number][1]) for number in read]
        found.append(one_pass(model, inner, [rows[row] for row in chosen], at))
        order += read
    back = sorted(range(len(order)), key=order.__getitem__)
    return torch.cat(found)[back]


_SIZES: Final[WeakKeyDictionary[Any, int]] = WeakKeyDictionary()  # Any: modules of torch


def _n_weights(model: Any) -> int:  # as above
    """Return how many weights a model has, counted once: of a tiny one that takes as long as half a pass."""
    if model not in _SIZES:
        _SIZES[model] = model.num_parameters()
    return _SIZES[model]


def _passes(lengths: Sequence[int], *, pass_tokens: float) -> list[list[int]]:
    """Return which rows go through the model together, in rows' order: the fewest tokens with padding, and passes.

    Parameters
    ----------
    lengths : sequence of int
        Of the rows, in tokens.
    pass_tokens : float
        What a pass costs beside its tokens, in tokens.

    Examples
    --------
    >>> _passes([9, 3, 3, 8], pass_tokens=2)
    [[1, 2], [0, 3]]
    >>> _passes([9, 3, 3, 8], pass_tokens=20)
    [[0, 1, 2, 3]]
    """
    count = Counter(lengths)
    steps = sorted(count)
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(steps) + 1):
        options = []
        for start in range(end):
            n_rows = sum(count[length] for length in steps[start:end])
            options.append((best[start][0] + n_rows * steps[end - 1] + pass_tokens, start))
        best.append(min(options))
    parts, end = [], len(steps)
    while end:
        start = best[end][1]
        parts.append([row for row, length in enumerate(lengths) if steps[start] <= length <= steps[end - 1]])
        end = start
    return parts[::-1]
