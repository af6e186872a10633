"""What a model expects at some places of some texts, at the least work. Imports torch.

Texts of like length go through it together, padded, and the output layer runs only where something is read: with a
vocabulary of 262,144 words it would be most of the work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary

import torch

if TYPE_CHECKING:
    from torch import Tensor

Row: TypeAlias = tuple[int, ...]
"""Token ids of one text, with its beginning."""

Place: TypeAlias = tuple[int, int]
"""A row, and a position in it: what is read there is what the model expects next."""

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


def one_pass(model: Any, inner: Any, rows: Sequence[Row], places: Sequence[Place]) -> Tensor:  # as above
    """Run the model on all rows together, and its output layer on the places alone; shape [places, vocabulary].

    Parameters
    ----------
    model : PreTrainedModel or PeftModel
    inner : PreTrainedModel
        The causal model itself: `model`, or what an adapter was put on.
    rows : sequence of tuple of int
    places : sequence of (int, int)
    """
    length = max(map(len, rows))
    ids = torch.zeros((len(rows), length), dtype=torch.long)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    row_of, position = (torch.tensor(one, device=model.device) for one in zip(*places, strict=True))

    narrowed = []

    def keep(_: torch.nn.Module, __: object, output: Any) -> Any:  # a ModelOutput of some architecture
        narrowed.append(True)
        output.last_hidden_state = output.last_hidden_state[row_of, position].unsqueeze(0)
        return output

    handle = cast("torch.nn.Module", inner.base_model).register_forward_hook(keep)
    try:
        given = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False)
    finally:
        handle.remove()
    # Some architectures run an inner decoder, past the backbone: these gave logits of all positions.
    chosen = given.logits[0] if narrowed else given.logits[row_of, position]
    return cast("Tensor", chosen.float())
