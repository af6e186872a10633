"""Two models tuned from one base, and neither from the other: no step from one to the next is compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit import api
from biasaudit.audits.finish import computed_again
from biasaudit.audits.plan import Plan
from biasaudit.errors import AuditMismatchError, UsageError
from biasaudit.types import Contrast
from tests.running import run, undrawn
from tests.tiny import save_probe

STEPS = {Contrast.STEP_PLAIN.value, Contrast.STEP_CHAT.value}


def plan(models: Path, tmp_path: Path, *, siblings: bool) -> Plan:
    folder = tmp_path / "mini"
    return Plan(
        base=str(models / "base"),
        tuned=(f"{models / 'base'}+{models / 'adapter'}", str(models / "tuned")),
        names=("sft", "other"),
        siblings=siblings,
        probes=(str(folder if folder.exists() else save_probe(folder)),),
        framing_names=("plain",),
    )


def test_siblings_are_compared_with_the_base_alone_and_by_the_same_numbers(models: Path, tmp_path: Path) -> None:
    """The steps are what is left out; it stands in the plan, so that the tables come out the same when made again."""
    out = tmp_path / "siblings"
    siblings, stages = (
        run(plan(models, tmp_path, siblings=one), out=out if one else None, render=undrawn) for one in (True, False)
    )
    assert STEPS & set(stages.comparisons["contrast"]) == {"step, plain"}
    assert not STEPS & set(siblings.comparisons["contrast"])
    assert not STEPS & set(siblings.further["damage"]["contrast"])
    without = stages.comparisons[~stages.comparisons["contrast"].isin(STEPS)].reset_index(drop=True)
    same = ["tuned", "contrast", "probe", "feature", "metric", "reduction", "ci_low", "ci_high", "p_value", "p_holm"]
    assert siblings.comparisons[same].equals(without[same])
    assert siblings.manifest.plan["siblings"] is True
    assert "siblings" not in stages.manifest.plan, "a plan from before there were any is one without"
    assert computed_again(out, render=undrawn).comparisons.equals(siblings.comparisons)
    with pytest.raises(AuditMismatchError, match=r"plan\.siblings"):
        run(plan(models, tmp_path, siblings=False), out=out, render=undrawn)


def test_one_tuned_model_has_no_sibling(models: Path) -> None:
    with pytest.raises(UsageError, match="one tuned checkpoint is named, and a sibling needs another"):
        api.planned(str(models / "base"), str(models / "tuned"), siblings=True)
