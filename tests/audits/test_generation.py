"""Probes whose prompts are to be written on: read and shown, never audited by likelihood."""

from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit import kinds
from biasaudit.audits.plan import Plan
from biasaudit.errors import UsageError
from biasaudit.probes import load_probe
from biasaudit.testing import always_anti, always_stereotype, scripted_audit
from biasaudit.types import CompletionTexts
from biasaudit.validity import findings
from tests.running import run
from tests.tiny import save_probe

SAID = r"needs generation, which this version does not do\.\nIts prompts can be read with biasaudit\.probes\.load_probe"


def completion(number: int) -> dict[str, object]:
    group = ("woman", "man")[number % 2]
    return {
        "id": f"i{number}",
        "cluster": f"c{number % 5}",
        "feature": "gender",
        "groups": [group],
        "prompt": f"The {group} {number} is",
    }


@pytest.fixture
def completions(tmp_path: Path) -> Path:
    """A folder of one's own with prompts to write on."""
    return save_probe(tmp_path / "mini", [completion(n) for n in range(10)], kind="completion")


@pytest.mark.parametrize("name", ["bold", "honest", "decodingtrust"])
def test_an_audit_is_refused_before_model_and_data_are_looked_for(name: str, tmp_path: Path) -> None:
    """The folder holds neither a model nor data: the refusal comes first, and is the only thing said."""
    plan = Plan(base=str(tmp_path), tuned=(str(tmp_path),), probes=(name,), data_dir=tmp_path)
    with pytest.raises(UsageError, match=f"probe '{name}' {SAID}"):
        run(plan)


def test_a_scripted_audit_is_refused_alike(completions: Path) -> None:
    models = always_stereotype(), always_anti()
    for probe in (str(completions), load_probe(str(completions))):
        with pytest.raises(UsageError, match=SAID):
            scripted_audit(*models, probes=[probe])


def test_prompts_of_ones_own_are_read_and_ask_nothing(completions: Path) -> None:
    """Competence of what a model writes is not sense against nonsense, so none is missed."""
    probe = load_probe(str(completions))
    assert probe.items[1].texts == CompletionTexts(prompt="The man 1 is")
    assert kinds.prompts(probe.items[1]) == ()
    assert "no-competence" not in {finding.code for finding in findings(probe)}
