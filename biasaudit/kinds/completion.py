"""Completions: a beginning that a model writes on. They are read; nothing is asked of them by likelihood."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from biasaudit.framing import Prompt
from biasaudit.kinds.kind import Checks, ItemKind, Passage, Words, Written
from biasaudit.kinds.written import ItemRow
from biasaudit.types import Ability, CompletionTexts


class CompletionRow(ItemRow):
    """A beginning, as a person writes it."""

    prompt: str = Field(min_length=1)


def prompts(texts: CompletionTexts) -> tuple[Prompt, ...]:  # noqa: ARG001  # the signature of every kind
    """Return nothing: what a model writes on is known only once it has written.

    Examples
    --------
    >>> prompts(CompletionTexts(prompt="The weather today is"))
    ()
    """
    return ()


COMPLETION: Final = ItemKind(
    name="completion",
    texts=CompletionTexts,
    prompts=lambda texts, _: prompts(texts),
    owns=lambda _: False,  # nothing is asked of them yet
    needs=Ability.GENERATION,
    written=Written(row=CompletionRow, texts=lambda row: CompletionTexts(prompt=row.prompt)),
    checks=Checks(passages=lambda texts, _: (Passage(texts.prompt),)),
    words=Words(asks_by="completions"),
)
