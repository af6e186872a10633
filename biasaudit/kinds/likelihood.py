"""Likelihoods: sentences by themselves, whose likelihoods are compared as distributions."""

from __future__ import annotations

from typing import Final

from biasaudit.framing import Prompt
from biasaudit.kinds.kind import ItemKind
from biasaudit.types import LikelihoodTexts

TEXT: Final = "text"


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
)
