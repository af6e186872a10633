"""What the worker asks vLLM for, apart from vLLM."""

from __future__ import annotations

import pytest

from biasaudit.models.child.vllm_worker import LARGEST_BYTES, TooLargeError, labels_of, length_of, packed


def test_a_context_is_read_once_for_all_the_tokens_after_it() -> None:
    """Texts of which more than one token is asked are none of them; a token that is asked twice is answered twice."""
    sequences = [([1, 2, 7], 2), ([1, 2, 8], 2), ([1, 2, 8, 9], 2), ([3, 7], 1), ([1, 2, 7], 2)]
    assert labels_of(sequences) == [((1, 2), {7: [0, 4], 8: [1]}), ((3,), {7: [3]})]


def test_a_context_with_more_tokens_than_are_taken_is_read_again() -> None:
    sequences = [([1, label], 1) for label in (5, 6, 7, 5, 6)]
    found = labels_of(sequences, at_most=2)
    assert [context for context, _ in found] == [(1,), (1,), (1,)]
    places = {place: label for _, labels in found for label, of in labels.items() for place in of}
    assert places == {0: 5, 1: 6, 2: 7, 3: 5, 4: 6}
    assert max(len(labels) for _, labels in found) == 2


def test_messages_have_a_bound() -> None:
    """Both ends refuse before memory is taken."""
    assert packed({"a": 1}) == b"\x00\x00\x00\x08" + b'{"a": 1}'
    assert length_of(packed({"a": 1})[:4]) == 8
    with pytest.raises(TooLargeError):
        length_of((LARGEST_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(TooLargeError):
        packed({"a": "x" * LARGEST_BYTES})
