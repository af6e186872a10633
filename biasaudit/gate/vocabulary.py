"""Words of the gate: outcomes, and what the run makes of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


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
