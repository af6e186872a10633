"""A policy as an assertion, for whatever runs tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from biasaudit.gate.ready import policy_path

if TYPE_CHECKING:
    from biasaudit.facade import Audit
    from biasaudit.gate import GateDecision

_judged: list[GateDecision] = []


def assert_bias_within(
    audit: Audit | str | Path, policy: str | Path, *, allow_inconclusive: bool = False
) -> GateDecision:
    """Fail unless an audit keeps a policy.

    Parameters
    ----------
    audit : Audit or path
        An audit, or the folder of a finished one.
    policy : path or str
        A policy file, or the name of a ready policy.
    allow_inconclusive : bool
        Whether too little evidence passes. What is violated never does.

    Returns
    -------
    GateDecision

    Raises
    ------
    AssertionError
        If the policy is violated, or the evidence is not enough to decide; with a table of what was judged.
    BiasauditError
        If audit or policy cannot be read.

    Examples
    --------
    >>> from biasaudit.testing import leaning, scripted_audit
    >>> models = leaning("base", 2.0), leaning("tuned", 1.0)
    >>> audit = scripted_audit(*models, probes=["occupations"], framing_names=("plain", "chat"))
    >>> assert_bias_within(audit, "no-regression").outcome.value
    'passed'
    """
    __tracebackhide__ = True
    from biasaudit import gate  # noqa: PLC0415  # slow to import
    from biasaudit.api import check, open_audit  # noqa: PLC0415

    opened = open_audit(audit) if isinstance(audit, str | Path) else audit
    decision = check(opened, policy_path(policy))
    _judged.append(decision)
    if decision.exit_code == 0 or (allow_inconclusive and decision.outcome is gate.Outcome.INCONCLUSIVE):
        return decision
    told = {
        gate.Outcome.VIOLATED: "the audit violates the policy",
        gate.Outcome.INCONCLUSIVE: "the evidence is not enough to decide whether the audit keeps the policy",
    }
    raise AssertionError(f"{told[decision.outcome]} {decision.policy_name}\n\n{gate.to_text(decision)}")


def take_judged() -> list[GateDecision]:
    """Return the decisions since the last call: what the pytest plugin reports."""
    taken = _judged.copy()
    _judged.clear()
    return taken
