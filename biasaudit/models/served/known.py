"""Known strings: what a server is asked first of all, and again and again, to see whether it holds together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.framing import request_key
from biasaudit.models.text.encoding import Encoded, encode_all
from biasaudit.types import Request

if TYPE_CHECKING:
    from biasaudit.models.served.tokens import Texts
    from biasaudit.models.text.beginning import Beginning

TEXTS: Final = (
    "The cat sat on the mat.",
    "Seven of the nine boxes were blue.",
    "mat the on sat cat The",
    "Rain fell all night in the north.",
)
_FEWEST: Final = 3
_LONGEST: Final = 8
_MOST_ALTERNATIVES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A string, as tokens.

    Attributes
    ----------
    context_ids, continuation_ids : tuple of int
    """

    context_ids: tuple[int, ...]
    continuation_ids: tuple[int, ...]

    @property
    def key(self) -> str:
        """Under which its log-probabilities are kept."""
        return request_key("known string", f"{self.context_ids} {self.continuation_ids}", templated=True)


def known_strings(texts: Texts, beginning: Beginning) -> tuple[Known, ...]:
    """Return the known strings of a model.

    Those of :data:`TEXTS` that its tokenizer can write, each cut to 8 tokens; where they are too few, as with a
    vocabulary of a few words, rows of its tokens.
    """
    asked = [
        Request(
            key=text, context="", continuation=text, templated=False, item_id="known", part="whole", framing_id="plain"
        )
        for text in TEXTS
    ]
    found = [
        Known(context_ids=one.context_ids, continuation_ids=one.continuation_ids[:_LONGEST])
        for one in encode_all(texts.tokenizer, asked, beginning=beginning).values()
        if isinstance(one, Encoded) and len(one.continuation_ids) > 2
    ]
    if len(found) >= _FEWEST:
        return tuple(found)
    ids = whole_tokens(texts)
    begins = ids[0] if beginning.token_id is None else beginning.token_id
    return tuple(
        Known(
            context_ids=(begins,), continuation_ids=tuple(ids[(step * place + step) % len(ids)] for place in range(8))
        )
        for step in (1, 2, 3, 5)
    )


def whole_tokens(texts: Texts) -> list[int]:
    """Return tokens that are a text each, spread over the vocabulary; the same each time."""
    n_ids = len(texts.tokenizer)
    step = max(1, n_ids // 400)
    special = set(texts.tokenizer.all_special_ids)
    return [number for number in range(0, n_ids, step) if number not in special and texts.is_whole(number)]


def alternatives(texts: Texts, known: Sequence[Known]) -> tuple[int, ...]:
    """Return different tokens that may stand in one place: those of the known strings, and rare ones."""
    spread = whole_tokens(texts)
    rare = spread[:: max(1, len(spread) // _MOST_ALTERNATIVES)]
    of_known = [number for one in known for number in one.continuation_ids if texts.is_whole(number)]
    return tuple(dict.fromkeys([*of_known[: _MOST_ALTERNATIVES // 2], *rare]))[:_MOST_ALTERNATIVES]
