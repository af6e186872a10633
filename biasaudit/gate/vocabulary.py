"""Words of the gate: criteria, outcomes, and what the run makes of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Criterion(StrEnum):
    """What a rule limits; its name is the key in the policy file."""

    MAX_INDEX = "max_index"
    MAX_ABS_INDEX = "max_abs_index"
    MAX_INCREASE = "max_increase"
    MAX_INCREASE_OVER_BASELINE = "max_increase_over_baseline"
    MIN_RATIO = "min_ratio"
    MIN_IMPACT_RATIO = "min_impact_ratio"
    MIN_COVERAGE = "min_coverage"
    MAX_COMPETENCE_LOSS = "max_competence_loss"

    @property
    def is_minimum(self) -> bool:
        """Whether more is better: the limit is a lower one."""
        return self.is_ratio or self is Criterion.MIN_COVERAGE

    @property
    def is_ratio(self) -> bool:
        """Whether it compares the selection rates of groups, one by one."""
        return self in {Criterion.MIN_RATIO, Criterion.MIN_IMPACT_RATIO}

    @property
    def is_exact(self) -> bool:
        """Whether it is counted and not estimated: it has no interval to widen."""
        return self is Criterion.MIN_COVERAGE

    @property
    def is_level(self) -> bool:
        """Whether it limits the index of one checkpoint, which has more than one form."""
        return self in {Criterion.MAX_INDEX, Criterion.MAX_ABS_INDEX}

    @property
    def of_a_contrast(self) -> bool:
        """Whether it is judged on a contrast; else on a framing."""
        return self in {Criterion.MAX_INCREASE, Criterion.MAX_COMPETENCE_LOSS}


class Form(StrEnum):
    """In which form the index of a checkpoint is judged."""

    PUBLISHED = "published"
    """As published for the kind: of pairs and choices, the share that leans one way minus the other's."""
    GRADED = "graded"
    """As the report shows it, and changes are tested on: how much each item leans, in [-1, 1]."""


class Outcome(StrEnum):
    """Of one cell against its limit, or of the whole run."""

    PASSED = "passed"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"


class Effect(StrEnum):
    """What the run makes of one result."""

    PASSED = "passed"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"
    WARNING = "warning"
    WAIVED = "waived"
    ACCEPTED = "accepted"
    """Inconclusive, and the rule says in so many words that this may pass."""


class Severity(StrEnum):
    """Whether a rule can fail the run."""

    ERROR = "error"
    WARNING = "warning"


class OnInconclusive(StrEnum):
    """What a rule makes of a cell that cannot be decided."""

    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"  # noqa: S105  # a word of the policy file


class Family(StrEnum):
    """How the intervals of a policy are widened for being many."""

    NONE = "none"
    BONFERRONI = "bonferroni"
    HOLM = "holm"


class WaiverState(StrEnum):
    """What became of a waiver."""

    USED = "used"
    UNUSED = "unused"
    EXPIRED = "expired"


EXIT_CODES: Final = {Outcome.PASSED: 0, Outcome.VIOLATED: 1, Outcome.INCONCLUSIVE: 3}
