"""What of a computation is the same in all checkpoints that are compared, and what differs in two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

DIFFERENT_ENGINES: Final = "DIFFERENT ENGINES"
"""How it is told that two checkpoints were computed or read in different ways, beside ``DIFFERENT LINEAGE``."""

_FACTS: Final = (
    ("engine", "engine", "transformers in this process"),
    ("dtype", "number format", "not recorded"),
    ("quantization", "quantisation scheme", "none"),
    ("reading", "way of reading log-probabilities", "all of them, in this process"),
)
"""Field of a fingerprint, what it is, and what None says there."""
_SHOWN: Final = 3


def computed_differently(base: Mapping[str, object], other: Mapping[str, object]) -> tuple[str, ...]:
    """Return how the computation of one checkpoint differs from another's, a phrase each; none where it does not.

    The same weights give other log-probabilities in another engine, number format or quantisation scheme, or where a
    server is read otherwise: such a difference would look like one between the checkpoints. The device is not among
    it, which all checkpoints of one process share.

    Parameters
    ----------
    base, other : mapping
        Fields of a :class:`biasaudit.types.ModelFingerprint`; what is absent counts as None.

    Examples
    --------
    >>> computed_differently({"dtype": "float32"}, {"dtype": "bfloat16"})
    ('number format float32 in the one and bfloat16 in the other',)
    >>> computed_differently({"dtype": "float32"}, {"dtype": "float32", "quantization": None})
    ()
    """
    return tuple(_differences(base, other))


def _differences(base: Mapping[str, object], other: Mapping[str, object]) -> Iterator[str]:
    for name, what, absent in _FACTS:
        if _text(base.get(name)) != _text(other.get(name)):
            yield _phrase(what, base.get(name), other.get(name), absent)
    if _text(_kept(base)) != _text(_kept(other)) and not (base.get("kv_dtype") is other.get("kv_dtype") is None):
        yield _phrase("number format of keys and values", _kept(base), _kept(other), "not recorded")
    if _text(base.get("engine")) == _text(other.get("engine")):
        # Another engine has other libraries: to name them too says nothing more.
        versions = [one if isinstance(one, Mapping) else {} for one in (base.get("libraries"), other.get("libraries"))]
        named = sorted(set(versions[0]) & set(versions[1]), key=str)  # one of a scheme is told by the scheme
        differing = [name for name in named if versions[0].get(name) != versions[1].get(name)]
        for name in differing[:_SHOWN]:
            yield _phrase(f"version of {name}", versions[0].get(name), versions[1].get(name), "none")
        if len(differing) > _SHOWN:
            yield f"versions of {len(differing) - _SHOWN} more libraries"


def _kept(found: Mapping[str, object]) -> object:
    return found.get("kv_dtype") or found.get("dtype")


def _phrase(what: str, base: object, other: object, absent: str) -> str:
    return f"{what} {_text(base) or absent} in the one and {_text(other) or absent} in the other"


def _text(value: object) -> str:
    return "" if value is None else str(value)
