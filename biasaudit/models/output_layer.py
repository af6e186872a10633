"""The output layer, read a slice of the vocabulary at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

SLICE: Final = 2048
"""Words of the vocabulary at a time: with 512 positions 4 MB of logits, which stay in the processor's cache."""

GPU_SLICE: Final = 32_768

ALIGNED: Final = 16
"""Positions are filled up to a multiple: products of other widths took 1.4 times as long on a processor."""


def aligned(number: int) -> int:
    """Return the next multiple of :data:`ALIGNED`.

    Examples
    --------
    >>> aligned(16), aligned(17)
    (16, 32)
    """
    return -(-number // ALIGNED) * ALIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLayer:
    """A linear map from hidden states to logits, and what some models do to them after it.

    Attributes
    ----------
    weight : Tensor, shape (n_vocabulary, n_hidden)
    bias : Tensor, shape (n_vocabulary,), or None
    factor : float
        Logits are multiplied by it.
    softcap : float or None
        Then logits become ``softcap * tanh(logits / softcap)``.
    """

    weight: Tensor
    bias: Tensor | None
    factor: float = 1.0
    softcap: float | None = None

    def logprobs(self, hidden: Tensor, rows: Tensor, tokens: Tensor) -> Tensor:
        """Return log-probabilities of chosen words; the logits of all words never exist at once.

        Parameters
        ----------
        hidden : Tensor, shape (n_positions, n_hidden)
        rows : Tensor of int, shape (n_asked,)
            Position after which a word is asked for.
        tokens : Tensor of int, shape (n_asked,)
            The word.

        Returns
        -------
        Tensor of float64, shape (n_asked,)
            In nats.
        """
        import torch  # noqa: PLC0415

        device = hidden.device
        width = SLICE if device.type == "cpu" else GPU_SLICE
        # Words down, positions across: the product of a slice of the weights as they lie in memory.
        across = torch.zeros((hidden.shape[1], aligned(len(hidden))), dtype=hidden.dtype, device=device)
        across[:, : len(hidden)] = hidden.t()
        n_positions, n_words = across.shape[1], self.weight.shape[0]
        order = torch.argsort(tokens, stable=True)
        words, columns = tokens[order], rows[order]
        starts = torch.searchsorted(words, torch.arange(0, n_words + width, width, device=device)).tolist()
        buffer = torch.empty((width, n_positions), dtype=across.dtype, device=device)
        largest = torch.full((n_positions,), -torch.inf, device=device)
        total = torch.zeros(n_positions, device=device)
        asked = torch.empty(len(tokens), device=device)
        for number, start in enumerate(range(0, n_words, width)):
            piece = self.weight[start : start + width]
            logits = self._finished(torch.mm(piece, across, out=buffer[: len(piece)]), start)
            first, last = starts[number], starts[number + 1]
            asked[order[first:last]] = logits[words[first:last] - start, columns[first:last]]
            higher = torch.maximum(largest, logits.amax(dim=0))
            total = total * torch.exp(largest - higher) + logits.sub_(higher).exp_().sum(dim=0)
            largest = higher
        return asked.double() - (largest.double() + total.double().log())[rows]

    def _finished(self, logits: Tensor, start: int) -> Tensor:
        logits = logits.float()
        if self.bias is not None:
            logits.add_(self.bias[start : start + len(logits), None].float())
        if self.factor != 1.0:
            logits.mul_(self.factor)
        if self.softcap is not None:
            logits.div_(self.softcap).tanh_().mul_(self.softcap)
        return logits


def output_layer(model: PreTrainedModel) -> OutputLayer | None:
    """Return the output layer of a causal model, or None where it is not a plain linear map."""
    import torch  # noqa: PLC0415

    layer = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if type(layer) is not torch.nn.Linear:
        return None
    config = model.config.get_text_config()
    divisor = getattr(config, "logits_scaling", None)  # Granite
    factor = getattr(config, "logit_scale", None)  # Cohere
    softcap = getattr(config, "final_logit_softcapping", None)  # Gemma 2
    return OutputLayer(
        weight=layer.weight,
        bias=layer.bias,
        factor=1 / float(divisor) if divisor else float(factor) if factor else 1.0,
        softcap=float(softcap) if softcap else None,
    )
