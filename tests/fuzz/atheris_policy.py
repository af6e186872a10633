"""Coverage-guided fuzzing of the policy reader; needs `pip install atheris`, which is no dependency of ours.

Run it for a minute::

    python -m tests.fuzz.atheris_policy -max_total_time=60
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path


def fuzz() -> None:
    """Give the reader bytes: a policy, or a PolicyError; what was read is judged on an empty audit."""
    atheris = importlib.import_module("atheris")
    file = Path(tempfile.mkdtemp()) / "policy.yaml"
    with atheris.instrument_imports(include=["biasaudit.gate", "yaml"]):
        gate = importlib.import_module("biasaudit.gate")
        from biasaudit.errors import PolicyError

    def one_input(content: bytes) -> None:
        file.write_bytes(content)
        try:
            policy = gate.read_policy(file)
        except PolicyError:
            return
        decision = gate.decide(policy, estimates=[], comparisons=[], level=0.95)
        if decision.exit_code == 0:
            msg = "an empty audit passed"
            raise RuntimeError(msg)
        for write in (gate.to_text, gate.to_json, gate.to_markdown, gate.to_junit, gate.to_github):
            write(decision).encode("utf-8")

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz()
