"""By group and by attribute: what the associations are made of; and the errors by group, where the truth is known."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from biasaudit.audits import tables
from biasaudit.audits.scoring import GROUP_SEPARATOR, parts_by_item
from biasaudit.kinds.association import PARTS
from biasaudit.kinds.decision import FAVOURED, OTHER, decided
from biasaudit.stats import (
    GroupMetric,
    GroupOutcomes,
    benjamini_hochberg,
    by_group,
    clustered,
    difference_to_reference,
    group_outcomes,
    mean_estimate,
    mean_is_zero,
)
from biasaudit.types import ClusterDesign, Estimate, Kind, Response, Role, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from biasaudit.framing import Framing

_ARM: Final = ["checkpoint", "framing", "probe", "feature"]
_TRUTH: Final = {"yes": 0, "no": 1}
"""Tag ``truth`` of a decision -> whether it is rightly denied, which is fairlearn's positive class."""
_ERROR_RATES: Final = (GroupMetric.FALSE_POSITIVE_RATE, GroupMetric.TRUE_POSITIVE_RATE)
_DENIED_FROM: Final = math.nextafter(0.5, 1)
"""A tie is granted, as it is in the sign of a decision."""


def disparities_frame(
    responses: pd.DataFrame, items: pd.DataFrame, framings: Sequence[Framing], *, level: float
) -> pd.DataFrame:
    """Describe the associations by group and by attribute.

    ``by_group``: given the group, the probability of the first attribute of a pair against the
    second, mean over items whose context names the group. ``difference``: the first group's minus
    the second's. ``by_attribute``: how much more the attribute goes with the first group than the
    average attribute does, in nats; `reference` holds the world's share of that group. It is a table
    to find leads in: `p_bh` is Benjamini-Hochberg's over the attributes of an arm.

    Decisions whose items have the tag ``truth`` (yes: rightly granted, no: rightly denied) have
    ``false_positive_rate`` and ``true_positive_rate`` of each group, where positive is what is denied, such
    as a comment that is called toxic; and the ``..._difference`` of each group minus the reference group.

    Parameters
    ----------
    responses, items : DataFrame
    framings : sequence of Framing
    level : float
    """
    cells = _cells(responses, items, framings)
    rows: list[dict[str, object]] = []
    if len(cells):
        rows = [*_group_rows(cells, level), *_attribute_rows(cells, level)]
    rows += _error_rows(denials(responses, items, framings), level)
    frame = pd.DataFrame(rows, columns=list(tables.DISPARITIES.columns))
    numbers = ["value", "ci_low", "ci_high", "level", "p_value", "p_bh"]
    frame[numbers] = frame[numbers].astype(float)
    frame[["n_items", "n_clusters"]] = frame[["n_items", "n_clusters"]].astype(int)
    texts = ["checkpoint", "framing", "probe", "feature", "statistic", "group", "reference", "status", "method", "unit"]
    frame[texts] = frame[texts].astype(str)
    by = [*_ARM, "statistic", "group"]
    return tables.checked(frame.sort_values(by, ignore_index=True), tables.DISPARITIES)


def group_probabilities(responses: pd.DataFrame, items: pd.DataFrame, framings: Sequence[Framing]) -> pd.DataFrame:
    """Return one row per item and group: probability of the first attribute given the group.

    Columns: checkpoint, framing, probe, feature, item_id, cluster_id, group, probability.
    """
    cells = _cells(responses, items, framings)
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


def denials(responses: pd.DataFrame, items: pd.DataFrame, framings: Sequence[Framing]) -> pd.DataFrame:
    """Return how the cases are decided of which it is known whether they are rightly granted.

    One row per checkpoint, request, case and group; a case that several items share, as that of the reference
    group, is one. Columns: checkpoint, framing, framing_id, probe, feature, cluster_id, family, group, reference,
    denied_rightly (1 or 0), probability (of denial; NaN where it was not scored).
    """
    chosen = _with_truth(items)
    facts = {(str(item["probe"]), str(item["item_id"])): item for item in chosen.to_dict("records")}
    framing_of = {framing.framing_id: framing.framing for framing in framings}
    asked = responses.merge(chosen[["probe", "item_id"]])
    by = ["checkpoint", "framing_id", "probe", "item_id"]
    rows = []
    for (checkpoint, framing_id, probe, item_id), parts in parts_by_item(asked, by).items():
        item = facts[probe, item_id]
        groups = str(item["groups"]).split(GROUP_SEPARATOR)
        for case, group in zip((FAVOURED, OTHER), groups, strict=True):
            rows.append(
                {
                    "checkpoint": checkpoint,
                    "framing": framing_of[framing_id],
                    "framing_id": framing_id,
                    **{name: item[name] for name in ("probe", "feature", "cluster_id", "family")},
                    "group": group,
                    "reference": groups[0],
                    "denied_rightly": _TRUTH[str(item["truth"])],
                    **_denial(parts, case),
                }
            )
    columns = [*_ARM, "framing_id", "cluster_id", "family", "group", "reference", "denied_rightly", "probability"]
    frame = pd.DataFrame(rows, columns=[*columns, "keys"])
    alike = ["checkpoint", "framing_id", "probe", "feature", "cluster_id", "family", "group", "keys"]
    return frame.drop_duplicates(alike, ignore_index=True)[columns]


def denied_by_group(cases: pd.DataFrame) -> GroupOutcomes:
    """Return rows of :func:`denials` as outcomes by group; positive is a denial."""
    scored = cases[cases["probability"].notna()]
    return group_outcomes(
        scored["probability"].to_numpy(dtype=float),
        sensitive_features={"group": scored["group"].to_numpy(dtype=str)},
        clusters=scored["cluster_id"].to_numpy(dtype=str),
        y_true=scored["denied_rightly"].to_numpy(dtype=int),
        declared={"group": sorted(set(cases["group"]))},
        selected_from=_DENIED_FROM,
    )


def _with_truth(items: pd.DataFrame) -> pd.DataFrame:
    chosen = items[(items["kind"] == Kind.DECISION.value) & (items["role"] == Role.BIAS.value)]
    chosen = chosen.assign(truth=[json.loads(tags).get("truth", "") for tags in chosen["tags"]])
    # Items of one's own may name no groups.
    return chosen[chosen["truth"].isin(_TRUTH) & (chosen["groups"].str.count(re.escape(GROUP_SEPARATOR)) == 1)]


def _denial(parts: Mapping[str, Response], case: str) -> dict[str, object]:
    found = decided(parts, parts, case)
    keys = sorted(response.key for part, response in parts.items() if part.startswith(case))
    return {"probability": math.nan if found is None else 1 - found.share_yes, "keys": " ".join(keys)}


def _error_rows(cases: pd.DataFrame, level: float) -> Iterator[dict[str, object]]:
    for arm, part in cases.groupby(_ARM, sort=True):
        outcomes, reference = denied_by_group(part), part["reference"].iloc[0]
        for metric in _ERROR_RATES:
            for rate in by_group(outcomes, metric, level=level):
                yield _row(arm, metric.value, rate.group[0], "", rate.estimate)
            for gap in difference_to_reference(outcomes, reference, metric, level=level):
                pair = f"{gap.group[0]} - {reference}"
                yield _row(arm, f"{metric.value}_difference", pair, reference, gap.estimate)


def _cells(responses: pd.DataFrame, items: pd.DataFrame, framings: Sequence[Framing]) -> pd.DataFrame:
    """Return the four log-probabilities of each association item, mean over a framing's wordings."""
    chosen = items[(items["kind"] == Kind.ASSOCIATION.value) & (items["role"] == Role.BIAS.value)]
    chosen = chosen[chosen["groups"] != ""]
    scored = responses[responses["part"].isin(PARTS) & (responses["status"] == "ok")]
    scored = scored.merge(chosen[["probe", "item_id", "cluster_id", "feature", "groups", "tags", "texts"]])
    if not len(scored):
        return scored
    framing_of = {framing.framing_id: framing.framing for framing in framings}
    scored = scored.assign(
        framing=scored["framing_id"].map(framing_of),
        logprob_nats=[float(np.sum(logprobs)) for logprobs in scored["token_logprobs_nats"]],
    )
    by = [*_ARM, "item_id", "cluster_id", "groups", "tags", "texts"]
    wide = scored.pivot_table(index=by, columns="part", values="logprob_nats", aggfunc="mean").dropna().reset_index()
    wide["groups"] = [tuple(groups.split(" | ")) for groups in wide["groups"]]
    wide["tags"] = [json.loads(tags) for tags in wide["tags"]]
    wide["group_in_context"] = [bool(json.loads(texts)["group_in_context"]) for texts in wide["texts"]]
    return wide


def _group_rows(cells: pd.DataFrame, level: float) -> list[dict[str, object]]:
    rows = []
    named = cells[cells["group_in_context"]]
    for arm, part in named.groupby(_ARM, sort=True):
        first, second = part["groups"].iloc[0]
        p_first = 1 / (1 + np.exp(part["2|A"] - part["1|A"]))
        p_second = 1 / (1 + np.exp(part["2|B"] - part["1|B"]))
        for statistic, group, values in (
            ("by_group", first, p_first),
            ("by_group", second, p_second),
            ("difference", f"{first} - {second}", p_first - p_second),
        ):
            estimate = _designed(np.asarray(values, dtype=float), part["cluster_id"].tolist(), level, "share")
            rows.append(_row(arm, statistic, group, second if statistic == "difference" else "", estimate))
    return rows


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
            sample = clustered(own["lean"].to_numpy(dtype=float), own["cluster_id"].tolist())
            estimate = mean_estimate(sample, ClusterDesign.DESIGNED, level=level, unit="nats")
            p_value = mean_is_zero(sample, ClusterDesign.DESIGNED).p_value if estimate.status is Status.OK else None
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


def _designed(values: np.ndarray, clusters: list[str], level: float, unit: str) -> Estimate:
    return mean_estimate(clustered(values, clusters), ClusterDesign.DESIGNED, level=level, unit=unit)


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
