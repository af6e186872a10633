"""What bears on every difference of an audit: checkpoints of different lineage, or computed in different ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from biasaudit.record.engine_fact import of_different_engines
from biasaudit.record.lineage_fact import of_different_lineage
from biasaudit.types.engines import DIFFERENT_ENGINES

if TYPE_CHECKING:
    from biasaudit.record.manifest import Manifest


def marks_of(manifest: Manifest) -> tuple[str, ...]:
    """Return the marks of an audit, a sentence each; none of one whose checkpoints differ by tuning alone.

    Parameters
    ----------
    manifest : Manifest
    """
    different = of_different_lineage(manifest.lineage)
    lineage = (f"{name}: {told}" for name, told in manifest.lineage.items() if name in different)
    engines = (
        f"{name}: {DIFFERENT_ENGINES} ({told}): a difference from the base may come of that, and not of tuning"
        for name, told in of_different_engines(manifest.fingerprints).items()
    )
    return (*lineage, *engines)


def reading_of(manifest: Manifest) -> str:
    """Return how answers were got out of the checkpoints: `sampled`, or a level of a server; empty where all is plain.

    Parameters
    ----------
    manifest : Manifest
    """
    found = (one.get("reading") for one in manifest.fingerprints.values() if isinstance(one, Mapping))
    return ", ".join(sorted({str(one) for one in found if one}))
