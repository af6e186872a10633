"""An audit as data: its manifest, its tables and its headlines, which every room reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from biasaudit.visible import in_short

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from biasaudit.record.manifest import Manifest
    from biasaudit.types import Estimate

NEEDED: Final = ("items", "responses", "scores", "estimates", "families", "comparisons", "disparities", "published")
"""The tables that every finished audit has; each is an attribute of :class:`AuditRecord`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer over all declared cells of one contrast.

    Attributes
    ----------
    tuned : str
        Tuned checkpoint.
    contrast : str
    relative_reduction : Estimate
        1 - sum of |B| after / sum of |B| before, over the cells that count: share of the inherited lean that is
        gone; unit ``relative``.
    n_cells : int
        Declared cells.
    counts : dict of str to int
        Cells per verdict.
    n_inherited : int
        Cells whose base interval excludes 0.
    left_out : dict of str to int
        Cells that the share leaves out, by reason.
    exploratory : bool
        Whether the contrast is another than the one named beforehand: its verdicts are leads.
    """

    tuned: str
    contrast: str
    relative_reduction: Estimate
    n_cells: int
    counts: dict[str, int]
    n_inherited: int
    left_out: dict[str, int] = field(default_factory=dict)
    exploratory: bool = False

    def __str__(self) -> str:
        """Return the answer on a line."""
        counts = ", ".join(f"{n} {verdict}" for verdict, n in self.counts.items()) or "none"
        leads = ", exploratory" if self.exploratory else ""
        place = in_short([self.tuned, self.contrast])
        return f"{place}{leads}: relative reduction {self.relative_reduction}; {self.n_cells} cells: {counts}"

    def __repr__(self) -> str:
        """Return the answer on a line."""
        return f"Headline({self})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AuditRecord:
    """A finished audit, without ways to look at it: :class:`biasaudit.Audit` has these.

    Attributes
    ----------
    manifest : Manifest
    items, responses, scores, estimates, families, comparisons, disparities, published : pandas.DataFrame
        See :mod:`biasaudit.record.tables` for the columns.
    headlines : tuple of Headline
        One per tuned checkpoint and contrast, the last checkpoint first; the first is the one to quote.
    folder : Path or None
        Where the audit lies, if it was written.
    further : mapping
        Name -> table, of those that were added later: an audit from before has fewer.
    """

    manifest: Manifest
    items: pd.DataFrame
    responses: pd.DataFrame
    scores: pd.DataFrame
    estimates: pd.DataFrame
    families: pd.DataFrame
    comparisons: pd.DataFrame
    disparities: pd.DataFrame
    published: pd.DataFrame
    headlines: tuple[Headline, ...]
    folder: Path | None = field(default=None)
    further: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return models, probes, counts and the headline to quote, in at most five lines."""
        plan, counts = self.manifest.plan, self.manifest.counts
        tuned = plan.get("tuned", {})
        answered = ", ".join(f"{n:,} {status}" for status, n in counts.items())
        models = {"base": plan.get("base", "unknown"), **tuned}
        lines = [
            f"{type(self).__name__}: {in_short(f'{name} {reference}' for name, reference in models.items())}",
            f"  probes: {in_short(self.manifest.probes)}; {len(self.items):,} items; responses: {answered or 'none'}",
        ]
        if self.headlines:
            lines.append(f"  {self.headlines[0]}")
        if self.folder is not None:
            lines.append(f"  in {in_short([str(self.folder)], limit=100)}")
        return "\n".join(lines)

    @property
    def damage(self) -> pd.DataFrame | None:
        """What tuning broke beside the bias; None in audits from before that was measured."""
        return self.further.get("damage")

    @property
    def robustness(self) -> pd.DataFrame | None:
        """Whether reductions survive perturbations; None of an audit without."""
        return self.further.get("robustness")

    @property
    def searches(self) -> pd.DataFrame | None:
        """What words that a search found bring out; None of an audit without."""
        return self.further.get("searches")

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Name -> table, of all that the audit has."""
        return {**{name: getattr(self, name) for name in NEEDED}, **self.further}


def as_attributes(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:  # Any: a table, or a mapping of tables
    """Return tables by name as the arguments of :class:`AuditRecord` that hold them."""
    further = {name: table for name, table in tables.items() if name not in NEEDED}
    return {**{name: tables[name] for name in NEEDED}, "further": further}
