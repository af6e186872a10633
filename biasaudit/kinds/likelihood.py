"""Likelihoods: sentences by themselves, whose likelihoods are compared as distributions."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from biasaudit.framing import Prompt
from biasaudit.kinds.kind import Checks, ItemKind, Passage, Written
from biasaudit.kinds.written import ItemRow
from biasaudit.types import LikelihoodTexts

TEXT: Final = "text"


class LikelihoodRow(ItemRow):
    """A sentence, as a person writes it."""

    text: str = Field(min_length=1)


def prompts(texts: LikelihoodTexts) -> tuple[Prompt, ...]:
    """Return the sentence, after nothing.

    Examples
    --------
    >>> [prompt.part for prompt in prompts(LikelihoodTexts(text="I like parents."))]
    ['text']
    """
    return (Prompt(part=TEXT, context="", continuation=texts.text),)


LIKELIHOOD: Final = ItemKind(
    name="likelihood",
    texts=LikelihoodTexts,
    prompts=lambda texts, _: prompts(texts),
    owns=lambda parts: parts == frozenset((TEXT,)),
    written=Written(row=LikelihoodRow, texts=lambda row: LikelihoodTexts(text=row.text)),
    checks=Checks(passages=lambda texts, _: (Passage(texts.text),)),
)
