"""A policy that names a probe the audit lacks is a policy for another audit."""

from __future__ import annotations

import pytest

from biasaudit.errors import PolicyError
from biasaudit.gate import Policy, refuse_unknown_probes
from tests.gate.rows import Row

RULE: Row = {"id": "r", "max_index": 0.3}
WAIVER: Row = {"rule": "r", "reason": "known", "owner": "Ada", "expires": "2027-01-31"}


def policy(rule: Row, *waivers: Row) -> Policy:
    return Policy.model_validate({"version": 1, "rules": [{**RULE, **rule}], "waivers": list(waivers)})


def test_a_misspelled_probe_is_refused_with_what_was_meant() -> None:
    with pytest.raises(PolicyError) as caught:
        refuse_unknown_probes(policy({"probes": ["occupations", "hirng"]}), {"occupations", "hiring"})
    assert "rule 'r' names probe 'hirng'" in str(caught.value)
    assert "Did you mean 'hiring'? It has: hiring, occupations." in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_waiver_s_probe_is_looked_up_too() -> None:
    """It would cover nothing, and only a warning would say so."""
    with pytest.raises(PolicyError, match="the waiver of rule 'r' names probe 'zzz'"):
        refuse_unknown_probes(policy({}, {**WAIVER, "probe": "zzz"}), ["occupations"])


def test_no_name_and_every_name_that_is_there_are_taken() -> None:
    refuse_unknown_probes(policy({}, WAIVER), [])
    refuse_unknown_probes(policy({"probes": ["a"]}, {**WAIVER, "probe": "a"}), ["a"])
