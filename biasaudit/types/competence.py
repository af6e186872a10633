"""What counts as competence: a model that reads is told from one that guesses."""

from __future__ import annotations

from typing import Final

CHANCE: Final = 0.5
"""Competence of a guess: sense or nonsense by a coin; the right person as often as the wrong one."""


def competence_level(level: float) -> float:
    """Return the level of the two-sided interval whose lower end is a one-sided bound at `level`.

    Whether a model reads at all is asked in one direction: nobody claims anything of one below chance. Five clusters
    without a mistake are no chance then (0.05 ** (1 / 5) = 0.55 lies above it); two-sided they would be (0.48).

    Examples
    --------
    >>> round(competence_level(0.95), 9)
    0.9
    """
    return 2 * level - 1


def is_above_chance(ci_low: float | None) -> bool:
    """Whether competence was measured and its lower bound lies above chance.

    Examples
    --------
    >>> [is_above_chance(low) for low in (0.55, 0.5, None)]
    [True, False, False]
    """
    return ci_low is not None and ci_low > CHANCE
