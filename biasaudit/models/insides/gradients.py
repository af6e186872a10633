"""Integrated gradients along the path from one context to the other: what each exchanged token adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.models.insides.places import Place, places_of
from biasaudit.types.insides import Path, Paths

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from biasaudit.models.insides.places import Table
    from biasaudit.models.local.loaded import LoadedModel

STEPS: Final = 8
"""Points of a path, to begin with."""
MOST_STEPS: Final = 256
"""No more are tried."""
TOLERANCE: Final = 1e-3
"""By so much of the difference the attributions may miss it, of one below `_SMALL` by so much of that."""
_SMALL: Final = 0.1
_ROWS: Final = 16
"""Points of one pass."""


def path_attributions(
    loaded: LoadedModel,
    tables: Sequence[Table],
    *,
    n_steps: int = STEPS,
    most_steps: int = MOST_STEPS,
    tolerance: float = TOLERANCE,
) -> Paths:
    """Return what each token in which the contexts of a table differ adds to the log odds of its continuations.

    Of continuations of several tokens, the odds are those of the first token in which they differ, given what both
    begin with.

    The path is straight, from the embeddings of context B to those of context A, and its points are the middles of
    equal steps. Points are doubled until the attributions sum to the difference of the log odds.

    Parameters
    ----------
    loaded : LoadedModel
    tables : sequence of sequence of Request
        First and second continuation after context A, then both after context B.
    n_steps, most_steps : int
    tolerance : float

    Returns
    -------
    Paths
        Tables whose contexts are not as many tokens, or differ in more than one run of them, have none.

    References
    ----------
    Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks, equation 1 and proposition 1.
    """
    places = [_refused(place) or place for place in places_of(loaded, tables)]
    read = [(number, place) for number, place in enumerate(places) if isinstance(place, Place)]
    return Paths(
        paths=tuple(_path(loaded, place, n_steps, most_steps, tolerance) for _, place in read),
        read=tuple(number for number, _ in read),
        left_out=tuple(place for place in places if isinstance(place, str)),
    )


def _refused(place: Place | str) -> str:
    """Return why there is no path, or an empty text."""
    if isinstance(place, str):
        return place
    a, b = place.rows
    if len(a) != len(b):
        return "the contexts are not as many tokens"
    run = _differing(place)
    if not run or run != list(range(run[0], run[-1] + 1)):
        return "the contexts do not differ in one run of tokens"
    return ""


def _differing(place: Place) -> list[int]:
    return [at for at, (one, other) in enumerate(zip(*place.rows, strict=True)) if one != other]


def _path(loaded: LoadedModel, place: Place, n_steps: int, most_steps: int, tolerance: float) -> Path:
    import torch  # noqa: PLC0415

    run = _differing(place)
    with torch.inference_mode():
        a, b = _log_odds(loaded, torch.tensor(place.rows, device=loaded.model.device), place.targets).tolist()
    tokens = [[str(loaded.tokenizer.decode([row[at]])) for at in run] for row in place.rows]
    while True:
        found = Path(
            tokens=tuple(zip(*tokens, strict=True)),
            attributions=_attributions(loaded, place, run, n_steps),
            log_odds=(a, b),
            n_steps=n_steps,
        )
        if found.error <= tolerance * max(abs(a - b), _SMALL) or 2 * n_steps > most_steps:
            return found
        n_steps *= 2


def _attributions(loaded: LoadedModel, place: Place, run: Sequence[int], n_steps: int) -> NDArray[np.float64]:
    import torch  # noqa: PLC0415

    layer = loaded.causal_model.get_input_embeddings()
    device = loaded.model.device
    rows = torch.tensor(place.rows, device=device)
    with torch.no_grad():
        a, b = (layer(row.unsqueeze(0))[0, run[0] : run[-1] + 1] for row in rows)
    difference = (a - b).detach()
    slope = torch.zeros_like(difference, dtype=torch.float32)
    points = [(step + 0.5) / n_steps for step in range(n_steps)]
    for start in range(0, n_steps, _ROWS):
        along = torch.tensor(points[start : start + _ROWS], device=device, dtype=difference.dtype)
        shift = (along[:, None, None] * difference).requires_grad_()
        handle = layer.register_forward_hook(lambda _, __, out, shift=shift: out + _placed(shift, out, run[0]))
        try:
            total = _log_odds(loaded, rows[1:].expand(len(along), -1), place.targets).sum()
            slope += torch.autograd.grad(total, shift)[0].float().sum(dim=0)
        finally:
            handle.remove()
    found = (slope / n_steps * difference.float()).sum(dim=1)
    return np.asarray(found.cpu().double().numpy(), dtype=np.float64)


def _placed(shift: torch.Tensor, out: Any, start: int) -> torch.Tensor:  # Any: what the embedding gives
    """Return a shift of each row at its places, over the whole length."""
    import torch  # noqa: PLC0415

    return torch.nn.functional.pad(shift, (0, 0, start, out.shape[1] - start - shift.shape[1]))


def _log_odds(loaded: LoadedModel, ids: torch.Tensor, targets: tuple[int, int]) -> torch.Tensor:
    """Return the log odds of two tokens after each text, shape (n_rows,): what both share of the logits cancels."""
    logits = loaded.model(input_ids=ids, logits_to_keep=1, use_cache=False).logits[:, -1].float()
    found: torch.Tensor = logits[:, targets[0]] - logits[:, targets[1]]
    return found
