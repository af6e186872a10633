"""Models that are one checkpoint below a part and another from there on, and what such a profile may say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FROM_BELOW: Final = "from below"
"""The first parts are the tuned checkpoint's: what they change by themselves."""
FROM_ABOVE: Final = "from above"
"""The first parts are the base's, all others the tuned checkpoint's: what those change by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hybrid:
    """Which parts are the tuned checkpoint's; all others are the base's.

    Attributes
    ----------
    order : str
        :data:`FROM_BELOW`: the first `n_parts` are tuned. :data:`FROM_ABOVE`: all but those are.
    n_parts : int
    """

    order: str
    n_parts: int

    def tuned(self, n_all: int) -> range:
        """Return the numbers of the parts that are tuned.

        Examples
        --------
        >>> list(Hybrid(order=FROM_BELOW, n_parts=1).tuned(3)), list(Hybrid(order=FROM_ABOVE, n_parts=1).tuned(3))
        ([0], [1, 2])
        """
        return range(self.n_parts) if self.order == FROM_BELOW else range(self.n_parts, n_all)


class DepthVerdict(StrEnum):
    """Where a reduction sits, by which half of the parts brings it about alone.

    ``removed upstream``: the lower parts alone do, the upper alone do not. ``masked late``: the other way round.
    ``redundant``: what a half does hangs on the other half, and the two together do less than their sum; an average
    of the orders would hide it. ``distributed``: neither half alone brings about three quarters of it, or either
    half brings about over a quarter, or it takes both.
    """

    UPSTREAM = "removed upstream"
    MASKED = "masked late"
    REDUNDANT = "redundant"
    DISTRIBUTED = "distributed"
    UNCHANGED = "unchanged"
    NOT_ESTIMABLE = "not estimable"
