"""The tables of an audit: what it is written from, what it is read into, and what is computed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.analysis.compare import COMPARISONS
from biasaudit.analysis.damage import DAMAGE
from biasaudit.analysis.disparity import DISPARITIES
from biasaudit.analysis.draws import DRAWS
from biasaudit.analysis.estimate import ESTIMATES
from biasaudit.analysis.exposure import EXPOSURE
from biasaudit.analysis.perturbed.evidence import VARIANT_ITEMS, VARIANT_RESPONSES, VARIANT_SCORES
from biasaudit.analysis.perturbed.robustness import ROBUSTNESS
from biasaudit.analysis.perturbed.searches import SEARCHES
from biasaudit.analysis.perturbed.variants import VARIANTS
from biasaudit.analysis.published_rows import PUBLISHED
from biasaudit.analysis.scoring import ITEMS, RESPONSES, SCORES
from biasaudit.analysis.wordings import FAMILIES
from biasaudit.record import store
from biasaudit.record.tables import checked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from biasaudit.analysis.table import Table
    from biasaudit.record.audit_record import AuditRecord
    from biasaudit.record.manifest import Manifest

TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        ITEMS,
        RESPONSES,
        SCORES,
        DRAWS,
        ESTIMATES,
        FAMILIES,
        EXPOSURE,
        DAMAGE,
        COMPARISONS,
        DISPARITIES,
        PUBLISHED,
        VARIANT_ITEMS,
        VARIANT_RESPONSES,
        VARIANT_SCORES,
        VARIANTS,
        ROBUSTNESS,
        SEARCHES,
    )
}
"""In the order in which they are computed: each may need those before it."""


IN_EVERY_AUDIT: Final = tuple(name for name, table in TABLES.items() if not (table.of_perturbed or table.of_drawn))
"""Names of those that an audit of this version has whatever it asks."""


def checked_tables(audit: AuditRecord) -> dict[str, pd.DataFrame]:
    """Return the tables of an audit by name, each held to its schema."""
    return {name: checked(frame, TABLES[name].schema) for name, frame in audit.tables.items()}


def read_tables(folder: Path, manifest: Manifest, *, evidence: bool = False) -> dict[str, pd.DataFrame]:
    """Read the tables of an audit, those that it was written without left out.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
    evidence : bool
        Only those that cannot be computed again.

    Raises
    ------
    AlteredAuditError
        If one is not the one that was written, or is absent and every audit has it.
    """
    return {
        table.name: store.read_table(folder, table.name, manifest)
        for table in TABLES.values()
        if (table.needed or table.file in manifest.files) and not (evidence and table.computed is not None)
    }
