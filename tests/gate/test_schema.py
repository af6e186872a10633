"""The published schema is the reader's own."""

from __future__ import annotations

import json

import jsonschema
import pytest

from biasaudit import gate
from biasaudit.gate.schema import SCHEMA_FILE

GOOD = {"version": 1, "rules": [{"id": "r", "max_index": 0.3}]}


def test_the_shipped_schema_is_current() -> None:
    """Else write it again: `biasaudit check --schema > biasaudit/gate/policy.schema.json`."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == gate.policy_schema()
    jsonschema.Draft202012Validator.check_schema(json.loads(gate.policy_schema()))


@pytest.mark.parametrize(
    ("policy", "valid"),
    [
        (GOOD, True),
        ({**GOOD, "waivers": [{"rule": "r", "reason": "a", "owner": "b", "expires": "2027-01-31"}]}, True),
        ({**GOOD, "familly": "holm"}, False),
        ({**GOOD, "rules": [{"id": "r"}]}, False),
        ({**GOOD, "rules": [{"id": "r", "max_index": 0.3, "min_ratio": 0.8}]}, False),
        ({**GOOD, "rules": []}, False),
        ({**GOOD, "version": 2}, False),
        ({**GOOD, "waivers": [{"rule": "r", "owner": "b", "expires": "2027-01-31"}]}, False),
    ],
)
def test_the_schema_takes_what_the_reader_takes(policy: dict[str, object], *, valid: bool) -> None:
    """An editor that underlines a key must be right."""
    assert jsonschema.Draft202012Validator(json.loads(gate.policy_schema())).is_valid(policy) is valid
    try:
        gate.Policy.model_validate(policy)
    except ValueError:
        assert not valid
    else:
        assert valid


def test_every_key_says_what_it_is() -> None:
    found = json.loads(gate.policy_schema())
    for name in ("Rule", "Defaults", "Waiver"):
        assert all("description" in key or "$ref" in key for key in found["$defs"][name]["properties"].values()), name
