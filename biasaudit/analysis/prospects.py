"""What an audit of a probe can show, said before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from biasaudit.analysis.arms import ALL
from biasaudit.kinds import planned_spread
from biasaudit.stats import prospect
from biasaudit.stats.power import CORRELATION
from biasaudit.types import ClusterDesign, Role, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

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


NO_CHANGE: Final = "none, with so few clusters"
"""In place of a smallest change, where no change can be shown."""


def smallest_text(row: Mapping[Any, Any]) -> str:  # Any: pandas cells
    """Return the smallest change of a row of :func:`power_table`, or why there is none.

    Examples
    --------
    >>> smallest_text({"status": "ok", "smallest_detectable_change": 0.0614})
    '0.061'
    >>> smallest_text({"status": "ok", "smallest_detectable_change": None})
    'none, with so few clusters'
    """
    if row["status"] != Status.OK.value:
        return str(row["status"])
    smallest = row["smallest_detectable_change"]
    return NO_CHANGE if pd.isna(smallest) else f"{smallest:.3f}"


def power_table(
    probe: Probe,
    *,
    margin: float = 0.05,
    spread: float | None = None,
    correlation: float = CORRELATION,
    n_cells: int | None = None,
) -> pd.DataFrame:
    """Return what each cell of a probe can show, on the graded index, which carries the verdict.

    Parameters
    ----------
    probe : Probe
    margin : float
        Largest change that counts as none, in index points.
    spread : float, optional
        Standard deviation of an item's change between the checkpoints; None takes what is usual for the kind
        (:func:`biasaudit.kinds.planned_spread`).
    correlation : float
        Of differences within a cluster, in [0, 1].
    n_cells : int, optional
        Cells that the audit tests together; None takes this probe's features alone.

    Returns
    -------
    DataFrame
        One row per feature, and ``all`` where there are several: status, items, clusters, the change found
        with probability 0.8 (none where so few clusters can show no change), the probability of calling a cell
        without any change ``unchanged``, and whether that is at least 0.8.

    References
    ----------
    docs/methods.md, sections 10.2 and 10.3.
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
            spread=planned_spread(probe.card.kind) if spread is None else spread,
            margin=margin,
            correlation=correlation,
            n_cells=len(features) if n_cells is None else n_cells,
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
