from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.kinds import association, pair
from biasaudit.kinds.segments import MOST_PIECES, Piece, association_segments, pair_segments, pieces
from biasaudit.types import Scored

PIECES = st.lists(
    st.builds(Piece, text=st.sampled_from([" a", " b", " c", "d"]), logprob_nats=st.floats(-20, 0)),
    min_size=1,
    max_size=12,
)


def scored(side: list[Piece]) -> Scored:
    nats = tuple(piece.logprob_nats for piece in side)
    return Scored(key="", token_ids=(0,) * len(nats), token_logprobs_nats=nats)


@given(PIECES, PIECES)
def test_the_segments_of_a_pair_add_up_to_its_value_and_their_texts_to_its_texts(
    first: list[Piece], second: list[Piece]
) -> None:
    """A picture of where d comes from that does not add up to d would be an invention."""
    value = pair.item_value({"first": scored(first), "second": scored(second)})
    found = pair_segments(first, second)
    assert math.fsum(segment.nats for segment in found) == pytest.approx(value.d_nats, abs=1e-9)
    assert "".join(segment.first for segment in found) == "".join(piece.text for piece in first)
    assert "".join(segment.second for segment in found) == "".join(piece.text for piece in second)


@given(PIECES, PIECES)
def test_the_other_way_round_every_sum_of_a_pair_changes_its_sign(first: list[Piece], second: list[Piece]) -> None:
    """Which of the two texts stands first decides the sign, and no more."""
    there = math.fsum(segment.nats for segment in pair_segments(first, second))
    assert math.fsum(segment.nats for segment in pair_segments(second, first)) == pytest.approx(-there, abs=1e-9)


@given(st.tuples(PIECES, PIECES, PIECES, PIECES))
def test_the_segments_of_an_association_add_up_to_its_value(
    sides: tuple[list[Piece], list[Piece], list[Piece], list[Piece]],
) -> None:
    """Also where a continuation falls into other tokens after the other context."""
    cells = dict(zip(association.PARTS, sides, strict=True))
    value = association.item_value({part: scored(side) for part, side in cells.items()})
    assert math.fsum(segment.nats for segment in association_segments(cells)) == pytest.approx(value.d_nats, abs=1e-9)


def test_a_word_that_differs_is_one_segment_and_what_is_shared_is_taken_word_by_word() -> None:
    """By hand: -1 - -4 = 3 for the names, -2 - -3 = 1 for the verb."""
    first = [Piece(text="Ann", logprob_nats=-1.0), Piece(text=" left", logprob_nats=-2.0)]
    second = [
        Piece(text="Sha", logprob_nats=-1.5),
        Piece(text="niqua", logprob_nats=-2.5),
        Piece(text=" left", logprob_nats=-3.0),
    ]
    found = [(segment.first, segment.second, segment.nats) for segment in pair_segments(first, second)]
    assert found == [("Ann", "Shaniqua", 3.0), (" left", " left", 1.0)]


def test_a_continuation_in_other_tokens_is_compared_as_a_whole() -> None:
    """' x' after A and ' ', 'x' after B have no token in common: -1 - (-2 - 3) = 4."""
    split = [Piece(text=" ", logprob_nats=-2.0), Piece(text="x", logprob_nats=-3.0)]
    whole = [Piece(text=" x", logprob_nats=-1.0)]
    found = association_segments({"1|A": whole, "2|A": whole, "1|B": split, "2|B": whole})
    assert [(segment.first, segment.second, segment.nats) for segment in found] == [(" x", "", 4.0), ("", " x", 0.0)]


def test_tokens_of_one_character_are_one_piece() -> None:
    """A byte of a character is no text: the three tokens of the sign are shown as the sign."""
    found = pieces("a€b", [1, 2, 2, 2, 3], [-1.0, -2.0, -3.0, -4.0, -5.0])
    assert [(piece.text, piece.logprob_nats) for piece in found] == [("a", -1.0), ("€", -9.0), ("b", -5.0)]


def test_what_a_tokenizer_leaves_over_belongs_to_the_last_token() -> None:
    """The pieces joined are the text."""
    assert [piece.text for piece in pieces("a b ", [1, 3], [-1.0, -1.0])] == ["a", " b "]


@pytest.mark.parametrize("ends", [[], [1], [3, 1], [1, 9], [-1, 3]])
def test_ends_that_do_not_fit_the_text_are_refused(ends: list[int]) -> None:
    """A file that was damaged must not put shades under the wrong words."""
    with pytest.raises(ValueError, match="tokens"):
        pieces("abc", ends, [-1.0, -2.0])


def test_very_long_texts_are_not_aligned() -> None:
    """The alignment of 100,000 tokens would take hours."""
    long = [Piece(text=f" {number}", logprob_nats=-1.0) for number in range(MOST_PIECES + 1)]
    assert pair_segments(long, long[:1]) == ()
    assert association_segments(dict.fromkeys(association.PARTS, long)) == ()
