"""What an audit of a probe can show, said before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from biasaudit.audits.arms import ALL
from biasaudit.stats import prospect
from biasaudit.stats.power import CORRELATION, DISCORDANCE
from biasaudit.types import ClusterDesign, Role, Status

if TYPE_CHECKING:
    from biasaudit.probes import Probe

COLUMNS: Final = (
    "probe",
    "feature",
    "status",
    "n_items",
    "n_clusters",
    "smallest_detectable_change",
    "power_unchanged",
    "can_be_unchanged",
)
ENOUGH: Final = 0.8
"""Power from which a verdict is within reach."""


def power_table(
    probe: Probe,
    *,
    margin: float = 0.05,
    discordance: float = DISCORDANCE,
    correlation: float = CORRELATION,
) -> pd.DataFrame:
    """Return what each cell of a probe can show, by the sign of its items.

    Parameters
    ----------
    probe : Probe
    margin : float
        Largest change that counts as none, in index points.
    discordance : float
        Share of items expected to turn between the checkpoints, in (0, 1].
    correlation : float
        Of differences within a cluster, in [0, 1].

    Returns
    -------
    DataFrame
        One row per feature, and ``all`` where there are several: status, items, clusters, the change found
        with probability 0.8, the probability of calling a cell without any change ``unchanged``,
        and whether that is at least 0.8. The graded index, which carries the verdict, sees smaller
        changes; how much smaller depends on the model.

    References
    ----------
    METHODS-REFERENCE, sections 4.3 and 4.4.
    """
    items = [item for item in probe.items if item.role is Role.BIAS]
    features = sorted({item.feature for item in items})
    rows = []
    for feature in [ALL, *features] if len(features) > 1 else features:
        chosen = [item for item in items if feature in {ALL, item.feature}]
        alone = probe.card.clusters is ClusterDesign.NONE
        found = prospect(
            len(chosen),
            len(chosen) if alone else len({item.cluster_id for item in chosen}),
            margin=margin,
            discordance=discordance,
            correlation=correlation,
        )
        reachable = found.power_unchanged is not None and found.power_unchanged >= ENOUGH
        rows.append(
            (
                probe.card.id,
                feature,
                (Status.OK if found.power_unchanged is not None else Status.TOO_FEW_CLUSTERS).value,
                found.n_items,
                found.n_clusters,
                found.smallest_detectable_change,
                found.power_unchanged,
                reachable,
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))
