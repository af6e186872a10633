"""What each contrast sets against what, in words: its name on the page, what it shows, and what its two sides are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.report.words.wording import clean
from biasaudit.types import Contrast

TITLES: Final[Mapping[str, str]] = {
    Contrast.WEIGHTS_PLAIN: "The changed weights, on plain text",
    Contrast.TEMPLATE_TUNED: "The chat template, around the tuned model",
    Contrast.AS_DEPLOYED: "The model as deployed",
    Contrast.WEIGHTS_CHAT: "The changed weights, in the chat template",
    Contrast.TEMPLATE_BASE: "The chat template, around the base",
    Contrast.WEIGHTS_AVERAGED: "The changed weights, over both ways of asking",
    Contrast.TEMPLATE_AVERAGED: "The chat template, over both models",
    Contrast.STEP_PLAIN: "The step from the checkpoint before, on plain text",
    Contrast.STEP_CHAT: "The step from the checkpoint before, in the chat template",
    Contrast.INTERACTION: "Whether the weights do more in the chat template",
}

EXPLAINED: Final[Mapping[str, str]] = {
    Contrast.WEIGHTS_PLAIN: "What the changed weights do: plain text to both checkpoints, no chat template.",
    Contrast.TEMPLATE_TUNED: "What the chat template adds: the same tuned weights, without and with the template.",
    Contrast.AS_DEPLOYED: "What a user meets: the base on plain text, the tuned checkpoint in its chat template.",
    Contrast.WEIGHTS_CHAT: "The changed weights, with the chat template around the text for both checkpoints.",
    Contrast.TEMPLATE_BASE: "The chat template's effect on the base, which never saw it.",
    Contrast.WEIGHTS_AVERAGED: "The weights' effect, mean of both framings; with the template's it makes as deployed.",
    Contrast.TEMPLATE_AVERAGED: "The template's effect, mean of both checkpoints.",
    Contrast.STEP_PLAIN: "From the tuned checkpoint before to this one, plain text.",
    Contrast.STEP_CHAT: "From the tuned checkpoint before to this one, in the chat template.",
    Contrast.INTERACTION: "How much more the weights reduce in the chat template; described, not judged.",
}

_SIDES: Final[Mapping[str, tuple[str, str]]] = {
    Contrast.WEIGHTS_PLAIN: ("the base", "the tuned model"),
    Contrast.AS_DEPLOYED: ("the base", "the tuned model"),
    Contrast.WEIGHTS_CHAT: ("the base in the chat template", "the tuned model in it"),
    Contrast.TEMPLATE_TUNED: ("the tuned model on plain text", "the same in its chat template"),
    Contrast.TEMPLATE_BASE: ("the base on plain text", "the same in the chat template"),
    Contrast.WEIGHTS_AVERAGED: ("the base", "the tuned model"),
    Contrast.TEMPLATE_AVERAGED: ("plain text", "the chat template"),
    Contrast.STEP_PLAIN: ("the checkpoint before", "this checkpoint"),
    Contrast.STEP_CHAT: ("the checkpoint before", "this checkpoint"),
    Contrast.INTERACTION: ("the change in the chat template", "the change on plain text"),
}


def title_of(contrast: str) -> str:
    """Return the name of a contrast on the page; of one that is not known its own.

    Examples
    --------
    >>> title_of("as deployed"), title_of("<b>")
    ('The model as deployed', '<b>')
    """
    return TITLES.get(contrast, clean(contrast))


def sides_of(contrast: str) -> tuple[str, str]:
    """Return what the first and the second side of a contrast are called within a sentence.

    Examples
    --------
    >>> sides_of("as deployed")
    ('the base', 'the tuned model')
    """
    return _SIDES.get(contrast, ("the first side", "the second side"))
