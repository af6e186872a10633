"""What the tables of perturbed probes share: how an estimate stands in a row, and how rows become a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from biasaudit.record.tables import checked
from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


def three(value: str, prefix: str, estimate: Estimate) -> dict[str, float | None]:
    """Return value and bounds of an estimate, under `value` and the prefixed names; None where there is no number."""
    there = estimate.status is Status.OK
    return {
        value: estimate.value if there else None,
        f"{prefix}ci_low": estimate.ci_low if there else None,
        f"{prefix}ci_high": estimate.ci_high if there else None,
    }


def framed(rows: Iterable[Mapping[str, object]], schema: DataFrameSchema, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return rows as a table, sorted by its key if one is named, and held to its schema."""
    frame = pd.DataFrame(list(rows), columns=list(schema.columns))
    numbers = [name for name, column in schema.columns.items() if str(column.dtype) == "float64"]
    frame[numbers] = frame[numbers].astype(float)
    return checked(frame.sort_values(list(by), ignore_index=True) if by else frame, schema)
