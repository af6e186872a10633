"""Whether a server's numbers are the log-probabilities of the texts that it was sent.

Nobody knows what they should be, or nobody would ask. But they have to hold together: the same each time, another for
another text, a text's those of its parts, changed by what stands before and by nothing that stands after, and of the
tokens that may stand in one place together no more than certain. A server that gives something else in their place
breaks one of these.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from biasaudit.errors import LyingServerError
from biasaudit.models.served.known import Known
from biasaudit.models.served.readers import Read

LEAST_TOLERANCE_NATS: Final = 2e-3
"""Of one token: what engines in use differ by from themselves, on a processor."""

MOST_NOISE_NATS: Final = 0.1
"""A server that differs from itself by more cannot be measured with."""

_OF_NOISE: Final = 4.0
_SHARE_ALIKE: Final = 0.5
_MORE_THAN_CERTAIN: Final = 1.01
_CERTAIN_NATS: Final = -1e-3

Values = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the checks found.

    Attributes
    ----------
    values : tuple of tuple of float
        Of each known string, in nats, token by token.
    noise_nats : float
        The most by which one token differed, asked again or as part of another text.
    """

    values: tuple[Values, ...]
    noise_nats: float

    @property
    def tolerance_nats(self) -> float:
        """By how much a token of a known string may differ later on."""
        return max(LEAST_TOLERANCE_NATS, _OF_NOISE * self.noise_nats)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """Checks one server.

    Attributes
    ----------
    server : str
        Its address, for messages.
    read : callable
        From the tokens of a context and of a continuation to the latter's log-probabilities.
    read_all : callable
        The same for many at once, as they will be asked.
    """

    server: str
    read: Callable[[Sequence[int], Sequence[int]], Read]
    read_all: Callable[[Sequence[Known]], list[Read]]

    def exact(self, known: Sequence[Known], others: Sequence[int]) -> Trust:
        """Check a server that gives exact log-probabilities.

        Parameters
        ----------
        known : sequence of Known
        others : sequence of int
            Different tokens that may stand in one place.

        Raises
        ------
        LyingServerError
        """
        first = self.values_of(known)
        self._not_certain(first)
        again = self.values_of([*known, *known])
        noise = max(_apart(one, other) for one, other in zip([*first, *first], again, strict=True))
        noise = max(noise, *(self._chained(one, values) for one, values in zip(known, first, strict=True)))
        self.quiet(noise)
        found = Trust(values=tuple(first), noise_nats=noise)
        self._different(first)
        self._not_rounded(first)
        self._one_place(known[0], others)
        self._order(known, first, others, found.tolerance_nats)
        self._reads_all(known, found.tolerance_nats)
        return found

    def quiet(self, noise_nats: float) -> None:
        """Refuse a server that differs from itself by more than is allowed.

        Raises
        ------
        LyingServerError
        """
        if noise_nats > MOST_NOISE_NATS:
            raise self.lie(
                f"answers the same text with log-probabilities that differ by {noise_nats:.3g} nats a token, alone or "
                f"as part of a longer one; at most {MOST_NOISE_NATS:g} is allowed"
            )

    def no_more_than_certain(self, values: Sequence[float], what: str) -> None:
        """Refuse tokens in one place that have together more than all probability.

        Raises
        ------
        LyingServerError
        """
        together = math.fsum(math.exp(value) for value in values)
        if together > _MORE_THAN_CERTAIN:
            raise self.lie(
                f"gives {what} the probability {together:.3g} together: its numbers are those after a token was "
                "forced, or no probabilities"
            )

    def lie(self, found: str) -> LyingServerError:
        """Return an error of this server."""
        return LyingServerError(
            self.server,
            found,
            fix="No number was taken from it. Ask a server that answers as it should, or the model itself, here.",
        )

    def same(self, known: Sequence[Known], trust: Trust) -> None:
        """Ask the known strings again, in the middle of a run.

        Raises
        ------
        LyingServerError
            If they are not what they were.
        """
        apart = max(_apart(one, other) for one, other in zip(trust.values, self.values_of(known), strict=True))
        if apart > trust.tolerance_nats:
            raise self.changed(apart, trust)

    def changed(self, apart_nats: float, trust: Trust) -> LyingServerError:
        """Return the error of a server that answers known strings otherwise than before."""
        return self.lie(
            f"answers known strings otherwise than before, by up to {apart_nats:.3g} nats a token (its own noise is "
            f"{trust.noise_nats:.2g}): its model was exchanged, or its numbers are no longer the model's"
        )

    def values_of(self, known: Sequence[Known]) -> list[Values]:
        """Return the log-probabilities of known strings.

        Raises
        ------
        LyingServerError
            If it has none for one of them.
        """
        found = []
        for one, values in zip(known, self.read_all(known), strict=True):
            if isinstance(values, str) or len(values) != len(one.continuation_ids):
                raise self.lie(f"does not read a known string: {values}")
            found.append(values)
        return found

    def _of(self, context: Sequence[int], continuation: Sequence[int]) -> Values:
        (found,) = self.values_of([Known(context_ids=tuple(context), continuation_ids=tuple(continuation))])
        return found

    def _chained(self, one: Known, values: Values) -> float:
        """Return by how much log p(a) and log p(b given a) differ from those of ab."""
        middle = len(values) // 2
        start, end = one.continuation_ids[:middle], one.continuation_ids[middle:]
        parts = (*self._of(one.context_ids, start), *self._of((*one.context_ids, *start), end))
        return _apart(parts, values)

    def _not_certain(self, values: Sequence[Values]) -> None:
        if all(value > _CERTAIN_NATS for one in values for value in one):
            raise self.lie("says that every token of every text is certain: its numbers are those after one was forced")

    def _different(self, values: Sequence[Values]) -> None:
        for one, other in itertools.combinations(values, 2):
            n_both = min(len(one), len(other))
            if one[:n_both] == other[:n_both]:
                raise self.lie("answers different texts with the same log-probabilities")

    def _not_rounded(self, values: Sequence[Values]) -> None:
        if all(math.isclose(value * 100, round(value * 100), abs_tol=1e-6) for one in values for value in one):
            raise self.lie("rounds its log-probabilities to two decimals")

    def _one_place(self, known: Known, others: Sequence[int]) -> None:
        """Ask for different tokens in one place: together they are no more than certain, and not alike."""
        middle = len(known.continuation_ids) // 2
        before = (*known.context_ids, *known.continuation_ids[:middle])
        asked = [Known(context_ids=before, continuation_ids=(other,)) for other in others]
        values = [one[0] for one in self.values_of(asked)]
        self.no_more_than_certain(values, f"{len(others)} different tokens in one place")
        value, n_alike = Counter(values).most_common(1)[0]
        if n_alike >= _SHARE_ALIKE * len(values):
            raise self.lie(
                f"gives {n_alike} of {len(values)} different tokens in one place the same log-probability, "
                f"{value:.4g}: it is cut off below the most likely ones, or is another token's"
            )

    def _order(
        self, known: Sequence[Known], values: Sequence[Values], others: Sequence[int], tolerance_nats: float
    ) -> None:
        """Exchange the last token: its own number changes, and none before it."""
        moved = 0.0
        for one, before in zip(known, values, strict=True):
            other = next(number for number in others if number != one.continuation_ids[-1])
            after = self._of(one.context_ids, (*one.continuation_ids[:-1], other))
            moved = max(moved, _apart(before[-1:], after[-1:]))
            if _apart(before[:-1], after[:-1]) > max(tolerance_nats, MOST_NOISE_NATS):
                raise self.lie("gives tokens other numbers when one after them changes: they are shifted by one place")
        if moved <= tolerance_nats:
            raise self.lie("gives a token the number of one before it: they are shifted by one place")

    def _reads_all(self, known: Sequence[Known], tolerance: float) -> None:
        """Leave out the first token, and exchange the last one of a context: both make a difference."""
        without, exchanged = 0.0, 0.0
        for one, other in zip(known, (*known[1:], known[0]), strict=True):
            first, rest = one.continuation_ids[0], one.continuation_ids[1:]
            whole = self._of((*one.context_ids, first), rest)
            without = max(without, _apart(whole, self._of((first,), rest)))
            changed = self._of((*one.context_ids, other.continuation_ids[-1]), rest)
            exchanged = max(exchanged, _apart(whole[:1], changed[:1]))
        if without <= tolerance:
            raise self.lie("gives the same numbers with and without the beginning token: it drops it")
        if exchanged <= tolerance:
            raise self.lie("gives a token the same number whatever stands before it")


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the largest difference of two rows, in nats; 0 of none."""
    return max((abs(left - right) for left, right in zip(one, other, strict=True)), default=0.0)
