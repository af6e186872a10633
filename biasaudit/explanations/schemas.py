"""The tables of each kind of evidence beside a depth profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import pandera.pandas as pa

from biasaudit.explanations.associations import empty
from biasaudit.explanations.component_tables import ASKED, COMPONENTS
from biasaudit.explanations.components import PATCHES
from biasaudit.explanations.layers import LAYERS
from biasaudit.explanations.names import MEASURED, OF_COMPONENTS, OF_LAYERS, OF_RECORDS, OF_WORDS
from biasaudit.explanations.words import WORDS
from biasaudit.record.influences import RECORD_GROUPS, RECORDS

SCHEMAS: Final[Mapping[str, Mapping[str, pa.DataFrameSchema]]] = {
    OF_COMPONENTS: {"patches": PATCHES, "components": COMPONENTS, "questions": ASKED},
    OF_WORDS: {"words": WORDS},
    OF_LAYERS: {"layers": LAYERS},
    OF_RECORDS: {"records": RECORDS, "record_groups": RECORD_GROUPS},
}
"""Kind of evidence -> its tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was gathered.

    Attributes
    ----------
    tables : mapping
        Name -> table; those of a kind that was not measured have no rows.
    facts : mapping
        Kind of evidence -> how it was measured, JSON-ready; ``status`` is ``ok``, or why it was not, in words.
    """

    tables: Mapping[str, pd.DataFrame]
    facts: Mapping[str, Mapping[str, Any]]  # Any: JSON values

    @property
    def unmeasured(self) -> dict[str, str]:
        """Kind of evidence -> why it was not measured; none where it was."""
        return {name: str(one["status"]) for name, one in self.facts.items() if one["status"] != MEASURED}


def empty_tables() -> dict[str, pd.DataFrame]:
    """Return every table of every kind without rows."""
    return {name: empty(schema) for several in SCHEMAS.values() for name, schema in several.items()}
