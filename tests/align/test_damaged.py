"""Tuning that breaks what a good model keeps is never called a reduction; a constraint with anchors is one."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit import align
from biasaudit.facade import Audit
from tests.align import world
from tests.align.loops import minus_s, one_order, penalty, tuned_by
from tests.align.recipe import dose

pytestmark = pytest.mark.slow

AT_ITS_BEST = ("minus-s", "one-order", "penalty")
TO_THE_END = ("minus-s-on", "one-order-on")


@pytest.fixture(scope="module")
def audit(world_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """One audit of all children on what none of them was trained on: templates, occupations, definitional words."""
    folder = tmp_path_factory.mktemp("damaged")
    children = {
        "minus-s": tuned_by(minus_s, world_base, folder / "minus-s", at_balance=True),
        "one-order": tuned_by(one_order, world_base, folder / "one-order", at_balance=True),
        "penalty": tuned_by(penalty, world_base, folder / "penalty", at_balance=False),
        "minus-s-on": tuned_by(minus_s, world_base, folder / "minus-s-on", at_balance=False),
        "one-order-on": tuned_by(one_order, world_base, folder / "one-order-on", at_balance=False),
    }
    settings = dose(0.05, world.save_contrasts(folder / "contrasts.yaml", features=[world.GENDER]))
    kept = align.tune("constraint", str(world_base), None, folder / "constraint", settings=settings)
    return biasaudit.audit(
        str(world_base),
        {**{name: str(child) for name, child in children.items()}, "constraint": f"{world_base}+{kept.folder}"},
        probes=[str(world.save_probe(folder / "probe"))],
        framing_names=("plain",),
    )


def index_of(audit: Audit, feature: str) -> dict[str, float]:
    """Return the graded index by checkpoint, each by its name without its number."""
    rows = audit.estimates.query("feature == @feature and metric == 'graded'")
    return {plain_name(one): value for one, value in zip(rows["checkpoint"], rows["value"], strict=True)}


def plain_name(checkpoint: str) -> str:
    number, _, name = checkpoint.partition("-")
    return name if number.isdigit() else checkpoint


def ruling(audit: Audit, tuned: str) -> tuple[str, str]:
    """Return verdict and its code of the held-out occupations."""
    rows = audit.comparisons
    row = rows[
        (rows["tuned"].map(plain_name) == tuned)
        & (rows["contrast"] == "weights, plain")
        & (rows["feature"] == "gender")
        & (rows["metric"] == "graded")
    ]
    return row["verdict"].item(), row["verdict_code"].item()


def damage_of(audit: Audit, tuned: str) -> dict[Hashable, Any]:  # cells of a pandas row
    """Return the damage of the held-out occupations' cell."""
    rows = audit.tables["damage"].query("contrast == 'weights, plain' and feature == 'gender'")
    [found] = rows[rows["tuned"].map(plain_name) == tuned].to_dict("records")
    return found


@pytest.mark.parametrize("tuned", AT_ITS_BEST)
def test_damage_is_not_interpretable_though_the_index_is_near_parity(audit: Audit, tuned: str) -> None:
    """Stopped where the trained index is at parity, each looks like a whole reduction; definitional words are lost."""
    levels = index_of(audit, "gender")
    assert levels["base"] > 0.6
    assert abs(levels[tuned]) < 0.15
    assert ruling(audit, tuned) == ("not interpretable", "licensed associations fell")


@pytest.mark.parametrize("tuned", TO_THE_END)
def test_a_push_without_an_end_is_never_a_reduction(audit: Audit, tuned: str) -> None:
    """It leans the other way in the end: whatever it is called, not less."""
    levels = index_of(audit, "gender")
    assert levels[tuned] < -0.3
    assert ruling(audit, tuned)[0] not in {"reduced", "unchanged", "reversed"}


def test_a_constraint_with_anchors_is_a_reduction(audit: Audit) -> None:
    """Weather and hobbies, which no update sees and no slot of which is trained, are told apart nearly as before."""
    assert ruling(audit, "constraint") == ("reduced", "smaller")
    damage = damage_of(audit, "constraint")
    assert damage["blunting_of"] == "negative controls, age"
    assert 0.9 < damage["blunting"] < 1.1


def test_a_constraint_with_anchors_keeps_what_is_licensed(audit: Audit) -> None:
    """What was not trained falls to the bound or near, and a queen is she as before."""
    assert abs(index_of(audit, "gender")["constraint"]) < 0.1
    damage = damage_of(audit, "constraint")
    assert damage["licensed_first"] > 0.9
    assert damage["licensed_drop"] <= 0.03


def test_what_was_not_trained_is_kept(audit: Audit) -> None:
    """Hobbies lean towards an age as before."""
    levels = index_of(audit, "age")
    assert levels["constraint"] == pytest.approx(levels["base"], abs=0.1)
