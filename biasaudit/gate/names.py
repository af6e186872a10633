"""Probes that a policy names: each of them must be in the audit, or the policy is for another one."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import TYPE_CHECKING

from biasaudit.errors import PolicyError

if TYPE_CHECKING:
    from biasaudit.gate.policy import Policy


def refuse_unknown_probes(policy: Policy, probes: Collection[str]) -> None:
    """Check that an audit has every probe that a policy names.

    A name that means nothing would be inconclusive for ever, and look like evidence that is still to come.

    Parameters
    ----------
    policy : Policy
    probes : collection of str
        Those of the audit, measured or not.

    Raises
    ------
    PolicyError
        For the first that it lacks.
    """
    named = [(f"rule {rule.id!r}", probe) for rule in policy.rules for probe in rule.probes or ()]
    named += [(f"the waiver of rule {one.rule!r}", one.probe) for one in policy.waivers if one.probe is not None]
    for where, probe in named:
        if probe not in probes:
            close = difflib.get_close_matches(probe, probes, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            raise PolicyError(
                f"{policy.name}: {where} names probe {probe!r}, which the audit does not have.",
                fix=f"{hint}It has: {', '.join(sorted(probes))}. Take the name out of the policy, or audit the probe.",
            )
