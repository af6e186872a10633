"""What an audit hands to people: its tables, its headline, and ways to look at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd
    from fairlearn.metrics import MetricFrame

    from biasaudit.audit.manifest import Manifest
    from biasaudit.types import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer over all declared cells of one contrast.

    Attributes
    ----------
    tuned : str
        Tuned checkpoint.
    contrast : str
    relative_reduction : Estimate
        Cross-fitted ratio of sums: share of the inherited lean that is gone; unit ``relative``.
    n_cells : int
        Declared cells.
    counts : dict of str to int
        Cells per verdict.
    n_inherited : int
        Cells whose base interval excludes 0.
    """

    tuned: str
    contrast: str
    relative_reduction: Estimate
    n_cells: int
    counts: dict[str, int]
    n_inherited: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audit:
    """A finished audit.

    Attributes
    ----------
    manifest : Manifest
    items, responses, scores, estimates, comparisons, disparities : pandas.DataFrame
        See :mod:`biasaudit.audit.tables` for the columns.
    headlines : tuple of Headline
        One per tuned checkpoint and contrast; the first is the one to quote.
    folder : Path or None
        Where the audit lies, if it was written.
    """

    manifest: Manifest
    items: pd.DataFrame
    responses: pd.DataFrame
    scores: pd.DataFrame
    estimates: pd.DataFrame
    comparisons: pd.DataFrame
    disparities: pd.DataFrame
    headlines: tuple[Headline, ...]
    folder: Path | None = field(default=None)
