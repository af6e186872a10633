"""What a table of an audit is to the rest of the house: one object, with what it is computed from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from biasaudit.analysis.contrasts import primary_contrast
from biasaudit.record.audit_record import NEEDED

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import DataFrameSchema

    from biasaudit.analysis.asked_items import AskedItem
    from biasaudit.framing import Framing
    from biasaudit.record.exposure_facts import CardExposure
    from biasaudit.record.perturbed_facts import Perturbed
    from biasaudit.types import ClusterDesign, Contrast


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What decides the tables, given items and responses.

    Attributes
    ----------
    kinds, designs, formats : mapping
        Probe -> kind, design of its clusters, format of its data.
    also : mapping
        Probe -> tag that names an item's second cluster, of those whose card declares one.
    framings : tuple of Framing
    tuned : tuple of str
        Tuned checkpoints, in order.
    margin, level : float
    seed : int
    exposure : mapping
        Tuned checkpoint -> what its training card says of the probes; a checkpoint of an audit from before cards were
        read is not in it.
    trained_features : mapping
        Tuned checkpoint -> the sensitive features that it was trained on; None where no card says.
    siblings : bool
        Whether each tuned checkpoint was made from the base and none from another.
    perturbed : Perturbed or None
        The perturbed probes that were asked beside these; None where none were asked for.
    drawn : bool
        Whether answers were drawn, in place of log-probabilities.
    """

    kinds: Mapping[str, str]
    designs: Mapping[str, ClusterDesign]
    formats: Mapping[str, str]
    also: Mapping[str, str]
    framings: tuple[Framing, ...]
    tuned: tuple[str, ...]
    margin: float
    level: float
    seed: int
    exposure: Mapping[str, CardExposure] = field(default_factory=dict)
    trained_features: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    siblings: bool = False
    perturbed: Perturbed | None = None
    drawn: bool = False

    @property
    def primary(self) -> Contrast:
        """The contrast whose verdicts are claims."""
        return primary_contrast(framing.framing for framing in self.framings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a table is computed from.

    Attributes
    ----------
    asked : sequence of AskedItem
        Every item with its responses in every arm.
    tables : mapping
        Name -> table: what was expensive, and what stands before in :data:`biasaudit.analysis.tables.TABLES`.
    analysis : Analysis
    shared : dict
        What one table computed and the next needs again, by a name of theirs; never written.
    """

    asked: Sequence[AskedItem]
    tables: Mapping[str, pd.DataFrame]
    analysis: Analysis
    shared: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of an audit.

    Attributes
    ----------
    name : str
        Of its files: ``scores`` is scores.parquet in the folder and scores.csv among the CSV files.
    schema : DataFrameSchema
        Its columns; what is written is held to them.
    computed : callable or None
        From what is given to the table, the same every time, rows sorted by a key. None of evidence, which is expensive
        and cannot be computed again.
    of_perturbed : bool
        Whether it is about perturbed probes: an audit without has no such table.
    of_drawn : bool
        Whether it is about answers in words: an audit in which none were drawn has no such table.
    of_search : bool
        Whether it is about words that a search found: of perturbed probes, only where some are such.
    """

    name: str
    schema: DataFrameSchema
    computed: Callable[[Given], pd.DataFrame] | None
    of_perturbed: bool = False
    of_search: bool = False
    of_drawn: bool = False

    def is_of(self, analysis: Analysis) -> bool:
        """Whether an audit with this analysis has it."""
        perturbed = analysis.perturbed
        if self.of_drawn and not analysis.drawn:
            return False
        if perturbed is None:
            return not self.of_perturbed
        return bool(perturbed.found) or not self.of_search

    @property
    def file(self) -> str:
        """Name of its file in the folder of an audit."""
        return f"{self.name}.parquet"

    @property
    def needed(self) -> bool:
        """Whether every audit has it; one that was added later is absent from audits of before."""
        return self.name in NEEDED
