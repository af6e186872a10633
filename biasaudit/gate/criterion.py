"""What a rule limits: one object a criterion, which owns all that the gate knows of it; how intervals are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from biasaudit.gate.first_rules import FirstAudit, FirstCell
from biasaudit.gate.measurement import Measurement
from biasaudit.gate.readings import Tables
from biasaudit.gate.vocabulary import Outcome

KEYS: Final = ("features", "groups", "form", "framing", "contrast")
"""Keys of a rule that mean something under one criterion and nothing under another."""

REASONS: Final = {
    Outcome.PASSED: "the whole interval keeps the limit",
    Outcome.VIOLATED: "the whole interval breaks the limit",
    Outcome.INCONCLUSIVE: "the interval holds the limit",
}

Judge: TypeAlias = Callable[[float, float, float], Outcome]
"""From the bounds of an interval and a limit, its margin included, to the outcome."""

Reader: TypeAlias = Callable[[Tables], Sequence[Measurement]]


def judge_upper(low: float, high: float, limit: float) -> Outcome:
    """Hold an interval against an upper limit.

    Parameters
    ----------
    low, high : float
        Bounds; finite, low <= high. Anything else is no interval, and inconclusive.
    limit : float

    Returns
    -------
    Outcome

    Examples
    --------
    >>> [judge_upper(low, high, 0.2).value for low, high in ((0.1, 0.2), (0.1, 0.3), (0.21, 0.3))]
    ['passed', 'inconclusive', 'violated']
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        return Outcome.INCONCLUSIVE
    if high <= limit:
        return Outcome.PASSED
    return Outcome.VIOLATED if low > limit else Outcome.INCONCLUSIVE


def judge_lower(low: float, high: float, limit: float) -> Outcome:
    """Hold an interval against a lower limit.

    Examples
    --------
    >>> [judge_lower(low, high, 0.8).value for low, high in ((0.8, 0.9), (0.7, 0.9), (0.5, 0.7))]
    ['passed', 'inconclusive', 'violated']
    """
    return judge_upper(-high, -low, -limit)


def judge_either_way(low: float, high: float, limit: float) -> Outcome:
    """Hold an interval against an upper limit on its size, without its sign.

    Examples
    --------
    >>> [judge_either_way(low, high, 0.3).value for low, high in ((-0.3, 0.3), (-0.4, 0.4), (-0.6, -0.4))]
    ['passed', 'inconclusive', 'violated']
    """
    above, below = judge_upper(low, high, limit), judge_lower(low, high, -limit)
    if Outcome.VIOLATED in {above, below}:
        return Outcome.VIOLATED
    return Outcome.PASSED if above is below is Outcome.PASSED else Outcome.INCONCLUSIVE


def _there(tables: Tables) -> str:  # noqa: ARG001  # what most criteria say of any tables
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """What a rule limits.

    Attributes
    ----------
    name : str
        The key in the policy file.
    description : str
        Of that key, in the schema of the policy.
    within : str
        Where the key holds a mapping, the key in it that holds the limit; empty where it holds the limit itself.
    limits : (float, float)
        The least and the largest limit that a policy may name.
    values : (float, float)
        Values that are possible; a widened interval is cut there, which takes no possible value from it.
    keys : frozenset of str
        Those of :data:`KEYS` that mean something under it. Exactly one of ``framing`` and ``contrast``, by which it is
        judged; ``groups`` where each group is a cell; without ``features`` it is judged once for a probe.
    read : callable
        From an audit's tables to its measurements; of the index, in its published form.
    read_graded : callable or None
        To those in the graded form; there exactly where ``form`` means something.
    judge : callable
        From the bounds of an interval and a limit to an outcome.
    is_exact : bool
        Whether it is counted and not estimated: it has no interval to widen.
    min_items : int
        Items without which nothing passes, where the policy does not say.
    of : str
        What the limit is of, in the outputs; empty where the name says it.
    applies_to : str
        What a probe must have to be judged, where many have none: without names, the probes that have it are judged.
        If empty, each probe that has an index or a change.
    why_absent : callable
        From an audit's tables to why it has no measurement at all; empty if there is no such reason.
    rule_of_cell, rule_of_audit : callable or None
        The lines of a first policy, which ``biasaudit init`` writes, on one cell or on all.

    Raises
    ------
    ValueError
        If the keys are not of :data:`KEYS`, or do not fit what is read; or if the limits are upside down.
    """

    name: str
    description: str
    limits: tuple[float, float]
    values: tuple[float, float]
    keys: frozenset[str]
    read: Reader
    read_graded: Reader | None = None
    judge: Judge = judge_upper
    is_exact: bool = False
    min_items: int = 1
    within: str = ""
    of: str = ""
    applies_to: str = ""
    why_absent: Callable[[Tables], str] = _there
    rule_of_cell: Callable[[FirstCell, FirstAudit], list[str]] | None = None
    rule_of_audit: Callable[[FirstAudit], list[str]] | None = None

    def __post_init__(self) -> None:
        if unknown := self.keys.difference(KEYS):
            msg = f"criterion {self.name!r} has keys that no rule has: {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        if len(self.keys & {"framing", "contrast"}) != 1:
            msg = f"criterion {self.name!r} is judged by framing or by contrast, one of the two"
            raise ValueError(msg)
        if ("form" in self.keys) != (self.read_graded is not None):
            msg = f"criterion {self.name!r} takes the key form exactly where it reads a graded form"
            raise ValueError(msg)
        if self.limits[0] >= self.limits[1] or self.values[0] >= self.values[1]:
            msg = f"criterion {self.name!r} allows nothing: a range runs from its least to its largest"
            raise ValueError(msg)

    @property
    def is_minimum(self) -> bool:
        """Whether more is better: what is above the limit keeps it."""
        return self.judge(2.0, 2.0, 1.0) is Outcome.PASSED

    @property
    def arm(self) -> str:
        """Key of a rule that says by what it is judged: framing or contrast."""
        return "contrast" if "contrast" in self.keys else "framing"


def judge(criterion: Criterion, low: float, high: float, bound: float) -> Outcome:
    """Hold an interval against the limit of a criterion, its margin included.

    Parameters
    ----------
    criterion : Criterion
    low, high : float
    bound : float
        Largest value that keeps an upper limit, or smallest that keeps a lower one.

    Returns
    -------
    Outcome
        Passed only if the whole interval keeps the limit, violated only if the whole of it breaks it.

    Examples
    --------
    >>> from biasaudit.gate import CRITERIA
    >>> judge(CRITERIA["min_ratio"], 0.7, 0.9, 0.8).value
    'inconclusive'
    >>> judge(CRITERIA["max_abs_index"], -0.6, -0.4, 0.3).value
    'violated'
    """
    return criterion.judge(low, high, bound)
