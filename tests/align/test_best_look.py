"""Which adapter is given back where the last look at the development templates does not meet the bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biasaudit.align import METHODS, TunedAdapter
from tests.align.contrast_file import save_contrasts
from tests.align.recipe import Told
from tests.align.test_constraint import tuned

SWINGS: dict[str, Any] = {"max_disparity": 0.01, "learning_rate": 0.03, "n_steps": 12, "check_every": 1}
"""A learning rate at which a random model's development templates go up and down, and up in the end."""

LEARNS: dict[str, Any] = {"method": "counterfactual", "learning_rate": 0.03, "check_every": 1}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_contrasts(tmp_path_factory.mktemp("contrasts"))


@pytest.fixture(scope="module")
def swung(base: Path, file: Path, tmp_path_factory: pytest.TempPathFactory) -> TunedAdapter:
    return tuned(base, file, tmp_path_factory.mktemp("swung") / "out", **SWINGS)


def lowest(found: TunedAdapter) -> tuple[int, float]:
    """Return the look with the lowest upper bound."""
    return min(found.card.curves["development bound"], key=lambda point: point[1])


def test_the_adapter_of_the_best_look_is_given_back(
    base: Path, file: Path, swung: TunedAdapter, tmp_path: Path
) -> None:
    """To the bytes of a training that ends there; what the card says of bias and cost is said of it."""
    update, bound = lowest(swung)
    assert (swung.card.n_steps, update < 12) == (12, True)
    facts = swung.card.facts
    assert (facts["outcome"], facts["update of the adapter"]) == ("infeasible", update)
    assert facts["upper bound of it"] == round(bound, 4)
    there = tuned(base, file, tmp_path / "there", **{**SWINGS, "n_steps": update})
    assert there.card.facts == facts
    weights = "adapter_model.safetensors"
    assert (there.folder / weights).read_bytes() == (swung.folder / weights).read_bytes()
    assert f"The adapter is that of update {update}, " in METHODS["constraint"].told(swung.card)[0]
    assert f"| update of the adapter | {update} |" in (swung.folder / "README.md").read_text(encoding="utf-8")
    assert "The adapter is that of update" not in METHODS["constraint"].told(there.card)[0]


def test_a_bound_that_an_earlier_look_met_is_met(base: Path, file: Path, rows: Path, tmp_path: Path) -> None:
    """Instructions are learned to the end, at which the bound is broken again; no update hangs on the bound."""
    found = tuned(base, file, tmp_path / "out", data=rows, **LEARNS, n_steps=8, max_disparity=0.87)
    update, bound = lowest(found)
    last = found.card.curves["development bound"][-1][1]
    assert (update < 8, bound <= 0.87, last > 0.87) == (True, True, True)
    assert (found.card.facts["outcome"], found.card.facts["update of the adapter"]) == ("met", update)
    assert METHODS["counterfactual"].told(found.card)[0].startswith(f"Met after {update} updates: |B| ")


def test_a_last_look_that_meets_the_bound_is_given_back_though_an_earlier_one_had_less(
    base: Path, file: Path, rows: Path, tmp_path: Path
) -> None:
    """More than was asked for is no reason to give back less of the instructions."""
    found = tuned(base, file, tmp_path / "out", data=rows, **LEARNS, n_steps=4, max_disparity=0.9)
    assert lowest(found)[0] < 4
    assert (found.card.facts["outcome"], found.card.facts["update of the adapter"]) == ("met", 4)


@pytest.mark.slow
def test_it_is_given_back_after_an_interruption_too(
    base: Path, file: Path, swung: TunedAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the best look, and once it is in place: checkpoints have it beside the weights that are trained on."""
    update, _ = lowest(swung)

    def stop(done: int) -> None:
        if done == update + 3:
            raise KeyboardInterrupt

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned(base, file, tmp_path / "out", told=Told(stop), **SWINGS)
    with monkeypatch.context() as patch:
        patch.setattr("biasaudit.align.training.finished", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tuned(base, file, tmp_path / "out", **SWINGS)
    again = tuned(base, file, tmp_path / "out", **SWINGS)
    assert (again.card.loss_nats, again.card.curves) == (swung.card.loss_nats, swung.card.curves)
    assert again.card.facts == swung.card.facts
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (again.folder / name).read_bytes() == (swung.folder / name).read_bytes(), name
