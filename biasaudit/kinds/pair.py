"""Pairs: two texts, of which the model finds one more likely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.framing import Prompt
from biasaudit.kinds._value import UNSCORED, ItemValue
from biasaudit.kinds.kind import ItemKind
from biasaudit.types import PairTexts, Response, Scored

FIRST: Final = "first"
SECOND: Final = "second"


def prompts(texts: PairTexts) -> tuple[Prompt, ...]:
    """Return the two continuations that the item compares.

    Examples
    --------
    >>> [prompt.part for prompt in prompts(PairTexts(context="", first="a", second="b"))]
    ['first', 'second']
    """
    return (
        Prompt(part=FIRST, context=texts.context, continuation=texts.first),
        Prompt(part=SECOND, context=texts.context, continuation=texts.second),
    )


def item_value(responses: Mapping[str, Response]) -> ItemValue:
    """Return d = log p(first) - log p(second), summed over tokens, in nats.

    Parameters
    ----------
    responses : mapping of str to Response
        Parts ``first`` and ``second``. A failed or absent part leaves the item unscored.

    Returns
    -------
    ItemValue
        Positive where the first, stereotyping text is more likely.

    References
    ----------
    The causal form of CrowS-Pairs (Nangia et al. 2020) in lm-evaluation-harness 0.4.13,
    `tasks/crows_pairs/utils.py`; there only the absolute value is kept.

    Examples
    --------
    >>> first = Scored(key="a", token_ids=(1, 2), token_logprobs_nats=(-1.0, -2.0))
    >>> second = Scored(key="b", token_ids=(3,), token_logprobs_nats=(-4.0,))
    >>> item_value({"first": first, "second": second}).d_nats
    1.0
    """
    first, second = responses.get(FIRST), responses.get(SECOND)
    if not isinstance(first, Scored) or not isinstance(second, Scored):
        return UNSCORED
    return ItemValue(
        d_nats=first.logprob_nats - second.logprob_nats,
        d_per_token_nats=_mean_logprob_nats(first) - _mean_logprob_nats(second),
    )


def _mean_logprob_nats(response: Scored) -> float:
    return response.logprob_nats / len(response.token_logprobs_nats)


PAIR: Final = ItemKind(
    name="pair",
    texts=PairTexts,
    prompts=lambda texts, _: prompts(texts),
    owns=lambda parts: parts == frozenset((FIRST, SECOND)),
    value=lambda responses, _, __: item_value(responses),
)
