"""Quantities with their uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

from biasaudit.types.vocabulary import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A quantity with its uncertainty, or the reason why there is none.

    Attributes
    ----------
    status : Status
        Anything but ``ok`` carries no number.
    value : float or None
    ci_low, ci_high : float or None
        Bounds of the interval at `level`.
    level : float
        Confidence level of the interval.
    n_items, n_clusters : int
        What the estimate rests on; may be 0.
    method : str
        How value and interval were computed, in words.
    unit : str
        Unit of `value`: ``index``, ``nats``, ``share``, ``relative``.

    Raises
    ------
    ValueError
        If status and numbers contradict each other.
    """

    status: Status
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    level: float = 0.95
    n_items: int = 0
    n_clusters: int = 0
    method: str = ""
    unit: str = "index"

    def __post_init__(self) -> None:
        numbers = (self.value, self.ci_low, self.ci_high)
        if self.status is Status.OK:
            if any(number is None or math.isnan(number) for number in numbers):
                msg = "an estimate with status ok needs a value and both bounds"
                raise ValueError(msg)
        elif any(number is not None for number in numbers):
            msg = f"an estimate with status {self.status.value!r} carries no number"
            raise ValueError(msg)

    def __str__(self) -> str:
        """Return value and interval, or the status, without what they rest on."""
        if self.value is None or self.ci_low is None or self.ci_high is None:
            return self.status.value
        return f"{self.value:.4g} [{self.ci_low:.4g}, {self.ci_high:.4g}]"

    def __repr__(self) -> str:
        """Return it on a line; the method, a sentence, only where it is the reason why there is no number."""
        rests_on = f"{self.n_items:,} items in {self.n_clusters:,} clusters"
        if self.status is Status.OK:
            return f"Estimate({self} {self.unit}, level {self.level:g}, {rests_on})"
        return f"Estimate({self}, {rests_on}{f': {self.method}' if self.method else ''})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What a comparison could have seen.

    Attributes
    ----------
    smallest_detectable_change : float or None
        Change that would be found with probability `power` at `alpha`, two-sided.
    power, alpha : float
    """

    smallest_detectable_change: float | None
    power: float = 0.8
    alpha: float = 0.05
