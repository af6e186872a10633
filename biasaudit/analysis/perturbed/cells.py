"""What every perturbation leaves of a cell's change, with the arms of the probe as it is and perturbed paired."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.analysis.arms import CellItems, cell_items, features_of
from biasaudit.analysis.contrasts import contrast_sides
from biasaudit.analysis.perturbed.reading import Both, Reading, reading_of, too_few
from biasaudit.analysis.table import Given
from biasaudit.record.perturbed_facts import UNPERTURBED, Perturbed
from biasaudit.stats.perturbed import Pair, Survival, survival
from biasaudit.stats.perturbed import Perturbed as PerturbedPair
from biasaudit.types import Contrast, Role, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from biasaudit.analysis.contrasts import Arm

_SHARED: Final = "robustness of cells"
FEW: Final = "over 2 % of the items have no score under it"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellUnder:
    """One cell under every perturbation that was asked for.

    Attributes
    ----------
    tuned, contrast, probe, feature : str
    survival : Survival
    readings : mapping
        Perturbation -> what the first and the second arm still read.
    why_not : mapping
        Perturbation -> why nothing is claimed of it, in words; empty where something is.
    verdict : str
        Of the probe as it is, in this contrast.
    """

    tuned: str
    contrast: str
    probe: str
    feature: str
    survival: Survival
    readings: Mapping[str, tuple[Reading, Reading]]
    why_not: Mapping[str, str]
    verdict: str


def cells_under(given: Given) -> list[CellUnder]:
    """Return every cell of the probes that were perturbed, computed once for all tables of an audit."""
    found = given.shared.get(_SHARED)
    if not isinstance(found, list):
        found = given.shared[_SHARED] = list(_cells(given))
    return found


def _cells(given: Given) -> Iterator[CellUnder]:
    perturbed = given.analysis.perturbed
    if perturbed is None:
        return
    scores = given.tables["scores"]
    for probe in perturbed.probes:
        for feature in features_of(scores, probe):
            for tuned in given.analysis.tuned:
                yield _cell(given, perturbed, (tuned, probe, feature))


def _cell(given: Given, perturbed: Perturbed, names: tuple[str, str, str]) -> CellUnder:
    tuned, probe, feature = names
    analysis, scores, variant_scores = given.analysis, given.tables["scores"], given.tables["variant_scores"]
    design, level = analysis.designs[probe], analysis.level
    arms = _arms(perturbed.contrast, tuned)
    of_reductions = perturbed.of_reductions
    made = {name: variant for name, variant in perturbed.of_probe(probe).items() if name in of_reductions}
    plain = cell_items(scores, probe=probe, feature=feature, role=Role.BIAS, column="graded")
    values = {UNPERTURBED: _of_arms(plain, arms)} | {
        name: _of_arms(
            cell_items(variant_scores, probe=variant, feature=feature, role=Role.BIAS, column="graded"), arms
        )
        for name, variant in made.items()
    }
    why_not = {name: perturbed.not_made.get(probe, {}).get(name, "") for name in of_reductions}
    for name in made:
        if too_few(values[name].sum(axis=0)):
            why_not[name] = FEW
    counted = [name for name in made if not why_not[name]]
    # The same items everywhere, so that what differs is the perturbation.
    there = ~np.isnan(np.sum([values[name].sum(axis=0) for name in (UNPERTURBED, *counted)], axis=0))
    pairs = {name: _pair(plain, values[name], there) for name in (UNPERTURBED, *counted)}
    readings = {}
    for name in counted:
        both = Both(scores=scores, probe=probe, variant_scores=variant_scores, variant=made[name])
        first, second = (reading_of(both, feature, arm, design, level=level) for arm in arms)
        readings[name] = (first, second)
        sides = zip(("base", "tuned"), (first, second), strict=True)
        why_not[name] = next((f"{one.why_not} in the {side} model" for side, one in sides if one.why_not), "")
    verdict = _verdict(given.tables["comparisons"], perturbed.contrast, names)
    return CellUnder(
        tuned=tuned,
        contrast=perturbed.contrast,
        probe=probe,
        feature=feature,
        survival=survival(
            pairs[UNPERTURBED],
            [PerturbedPair(name=name, pair=pairs.get(name), readable=not why_not[name]) for name in of_reductions],
            design,
            reduced=verdict == Verdict.REDUCED.value,
            rng=_rng(analysis.seed, *names),
            level=level,
        ),
        readings=readings,
        why_not=why_not,
        verdict=verdict,
    )


def _arms(contrast: str, tuned: str) -> tuple[Arm, Arm]:
    sides = contrast_sides(Contrast(contrast), tuned)
    if sides is None or not sides.of_single_arms:
        msg = f"perturbed probes are not compared in the contrast {contrast!r}"
        raise ValueError(msg)
    return sides.first[0], sides.second[0]


def _of_arms(items: CellItems, arms: tuple[Arm, Arm]) -> NDArray[np.float64]:
    """Return the values of either arm, shape (2, n_items); NaN where the arm was not asked."""
    nothing = np.full(items.n_asked, np.nan)
    return np.stack([items.values.get(arm, nothing) for arm in arms])


def _pair(items: CellItems, values: NDArray[np.float64], there: NDArray[np.bool_]) -> Pair:
    first, second = (np.where(there, side, np.nan) for side in values)
    return Pair(*items.paired(first, second))


def _verdict(comparisons: pd.DataFrame, contrast: str, names: tuple[str, str, str]) -> str:
    tuned, probe, feature = names
    rows = comparisons[
        (comparisons["tuned"] == tuned)
        & (comparisons["probe"] == probe)
        & (comparisons["feature"] == feature)
        & (comparisons["contrast"] == contrast)
        & (comparisons["metric"] == "graded")
    ]
    return str(rows.iloc[0]["verdict"]) if len(rows) else Status.NOT_MEASURED.value


def _rng(seed: int, *names: str) -> np.random.Generator:
    digest = hashlib.sha256("\x1f".join(("perturbed", *names)).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
