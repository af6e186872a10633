"""How much competence was lost from one arm to another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from biasaudit.stats.intervals import mean_estimate
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered

CORRELATION: Final = 0.2
"""Of answers within a cluster, where they show none because all of them are alike; that of the validation."""

METHOD: Final = "paired by item; at least as wide as where no answer of as many had changed (Clopper-Pearson)"


def competence_loss(first: Clustered, second: Clustered, design: ClusterDesign, *, level: float = 0.95) -> Estimate:
    """Estimate by how much competence is lower in the second arm.

    Parameters
    ----------
    first, second : Clustered
        Sides of the same competence items in the same order: 1 towards sense or the right person, -1 away, 0 neither.
    design : ClusterDesign
    level : float

    Returns
    -------
    Estimate
        In shares, in [-1, 1]: competence of the first arm minus that of the second.

    Notes
    -----
    Answers of models that read are nearly all alike in both arms, so that a t interval over clusters has hardly any
    width. Where none of n answers changed, at most 1 - (a / 2)^(1 / n) of all can change; n is the number of items
    over 1 + (m - 1) 0.2, m items a cluster. No interval is narrower than that to either side.

    Examples
    --------
    >>> from biasaudit.stats.clusters import clustered
    >>> same = clustered([1.0] * 96, [f"c{n % 12}" for n in range(96)])
    >>> found = competence_loss(same, same, ClusterDesign.DESIGNED)  # 96 / (1 + 7 * 0.2) = 40
    >>> found.value, round(found.ci_high, 3)
    (0.0, 0.088)
    """
    loss = first.with_values((first.values - second.values) / 2)
    found = mean_estimate(loss, design, level=level, unit="loss")
    if found.status is not Status.OK or found.value is None or found.ci_low is None or found.ci_high is None:
        return replace(found, unit="share difference")
    least = 1 - ((1 - level) / 2) ** (1 / _effective_items(loss, design))
    return replace(
        found,
        ci_low=max(min(found.ci_low, found.value - least), -1.0),
        ci_high=min(max(found.ci_high, found.value + least), 1.0),
        method=f"{found.method}, {METHOD}",
        unit="share difference",
    )


def _effective_items(sample: Clustered, design: ClusterDesign) -> float:
    if design is ClusterDesign.NONE:
        return sample.n_items
    return sample.n_items / (1 + (sample.n_items / sample.n_clusters - 1) * CORRELATION)
