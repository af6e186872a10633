"""From what came of putting activations in, to two tables: one row per component, and one per question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pandera.pandas as pa

from biasaudit.analysis.perturbed.rows import framed, three
from biasaudit.explanations.cases import CHOOSE, TEST
from biasaudit.explanations.components import EFFECT, FIRST_ORDER, JOINT, LEAN, QUESTIONS, RANDOM, SAME_SIDE, WHOLE
from biasaudit.record.columns import count, flag, number, text, with_bounds
from biasaudit.stats import clustered, mean_estimate
from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.stats.intervals import point
from biasaudit.stats.perturbed.max_t import losses_p
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.stats import Clustered

LEAST_HELD_OUT: Final = 0.75
"""Of what components do to first order on the half that they are chosen on must be there on the other, too."""

_BLOCK: Final = "block"


COMPONENTS: Final = pa.DataFrameSchema(
    {
        "question": text(
            "`base` or `tuned`: what carries the lean in it; `change`: what brings the change about",
            check=pa.Check.isin(QUESTIONS),
        ),
        "unit": text("a head or MLP of a block at a place of the context, or a whole block"),
        "is_block": flag("whether it is a whole block"),
        "rank": count("place among the components, or among the blocks, from 1, by its effect", ""),
        "first_order": number("its slope on the items that it was chosen on", "nats"),
        **with_bounds(
            "effect",
            "what putting it in takes of the lean, or gives back of the change, on items that it was not chosen on",
            "nats",
        ),
        "share": number("`effect` over that of everything; the components do not add up", "relative", null=True),
        **with_bounds("random", "what a random direction of the same length does there", "nats"),
        **with_bounds("same_side", "what another item's context of the same side does there", "nats"),
        "p_adjusted": number(
            "one-sided, of the effect against 0 and against each control, by max-T over all units: the largest, times "
            "how many there are",
            null=True,
        ),
        "confirmed": flag("whether it goes beyond 0 and beyond each control that there is"),
    },
    strict=True,
    unique=["question", "unit"],
)
"""One row per question and component or block that was put to the test."""

ASKED: Final = pa.DataFrameSchema(
    {
        "question": text(
            "`base` or `tuned`: what carries the lean in it; `change`: what brings the change about",
            check=pa.Check.isin(QUESTIONS),
        ),
        "flag": text("why nothing is confirmed, in words; empty where something may be"),
        **with_bounds("lean", "d of the checkpoint in which activations are put, on the items of the test", "nats"),
        **with_bounds("whole", "what putting in everything does: d itself, or of the change what 15.4 says", "nats"),
        **with_bounds("joint", "what all chosen components do together", "nats"),
        **with_bounds("summed", "sum of what each does alone; less than `joint` where they back each other up", "nats"),
        "held_out_share": number(
            "what the chosen do to first order on the items of the test, over those that they were chosen on",
            "relative",
            null=True,
        ),
        "n_choose": count("items that components were chosen on", "items"),
        "n_test": count("items of the test", "items"),
        "n_clusters": count("clusters of these", "clusters"),
        "n_also": count("second clusters of these; 0 where the probe has no second factor", "clusters"),
        "same_side_asked": flag("whether enough clusters have a control of the same side, so that it was asked for"),
        "n_same_side": count("items of the test that have a control of the same side", "items"),
    },
    strict=True,
    unique=["question"],
)
"""One row per question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentFacts:
    """What decides the tables, given what was measured.

    Attributes
    ----------
    design : ClusterDesign
    level : float
    seed : int
    barred : mapping
        Question -> why nothing may be confirmed there; none where something may.
    """

    design: ClusterDesign
    level: float
    seed: int
    barred: Mapping[str, str]


def component_tables(patches: pd.DataFrame, facts: ComponentFacts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables :data:`COMPONENTS` and :data:`ASKED`.

    Parameters
    ----------
    patches : DataFrame
        See :data:`biasaudit.explanations.components.PATCHES`.
    facts : ComponentFacts
    """
    components: list[dict[str, Any]] = []  # Any: cells of a table
    asked: list[dict[str, Any]] = []  # Any: as above
    for question in QUESTIONS:
        rows = patches[patches["question"] == question]
        if len(rows):
            of_units, of_question = _question(question, rows, facts)
            components += of_units
            asked.append(of_question)
    return framed(components, COMPONENTS), framed(asked, ASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    """Quantities over the items of a half.

    Attributes
    ----------
    by : mapping
        (unit, what) -> value of each item; NaN where it was not measured.
    clusters, also : array
        Of each item.
    """

    by: Mapping[tuple[str, str], NDArray[np.float64]]
    clusters: NDArray[np.object_]
    also: NDArray[np.object_] | None

    def sample(self, values: NDArray[np.float64]) -> Clustered:
        there = ~np.isnan(values)
        also = None if self.also is None else self.also[there]
        return clustered(values[there], self.clusters[there], also)

    def mean(self, key: tuple[str, str], facts: ComponentFacts) -> Estimate:
        values = self.by.get(key)
        if values is None or np.isnan(values).all():
            return Estimate(status=Status.NOT_MEASURED, unit="nats")
        return self.estimate(values, facts)

    def estimate(self, values: NDArray[np.float64], facts: ComponentFacts) -> Estimate:
        return mean_estimate(self.sample(values), facts.design, level=facts.level, unit="nats")

    def plain_mean(self, key: tuple[str, str], facts: ComponentFacts) -> float:
        return point(self.sample(self.by[key]), facts.design)


def _values(rows: pd.DataFrame) -> _Values:
    wide = rows.pivot_table(index="item_id", columns=["unit", "what"], values="nats", sort=True)
    items = rows.drop_duplicates("item_id").set_index("item_id").loc[wide.index]
    also = items["also_cluster_id"].to_numpy(dtype=object)
    return _Values(
        by={(str(key[0]), str(key[1])): wide[key].to_numpy(dtype=float) for key in wide.columns},
        clusters=items["cluster_id"].to_numpy(dtype=object),
        also=also if len(also) and (also != "").all() else None,
    )


def _question(
    question: str, rows: pd.DataFrame, facts: ComponentFacts
) -> tuple[list[dict[str, Any]], dict[str, Any]]:  # Any: as above
    chosen_on, tested_on = (_values(rows[rows["half"] == name]) for name in (CHOOSE, TEST))
    units = [unit for unit, what in chosen_on.by if what == FIRST_ORDER]
    halves = (chosen_on, tested_on)
    slopes = {unit: tuple(half.plain_mean((unit, FIRST_ORDER), facts) for half in halves) for unit in units}
    singles = [unit for unit in units if not _is_block(unit)]
    first, other = (sum(np.sign(slopes[unit][0]) * slopes[unit][half] for unit in singles) for half in (0, 1))
    share = other / first if first > 0 else None
    whole = tested_on.mean((WHOLE, EFFECT), facts)
    barred = facts.barred.get(question, "") or _barred(whole, share)
    p_values = _p_values(units, slopes, tested_on, facts)
    found = []
    for unit in units:
        effect = tested_on.mean((unit, EFFECT), facts)
        p_value = p_values.get(unit)
        found.append(
            {
                "question": question,
                "unit": unit,
                "is_block": _is_block(unit),
                "first_order": slopes[unit][0],
                **three("effect", "effect_", effect),
                "share": _over(effect, whole),
                **three("random", "random_", tested_on.mean((unit, RANDOM), facts)),
                **three("same_side", "same_side_", tested_on.mean((unit, SAME_SIDE), facts)),
                "p_adjusted": p_value,
                "confirmed": not barred and p_value is not None and p_value <= 1 - facts.level,
            }
        )
    summed = np.sum([tested_on.by[unit, EFFECT] for unit in singles], axis=0)
    same_side = [values for (_, what), values in tested_on.by.items() if what == SAME_SIDE]
    sample = tested_on.sample(tested_on.by["", LEAN])
    asked = {
        "question": question,
        "flag": barred,
        **three("lean", "lean_", tested_on.mean(("", LEAN), facts)),
        **three("whole", "whole_", whole),
        **three("joint", "joint_", tested_on.mean((JOINT, EFFECT), facts)),
        **three("summed", "summed_", tested_on.estimate(summed, facts)),
        "held_out_share": share,
        "n_choose": len(chosen_on.clusters),
        "n_test": len(tested_on.clusters),
        "n_clusters": sample.n_clusters,
        "n_also": sample.n_also,
        "same_side_asked": bool(same_side) and tested_on.sample(same_side[0]).n_clusters >= MIN_CLUSTERS,
        "n_same_side": int((~np.isnan(same_side[0])).sum()) if same_side else 0,
    }
    return _ranked(found), asked


def _is_block(unit: str) -> bool:
    return unit.startswith(f"{_BLOCK} ") and "," not in unit


def _over(part: Estimate, whole: Estimate) -> float | None:
    """Return a share of everything, where that is shown not to be 0."""
    if part.value is None or whole.value is None or whole.ci_low is None or whole.ci_high is None:
        return None
    return part.value / whole.value if whole.ci_low > 0 or whole.ci_high < 0 else None


def _barred(whole: Estimate, share: float | None) -> str:
    if whole.ci_low is None or whole.ci_high is None:
        return f"what everything does is {whole.status.value} on the items of the test"
    if whole.ci_low <= 0 <= whole.ci_high:
        return "what everything does is not shown to differ from 0 on the items of the test"
    if share is None or share < LEAST_HELD_OUT:
        found = "none" if share is None else f"{share:.2f}"
        return f"what was chosen on one half does not come back on the other ({found} of it)"
    return ""


def _p_values(
    units: Sequence[str], slopes: Mapping[str, tuple[float, ...]], values: _Values, facts: ComponentFacts
) -> dict[str, float]:
    """Return a p-value of each unit: the largest of its tests, times how many families of tests there are.

    Against 0, a random direction, and the same side where enough clusters have one; in the direction of the half on
    which a unit was chosen. Each family is adjusted over the units; a unit's null may be true in another than its
    neighbour's, which is what the factor is for.
    """
    signed = {unit: np.sign(slopes[unit][0]) for unit in units}
    effects = [signed[unit] * values.by[unit, EFFECT] for unit in units]
    tests = [effects]
    for what in (RANDOM, SAME_SIDE):
        if all((unit, what) in values.by for unit in units):
            tests.append(
                [effect - signed[unit] * values.by[unit, what] for unit, effect in zip(units, effects, strict=True)]
            )
    found: dict[str, float] = {}
    n_families = 0
    for number_of, several in enumerate(tests):
        samples = [values.sample(one) for one in several]
        if samples[0].n_clusters < MIN_CLUSTERS:
            if number_of:  # there are too few items with this control
                continue
            return {}
        n_families += 1
        p_values = losses_p(samples, facts.design, rng=np.random.default_rng([facts.seed, 26, number_of]))
        for unit, p_value in zip(units, p_values, strict=True):
            found[unit] = max(found.get(unit, 0.0), float(p_value))
    return {unit: min(1.0, n_families * p_value) for unit, p_value in found.items()}


def _ranked(found: list[dict[str, Any]]) -> list[dict[str, Any]]:  # Any: as above
    """Return the rows with their rank, blocks first."""
    ranked = []
    for is_block in (True, False):
        several = [row for row in found if row["is_block"] is is_block]
        several.sort(key=lambda row: (row["effect"] is None, -abs(row["effect"] or 0.0), row["unit"]))
        ranked += [{**row, "rank": place} for place, row in enumerate(several, start=1)]
    return ranked
