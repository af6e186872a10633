"""What several sections share: a term with what is said of it, and mappings from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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


def counted(n: int, one: str, more: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "cell", "cells"), counted(1_200, "cell", "cells")
    ('1 cell', '1,200 cells')
    """
    return f"{n:,} {one if n == 1 else more}"
