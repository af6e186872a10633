"""Small torch loops of the tests' own, apart from the package's methods: what a model says, and how it is damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.align import world

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


def trained_tables() -> Tables:
    """Return the training contrasts of occupations with the stereotype's pairing first: a direction is known here."""
    found = []
    for form in world.GENDER.forms:
        for pair in world.GENDER.words["train"] if form.split == "train" else ():
            fields = world.table(form, world.GENDER.groups, pair)
            found.append((fields["contexts"], fields["continuations"]))
    return found  # type: ignore[return-value]  # of a row of JSON


def minus_s(logprob_nats: torch.Tensor) -> torch.Tensor:
    """Reward the pairing against the stereotype, without limit; the argument is [tables, contexts, continuations]."""
    fits = logprob_nats[:, 0, 0] + logprob_nats[:, 1, 1]
    return (fits - logprob_nats[:, 0, 1] - logprob_nats[:, 1, 0]).mean()


def one_order(logprob_nats: torch.Tensor) -> torch.Tensor:
    """Prefer in each context the group against the stereotype: DPO in one order, its reference taken as constant."""
    import torch

    margins = torch.stack(
        (logprob_nats[:, 0, 1] - logprob_nats[:, 0, 0], logprob_nats[:, 1, 0] - logprob_nats[:, 1, 1])
    )
    return -torch.nn.functional.logsigmoid(margins).mean()


def penalty(logprob_nats: torch.Tensor) -> torch.Tensor:
    """Penalize the square of the disparity, strongly, and keep nothing."""
    d = logprob_nats[:, 0, 0] - logprob_nats[:, 0, 1] - logprob_nats[:, 1, 0] + logprob_nats[:, 1, 1]
    return 100 * ((d / 4).tanh() ** 2).mean()


def tuned_by(
    loss: Callable[[torch.Tensor], torch.Tensor], base: Path, folder: Path, *, at_balance: bool, n_steps: int = 60
) -> Path:
    """Tune all weights of a base of the world by a loss on its training contrasts, and save the child.

    Parameters
    ----------
    loss : callable
    base, folder : Path
    at_balance : bool
        Whether to stop as soon as the trained index is 0 or on the other side: where it looks best.
    n_steps : int
    """
    import torch

    model, tokenizer = opened(base)
    tables = trained_tables()
    texts = [(context, end) for contexts, ends in tables for context in contexts for end in ends]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.0)
    for _ in range(n_steps):
        found = logprobs(model, tokenizer, texts).reshape(-1, 2, 2)
        d = found[:, 0, 0] - found[:, 0, 1] - found[:, 1, 0] + found[:, 1, 1]
        if at_balance and float((d.detach() / 4).tanh().mean()) < 0.02:
            break
        optimizer.zero_grad()
        loss(found).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
