"""Whether each cell was held out from the training of each tuned checkpoint: the table ``exposure``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from biasaudit.analysis.table import Given, Table
from biasaudit.record import tables
from biasaudit.record.exposure_facts import REFUSED, CardExposure, ProbeExposure, SeenWords
from biasaudit.types import Exposure, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TunedCell = tuple[str, str, str]
"""Tuned checkpoint, probe and feature."""

NOT_ASKED: Final = "training cards were not read when this audit was made"
NOT_NOTED: Final = "the audit has no notes of this probe's training"


def exposure_frame(scores: pd.DataFrame, *, tuned: Sequence[str], exposure: Mapping[str, CardExposure]) -> pd.DataFrame:
    """Return one row per tuned checkpoint, probe and feature.

    Parameters
    ----------
    scores : DataFrame
        See :data:`biasaudit.record.tables.SCORES`: of which cells there are.
    tuned : sequence of str
    exposure : mapping
        Tuned checkpoint -> what its training card says of the probes.

    Returns
    -------
    DataFrame
        See :data:`biasaudit.record.tables.EXPOSURE`.
    """
    bias = scores.loc[scores["role"] == Role.BIAS.value, ["probe", "feature"]].drop_duplicates()
    cells = sorted(bias.itertuples(index=False, name=None))
    rows = [
        {"tuned": name, "probe": probe, "feature": feature, **_row(exposure.get(name), str(probe), str(feature))}
        for name in tuned
        for probe, feature in cells
    ]
    frame = pd.DataFrame(rows, columns=list(tables.EXPOSURE.columns))
    frame["containment"] = frame["containment"].astype(float)
    texts = [name for name in frame.columns if name not in {"containment", "has_template"}]
    frame[texts] = frame[texts].astype(str)
    frame["has_template"] = frame["has_template"].astype(bool)
    return tables.checked(frame.sort_values(["tuned", "probe", "feature"], ignore_index=True), tables.EXPOSURE)


def state_of(probe: ProbeExposure, seen: SeenWords) -> Exposure:
    """Return how near a cell is to what was trained.

    Examples
    --------
    >>> state_of(ProbeExposure(containment=0.59), SeenWords(groups=("man",))).value
    'held out'
    >>> state_of(ProbeExposure(containment=0.6), SeenWords()).value
    'trained on'
    """
    if probe.unknown:
        return Exposure.UNKNOWN
    if probe.has_template or (probe.containment or 0.0) >= REFUSED:
        return Exposure.TRAINED_ON
    return Exposure.WORDS_SEEN if seen.words else Exposure.HELD_OUT


def trained_on(exposure: pd.DataFrame | None) -> frozenset[TunedCell]:
    """Return the cells that were trained on; none of an audit from before there was the table."""
    if exposure is None:
        return frozenset()
    rows = exposure[exposure["exposure"] == Exposure.TRAINED_ON.value]
    return frozenset(
        (str(tuned), str(probe), str(feature))
        for tuned, probe, feature in rows[["tuned", "probe", "feature"]].itertuples(index=False, name=None)
    )


def _row(card: CardExposure | None, probe: str, feature: str) -> dict[str, object]:
    found = _probe(card, probe)
    seen = found.seen.get(feature, SeenWords())
    return {
        "exposure": state_of(found, seen).value,
        "unknown_because": found.unknown,
        "containment": found.containment,
        "has_template": found.has_template,
        "words_seen": ", ".join(seen.words),
        "groups_seen": ", ".join(seen.groups),
    }


def _probe(card: CardExposure | None, probe: str) -> ProbeExposure:
    if card is None:
        return ProbeExposure(unknown=NOT_ASKED)
    if card.unknown:
        return ProbeExposure(unknown=card.unknown)
    return card.probes.get(probe, ProbeExposure(unknown=NOT_NOTED))


def _computed(given: Given) -> pd.DataFrame:
    analysis = given.analysis
    return exposure_frame(given.tables["scores"], tuned=analysis.tuned, exposure=analysis.exposure)


EXPOSURE: Final = Table(name="exposure", schema=tables.EXPOSURE, computed=_computed)
