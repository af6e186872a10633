"""From the scores of hybrids to two tables: one row per part, and one per feature with its verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pandera.pandas as pa

from biasaudit.analysis.arms import ALL, cell_items, features_of
from biasaudit.analysis.perturbed.rows import framed, three
from biasaudit.record.columns import count, flag, number, text, with_bounds
from biasaudit.stats import mean_estimate
from biasaudit.stats.depth import DepthProfile, DepthRule, depth_profile
from biasaudit.stats.verdict import COMPETENCE_CHANCE
from biasaudit.types import ClusterDesign, Estimate, Role, Status
from biasaudit.types.depth import FROM_ABOVE, FROM_BELOW, DepthVerdict, Hybrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.stats import Clustered

_MOST_MISSING: Final = 0.02
"""Of the items may have no value in some hybrid: of fewer nothing is said."""


PARTS: Final = pa.DataFrameSchema(
    {
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "number": count("place of the part, from 0, the embeddings", ""),
        "part": text("`embeddings`, `block 0`, ... or `final norm and head`"),
        "exchanged": flag("whether it differs between base and tuned checkpoint, in weights or in what no weight says"),
        "index_below": number("index with this part and all below it tuned, all others the base's", "index", null=True),
        "index_above": number("index with this part and all below it the base's, all others tuned", "index", null=True),
        "competence_below": number("competence of the first of these models", "share", null=True),
        "competence_above": number("competence of the second", "share", null=True),
        **with_bounds("from_below", "fall of the index when this part is exchanged after all below it", "index points"),
        **with_bounds("from_above", "fall of the index when it is exchanged after all above it", "index points"),
        **with_bounds("phi", "mean of the two; over all parts these sum to D", "index points"),
        "p_adjusted": number("two-sided, of `phi`, by max-T over all parts that differ", null=True),
    },
    strict=True,
    unique=["feature", "number"],
)
"""One row per feature and part."""

CELLS: Final = pa.DataFrameSchema(
    {
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "verdict": text(
            "`removed upstream`, `masked late`, `redundant`, `distributed`, `unchanged` or `not estimable` (15.3)",
            check=pa.Check.isin([one.value for one in DepthVerdict]),
        ),
        "reason": text("what decided it, in words"),
        **with_bounds("base", "index of the base", "index"),
        **with_bounds("tuned", "index of the tuned checkpoint", "index"),
        **with_bounds("reduction", "D, base less tuned", "index points"),
        **with_bounds("lower", "D of the parts below the cut exchanged alone", "index points"),
        **with_bounds("upper", "D of the parts above the cut exchanged alone", "index points"),
        **with_bounds("lower_share", "`lower` over D", "relative"),
        **with_bounds("upper_share", "`upper` over D", "relative"),
        **with_bounds("interaction", "1 less both shares: what the halves do together alone", "relative"),
        "n_items": count("items that every hybrid scored", "items"),
        "n_clusters": count("clusters of these", "clusters"),
        "n_also": count("second clusters of these; 0 where the probe has no second factor", "clusters"),
    },
    strict=True,
    unique=["feature"],
)
"""One row per feature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFacts:
    """What decides the tables, given the scores.

    Attributes
    ----------
    probe : str
    parts : tuple of str
    exchanged : tuple of bool
        Of each part, whether it differs at all.
    cut : int
        Parts below the cut.
    framing : str
    design : ClusterDesign
    level, margin : float
    seed : int
    barred : mapping
        Feature -> why the audit bars every verdict there.
    """

    probe: str
    parts: tuple[str, ...]
    exchanged: tuple[bool, ...]
    cut: int
    framing: str
    design: ClusterDesign
    level: float
    margin: float
    seed: int
    barred: Mapping[str, str]


def unbarred(facts: ProfileFacts) -> ProfileFacts:
    """Return the same without what the audit bars: where a change sits, whatever it is worth."""
    return replace(facts, barred={})


def name_of(hybrid: Hybrid) -> str:
    """Return under which checkpoint the scores of a hybrid stand.

    Examples
    --------
    >>> name_of(Hybrid(order=FROM_BELOW, n_parts=3))
    'from below, 3'
    """
    return f"{hybrid.order}, {hybrid.n_parts}"


def profiles(scores: pd.DataFrame, facts: ProfileFacts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables :data:`PARTS` and :data:`CELLS`.

    Parameters
    ----------
    scores : DataFrame
        See :data:`biasaudit.record.tables.SCORES`; checkpoints are hybrids, as :func:`name_of` names them.
    facts : ProfileFacts
    """
    parts: list[dict[str, Any]] = []  # Any: cells of a table
    cells: list[dict[str, Any]] = []  # Any: as above
    for feature in features_of(scores, facts.probe):
        of_parts, cell = _feature(scores, facts, feature)
        parts += of_parts
        cells.append(cell)
    return framed(parts, PARTS), framed(cells, CELLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """One feature: the values of all hybrids over the items that every one of them scored.

    Attributes
    ----------
    feature : str
    values : mapping
        Order -> array, shape (n_parts + 1, n_items).
    competence : mapping
        Order -> share of sense over nonsense of each hybrid.
    sample : Clustered
        Clusters of the items.
    missing : float
        Share of the items that some hybrid did not score.
    """

    feature: str
    values: Mapping[str, NDArray[np.float64]]
    competence: Mapping[str, Sequence[Estimate]]
    sample: Clustered
    missing: float

    def index(self, order: str, n_parts: int, facts: ProfileFacts) -> float | None:
        one = self.sample.with_values(self.values[order][n_parts])
        return mean_estimate(one, facts.design, level=facts.level, unit="index").value


def _feature(
    scores: pd.DataFrame, facts: ProfileFacts, feature: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:  # Any: as above
    cell = _cell(scores, facts, feature)
    rule = DepthRule(
        cut=facts.cut, level=facts.level, margin=facts.margin, barred=facts.barred.get(feature, "") or _barred(cell)
    )
    found = depth_profile(
        cell.values[FROM_BELOW],
        cell.values[FROM_ABOVE],
        cell.sample,
        facts.design,
        rule,
        rng=np.random.default_rng([facts.seed, 15]),
    )
    row = {
        "feature": feature,
        "verdict": found.verdict.value,
        "reason": found.reason,
        **{key: value for name in _ESTIMATES for key, value in three(name, f"{name}_", getattr(found, name)).items()},
        "n_items": cell.sample.n_items,
        "n_clusters": cell.sample.n_clusters,
        "n_also": cell.sample.n_also,
    }
    return list(_part_rows(found, cell, facts)), row


def _cell(scores: pd.DataFrame, facts: ProfileFacts, feature: str) -> _Cell:
    bias = cell_items(scores, probe=facts.probe, feature=feature, role=Role.BIAS, column="graded")
    values = {
        order: np.stack([bias.values[name, facts.framing] for name in _names(order, facts)])
        for order in (FROM_BELOW, FROM_ABOVE)
    }
    there = ~np.isnan(values[FROM_BELOW].sum(axis=0) + values[FROM_ABOVE].sum(axis=0))
    return _Cell(
        feature=feature,
        values={order: one[:, there] for order, one in values.items()},
        competence={order: [_competence(scores, facts, name) for name in _names(order, facts)] for order in values},
        sample=bias.scored(np.where(there, values[FROM_BELOW][0], np.nan)),
        missing=float((~there).mean()) if there.size else 1.0,
    )


_ESTIMATES: Final = ("base", "tuned", "reduction", "lower", "upper", "lower_share", "upper_share", "interaction")


def _part_rows(found: DepthProfile, cell: _Cell, facts: ProfileFacts) -> Iterator[dict[str, Any]]:  # Any: as above
    for place, (part, effect) in enumerate(zip(facts.parts, found.parts, strict=True)):
        yield {
            "feature": cell.feature,
            "number": place,
            "part": part,
            "exchanged": facts.exchanged[place],
            "index_below": cell.index(FROM_BELOW, place + 1, facts),
            "index_above": cell.index(FROM_ABOVE, place + 1, facts),
            "competence_below": cell.competence[FROM_BELOW][place + 1].value,
            "competence_above": cell.competence[FROM_ABOVE][place + 1].value,
            **three("from_below", "from_below_", effect.below),
            **three("from_above", "from_above_", effect.above),
            **three("phi", "phi_", effect.phi),
            "p_adjusted": effect.p_adjusted,
        }


def _names(order: str, facts: ProfileFacts) -> list[str]:
    return [name_of(Hybrid(order=order, n_parts=number)) for number in range(len(facts.parts) + 1)]


def _competence(scores: pd.DataFrame, facts: ProfileFacts, name: str) -> Estimate:
    cell = cell_items(scores, probe=facts.probe, feature=ALL, role=Role.COMPETENCE, column="sign")
    arm = (name, facts.framing)
    if arm not in cell.values:
        return Estimate(status=Status.NOT_MEASURED, unit="share")
    return mean_estimate(cell.scored((cell.values[arm] + 1) / 2), facts.design, level=facts.level, unit="share")


def ends_barred(scores: pd.DataFrame, facts: ProfileFacts) -> tuple[str, str]:
    """Return why nothing may be concluded of the base and of the tuned checkpoint: whether each reads; else empty."""
    of_base, *_, of_tuned = _names(FROM_BELOW, facts)
    return _reads(_competence(scores, facts, of_base), "the base"), _reads(
        _competence(scores, facts, of_tuned), "the tuned checkpoint"
    )


def _reads(competence: Estimate, what: str) -> str:
    if competence.status is not Status.OK or competence.ci_low is None:
        return f"competence of {what} was not measured"
    return f"competence of {what} includes chance" if competence.ci_low <= COMPETENCE_CHANCE else ""


def _barred(cell: _Cell) -> str:
    """Return why nothing may be concluded, in words: a hybrid that does not read, or did not answer; else empty."""
    if cell.missing > _MOST_MISSING:
        return "over 2 % of the items have no value in some hybrid"
    for order, found in cell.competence.items():
        for n_parts, one in enumerate(found):
            if one.status is not Status.OK:
                return "competence of the hybrids was not measured"
            if one.ci_low is not None and one.ci_low <= COMPETENCE_CHANCE:
                return f"competence includes chance in the hybrid {order} of {n_parts} of {len(found) - 1} parts"
    return ""
