"""The tables of each kind of evidence beside a depth profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd
import pandera.pandas as pa

from biasaudit.explanations.component_tables import ASKED, COMPONENTS
from biasaudit.explanations.components import PATCHES

OF_COMPONENTS: Final = "components"
SCHEMAS: Final[Mapping[str, Mapping[str, pa.DataFrameSchema]]] = {
    OF_COMPONENTS: {"patches": PATCHES, "components": COMPONENTS, "questions": ASKED},
}
"""Kind of evidence -> its tables."""
EVIDENCE: Final = tuple(SCHEMAS)
"""All kinds, in the order in which they are gathered and shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was gathered.

    Attributes
    ----------
    tables : mapping
        Name -> table; those of a kind that was not measured have no rows.
    unmeasured : mapping
        Kind of evidence -> why it was not measured, in words; none where it was.
    """

    tables: Mapping[str, pd.DataFrame]
    unmeasured: Mapping[str, str]


def empty_tables() -> dict[str, pd.DataFrame]:
    """Return every table of every kind without rows."""
    return {name: _empty(schema) for several in SCHEMAS.values() for name, schema in several.items()}


def _empty(schema: pa.DataFrameSchema) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=str(column.dtype)) for name, column in schema.columns.items()})
