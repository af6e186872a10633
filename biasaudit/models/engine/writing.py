"""Texts drawn from a loaded model: a prompt is read once, and all its draws go on from there. Imports torch late."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import OutOfMemoryError
from biasaudit.models.engine.memory import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.types import Sampling


_TURN_ENDS: Final = ("<end_of_turn>", "<|im_end|>", "<|eot_id|>", "<|end|>")
"""How the turn of an assistant ends in the templates of the large families, where a configuration names another end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """What was drawn after one prompt.

    Attributes
    ----------
    texts : tuple of str
    n_tokens : int
        Computed for them, those of the prompt included.
    """

    texts: tuple[str, ...]
    n_tokens: int


def draws(loaded: LoadedModel, context_ids: Sequence[int], sampling: Sampling, *, key: str) -> Draws:
    """Draw texts after a prompt.

    Parameters
    ----------
    loaded : LoadedModel
    context_ids : sequence of int
        Tokens of the prompt, with its beginning.
    sampling : Sampling
    key : str
        Of the request: with the seed it decides the draws, whatever is asked before or beside them.

    Raises
    ------
    OutOfMemoryError
        If the memory does not suffice for the prompt and its draws.
    """
    import torch  # noqa: PLC0415

    seed = hashlib.sha256(f"{sampling.seed} {key}".encode()).digest()[:8]
    generator = torch.Generator().manual_seed(int.from_bytes(seed, "big") >> 1)
    try:
        with torch.inference_mode():
            ids = _drawn(loaded, context_ids, sampling, generator)
    except (MemoryError, RuntimeError) as exc:
        if is_out_of_memory(exc):
            raise OutOfMemoryError(len(context_ids)) from exc
        raise
    texts = tuple(str(loaded.tokenizer.decode(row, skip_special_tokens=True)) for row in ids)
    return Draws(texts=texts, n_tokens=len(context_ids) + sum(map(len, ids)))


def _drawn(
    loaded: LoadedModel, context_ids: Sequence[int], sampling: Sampling, generator: torch.Generator
) -> list[list[int]]:
    """Return the tokens of each draw, without the one that ends it."""
    import torch  # noqa: PLC0415

    model, ends = loaded.model, _ends(loaded)
    given = model(input_ids=torch.tensor([list(context_ids)], device=model.device), use_cache=True, logits_to_keep=1)
    cache: Any = given.past_key_values  # Any: of some architecture
    n = sampling.n if sampling.temperature else 1
    if n > 1:
        cache.batch_repeat_interleave(n)
    logits = given.logits[:, -1].expand(n, -1)
    rows: list[list[int]] = [[] for _ in range(n)]
    going = list(range(n))
    for place in range(sampling.max_tokens):
        tokens = _next(logits, sampling, generator)
        stays = [number for number, token in enumerate(tokens) if token not in ends]
        for number in stays:
            rows[going[number]].append(tokens[number])
        going = [going[number] for number in stays]
        if not going or place + 1 == sampling.max_tokens:
            break
        if len(stays) < len(tokens):
            cache.batch_select_indices(torch.tensor(stays, device=model.device))
        fed = torch.tensor([[tokens[number]] for number in stays], device=model.device)
        given = model(input_ids=fed, past_key_values=cache, use_cache=True)
        logits = given.logits[:, -1]
    return rows * (sampling.n // n)


def _next(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> list[int]:
    """Return the next token of each row; drawn on the CPU, so that the device does not matter."""
    import torch  # noqa: PLC0415

    if not sampling.temperature:
        return [int(one) for one in logits.argmax(dim=-1)]
    shares = torch.softmax(logits.float().cpu().double() / sampling.temperature, dim=-1)
    if sampling.top_p < 1:
        ordered, places = shares.sort(dim=-1, descending=True)
        # The token that crosses the border stays: one is always left.
        ordered[ordered.cumsum(dim=-1) - ordered >= sampling.top_p] = 0
        shares = torch.zeros_like(shares).scatter(-1, places, ordered)
    return [int(one) for one in torch.multinomial(shares, 1, generator=generator)]


def _ends(loaded: LoadedModel) -> frozenset[int]:
    """Return the tokens after which a model's text is over: those of its configuration, and of its tokenizer."""
    configured = [
        getattr(one, "eos_token_id", None) for one in (loaded.causal_model.generation_config, loaded.model.config)
    ]
    found: list[Any] = [loaded.tokenizer.eos_token_id]  # Any: what files hold
    for one in configured:
        found += one if isinstance(one, list) else [one]
    found += [loaded.tokenizer.convert_tokens_to_ids(one) for one in _TURN_ENDS]
    unknown = loaded.tokenizer.unk_token_id
    return frozenset(one for one in found if isinstance(one, int) and one != unknown)
