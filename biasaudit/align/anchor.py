"""Texts after which a model is to expect what its base does, and how far it has gone from that. Imports torch."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from biasaudit.align.disparity import Expected, as_reference, expected_logprobs, kl_nats

if TYPE_CHECKING:
    import numpy as np
    from peft import PeftModel
    from torch import Tensor

_KEPT: Final = 1 << 22
"""Numbers that are kept of what the base expects: 16 MB of each kind of anchor. Of a large vocabulary it is asked again
for each update."""


class Anchor:
    """Some texts and places in them.

    Parameters
    ----------
    model : PeftModel
    expected : Expected
        Empty where nothing is held.
    """

    def __init__(self, model: PeftModel, expected: Expected) -> None:
        self._model, self._expected = model, expected
        self._of_row: dict[int, list[int]] = defaultdict(list)
        for number, (row, _) in enumerate(expected.places):
            self._of_row[row].append(number)
        n_words = int(model.config.get_text_config().vocab_size)
        self._base: Tensor | None = None
        if expected.rows and len(expected.places) * n_words <= _KEPT:
            # All of it at once: a training that goes on has the same numbers, whatever it drew before.
            self._base = self._reference(expected)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held."""
        return not self._expected.rows

    def distance(self, rng: np.random.Generator, *, at_once: int) -> Tensor:
        """Return the mean divergence from the base over some of the texts, in nats.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws which.
        at_once : int
            At most so many.
        """
        chosen = [int(one) for one in rng.permutation(len(self._expected.rows))[:at_once]]
        part = self._expected.picked(chosen)
        if self._base is None:
            reference = self._reference(part)
        else:
            reference = self._base[[number for row in chosen for number in self._of_row[row]]]
        return kl_nats(reference, expected_logprobs(self._model, part)).mean()

    def _reference(self, part: Expected) -> Tensor:
        with as_reference(self._model):
            return expected_logprobs(self._model, part)
