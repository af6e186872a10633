from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biasaudit.models.likelihood import Encoded, encode, token_ends
from biasaudit.types import Request
from tests.tiny import save_tokenizer


def request(context: str, continuation: str) -> Request:
    return Request(
        key="k", context=context, continuation=continuation, templated=False, item_id="i", part="p", framing_id="plain"
    )


def merging(*merges: tuple[str, str]) -> Any:  # Any: transformers gives its tokenizers no types
    """Return a byte-level tokenizer that joins these bytes."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    symbols = ["<bos>", *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(merge) for merge in merges)]
    vocabulary = {symbol: number for number, symbol in enumerate(symbols)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>")  # type: ignore[no-untyped-call]


def ends_of(tokenizer: Any, asked: Request) -> list[int] | None:  # Any: as above
    found = encode(tokenizer, asked)
    assert isinstance(found, Encoded)
    return token_ends(tokenizer, asked, found.continuation_ids)


def test_ends_are_in_characters_of_the_continuation_with_a_context_and_without() -> None:
    """'ab' is one token, 'c' another: after two and after three characters."""
    tokenizer = merging(("a", "b"))
    assert ends_of(tokenizer, request("", "abc")) == [2, 3]
    assert ends_of(tokenizer, request("x y", "abc")) == [2, 3]


def test_the_bytes_of_one_character_end_at_the_same_place() -> None:
    """The euro sign has three bytes."""
    assert ends_of(merging(), request("a", "€b")) == [1, 1, 1, 2]


def test_a_token_over_the_border_of_context_and_continuation_has_no_end_of_its_own() -> None:
    """'a' + 'bc' is read as 'ab', 'c': what 'b' adds was counted with the context."""
    assert ends_of(merging(("a", "b")), request("xa", "bc")) is None


def test_other_tokens_than_those_that_were_scored_have_no_ends() -> None:
    """Responses of the cache were made with a tokenizer that may have changed since."""
    assert token_ends(merging(), request("", "abc"), [5, 6]) is None


@pytest.mark.parametrize("text", ["a nurse", " \u202eשלום", "👩🏽‍⚕️ x", "é"])
def test_ends_never_fall_and_stay_in_the_text(text: str, tmp_path: Path) -> None:
    """Whatever is asked."""
    from transformers import AutoTokenizer

    save_tokenizer(tmp_path, chat_template=None)
    ends = ends_of(AutoTokenizer.from_pretrained(tmp_path), request("Context", text))
    assert ends is not None
    assert ends == sorted(ends)
    assert 0 <= ends[0] <= ends[-1] == len(text)
