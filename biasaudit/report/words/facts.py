"""What several sections share: a term with what is said of it, and mappings from JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from biasaudit.report.words.wording import TEXT_LIMIT, clean

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A term and what is said of it."""

    term: str
    values: tuple[str, ...]


def mapping(value: object) -> Mapping[str, Any]:  # Any: JSON values
    """Return `value` if it is a mapping, else an empty one: older manifests lack keys.

    Examples
    --------
    >>> mapping({"a": 1}), mapping(None)
    ({'a': 1}, {})
    """
    return value if isinstance(value, Mapping) else {}


def first_sentence(text: object) -> str:
    """Return the first sentence of a text, ready to show.

    Examples
    --------
    >>> first_sentence("Whom it names (a theft, ...) here. More. And more.")
    'Whom it names (a theft, ...) here.'
    """
    return clean(_SENTENCE_END.split(str(text)[: 4 * TEXT_LIMIT].strip(), maxsplit=1)[0], limit=TEXT_LIMIT)


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part) if names else ""


def counted(n: int, one: str, more: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "cell", "cells"), counted(1_200, "cell", "cells")
    ('1 cell', '1,200 cells')
    """
    return f"{n:,} {one if n == 1 else more}"


def with_and_against(counts: Mapping[str, tuple[int, int]]) -> str:
    """Say how many lean clearly with the stereotype and how many against it, in each checkpoint.

    Parameters
    ----------
    counts : mapping
        Name of a checkpoint, ready to show -> how many lean with the stereotype, and against it.

    Examples
    --------
    >>> with_and_against({"base": (6, 1), "tuned": (7, 4)})
    '6 lean clearly with the stereotype and 1 against it in base, 7 and 4 in tuned'
    """
    (first, (n_with, n_against)), *others = counts.items()
    said = [f"{n_with} lean clearly with the stereotype and {n_against} against it in {first}"]
    return ", ".join([*said, *(f"{n_with} and {n_against} in {name}" for name, (n_with, n_against) in others)])
