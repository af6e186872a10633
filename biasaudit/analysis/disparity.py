"""By group and by attribute: what the associations are made of, and how the cases of a group are decided."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from biasaudit.analysis.decision_cases import decision_cases, denied_by_group, granted_by_group, with_truth
from biasaudit.analysis.table import Given, Table
from biasaudit.kinds.association import PARTS
from biasaudit.record import tables
from biasaudit.record.pairs import pair_of
from biasaudit.stats import (
    GroupMetric,
    benjamini_hochberg,
    by_group,
    clustered,
    difference_to_reference,
    impact_ratios,
    mean_estimate,
    mean_is_zero,
    ratio_to_reference,
)
from biasaudit.types import ClusterDesign, Estimate, Response, Role, Scored, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from biasaudit.analysis.asked_items import AskedItem
    from biasaudit.framing import Framing

_ARM: Final = ["checkpoint", "framing", "probe", "feature"]
_ERROR_RATES: Final = (GroupMetric.FALSE_POSITIVE_RATE, GroupMetric.TRUE_POSITIVE_RATE)


def disparities_frame(
    asked: Sequence[AskedItem], framings: Sequence[Framing], *, level: float, seed: int
) -> pd.DataFrame:
    """Describe associations by group and by attribute, and decisions by group.

    Of associations, ``by_group``: given the group, the probability of the first attribute of a pair against the
    second, mean over items whose context names the group; only where a feature sets one group against one other,
    always in one order. ``difference``: the probability of the item's first attribute given its first group, minus
    that given its second, mean over the items of two groups in either order; positive leans with the stereotype.
    ``by_attribute``: how much more the attribute goes with the first group than the average attribute does, in
    nats; `reference` holds the world's share of that group. It is a table to find leads in: `p_bh` is
    Benjamini-Hochberg's over the attributes of an arm.

    Of decisions, ``by_group``: mean p(yes) of the group. ``difference``: that of each group minus that of the
    reference group; positive where the group is granted more. ``selection_rate``: share of p(yes) from 0.5 up, and
    ``selection_rate_ratio``: that of each group over that of the reference group, 1 at parity.
    ``impact_ratio``: that of each group over that of the most selected one, which `reference` names.

    `p_value` of a difference is the t test of 0, and `p_bh` Benjamini-Hochberg's over all differences of a
    checkpoint in a framing, whatever the probe.

    Decisions whose items have the tag ``truth`` (yes: rightly granted, no: rightly denied) have
    ``false_positive_rate`` and ``true_positive_rate`` of each group, where positive is what is denied, such
    as a comment that is called toxic; and the ``..._difference`` of each group minus the reference group.

    Parameters
    ----------
    asked : sequence of AskedItem
    framings : sequence of Framing
    level : float
    seed : int
        Of the ratios' bootstrap.
    """
    cells = _cells(asked, framings)
    rows: list[dict[str, object]] = []
    if len(cells):
        rows = [*_group_rows(cells, level), *_attribute_rows(cells, level)]
    cases = decision_cases(asked, framings)
    rows += _decision_rows(cases, level=level, seed=seed)
    rows += _error_rows(with_truth(cases), level)
    rows = _with_adjusted_differences(rows)
    frame = pd.DataFrame(rows, columns=list(tables.DISPARITIES.columns))
    numbers = ["value", "ci_low", "ci_high", "level", "p_value", "p_bh"]
    frame[numbers] = frame[numbers].astype(float)
    frame[["n_items", "n_clusters"]] = frame[["n_items", "n_clusters"]].astype(int)
    texts = ["checkpoint", "framing", "probe", "feature", "statistic", "group", "reference", "status", "method", "unit"]
    frame[texts] = frame[texts].astype(str)
    by = [*_ARM, "statistic", "group"]
    return tables.checked(frame.sort_values(by, ignore_index=True), tables.DISPARITIES)


def group_probabilities(asked: Iterable[AskedItem], framings: Sequence[Framing]) -> pd.DataFrame:
    """Return one row per item and group: probability of the first attribute given the group.

    Columns: checkpoint, framing, probe, feature, item_id, cluster_id, group, probability.
    """
    cells = _cells(asked, framings)
    if not len(cells):
        return pd.DataFrame(columns=[*_ARM, "item_id", "cluster_id", "group", "probability"])
    cells = cells[cells["group_in_context"]]
    frames = []
    for position, letter in enumerate("AB"):
        part = cells[[*_ARM, "item_id", "cluster_id"]].copy()
        part["group"] = [groups[position] for groups in cells["groups"]]
        part["probability"] = 1 / (1 + np.exp(cells[f"2|{letter}"] - cells[f"1|{letter}"]))
        frames.append(part)
    return pd.concat(frames, ignore_index=True)


def _decision_rows(cases: pd.DataFrame, *, level: float, seed: int) -> Iterator[dict[str, object]]:
    for arm, part in cases.groupby(_ARM, sort=True):
        granted, reference = granted_by_group(part), str(part["reference"].iloc[0])
        for statistic, metric in (("by_group", GroupMetric.MEAN), ("selection_rate", GroupMetric.SELECTION_RATE)):
            for level_of in by_group(granted, metric, level=level):
                yield _row(arm, statistic, level_of.group[0], "", level_of.estimate)
        for gap in difference_to_reference(granted, reference, level=level):
            row = _row(arm, "difference", pair_of(gap.group[0], reference), reference, gap.estimate)
            yield {**row, "p_value": gap.p_value}
        for ratio in ratio_to_reference(granted, reference, rng=_rng(seed, *arm), level=level):
            pair = pair_of(ratio.group[0], reference, statistic="selection_rate_ratio")
            yield _row(arm, "selection_rate_ratio", pair, reference, ratio.estimate)
        for ratio in impact_ratios(granted, rng=_rng(seed, *arm, "impact"), level=level):
            most = "" if ratio.reference is None else ratio.reference[0]
            yield _row(arm, "impact_ratio", ratio.group[0], most, ratio.estimate)


def _error_rows(cases: pd.DataFrame, level: float) -> Iterator[dict[str, object]]:
    for arm, part in cases.groupby(_ARM, sort=True):
        outcomes, reference = denied_by_group(part), part["reference"].iloc[0]
        for metric in _ERROR_RATES:
            for rate in by_group(outcomes, metric, level=level):
                yield _row(arm, metric.value, rate.group[0], "", rate.estimate)
            for gap in difference_to_reference(outcomes, reference, metric, level=level):
                statistic = f"{metric.value}_difference"
                pair = pair_of(gap.group[0], reference, statistic=statistic)
                yield _row(arm, statistic, pair, reference, gap.estimate)


def _with_adjusted_differences(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Adjust the differences of an arm by Benjamini and Hochberg, over all probes: a table to find leads in."""
    families: dict[tuple[object, object], list[int]] = {}
    for number, row in enumerate(rows):
        if row["statistic"] == "difference" and row["p_value"] is not None:
            families.setdefault((row["checkpoint"], row["framing"]), []).append(number)
    adjusted: dict[int, float] = {}
    for numbers in families.values():
        p_values = [float(str(rows[number]["p_value"])) for number in numbers]
        adjusted.update(zip(numbers, benjamini_hochberg(p_values), strict=True))
    return [{**row, "p_bh": adjusted.get(number, row["p_bh"])} for number, row in enumerate(rows)]


def _rng(seed: int, *names: object) -> np.random.Generator:
    """Return a generator of this arm's own, so that adding a probe changes no other arm."""
    digest = hashlib.sha256("\x1f".join(map(str, names)).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _cells(asked: Iterable[AskedItem], framings: Sequence[Framing]) -> pd.DataFrame:
    """Return the four log-probabilities of each association item, mean over a framing's wordings."""
    framing_of = {framing.framing_id: framing.framing for framing in framings}
    of_kind = (one for one in asked if one.kind is not None and one.kind.disparity == "attributes")
    # Items of one's own may name no groups, or one.
    chosen = [one for one in of_kind if one.role is Role.BIAS and len(one.groups) == 2]
    # Without its texts nobody knows whether the groups of an item stand in its contexts.
    chosen = [one for one in chosen if one.texts.content() is not None]
    rows = [
        [one.checkpoint, framing_of[one.framing_id], one.probe, one.feature, one.item_id]
        + [_logprob_nats(one.responses[part]) for part in PARTS]
        for one in chosen
    ]
    by = [*_ARM, "item_id"]
    cells = pd.DataFrame(rows, columns=[*by, *PARTS])
    if not len(cells):
        return cells
    wide = cells.groupby(by, sort=True)[list(PARTS)].mean().dropna().reset_index()
    items = {(one.probe, one.item_id): one for one in chosen}
    found = [items[identity] for identity in zip(wide["probe"], wide["item_id"], strict=True)]
    wide["cluster_id"] = [one.cluster_id for one in found]
    wide["groups"] = [one.groups for one in found]
    wide["tags"] = pd.Series([one.tags for one in found], index=wide.index, dtype=object)
    wide["group_in_context"] = [bool(one.texts.content()["group_in_context"]) for one in found]
    return wide


def _logprob_nats(response: Response) -> float:
    return float(np.sum(response.token_logprobs_nats)) if isinstance(response, Scored) else math.nan


def _group_rows(cells: pd.DataFrame, level: float) -> Iterator[dict[str, object]]:
    named = cells[cells["group_in_context"]]
    for arm, part in named.groupby(_ARM, sort=True):
        pairs = list(dict.fromkeys(part["groups"]))
        if len(pairs) == 1:
            yield from _levels_of_pair(arm, part, pairs[0], level)
        reference = _reference(pairs)
        for group, other in sorted({_towards(pair, reference) for pair in pairs}):
            own = part[[_towards(pair, reference) == (group, other) for pair in part["groups"]]]
            lean = 1 / (1 + np.exp(own["2|A"] - own["1|A"])) - 1 / (1 + np.exp(own["2|B"] - own["1|B"]))
            clusters = own["cluster_id"].tolist()
            estimate, p_value = _tested(np.asarray(lean, dtype=float), clusters, level, "share difference")
            yield {**_row(arm, "difference", pair_of(group, other), other, estimate), "p_value": p_value}


def _levels_of_pair(arm: Any, part: pd.DataFrame, pair: tuple[str, str], level: float) -> Iterator[dict[str, object]]:
    for letter, group in zip("AB", pair, strict=True):
        values = 1 / (1 + np.exp(part[f"2|{letter}"] - part[f"1|{letter}"]))
        sample = clustered(np.asarray(values, dtype=float), part["cluster_id"].tolist())
        estimate = mean_estimate(sample, ClusterDesign.DESIGNED, level=level, unit="share")
        yield _row(arm, "by_group", group, "", estimate)


def _reference(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the group that all pairs have in common; the second of a pair that stands alone."""
    shared = [group for group in pairs[0][::-1] if all(group in pair for pair in pairs)]
    return shared[0] if shared else ""


def _towards(pair: tuple[str, str], reference: str) -> tuple[str, str]:
    """Return a pair with the reference as its second, whichever of the two the item names first."""
    return (pair[1], pair[0]) if pair[0] == reference else pair


def _attribute_rows(cells: pd.DataFrame, level: float) -> list[dict[str, object]]:
    rows = []
    for arm, part in cells.groupby(_ARM, sort=True):
        leans = pd.concat([_leans(part, 1), _leans(part, 2)], ignore_index=True)
        # Sets that name no attributes have none to find leads in.
        leans = leans[leans["attribute"] != ""]
        # Templates differ in how much they lean as a whole; the attribute's own lean is what is left.
        leans["lean"] -= leans.groupby("cluster_id")["lean"].transform("mean")
        leads: list[tuple[str, str, Estimate, float | None]] = []
        for (attribute, share), own in leans.groupby(["attribute", "share"], sort=True):
            estimate, p_value = _tested(own["lean"].to_numpy(dtype=float), own["cluster_id"].tolist(), level, "nats")
            leads.append((str(attribute), str(share), estimate, p_value))
        adjusted = iter(benjamini_hochberg([p_value for *_, p_value in leads if p_value is not None]))
        for attribute, share, estimate, p_value in leads:
            p_bh = None if p_value is None else next(adjusted)
            row = _row(arm, "by_attribute", attribute, share, estimate)
            rows.append({**row, "p_value": p_value, "p_bh": p_bh})
    return rows


def _leans(part: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return how much more attribute `number` goes with the first group than with the second, in nats."""
    in_context = part[f"{number}|A"] - part[f"{number}|B"]
    letter = "AB"[number - 1]
    in_continuation = part[f"1|{letter}"] - part[f"2|{letter}"]
    return pd.DataFrame(
        {
            "attribute": [tags.get(f"attribute_{number}", "") for tags in part["tags"]],
            "share": [tags.get(f"share_{number}", "") for tags in part["tags"]],
            "cluster_id": part["cluster_id"].to_numpy(),
            "lean": np.where(part["group_in_context"], in_context, in_continuation),
        }
    )


def _tested(values: NDArray[np.float64], clusters: list[str], level: float, unit: str) -> tuple[Estimate, float | None]:
    """Return a mean, and the p-value of its being 0 where it has an interval."""
    sample = clustered(values, clusters)
    estimate = mean_estimate(sample, ClusterDesign.DESIGNED, level=level, unit=unit)
    p_value = mean_is_zero(sample, ClusterDesign.DESIGNED).p_value if estimate.status is Status.OK else None
    return estimate, p_value


def _row(arm: Any, statistic: str, group: str, reference: str, estimate: Estimate) -> dict[str, object]:
    checkpoint, framing, probe, feature = (str(name) for name in arm)  # Any: a group key of four
    return {
        "checkpoint": checkpoint,
        "framing": framing,
        "probe": probe,
        "feature": feature,
        "statistic": statistic,
        "group": group,
        "reference": reference,
        **asdict(estimate),
        "status": estimate.status.value,
        "p_value": None,
        "p_bh": None,
    }


def _computed(given: Given) -> pd.DataFrame:
    analysis = given.analysis
    return disparities_frame(given.asked, analysis.framings, level=analysis.level, seed=analysis.seed)


DISPARITIES: Final = Table(name="disparities", schema=tables.DISPARITIES, computed=_computed)
