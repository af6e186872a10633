"""Which tuned checkpoints of an audit were computed otherwise than its base: the one reader of fingerprints for it."""

from __future__ import annotations

from collections.abc import Mapping

from biasaudit.types.engines import computed_differently


def of_different_engines(fingerprints: Mapping[str, object]) -> dict[str, str]:
    """Return each tuned checkpoint that was computed otherwise than the base, and how, in a sentence's part.

    Parameters
    ----------
    fingerprints : mapping
        Checkpoint -> fingerprint, as a manifest has it.

    Examples
    --------
    >>> of_different_engines({"base": {"dtype": "float32"}, "tuned": {"dtype": "bfloat16"}})
    {'tuned': 'number format float32 in the one and bfloat16 in the other'}
    """
    base = fingerprints.get("base")
    if not isinstance(base, Mapping):
        return {}
    found = {
        str(name): "; ".join(computed_differently(base, one))
        for name, one in fingerprints.items()
        if name != "base" and isinstance(one, Mapping)
    }
    return {name: told for name, told in found.items() if told}
