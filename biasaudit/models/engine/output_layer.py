"""The output layer, read a slice of the vocabulary at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.models.engine.products import linear

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

SLICE: Final = 1024
"""Words of the vocabulary at a time: with 1,024 positions 4 MB of logits."""

GPU_SLICE: Final = 32_768

_LARGEST: Final = 1e30

MULTIPLE: Final = 32
"""Positions are filled up to a multiple: oneDNN keeps half a megabyte for every other shape that it has met."""


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
            In nats, on the processor.
        """
        import torch  # noqa: PLC0415

        width = SLICE if hidden.device.type == "cpu" else GPU_SLICE
        filled = torch.nn.functional.pad(hidden, (0, 0, 0, -len(hidden) % MULTIPLE))
        n_words = len(self.weight)
        order = torch.argsort(tokens, stable=True)
        words, positions = tokens[order], rows[order]
        starts = torch.searchsorted(words, torch.arange(0, n_words + width, width, device=hidden.device)).tolist()
        asked = torch.empty(len(tokens), device=hidden.device)
        largest, sums = [], []
        for number, start in enumerate(range(0, n_words, width)):
            logits = self._finished(linear(filled, self.weight[start : start + width]), start)
            first, last = starts[number], starts[number + 1]
            asked[order[first:last]] = logits[positions[first:last], words[first:last] - start]
            # Words that cannot come have logits of minus infinity, a whole slice of them too.
            largest.append(logits.amax(dim=1).clamp_(min=torch.finfo(torch.float32).min))
            sums.append(logits.sub_(largest[-1][:, None]).exp_().sum(dim=1))
        # Put together in float64, which not every device has.
        of_slices = torch.stack(largest).cpu().double() + torch.stack(sums).cpu().double().log()
        return asked.cpu().double() - torch.logsumexp(of_slices, dim=0)[rows.cpu()]

    def _finished(self, logits: Tensor, start: int) -> Tensor:
        logits = logits.float()
        if self.bias is not None:
            logits.add_(self.bias[start : start + logits.shape[1]].float())
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
    divisor = _number(getattr(config, "logits_scaling", None))  # Granite
    factor = _number(getattr(config, "logit_scale", None))  # Cohere
    softcap = _number(getattr(config, "final_logit_softcapping", None))  # Gemma 2
    return OutputLayer(
        weight=layer.weight,
        bias=layer.bias,
        factor=1 / divisor if divisor else factor or 1.0,
        softcap=softcap or None,
    )


def _number(value: object) -> float | None:
    """Return a number as it is; other architectures keep whatever a configuration says under these names."""
    return float(value) if isinstance(value, int | float) and abs(value) < _LARGEST else None
