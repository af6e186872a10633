"""What the published scores are computed from, and what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from biasaudit.types import Estimate, Response, Role, Scored

if TYPE_CHECKING:
    import numpy as np

ALL: Final = "all"
"""Name of the subset that leaves nothing out."""

REFUSED: Final = "refused"
UNPARSED: Final = "unparsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One item with what a model made of it, whether from likelihoods or from a file of predictions.

    Attributes
    ----------
    item_id, cluster_id, feature, family : str
    role : Role
    tags : mapping of str to str
    responses : mapping of str to Response
        By part. Empty where the model answered in words.
    answer : str or None
        Answer in words to a choice: ``biased``, ``counter``, ``unknown``, ``refused`` or ``unparsed``.
    """

    item_id: str
    cluster_id: str
    feature: str
    family: str
    role: Role
    tags: Mapping[str, str] = field(default_factory=dict)
    responses: Mapping[str, Response] = field(default_factory=dict)
    answer: str | None = None

    def scored(self, part: str) -> Scored | None:
        """Return a part that was scored, or None."""
        response = self.responses.get(part)
        return response if isinstance(response, Scored) else None

    def nats(self, part: str) -> float | None:
        """Return the log-probability of a part in nats, summed over tokens, or None."""
        response = self.scored(part)
        return None if response is None else response.logprob_nats

    def nats_per_token(self, part: str) -> float | None:
        """Return the mean log-probability of a part's tokens in nats, or None."""
        response = self.scored(part)
        return None if response is None else response.logprob_nats / len(response.token_logprobs_nats)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkScore:
    """One number of a paper's table, with its interval.

    Attributes
    ----------
    subset : str
        ``all``, or the part of the set in its own words.
    name : str
        As the paper calls it.
    estimate : Estimate
        In the paper's unit. A score without evidence, or with a denominator of 0, has a status and
        no number.
    parity : float or None
        Where a model without a lean stands; None where the score has no such point.
    n_asked : int
        Items of the subset, answered or not.
    point : float or None
        The score as the paper defines it, in the estimate's unit, for subsets of too few clusters: it is printed
        without an interval, and nothing is claimed by it.
    """

    subset: str
    name: str
    estimate: Estimate
    parity: float | None
    n_asked: int
    point: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the uncertainty is computed.

    Attributes
    ----------
    rng : numpy.random.Generator
        For scores that have no simple variance.
    level : float
    """

    rng: np.random.Generator
    level: float = 0.95


Scorer = Callable[[Sequence[Answered], Settings], tuple[BenchmarkScore, ...]]
"""From all answered items of a probe in one arm to the published scores."""


def in_percent(estimate: Estimate) -> Estimate:
    """Return a share as percent."""
    return scaled(estimate, 100.0, "percent")


def scaled(estimate: Estimate, factor: float, unit: str) -> Estimate:
    """Return an estimate in another unit.

    Parameters
    ----------
    estimate : Estimate
    factor : float
        Above 0.
    unit : str
    """

    def times(number: float | None) -> float | None:
        return None if number is None else factor * number

    return Estimate(
        status=estimate.status,
        value=times(estimate.value),
        ci_low=times(estimate.ci_low),
        ci_high=times(estimate.ci_high),
        level=estimate.level,
        n_items=estimate.n_items,
        n_clusters=estimate.n_clusters,
        method=estimate.method,
        unit=unit,
    )
