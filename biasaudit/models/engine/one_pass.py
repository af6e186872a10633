"""What a model expects at some places of some texts: the output layer runs there alone. Imports torch late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Row: TypeAlias = tuple[int, ...]
"""Token ids of one text, with its beginning."""

Place: TypeAlias = tuple[int, int]
"""A row, and a position in it: what is read there is what the model expects next."""


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
    import torch  # noqa: PLC0415

    ids, mask = padded(rows)
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


def padded(rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
    """Return token ids padded on the right, where a causal model cannot see it, and where they are; both on the CPU."""
    import torch  # noqa: PLC0415

    length = max(map(len, rows))
    ids = torch.zeros((len(rows), length), dtype=torch.long)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return ids, mask
