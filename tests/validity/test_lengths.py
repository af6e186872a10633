from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.validity import findings, reference_tokens
from biasaudit.validity.lengths import token_difference
from tests.validity.own import changed, found, probe


@pytest.mark.parametrize(
    ("text", "n_tokens"),
    [
        ("", 0),
        ("The man sat.", 4),  # three words and a stop
        ("The man's dog", 4),
        ("neighbor", 1),  # 8 letters
        ("neighbors", 2),  # one letter more
        ("understanding", 3),  # 13 letters: 5 more, in two pieces
        ("In 1999, a non-binary person", 8),
    ],
)
def test_the_approximation_by_hand(text: str, n_tokens: int) -> None:
    assert reference_tokens(text) == n_tokens


def test_variants_of_unequal_length(tmp_path: Path) -> None:
    """The guest of long name has 8 words and a stop, the man 4 words and a stop: 4 apart, one more than is let pass."""
    content = changed(0, first="Today the man from the high north sang.", second="Today the man sang.")
    [finding] = found(tmp_path, content)
    assert finding.code == "token-difference"
    assert finding.message == (
        '1 item, such as sang/today: "Today the man from the high north sang." has 9 tokens and "Today the man sang." '
        "5; expected at most 3 apart. Choose words of like length, or say in card.yaml under accepts why not."
    )
    content = changed(0, first="Today the man from the north sang.", second="Today the man sang.")
    assert found(tmp_path / "three", content) == ()


def test_another_tokenizer_sees_other_lengths(tmp_path: Path) -> None:
    """Letters as tokens: woman and man are 2 apart; a name with 4 letters more is found."""
    assert list(token_difference(probe(tmp_path / "a"), len)) == []
    content = changed(0, first="Today the lumberjack sang.", second="Today the man sang.")
    [finding] = token_difference(probe(tmp_path / "b", content), len)
    assert "has 26 tokens" in finding.message


def test_what_another_tokenizer_does_not_find_was_not_accepted_in_vain(tmp_path: Path) -> None:
    loaded = probe(tmp_path, accepts={"token-difference": "names differ"})
    assert [finding.code for finding in findings(loaded)] == ["accepts-nothing"]
    assert findings(loaded, tokens=len) == ()
