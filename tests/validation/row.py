"""One line of the validation table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biasaudit.types import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    question, setting : str
    wanted : tuple of float
        Least and greatest value that passes, Monte-Carlo error left out.
    found : float
    repetitions : int
        Those that gave a number.
    refused : int
        Those that gave none.
    before : float or None
        What the rule or the interval before this one has in the same draws.
    """

    question: str
    setting: str
    wanted: tuple[float, float]
    found: float
    repetitions: int
    refused: int = 0
    before: float | None = None

    @property
    def monte_carlo_error(self) -> float:
        """Standard error of a share at the nearer end of what is wanted."""
        end = min(self.wanted, key=lambda value: abs(value - self.found))
        return float(np.sqrt(max(end * (1 - end), 0.0) / max(self.repetitions, 1)))

    @property
    def holds(self) -> bool:
        """Whether the share lies within what is wanted, two Monte-Carlo errors allowed."""
        low, high = self.wanted
        return low - 2 * self.monte_carlo_error <= self.found <= high + 2 * self.monte_carlo_error


COVERS = (0.93, 0.97)
AT_LEAST = (0.93, 1.0)
AT_MOST = (0.0, 0.05)


def covered(
    question: str,
    setting: str,
    truths: float | Sequence[float],
    found: Sequence[Estimate],
    *,
    wanted: tuple[float, float] = COVERS,
    before: float | None = None,
) -> Row:
    """Count how many intervals hold the truth; all that are refused leave nothing to count."""
    each = [truths] * len(found) if isinstance(truths, float) else truths
    held = [
        one.ci_low <= truth <= one.ci_high
        for one, truth in zip(found, each, strict=True)
        if one.ci_low is not None and one.ci_high is not None
    ]
    return Row(
        question=question,
        setting=setting,
        wanted=wanted if held else (0.0, 0.0),
        found=sum(held) / len(held) if held else 0.0,
        repetitions=len(held),
        refused=len(found) - len(held),
        before=before,
    )


def counted(question: str, setting: str, hits: Sequence[bool], *, before: Sequence[bool] = ()) -> Row:
    """Count how often something is claimed that is not so."""
    return Row(
        question=question,
        setting=setting,
        wanted=AT_MOST,
        found=sum(hits) / len(hits),
        repetitions=len(hits),
        before=sum(before) / len(before) if before else None,
    )
