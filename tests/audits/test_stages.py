"""Names of the stages of tuning."""

from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.audits.plan import Plan
from biasaudit.audits.stages import stages_of
from biasaudit.errors import UsageError


def test_a_mapping_names_the_stages_in_its_order() -> None:
    assert stages_of({"sft": "org/a", "dpo": "org/b"}) == (("org/a", "org/b"), ("sft", "dpo"))


def test_named_stages_keep_their_order_whatever_their_names() -> None:
    """zeta comes before alpha: the place stands in the name, and in what the manifest says."""
    plan = Plan(base="org/base", tuned=("org/a", "org/b"), names=("zeta", "alpha"), probes=("occupations",))
    assert list(plan.checkpoints) == ["base", "1-zeta", "2-alpha"]
    assert plan.as_dict()["tuned"] == {"1-zeta": "org/a", "2-alpha": "org/b"}


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a=b"
    folder.mkdir()
    assert stages_of(str(folder)) == ((str(folder),), ())
    assert stages_of("x=" + "y" * 300) == (("y" * 300,), ("x",))


@pytest.mark.parametrize("reference", ["org/model@rev=1", "hf/a=b", "./x=y"])
def test_an_equals_sign_inside_of_a_reference_names_nothing(reference: str) -> None:
    assert stages_of([reference]) == ((reference,), ())


@pytest.mark.parametrize(
    ("tuned", "said"),
    [
        (["sft=org/a", "org/b"], "org/b has no name"),
        (["sft=org/a", "sft=org/b"], "two tuned checkpoints are named 'sft'"),
        (["base=org/a"], "'base' cannot name a tuned checkpoint"),
        (["tuned-2=org/a"], "'tuned-2' cannot name"),
        (["=org/a"], "'' cannot name"),
        (["2nd=org/a"], "'2nd' cannot name"),
    ],
)
def test_what_is_no_name_is_refused(tuned: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        stages_of(tuned)
