"""What is not tuned is held where it was: a bound on one feature is no licence to flatten the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit import align
from biasaudit.align import TunedAdapter
from biasaudit.align.anchored import read
from biasaudit.align.methods.constraint import ConstraintSettings
from biasaudit.errors import TuningError
from tests.align.contrast_file import TEXT

TWO = (
    TEXT.replace("gender: [{a: Ann, b: Bob}]", "gender: [{a: Ann, b: Bob}]\n  age: [{a: Old Cid, b: Young Dee}]")
    .replace("words:\n", "words:\n  age:\n    - {first: a smith, second: a cook}\n")
    .replace(
        "licensed:\n",
        'licensed:\n  age: [{context: "Cid is", first: " old", second: " new"}, '
        '{context: "Dee is", first: " new", second: " old"}]\n',
    )
)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("two") / "contrasts.yaml"
    file.write_text(TWO, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def settings(two: Path) -> dict[str, object]:
    return {"contrasts": str(two), "learning_rate": 0.003, "n_steps": 2, "check_every": 2, "device": "cpu"}


def tuned(base: Path, out: Path, **settings: object) -> TunedAdapter:
    return align.tune("constraint", str(base), None, out, settings=ConstraintSettings(**settings))  # type: ignore[arg-type]  # as above


def test_cells_of_the_other_features_are_held_and_those_that_are_tuned_are_not(two: Path) -> None:
    given = read(None, ConstraintSettings(contrasts=str(two), features="gender"))
    assert {one.name for one in given.content.others} == {"age/crane", "age/crane-back"}
    assert read(None, ConstraintSettings(contrasts=str(two))).content.others == ()


def test_the_card_names_the_feature_that_is_tuned_and_every_word_that_was_read(two: Path) -> None:
    """An audit of the other feature is of one that was not tuned, but its words were seen."""
    trained = read(None, ConstraintSettings(contrasts=str(two), features="gender")).trained
    assert trained is not None
    assert (trained.features, trained.held) == (("gender",), ("age",))
    assert {"a smith", "a diver"} <= set(trained.words)
    assert {"Old Cid", "Ann"} <= set(trained.groups)


def test_their_divergence_is_on_the_card_only_where_there_are_some(
    base: Path, settings: dict[str, object], tmp_path: Path
) -> None:
    one, both = tuned(base, tmp_path / "one", **settings, features="gender"), tuned(base, tmp_path / "both", **settings)
    assert [step for step, _ in one.card.curves["others KL"]] == [1, 2]
    assert "others KL" not in both.card.curves
    assert one.card.instructions["n_templates_of_others"] == 2
    assert both.card.instructions["n_templates_of_others"] == 0


def test_weights_that_explode_in_the_last_update_are_told(
    base: Path, settings: dict[str, object], tmp_path: Path
) -> None:
    """The loss of an update is taken before it, so that the last one is seen by nobody else."""
    with pytest.raises(TuningError, match=r"after step 1 the development templates give no number"):
        tuned(base, tmp_path / "out", **{**settings, "n_steps": 1, "check_every": 1, "learning_rate": 1e30})
    assert not (tmp_path / "out" / "adapter_model.safetensors").exists()


def test_a_stronger_hold_moves_them_less(base: Path, settings: dict[str, object], tmp_path: Path) -> None:
    """By the divergence after the first updates: without a hold it grows with every one."""
    more = {**settings, "features": "gender", "n_steps": 12, "check_every": 12}
    free, held = (tuned(base, tmp_path / name, **more, keep_others=weight) for name, weight in (("a", 0.0), ("b", 1e3)))
    assert held.card.curves["others KL"][-1][1] < 0.5 * free.card.curves["others KL"][-1][1]


def test_contexts_about_no_group_are_held_where_there_are_some(
    base: Path, two: Path, settings: dict[str, object], tmp_path: Path
) -> None:
    """In each of the two templates of training; a stronger hold moves them less."""
    file = tmp_path / "controls.yaml"
    file.write_text(TWO + "controls: [{a: the boat on the left, b: the boat on the right}]\n", encoding="utf-8")
    more = {**settings, "contrasts": str(file), "features": "gender", "n_steps": 12, "check_every": 12}
    free, held = (
        tuned(base, tmp_path / name, **more, keep_controls=weight) for name, weight in (("a", 0.0), ("b", 1e3))
    )
    assert held.card.instructions["n_templates_of_controls"] == 2
    assert held.card.curves["controls KL"][-1][1] < 0.5 * free.card.curves["controls KL"][-1][1]
