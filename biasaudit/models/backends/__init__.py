"""One file a way to reach models, and which of them a reference is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.errors import UsageError
from biasaudit.models.backend import Way
from biasaudit.models.backends.composite import composite, names_of
from biasaudit.models.backends.local import LOCAL
from biasaudit.models.backends.scripted import scripted
from biasaudit.models.backends.served import SERVED
from biasaudit.models.backends.vllm import VLLM
from biasaudit.models.reference import is_local

BACKENDS: Final[dict[str, Way]] = {
    "scripted": scripted({}),
    "vllm": VLLM,
    "served": SERVED,
    "local": LOCAL,
}

__all__ = ["BACKENDS", "way_of", "way_of_all"]


def way_of(reference: str) -> Way:
    """Return how a model is reached: what exists on this machine, and what no other way recognises, is local.

    Examples
    --------
    >>> way_of("org/model").name, way_of("scripted:base").name, way_of("http://localhost:8000/v1#m").name
    ('local', 'scripted', 'served')
    """
    others = (way for way in BACKENDS.values() if way is not LOCAL and way.recognises(reference))
    found = next(others, LOCAL)
    return LOCAL if found is not LOCAL and is_local(reference) else found


def way_of_all(references: Mapping[str, str], *, allow_several: bool = False) -> Way:
    """Return the one way in which all checkpoints of an audit are reached.

    Parameters
    ----------
    references : mapping
        Checkpoint -> reference, the base first.
    allow_several : bool
        Reach each checkpoint by its own way, where they are of several.

    Raises
    ------
    UsageError
        If they are reached in several: a difference between ways of scoring would look like one between checkpoints.
    """
    found = {name: way_of(reference) for name, reference in references.items()}
    first = next(iter(found.values()))
    if any(way is not first for way in found.values()):
        if allow_several:
            return composite(found)
        raise UsageError(
            f"the checkpoints of one audit are reached in several ways: {names_of(found, references)}.",
            fix="Name all of them in one way, so that what differs between them is not how they were asked, or compare "
            "them all the same with --allow-different-engines.",
        )
    return first
