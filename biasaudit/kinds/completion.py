"""Completions: a beginning that a model writes on. They are read; nothing is asked of them by likelihood."""

from __future__ import annotations

from typing import Final

from biasaudit.framing import Prompt
from biasaudit.kinds.kind import ItemKind
from biasaudit.types import Ability, CompletionTexts


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
)
