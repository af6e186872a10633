"""Words that a tokenizer has one token for, wherever they stand before a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from biasaudit.models.text.encoding import tokens_of
from biasaudit.types.search import Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

_MARKS: Final = "\u2581\u0120 "
"""What sentencepiece and byte-level tokenizers write for the space before a word."""
_PLAIN: Final = re.compile(r"[a-z]{3,}")


def single_words(tokenizer: PreTrainedTokenizerBase, *, at_most: int) -> tuple[Word, ...]:
    """Return words in small letters, those of the lowest ids first: tokenizers number the frequent ones first.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    at_most : int
    """
    numbered = sorted(tokenizer.get_vocab().items(), key=lambda one: one[1])
    special = set(tokenizer.all_special_tokens)
    # Where some tokens hold the space before a word, the others are parts of words.
    if any(token[:1] in _MARKS and _PLAIN.fullmatch(token.lstrip(_MARKS)) for token, _ in numbered):
        numbered = [one for one in numbered if one[0][:1] in _MARKS]
    texts = dict.fromkeys(
        text for token, _ in numbered if token not in special and _PLAIN.fullmatch(text := token.lstrip(_MARKS))
    )
    found: list[Word] = []
    for text in texts:
        if len(found) == at_most:
            break
        word = as_word(tokenizer, text)
        if word is not None:
            found.append(word)
    return tuple(found)


def given_words(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> tuple[Word, ...]:
    """Return those of some texts that the tokenizer has one token for."""
    return tuple(word for text in dict.fromkeys(texts) if (word := as_word(tokenizer, text)) is not None)


def as_word(tokenizer: PreTrainedTokenizerBase, text: str) -> Word | None:
    """Return a word with its tokens; None where it is none, or several tokens, or unknown."""
    tokens = tokens_of(tokenizer, f"{text} {text}")
    if isinstance(tokens, str):
        return None
    begins = {tokenizer.bos_token_id}
    ids = tokens.ids[1:] if tokens.ids and tokens.ids[0] in begins else tokens.ids
    if len(ids) != 2 or tokenizer.unk_token_id in ids:  # the word, twice
        return None
    return Word(text=text, first_id=ids[0], later_id=ids[1])
