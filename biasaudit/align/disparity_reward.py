r"""A reward whose gradient is that of a squared disparity, from sampled continuations; pure arithmetic.

A **disparity set** is one template, one pair of words and one pair of groups: two prompts that differ in the group (or,
where the word comes first, in the word), each continued several times. A continuation i has a score s_i: +1 where it
made the first pairing (A with the first word, B with the second), -1 where it made the other, 0 where it made neither.
With pi the model, A and B the two prompts,

    B = (E_A[s] + E_B[s]) / 2,  0 exactly where both prompts choose alike; how common a word is cancels.

**Why not -s.** The gradient of E[-s] is that of -B, which has no end at B = 0: it goes on until every continuation
makes the other pairing. What is wanted is a step down B^2 / 2, whose gradient is B times that of B:

    d(B^2 / 2) = B dB = B * mean over prompts of E[s dlog pi].

An estimate of B from *other* continuations of the set is independent of the i-th, so that their product is the product
of the means. Hence

    r_i = q_i - strength * s_i * m_i,   m_i = leave-one-out mean of s in the set, both prompts with one half,

and the mean over a set of r_i dlog pi(i) is, on average, exactly d(E[q] - strength * B^2 / 2). q is quality, below.

**The baseline.** r_j holds s_i through m_j. So a baseline made of the other rewards, which is what trl takes, is not
independent of the i-th continuation. Taken over one set of n it shortens the step of the disparity by (n - 2) / n
(GRPO) or (n - 2) / (n - 1) (RLOO): with n = 2 both rewards are equal and nothing is left. Taken over one prompt, as
trl does unasked, it points elsewhere: it pushes either prompt by the other's lean even where B is 0. So the advantages
are ours:

    A_i = (q_i - mean q of the prompt's others) - strength * (s_i - mean s of the prompt's others) * m_i,

where what is taken off knows nothing of i: exactly the gradient above, with less variance. What the others say twice
leaves a mean of strength * Var(s) / (2 (k - 1)) for a prompt with k continuations. It has no part in the gradient where
a continuation is the model's own; where only the two words are drawn, it pushes both up, and the divergence from the
base holds against it.

**Quality.** The cheapest parity is to say neither word, so that continuations that say one of them have q = 1, those
that say neither 0. Licensed prompts, which have no s, have q = 1 for the right word, -1 for the wrong one, else 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FEWEST: Final = 4
"""Continuations of a set: below two a prompt there are no others to compare with."""

_ARTICLE: Final = re.compile(r"^(?:an?|the)\s+(?=\S)")
_END_OF_WORD: Final = re.compile(r"(?![\w'\u2019-])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was made of the continuations of one set.

    Attributes
    ----------
    sides : tuple of int
        Which of the two prompts each continues: 0 or 1.
    s : tuple of int
        +1 the first pairing, -1 the other, 0 neither.
    q : tuple of float
        Quality, in [-1, 1]; better is more.
    """

    sides: tuple[int, ...]
    s: tuple[int, ...]
    q: tuple[float, ...]

    @property
    def others(self) -> tuple[float, ...]:
        """m_i: the mean of s over the set without the i-th, each prompt with one half; an estimate of B.

        Raises
        ------
        ValueError
            If a prompt has fewer than two continuations.
        """
        counts, sums = self._by_side()
        means = [total / n for total, n in zip(sums, counts, strict=True)]
        return tuple(
            (_without(one, sums[side], counts[side]) + means[1 - side]) / 2
            for one, side in zip(self.s, self.sides, strict=True)
        )

    @property
    def squared_disparity(self) -> float:
        """The mean of s_i m_i: on average B^2, of either sign in one set."""
        return sum(one * others for one, others in zip(self.s, self.others, strict=True)) / len(self.s)

    def rewards(self, strength: float) -> tuple[float, ...]:
        """Return r_i = q_i - strength * s_i * m_i.

        Examples
        --------
        >>> always_first = Judged(sides=(0, 0, 1, 1), s=(1, 1, 1, 1), q=(1, 1, 1, 1))
        >>> always_first.rewards(0.5)
        (0.5, 0.5, 0.5, 0.5)
        >>> Judged(sides=(0, 0, 1, 1), s=(1, 1, -1, -1), q=(1, 1, 1, 1)).rewards(0.5)
        (1.0, 1.0, 1.0, 1.0)
        """
        return tuple(q - strength * one * m for q, one, m in zip(self.q, self.s, self.others, strict=True))

    def advantages(self, strength: float) -> tuple[float, ...]:
        """Return the rewards less what others of the same prompt say of them; see the head of this module."""
        counts, s_sums = self._by_side()
        q_sums = [sum(q for q, side in zip(self.q, self.sides, strict=True) if side == one) for one in (0, 1)]
        return tuple(
            (q - _without(q, q_sums[side], counts[side]))
            - strength * (one - _without(one, s_sums[side], counts[side])) * m
            for q, one, side, m in zip(self.q, self.s, self.sides, self.others, strict=True)
        )

    def _by_side(self) -> tuple[list[int], list[int]]:
        counts = [self.sides.count(side) for side in (0, 1)]
        if min(counts) < FEWEST // 2:
            msg = f"a set has {counts[0]} and {counts[1]} continuations; expected 2 or more of each prompt"
            raise ValueError(msg)
        return counts, [sum(one for one, at in zip(self.s, self.sides, strict=True) if at == side) for side in (0, 1)]


def _without(one: float, total: float, n: int) -> float:
    return (total - one) / (n - 1)


def judged_disparity(sides: Sequence[int], choices: Sequence[int | None]) -> Judged:
    """Judge the continuations of a disparity set by which of its two options each began with.

    Examples
    --------
    >>> judged_disparity((0, 0, 1, 1), (0, 1, 1, None))
    Judged(sides=(0, 0, 1, 1), s=(1, -1, 1, 0), q=(1.0, 1.0, 1.0, 0.0))
    """
    s = tuple(0 if choice is None else 1 if choice == side else -1 for side, choice in zip(sides, choices, strict=True))
    return Judged(sides=tuple(sides), s=s, q=tuple(float(choice is not None) for choice in choices))


def judged_licensed(sides: Sequence[int], choices: Sequence[int | None]) -> Judged:
    """Judge the continuations of two licensed prompts, whose first option is the right one.

    Examples
    --------
    >>> judged_licensed((0, 0, 1, 1), (0, 1, 0, None)).q
    (1.0, -1.0, 1.0, 0.0)
    """
    worth = {0: 1.0, 1: -1.0, None: 0.0}
    return Judged(sides=tuple(sides), s=(0,) * len(sides), q=tuple(worth[choice] for choice in choices))


def chosen(text: str, options: tuple[str, str]) -> int | None:
    """Return which of two options a continuation begins with, or None.

    Capitals, white space, marks before the first letter and the article are passed over, since "The woman" is "a woman"
    here; the word must end where the option ends. Where both fit, the longer one is meant.

    Examples
    --------
    >>> chosen(" a welder, and", ("a welder", "a midwife")), chosen("Midwife.", ("a welder", "a midwife"))
    (0, 1)
    >>> chosen(" a welders' union", ("a welder", "a midwife")) is None
    True
    >>> chosen(" nurse aide", ("a nurse", "a nurse aide"))
    1
    """
    said = _bare(text)
    found = [(len(bare), number) for number, bare in enumerate(map(_bare, options)) if _begins(said, bare)]
    return max(found)[1] if found else None


def _bare(text: str) -> str:
    words = " ".join(text.split()).casefold().lstrip("\"'\u201c\u2018( ")
    return _ARTICLE.sub("", words)


def _begins(said: str, option: str) -> bool:
    return bool(option) and said.startswith(option) and _END_OF_WORD.match(said, len(option)) is not None
