"""The search itself: prefixes drawn at random, and prefixes made from the best by exchanging a word at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from biasaudit.types.search import AGAINST, WITH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.attacks.journal import Journal
    from biasaudit.attacks.lean import Lean
    from biasaudit.types import ProbeItem
    from biasaudit.types.search import Word

Prefix: TypeAlias = tuple[int, ...]
"""Words by their place in the lexicon."""

SIGN: Final = {WITH: 1.0, AGAINST: -1.0}
SLOPE_COST: Final = 6
"""Queries that a pass back through the model counts as: of 48 items of occupations it took gemma-3-270m the time of six
or seven, since a query shares what texts have in common and a pass back does not."""

_FIRST_SHARE: Final = 4
"""One in so many queries of a guided search is drawn at random, before it has anything to go on from."""

_ROUND: Final = 8
"""Prefixes that are tried before the best of them is gone on from."""

_SHORTLIST: Final = 32
"""Words of each place that are kept of a slope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What a search found.

    Attributes
    ----------
    prefix : tuple of int
    value : float
        Index of the items that were searched on: chosen by it, so no evidence.
    n_queries : int
        Spent on it.
    """

    prefix: Prefix
    value: float
    n_queries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Searches of one checkpoint.

    Attributes
    ----------
    lean : Lean
    items : sequence of ProbeItem
        Searched on.
    words : tuple of Word
        The lexicon.
    length : int
        Words of a prefix.
    budget : int
        Queries of each search.
    seed : int
    journal : Journal
    by_slope : bool
        Whether a guided search asks for slopes.
    on_query : callable
        Told of each query that is answered now.
    """

    lean: Lean
    items: Sequence[ProbeItem]
    words: tuple[Word, ...]
    length: int
    budget: int
    seed: int
    journal: Journal
    by_slope: bool
    on_query: Callable[[], None]

    @property
    def n_most(self) -> int:
        """Queries of all its searches, at most: those drawn at random are asked once for all."""
        return 1 + self.budget + 2 * (self.budget - self._n_first)

    @property
    def _n_first(self) -> int:
        return max(1, self.budget // _FIRST_SHARE)

    def text(self, prefix: Prefix) -> str:
        """Return a prefix as it is written."""
        return " ".join(self.words[at].text for at in prefix)

    def value(self, prefix: Prefix) -> float | None:
        """Return the index of the items after a prefix; of the empty one as they are."""
        return self._asked("value", self.items, prefix)

    def elsewhere(self, what: str, items: Sequence[ProbeItem], prefix: Prefix) -> float | None:
        """Return the index of other items after a prefix; None without any."""
        return self._asked(what, items, prefix) if items else None

    def _asked(self, what: str, items: Sequence[ProbeItem], prefix: Prefix) -> float | None:
        text = self.text(prefix)

        def ask() -> float | None:
            value = self.lean.of(items, text)
            self.on_query()
            return value

        found: float | None = self.journal.found(what, text, of=ask)
        return found

    def drawn(self) -> list[Prefix]:
        """Return the prefixes that are drawn at random: the same for every checkpoint and direction."""
        rng = np.random.default_rng([self.seed, 1])
        return [self._drawn(rng) for _ in range(self.budget)]

    def random(self, direction: str) -> Searched | None:
        """Return the best of the prefixes drawn at random; None where none has a value."""
        return self._best({prefix: self.value(prefix) for prefix in self.drawn()}, direction, self.budget)

    def guided(self, direction: str) -> Searched | None:
        """Return the best that a search found, for the same number of queries.

        It begins with the first quarter of those drawn at random. From the best it exchanges one word at a time: words
        by their slope, or drawn at random; and goes on from the best of each round.
        """
        first = self.drawn()[: self._n_first]
        tried = {prefix: self.value(prefix) for prefix in first}
        spent, at = len(first), self._best(tried, direction, len(first))
        moves: Iterator[Prefix] = iter(())
        sloped: set[Prefix] = set()
        while at is not None and spent < self.budget:
            if self.by_slope and at.prefix not in sloped and spent + SLOPE_COST < self.budget:
                sloped.add(at.prefix)
                spent += SLOPE_COST
                moves = self._by_slope(at.prefix, direction)
            trying = list(self._next(moves, at.prefix, tried, n=min(_ROUND, self.budget - spent), spent=spent))
            if not trying:
                break
            for prefix in trying:
                tried[prefix] = self.value(prefix)
            spent += len(trying)
            at = self._best(tried, direction, spent)
        return self._best(tried, direction, spent)

    def _best(self, tried: dict[Prefix, float | None], direction: str, spent: int) -> Searched | None:
        sign = SIGN[direction]
        there = {prefix: value for prefix, value in tried.items() if value is not None}
        if not there:
            return None
        prefix = max(there, key=lambda one: (sign * there[one], self.text(one)))
        return Searched(prefix=prefix, value=there[prefix], n_queries=spent)

    def _drawn(self, rng: np.random.Generator) -> Prefix:
        return tuple(int(at) for at in rng.integers(len(self.words), size=self.length))

    def _next(
        self, moves: Iterator[Prefix], best: Prefix, tried: dict[Prefix, float | None], *, n: int, spent: int
    ) -> Iterator[Prefix]:
        """Return the next prefixes to try: of the moves first, then with one word drawn at random."""
        rng = np.random.default_rng([self.seed, 2, spent])
        found: set[Prefix] = set()
        for prefix in moves:
            if len(found) == n:
                return
            if prefix not in tried and prefix not in found:
                found.add(prefix)
                yield prefix
                if len(found) == n:
                    return
        for _ in range(100 * n):
            if len(found) == n:
                return
            place, word = int(rng.integers(self.length)), int(rng.integers(len(self.words)))
            prefix = (*best[:place], word, *best[place + 1 :])
            if prefix not in tried and prefix not in found:
                found.add(prefix)
                yield prefix

    def _by_slope(self, prefix: Prefix, direction: str) -> Iterator[Prefix]:
        """Return prefixes with one word exchanged, those first that should move the lean most."""
        shortlist: list[list[float]] = self.journal.found(
            "slope", direction, self.text(prefix), of=lambda: self._shortlist(prefix, direction)
        )
        for place, word in shortlist:
            yield (*prefix[: int(place)], int(word), *prefix[int(place) + 1 :])

    def _shortlist(self, prefix: Prefix, direction: str) -> list[list[int]]:
        slopes = self.lean.slopes(self.items, [self.words[at] for at in prefix], self.words)
        if slopes is None:
            return []
        gains: NDArray[np.float64] = SIGN[direction] * slopes
        pairs = [
            (float(gains[place, word]), place, int(word))
            for place in range(len(prefix))
            for word in np.argsort(-gains[place], kind="stable")[:_SHORTLIST]
        ]
        return [[place, word] for _, place, word in sorted(pairs, key=lambda one: (-one[0], one[1], one[2]))]
