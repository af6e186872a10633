"""The policy's JSON schema, for editors and for reviewers; shipped as ``policy.schema.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from biasaudit.gate.policy import Policy

SCHEMA_FILE: Final = Path(__file__).parent / "policy.schema.json"


def policy_schema() -> str:
    """Return the JSON schema of a policy file as text, generated from the model that reads it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Policy.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
