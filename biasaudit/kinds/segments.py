"""Where the value of an item comes from: the log-probabilities of its tokens, set against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

MOST_PIECES: Final = 2_000
"""Longer texts are not aligned: the time grows with the square of their length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a text that the model reads as one token, or as several of one character.

    Attributes
    ----------
    text : str
    logprob_nats : float
        Given all that stands before it.
    """

    text: str
    logprob_nats: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What stands at one place of the two texts of an item, and its part of the item's value.

    Attributes
    ----------
    first, second : str
        Empty where one of the texts has nothing there.
    nats : float
        Positive with the stereotype. The segments of an item add up to its d.
    """

    first: str
    second: str
    nats: float


def pieces(text: str, token_ends: Sequence[int], logprobs_nats: Sequence[float]) -> tuple[Piece, ...]:
    """Cut a text where its tokens end.

    Parameters
    ----------
    text : str
    token_ends : sequence of int
        End of each token, in characters of the text. Tokens that end at the same place share a character.
    logprobs_nats : sequence of float
        Of each token.

    Returns
    -------
    tuple of Piece
        Their texts joined are the text, and their log-probabilities add up to its own.

    Raises
    ------
    ValueError
        If the ends are not in order, or not as many as the log-probabilities, or the text has none.

    Examples
    --------
    >>> [piece.text for piece in pieces("a nurse", [1, 7], [-1.0, -2.0])]
    ['a', ' nurse']
    """
    if not token_ends or len(token_ends) != len(logprobs_nats):
        msg = f"{len(token_ends)} ends of tokens and {len(logprobs_nats)} log-probabilities"
        raise ValueError(msg)
    if sorted(token_ends) != list(token_ends) or token_ends[-1] > len(text) or token_ends[0] < 0:
        msg = "the ends of the tokens are not in the order of the text"
        raise ValueError(msg)
    stretches: dict[int, list[float]] = {}
    for end, logprob in zip(token_ends, logprobs_nats, strict=True):
        # What a tokenizer leaves over at the end, such as a space, belongs to the last token.
        stretches.setdefault(len(text) if end == token_ends[-1] else end, []).append(logprob)
    found: list[Piece] = []
    start = 0
    for end, nats in stretches.items():
        found.append(Piece(text=text[start:end], logprob_nats=math.fsum(nats)))
        start = end
    return tuple(found)


def pair_segments(first: Sequence[Piece], second: Sequence[Piece]) -> tuple[Segment, ...]:
    """Set the tokens of two texts against each other.

    A token that both texts have counts by the difference of its log-probabilities; a stretch that differs, as a whole:
    that of the first text minus that of the second. This is one alignment of several possible ones.

    Returns
    -------
    tuple of Segment
        In the order of the texts; empty where one of them is longer than `MOST_PIECES`.

    Examples
    --------
    >>> first = [Piece(text="She", logprob_nats=-1.0), Piece(text=" left", logprob_nats=-2.0)]
    >>> second = [Piece(text="He", logprob_nats=-1.5), Piece(text=" left", logprob_nats=-2.25)]
    >>> [(found.first, found.second, found.nats) for found in pair_segments(first, second)]
    [('She', 'He', 0.5), (' left', ' left', 0.25)]
    """
    if max(len(first), len(second)) > MOST_PIECES:
        return ()
    words, other_words = ([piece.text for piece in side] for side in (first, second))
    matcher = SequenceMatcher(None, words, other_words, autojunk=False)
    found: list[Segment] = []
    for tag, low, high, other_low, other_high in matcher.get_opcodes():
        ours, theirs = first[low:high], second[other_low:other_high]
        if tag == "equal":
            found += [_segment([one], [other]) for one, other in zip(ours, theirs, strict=True)]
        else:
            found.append(_segment(ours, theirs))
    return tuple(found)


def association_segments(cells: Mapping[str, Sequence[Piece]]) -> tuple[Segment, ...]:
    """Set the tokens of each continuation against themselves, given the one context and the other.

    Parameters
    ----------
    cells : mapping of str to sequence of Piece
        Parts as in :data:`biasaudit.kinds.association.PARTS`.

    Returns
    -------
    tuple of Segment
        Those of the first continuation, with its text as `first`, then those of the second, as `second`.

    Examples
    --------
    >>> cell = lambda nats: [Piece(text=" x", logprob_nats=nats)]
    >>> found = association_segments({"1|A": cell(-1.0), "2|A": cell(-3.0), "1|B": cell(-2.0), "2|B": cell(-2.0)})
    >>> [(segment.first, segment.second, segment.nats) for segment in found]
    [(' x', '', 1.0), ('', ' x', 1.0)]
    """
    if max(map(len, cells.values())) > MOST_PIECES:
        return ()
    first = [Segment(first=text, second="", nats=nats) for text, nats in _given(cells["1|A"], cells["1|B"])]
    second = [Segment(first="", second=text, nats=nats) for text, nats in _given(cells["2|B"], cells["2|A"])]
    return (*first, *second)


def _given(own: Sequence[Piece], other: Sequence[Piece]) -> list[tuple[str, float]]:
    if [piece.text for piece in own] == [piece.text for piece in other]:
        return [(one.text, one.logprob_nats - another.logprob_nats) for one, another in zip(own, other, strict=True)]
    # After another context the text falls into other tokens: only the whole can be compared.
    return [("".join(piece.text for piece in own), _sum(own) - _sum(other))]


def _segment(first: Sequence[Piece], second: Sequence[Piece]) -> Segment:
    texts = ["".join(piece.text for piece in side) for side in (first, second)]
    return Segment(first=texts[0], second=texts[1], nats=_sum(first) - _sum(second))


def _sum(found: Sequence[Piece]) -> float:
    return math.fsum(piece.logprob_nats for piece in found)
