"""Small torch loops of the tests' own, apart from the package's methods: what a model says, and how it is damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Tables = Sequence[tuple[tuple[str, str], tuple[str, str]]]
"""Of each item its two contexts and its two continuations."""


def opened(folder: Path) -> tuple[Any, Any]:  # Any: classes that transformers makes
    """Return model and tokenizer of a folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(folder, dtype="float32"), AutoTokenizer.from_pretrained(folder)


def logprobs(model: Any, tokenizer: Any, texts: Sequence[tuple[str, str]]) -> torch.Tensor:  # Any: as above
    """Return log p of each continuation after its context, in nats."""
    import torch

    heads = [[tokenizer.bos_token_id, *tokenizer(context)["input_ids"]] for context, _ in texts]
    rows = [head + tokenizer(end)["input_ids"] for head, (_, end) in zip(heads, texts, strict=True)]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [tokenizer.pad_token_id] * (longest - len(row)) for row in rows])
    asked = torch.tensor(
        [[len(head) <= at < len(row) for at in range(1, longest)] for head, row in zip(heads, rows, strict=True)]
    )
    found = model(input_ids=ids).logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
    summed: torch.Tensor = (found * asked).sum(-1)
    return summed


def d_nats(model: Any, tokenizer: Any, tables: Tables) -> torch.Tensor:  # Any: as above
    """Return the log odds ratio of each table."""
    texts = [(context, end) for contexts, ends in tables for context in contexts for end in ends]
    cells = logprobs(model, tokenizer, texts).reshape(-1, 2, 2)
    return cells[:, 0, 0] - cells[:, 0, 1] - cells[:, 1, 0] + cells[:, 1, 1]
