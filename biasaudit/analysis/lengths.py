"""Pairs of equal length beside all pairs: the longer of two sentences is less likely for its length alone.

CrowS-Pairs on gemma-3-270m, by sign: -0.46 where the stereotype is longer, +0.68 where it is shorter, 0.157 where both
have as many tokens, 0.111 over all. The change from base to tuned is hardly touched, since both read the same tokens;
the level is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from biasaudit.analysis.arms import CellItems, cell_items
from biasaudit.analysis.contrasts import checkpoints_before, side_values
from biasaudit.kinds import KINDS
from biasaudit.kinds.pair import FIRST, SECOND
from biasaudit.record import tables
from biasaudit.stats import mean_estimate, paired_reduction
from biasaudit.types import ClusterDesign, Contrast, Estimate, Role, Status

COLUMNS: Final = (
    "equal_items",
    *(f"equal_first_{part}" for part in ("value", "ci_low", "ci_high")),
    *(f"equal_second_{part}" for part in ("value", "ci_low", "ci_high")),
    *("equal_reduction", "equal_reduction_ci_low", "equal_reduction_ci_high"),
    "equal_disagrees",
)
"""What :func:`with_equal_lengths` adds to the comparisons."""

_NONE: Final = Estimate(status=Status.NOT_MEASURED)
_STEPS: Final = (Contrast.STEP_PLAIN.value, Contrast.STEP_CHAT.value)


def unequal_pairs(responses: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Return probe -> items whose two texts differ in tokens, in any arm.

    Parameters
    ----------
    responses : DataFrame
        See :data:`biasaudit.record.tables.RESPONSES`; of pairs.
    """
    scored = responses[responses["status"] == "ok"]
    lengths = scored["token_logprobs_nats"].map(len)
    wide = (
        scored.assign(length=lengths)[scored["part"].isin([FIRST, SECOND])]
        .set_index(["probe", "item_id", "checkpoint", "framing_id", "part"])["length"]
        .unstack("part")
    )
    names = [str(name) for name in wide.columns]
    if FIRST not in names or SECOND not in names:
        return {}
    differing = wide[wide[FIRST].notna() & wide[SECOND].notna() & (wide[FIRST] != wide[SECOND])]
    found: dict[str, set[str]] = {}
    for probe, item_id in differing.reset_index()[["probe", "item_id"]].itertuples(index=False):
        found.setdefault(str(probe), set()).add(str(item_id))
    return {probe: frozenset(items) for probe, items in found.items()}


def with_equal_lengths(
    comparisons: pd.DataFrame,
    scores: pd.DataFrame,
    responses: pd.DataFrame,
    *,
    kinds: Mapping[str, str],
    designs: Mapping[str, ClusterDesign],
    tuned: Sequence[str],
    level: float,
    siblings: bool = False,
) -> pd.DataFrame:
    """Put beside each comparison of pairs what it is over the pairs of equal length alone.

    Where the level of the first arm lies on the other side of 0 there, ``equal_disagrees`` is true and nothing is
    claimed about it: ``inherited_bias`` is false. Rows of other kinds, of sets without a pair of unequal length, and
    interactions, which compare changes, have 0 items here and no numbers.

    Parameters
    ----------
    comparisons, scores, responses : DataFrame
        See :mod:`biasaudit.record.tables`.
    kinds, designs : mapping
        Probe -> kind, probe -> design of its clusters.
    tuned : sequence of str
        Tuned checkpoints, in order.
    level : float
    siblings : bool
        Whether each was made from the base and none from another.
    """
    pairs = [probe for probe, kind in kinds.items() if (index := KINDS[kind].index) and index.equal_lengths]
    unequal = unequal_pairs(responses[responses["probe"].isin(pairs)])
    kept = {
        probe: scores[(scores["probe"] == probe) & ~scores["item_id"].isin(list(items))]
        for probe, items in unequal.items()
    }
    before = checkpoints_before(tuned, siblings=siblings)
    gathered: dict[tuple[str, str, str], CellItems] = {}

    def items_of(row: Mapping[Any, Any]) -> CellItems | None:
        cell = (str(row["probe"]), str(row["feature"]), str(row["metric"]))
        if cell[0] not in kept:
            return None
        if cell not in gathered:
            probe, feature, column = cell
            gathered[cell] = cell_items(kept[probe], probe=probe, feature=feature, role=Role.BIAS, column=column)
        return gathered[cell]

    added = [
        _columns(row, items_of(row), designs, before=before, level=level) for row in comparisons.to_dict("records")
    ]
    found = pd.DataFrame(added, columns=list(COLUMNS), index=comparisons.index)
    numbers = [name for name in COLUMNS if name not in {"equal_items", "equal_disagrees"}]
    found[numbers] = found[numbers].astype(float)
    found["equal_items"] = found["equal_items"].astype(int)
    found["equal_disagrees"] = found["equal_disagrees"].astype(bool)
    whole = comparisons.drop(columns=[name for name in COLUMNS if name in comparisons]).join(found)
    whole["inherited_bias"] = whole["inherited_bias"] & ~whole["equal_disagrees"]
    return tables.checked(whole, tables.COMPARISONS)


def _columns(
    row: Mapping[Any, Any],  # Any: pandas cells
    items: CellItems | None,
    designs: Mapping[str, ClusterDesign],
    *,
    before: Mapping[str, str | None],
    level: float,
) -> dict[str, object]:
    probe, tuned, contrast = str(row["probe"]), str(row["tuned"]), Contrast(str(row["contrast"]))
    if items is None or contrast is Contrast.INTERACTION:
        return _as_columns(0, _NONE, _NONE, _NONE, disagrees=False)
    sides = side_values(items, contrast, tuned, before[tuned] if contrast.value in _STEPS else None)
    if sides is None:
        return _as_columns(0, _NONE, _NONE, _NONE, disagrees=False)
    first, second = items.paired(sides.first, sides.second)
    design = designs[probe]
    of_first, of_second = (mean_estimate(one, design, level=level) for one in (first, second))
    return _as_columns(
        first.n_items,
        of_first,
        of_second,
        paired_reduction(first, second, design, level=level),
        disagrees=_on_other_sides(row["first_value"], of_first.value),
    )


def _on_other_sides(of_all: object, of_equal: float | None) -> bool:
    return isinstance(of_all, float) and of_equal is not None and bool(np.sign(of_all) * np.sign(of_equal) < 0)


def _as_columns(
    n_items: int, first: Estimate, second: Estimate, reduction: Estimate, *, disagrees: bool
) -> dict[str, object]:
    def ends(name: str, found: Estimate, value: str) -> dict[str, object]:
        return {f"{name}{value}": found.value, f"{name}_ci_low": found.ci_low, f"{name}_ci_high": found.ci_high}

    return {
        "equal_items": n_items,
        **ends("equal_first", first, "_value"),
        **ends("equal_second", second, "_value"),
        **ends("equal_reduction", reduction, ""),
        "equal_disagrees": disagrees,
    }
