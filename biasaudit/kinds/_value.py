"""The value of one item in one arm."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemValue:
    """Value of an item, or the fact that it could not be scored.

    Attributes
    ----------
    d_nats : float or None
        Positive with the stereotype (bias items), or towards sense or the right answer (competence items). None of an
        item whose answers were counted: a count of none has no logarithm.
    d_per_token_nats : float or None
        The same from means per token; None where the kind has no such form.
    taken : float or None
        Which side was taken, -1, 0 or 1, where that is more than the sign of `d_nats`.
    leaning : float or None
        Graded form in [-1, 1], where that is another than tanh(d / 4).
    """

    d_nats: float | None
    d_per_token_nats: float | None = None
    taken: float | None = None
    leaning: float | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.d_nats is not None or self.leaning is not None

    @property
    def sign(self) -> float | None:
        """Return -1, 0 or 1; 0 is an exact tie, or an answer that takes no side."""
        towards = self.leaning if self.d_nats is None else self.d_nats
        if towards is None or self.taken is not None:
            return self.taken
        return float((towards > 0) - (towards < 0))

    @property
    def graded(self) -> float | None:
        """Return the graded form, in [-1, 1].

        Of pairs and associations tanh(d / 4): for an association this is Yule's Y.

        References
        ----------
        Yule (1912), On the methods of measuring association between two attributes:
        Y = (sqrt(OR) - 1) / (sqrt(OR) + 1), which is tanh(ln(OR) / 4).
        """
        if self.d_nats is None or self.leaning is not None:
            return self.leaning
        return math.tanh(self.d_nats / 4)


UNSCORED = ItemValue(d_nats=None)
