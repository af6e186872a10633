"""What words that a search found do where it never looked: one row per searched and asked checkpoint and cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandera.pandas as pa

from biasaudit.analysis.arms import cell_items, features_of
from biasaudit.analysis.perturbed.cells import FEW
from biasaudit.analysis.perturbed.reading import Both, reading_of, too_few
from biasaudit.analysis.perturbed.rows import framed, three
from biasaudit.analysis.table import Given, Table
from biasaudit.record.columns import count, text, with_bounds
from biasaudit.stats import mean_estimate
from biasaudit.types import Checkpoint, Contrast, Estimate, Role, SearchVerdict, Status
from biasaudit.types.search import AGAINST, GUIDED, RANDOM, WITH

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from biasaudit.analysis.arms import CellItems
    from biasaudit.record.perturbed_facts import Perturbed

_INDEX: Final = {
    "plain": "without words before it",
    "found": "after the words that the search found, with the stereotype",
    "random": "after the best of as many drawn at random",
    "against": "after the words that the search found, against the stereotype",
}
_DIFFERENCES: Final = {
    "gain": "how much the words that were found add to the lean: `found` less `plain`",
    "excess": "how much more than the best drawn at random: `found` less `random`",
    "one_sided": "how much more they add than the same search takes away: `found` and `against` less twice `plain`",
}


SCHEMA: Final = pa.DataFrameSchema(
    {
        "searched": text("checkpoint whose lean was searched, as the search names it"),
        "checkpoint": text("`base`, or a tuned checkpoint: the one that is asked"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "verdict": text(
            "`lean found`, `steerable`, `nothing found`, `not interpretable` or `not measured` (14.7)",
            check=pa.Check.isin([one.value for one in SearchVerdict]),
        ),
        "reason": text("what decided it, in words"),
        "n_queries": count("queries of the search", "queries"),
        **{
            key: column
            for name, said in _INDEX.items()
            for key, column in with_bounds(name, f"index {said}", "index").items()
        },
        **{
            key: column
            for name, said in _DIFFERENCES.items()
            for key, column in with_bounds(name, said, "index points").items()
        },
        "n_items": count("items that were scored without and after all of these", "items"),
        "n_clusters": count("clusters of these", "clusters"),
    },
    strict=True,
    unique=["searched", "checkpoint", "probe", "feature"],
)
"""One row per checkpoint that was searched, checkpoint that is asked, probe and feature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    """The items of one arm: without words, and after those of a search; NaN where there is no value."""

    items: CellItems
    of: Mapping[str, NDArray[np.float64]]

    @property
    def there(self) -> NDArray[np.bool_]:
        there: NDArray[np.bool_] = ~np.isnan(np.sum(list(self.of.values()), axis=0))
        return there


def _computed(given: Given) -> pd.DataFrame:
    perturbed = given.analysis.perturbed
    rows = [] if perturbed is None else list(_rows(given, perturbed))
    return framed(rows, SCHEMA, by=["searched", "checkpoint", "probe", "feature"])


def _rows(given: Given, perturbed: Perturbed) -> Iterator[dict[str, object]]:
    searches: dict[str, dict[tuple[str, str], str]] = {}
    for name, one in perturbed.found.items():
        searches.setdefault(one.checkpoint, {})[one.method, one.direction] = name
    for searched, names in searches.items():
        if {(GUIDED, WITH), (GUIDED, AGAINST), (RANDOM, WITH)} <= names.keys():
            for probe in perturbed.probes:
                for feature in features_of(given.tables["scores"], probe):
                    for checkpoint in (Checkpoint.BASE.value, *given.analysis.tuned):
                        yield {
                            "searched": searched,
                            "checkpoint": checkpoint,
                            "probe": probe,
                            "feature": feature,
                            "n_queries": perturbed.found[names[GUIDED, WITH]].n_queries,
                            **_row(given, perturbed, names, (checkpoint, probe, feature)),
                        }


def _row(
    given: Given, perturbed: Perturbed, names: Mapping[tuple[str, str], str], cell: tuple[str, str, str]
) -> dict[str, object]:
    checkpoint, probe, feature = cell
    made, not_made = perturbed.of_probe(probe), perturbed.not_made.get(probe, {})
    wanted = {"found": names[GUIDED, WITH], "random": names[RANDOM, WITH], "against": names[GUIDED, AGAINST]}
    absent = next((name for name in wanted.values() if name not in made), None)
    if absent is not None:
        return _nothing(SearchVerdict.NOT_MEASURED, not_made.get(absent, "not asked of this probe"))
    framing = "plain" if perturbed.contrast == Contrast.WEIGHTS_PLAIN.value else "chat"
    arm = (checkpoint, framing)
    variants = {what: made[name] for what, name in wanted.items()}
    values = _values(given, probe, variants, feature, arm)
    if values is None or too_few(np.where(values.there, 1.0, np.nan)):
        return _nothing(SearchVerdict.NOT_MEASURED, FEW)
    both = Both(
        scores=given.tables["scores"],
        probe=probe,
        variant_scores=given.tables["variant_scores"],
        variant=variants["found"],
    )
    analysis = given.analysis
    reading = reading_of(both, feature, arm, analysis.designs[probe], level=analysis.level)
    return _measured(given, probe, values, why_not=reading.why_not)


def _values(
    given: Given, probe: str, variants: Mapping[str, str], feature: str, arm: tuple[str, str]
) -> _Values | None:
    def cell(table: str, name: str) -> CellItems:
        return cell_items(given.tables[table], probe=name, feature=feature, role=Role.BIAS, column="graded")

    plain = cell("scores", probe)
    cells = {"plain": plain, **{what: cell("variant_scores", name) for what, name in variants.items()}}
    if any(arm not in one.values for one in cells.values()) or not plain.n_asked:
        return None
    return _Values(items=plain, of={what: one.values[arm] for what, one in cells.items()})


def _measured(given: Given, probe: str, values: _Values, *, why_not: str) -> dict[str, object]:
    design, level = given.analysis.designs[probe], given.analysis.level
    of = {what: np.where(values.there, one, np.nan) for what, one in values.of.items()}
    differences = {
        "gain": of["found"] - of["plain"],
        "excess": of["found"] - of["random"],
        "one_sided": of["found"] + of["against"] - 2 * of["plain"],
    }

    def estimate(one: NDArray[np.float64], unit: str) -> Estimate:
        return mean_estimate(values.items.scored(one), design, level=level, unit=unit)

    found = {name: estimate(one, "index") for name, one in of.items()}
    found |= {name: estimate(one, "index points") for name, one in differences.items()}
    verdict, reason = _verdict(found, why_not, margin=given.analysis.margin)
    return {
        "verdict": verdict.value,
        "reason": reason,
        **{key: value for name, one in found.items() for key, value in three(name, f"{name}_", one).items()},
        "n_items": found["plain"].n_items,
        "n_clusters": found["plain"].n_clusters,
    }


def _verdict(found: Mapping[str, Estimate], why_not: str, *, margin: float) -> tuple[SearchVerdict, str]:
    """Return what may be said of words that were found, and why."""
    gain, one_sided = found["gain"], found["one_sided"]
    if gain.status is not Status.OK or one_sided.status is not Status.OK:
        worse = gain if gain.status is not Status.OK else one_sided
        return SearchVerdict.NOT_MEASURED, worse.status.value
    if why_not:
        return SearchVerdict.NOT_INTERPRETABLE, why_not
    if gain.ci_low is None or gain.ci_low <= 0:
        return SearchVerdict.NOTHING, "no gain of lean is shown where it was not searched"
    if gain.value is None or gain.value <= margin:
        return SearchVerdict.NOTHING, f"the gain of lean is within the margin of {margin:g}"
    if one_sided.ci_low is None or one_sided.ci_low <= 0:
        return SearchVerdict.STEERABLE, "the same search moves it about as far the other way"
    return SearchVerdict.FOUND, "more lean is shown than without, and more than the same search takes away"


def _nothing(verdict: SearchVerdict, reason: str) -> dict[str, object]:
    return {"verdict": verdict.value, "reason": reason, "n_items": 0, "n_clusters": 0}


SEARCHES: Final = Table(name="searches", schema=SCHEMA, computed=_computed, of_perturbed=True, of_search=True)
