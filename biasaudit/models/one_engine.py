"""One engine for all checkpoints of an audit: those that are computed or read otherwise than the base are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biasaudit.errors import DifferentEnginesError, Together
from biasaudit.types.engines import computed_differently


def refuse_different_engines(
    fingerprints: Mapping[str, Mapping[str, Any]],  # Any: fields of several types
    references: Mapping[str, str],
) -> None:
    """Raise if a checkpoint is computed, kept or read otherwise than the base.

    Parameters
    ----------
    fingerprints : mapping
        Checkpoint -> fields of its fingerprint, as far as they are known; without a base nothing is compared.
    references : mapping
        Checkpoint -> reference, as it was written.

    Raises
    ------
    DifferentEnginesError
        Or :class:`~biasaudit.errors.SeveralErrors` for several of them.
    """
    base = fingerprints.get("base")
    if base is None:
        return
    together = Together()
    for name, found in fingerprints.items():
        differing = computed_differently(base, found)
        if differing:
            with together.noted():
                raise DifferentEnginesError(
                    f"base ({references['base']}) and {name} ({references[name]}) are computed differently: "
                    f"{'; '.join(differing)}. What differs between them could be that.",
                    fix="Name checkpoints that are computed and read alike, or compare them all the same with "
                    "--allow-different-engines; the report will say so.",
                )
    together.raise_any()
