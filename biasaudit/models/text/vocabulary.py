"""Which token has which number, compared between two checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.models.local.headers import read_object
from biasaudit.models.text.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from biasaudit.models.local.located import Located

LARGEST_TOKENIZER: Final = 512 * 1024**2
"""Bytes of a tokenizer.json; that of gemma has 33 MB."""

_RESERVED: Final = re.compile(r"unused|reserved|extra|dummy|placeholder|special|\[PAD", re.IGNORECASE)
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Tokens and their numbers.

    Attributes
    ----------
    numbers : mapping
        Of each token.
    special : frozenset of str
        Tokens that were added, or that are reserved: tuning gives them other names.
    """

    numbers: Mapping[str, int]
    special: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What differs between the vocabularies of a base and of a model tuned from it.

    Attributes
    ----------
    contrary : tuple of str
        What cannot come of tuning: tokens with other numbers, numbers that mean other words.
    told : tuple of str
        What tuning does: tokens added, left out, or renamed where they were reserved.
    """

    contrary: tuple[str, ...]
    told: tuple[str, ...]


def vocabulary_of(located: Located) -> Vocabulary:
    """Return the vocabulary that a checkpoint is scored with: an adapter's own, else its base's.

    Raises
    ------
    ModelFilesError
        If the tokenizer cannot be read.
    """
    folders = [folder for folder in (located.adapter_folder, located.folder) if folder is not None]
    for folder in folders:
        path = folder / "tokenizer.json"
        if path.is_file():
            return _of_file(path)
    tokenizer: Any = load_tokenizer(located)  # Any: transformers' tokenizers are untyped
    return Vocabulary(numbers=tokenizer.get_vocab(), special=frozenset(tokenizer.get_added_vocab()))


def vocabulary_differences(base: Vocabulary, tuned: Vocabulary) -> Differences:
    """Compare two vocabularies.

    Examples
    --------
    >>> base = Vocabulary(numbers={"she": 0, "he": 1}, special=frozenset())
    >>> vocabulary_differences(base, Vocabulary(numbers={"she": 1, "he": 0}, special=frozenset())).contrary
    ("2 tokens have other numbers ('he': 1 and 0, 'she': 0 and 1)",)
    >>> vocabulary_differences(base, Vocabulary(numbers={"she": 0, "he": 1, "<x>": 2}, special=frozenset())).told
    ("1 token more ('<x>')",)
    """
    moved = sorted(
        token for token in base.numbers.keys() & tuned.numbers.keys() if base.numbers[token] != tuned.numbers[token]
    )
    shown = ", ".join(f"{token!r}: {base.numbers[token]} and {tuned.numbers[token]}" for token in moved[:_SHOWN])
    contrary = [f"{_n(moved)} {'have' if len(moved) > 1 else 'has'} other numbers ({shown})"] if moved else []
    of_base = {number: token for token, number in base.numbers.items()}
    of_tuned = {number: token for token, number in tuned.numbers.items()}
    renamed = sorted(number for number in of_base.keys() & of_tuned.keys() if of_base[number] != of_tuned[number])
    renamed = [number for number in renamed if of_base[number] not in tuned.numbers]
    reserved = [number for number in renamed if _is_reserved(of_base[number], base)]
    others = [number for number in renamed if not _is_reserved(of_base[number], base)]
    if others:
        pairs = ", ".join(f"{of_base[one]!r} and {of_tuned[one]!r}" for one in others[:_SHOWN])
        contrary.append(f"{len(others):,} numbers mean other tokens ({pairs})")
    told = []
    if reserved:
        pairs = ", ".join(f"{of_base[one]!r} is {of_tuned[one]!r}" for one in reserved[:_SHOWN])
        told.append(f"{len(reserved):,} reserved renamed ({pairs})")
    more = sorted((number, token) for number, token in of_tuned.items() if number not in of_base)
    if more:
        told.append(f"{_n(more)} more ({', '.join(repr(token) for _, token in more[:_SHOWN])})")
    fewer = sorted((number, token) for number, token in of_base.items() if number not in of_tuned)
    if fewer:
        told.append(f"{_n(fewer)} fewer ({', '.join(repr(token) for _, token in fewer[:_SHOWN])})")
    return Differences(contrary=tuple(contrary), told=tuple(told))


def _of_file(path: Path) -> Vocabulary:
    content = read_object(path, largest=LARGEST_TOKENIZER)
    model = content.get("model")
    words = model.get("vocab") if isinstance(model, dict) else None
    numbers: dict[str, int] = {}
    if isinstance(words, dict):
        numbers = {str(token): number for token, number in words.items() if isinstance(number, int)}
    elif isinstance(words, list):  # Unigram: pairs of token and score, in their order
        numbers = {str(pair[0]): place for place, pair in enumerate(words) if isinstance(pair, list) and pair}
    added = content.get("added_tokens")
    extra = {
        str(entry["content"]): int(entry["id"])
        for entry in (added if isinstance(added, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("id"), int) and "content" in entry
    }
    return Vocabulary(numbers={**numbers, **extra}, special=frozenset(extra))


def _is_reserved(token: str, base: Vocabulary) -> bool:
    return token in base.special or bool(_RESERVED.search(token))


def _n(tokens: list[Any]) -> str:  # Any: only counted
    return f"{len(tokens):,} token{'s' if len(tokens) != 1 else ''}"
