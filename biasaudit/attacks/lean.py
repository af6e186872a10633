"""The lean of a checkpoint over some items after a prefix, and which way other words would move it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.framing import PLAIN, framed
from biasaudit.kinds import item_value, prompts
from biasaudit.languages import ENGLISH
from biasaudit.models.backend import Backend, answers
from biasaudit.robustness import reframed
from biasaudit.types import ProbeItem, Request, Response, Scored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.languages import Language
    from biasaudit.types.search import Word

LEAST_SHARE: Final = 0.98
"""Of the items must have a value: of fewer nothing is said."""

_STEP_NATS: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Lean:
    """Items that a checkpoint is asked after one prefix or another.

    Attributes
    ----------
    backend : Backend
    name : str
        Of the checkpoint.
    probe : str
        Id of the probe whose items these are.
    language : Language
        Of its questions.
    """

    backend: Backend
    name: str
    probe: str
    language: Language = ENGLISH

    def of(self, items: Sequence[ProbeItem], text: str) -> float | None:
        """Return the mean graded item value after a text, in [-1, 1]; positive with the stereotype.

        None where over 2 % of the items have no value.
        """
        asked = self._requests(items, text)
        found = self._by_item(asked)
        values = [value for item in items if (value := _graded(found[item.item_id], item)) is not None]
        return fmean(values) if values and len(values) >= LEAST_SHARE * len(items) else None

    def slopes(
        self, items: Sequence[ProbeItem], prefix: Sequence[Word], words: Sequence[Word]
    ) -> NDArray[np.float64] | None:
        """Return what each word in each place of a prefix would add to that mean, to first order.

        Shape (n_prefix, n_words); None where it cannot be told.
        """
        asked = self._requests(items, " ".join(word.text for word in prefix))
        found = self._by_item(asked)
        tags = {item.item_id: item for item in items}
        weights: dict[str, float] = {}
        for request in asked:
            item, parts = tags[request.item_id], found[request.item_id]
            up, down = (_graded(_moved(parts, request.part, step), item) for step in (_STEP_NATS, -_STEP_NATS))
            if up is not None and down is not None:
                slope = (up - down) / (2 * _STEP_NATS * len(items))
                weights[request.key] = weights.get(request.key, 0.0) + slope
        return self.backend.slopes(asked, weights, prefix=prefix, words=words)

    def _requests(self, items: Sequence[ProbeItem], text: str) -> list[Request]:
        before = f"{text} " if text else ""
        return [
            framed(
                prompt,
                item_id=item.item_id,
                framing=PLAIN,
                chat=None,
                language=self.language,
                probe_id=self.probe,
            )
            for item in items
            for prompt in prompts(reframed(item, lambda first, last: (before + first, last)), self.language)
        ]

    def _by_item(self, asked: Sequence[Request]) -> dict[str, dict[str, Response]]:
        found: dict[str, dict[str, Response]] = {}
        for request, response in zip(asked, answers(self.backend, asked, name=self.name), strict=True):
            found.setdefault(request.item_id, {})[request.part] = response
        return found


def _graded(parts: Mapping[str, Response], item: ProbeItem) -> float | None:
    return item_value(frozenset(parts), parts, tags=item.tags).graded


def _moved(parts: Mapping[str, Response], part: str, step: float) -> dict[str, Response]:
    """Return the same responses with the log-probability of one changed."""
    one = parts[part]
    if not isinstance(one, Scored):
        return dict(parts)
    first, *rest = one.token_logprobs_nats
    return {**parts, part: replace(one, token_logprobs_nats=(first + step, *rest))}
