"""What a training keeps on its way: weights after some updates, whatever interrupted it, and nothing an audit sees."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from biasaudit.align import TunedAdapter
from biasaudit.align.folder import CHECKPOINTS
from biasaudit.errors import UsageError
from biasaudit.models import locate, parse_reference
from tests.align.recipe import N_STEPS, Told, settings, tune, weights_of

pytestmark = pytest.mark.slow


def kept_of(folder: Path) -> dict[str, dict[str, float]]:
    """Return the sums of all kept weights, by update and name."""
    found: dict[str, dict[str, float]] = {}
    for name, tensor in load_file(folder / CHECKPOINTS).items():
        step, _, own = name.partition("/")
        found.setdefault(step, {})[own] = float(tensor.float().abs().sum())
    return found


def test_the_last_that_is_kept_is_the_adapter(tuned: TunedAdapter) -> None:
    """Twelve updates, three kept, evenly spaced; each differs from the one before."""
    found = kept_of(tuned.folder)
    assert sorted(found, key=int) == ["4", "8", str(N_STEPS)]
    adapter = {name: float(tensor.abs().sum()) for name, tensor in weights_of(tuned.folder).items()}
    assert found[str(N_STEPS)] == adapter
    assert found["4"] != found["8"] != adapter


def test_the_card_says_after_which_updates_and_by_which_learning_rates(tuned: TunedAdapter) -> None:
    """One update of twelve warms up, from 0; then the rate falls by an eleventh of its highest value each."""
    noted = tuned.card.checkpoints
    rates = [0.0, *(1e-2 * (11 - number) / 11 for number in range(11))]
    assert noted["steps"] == [4, 8, 12]
    assert noted["learning_rates"] == pytest.approx([sum(rates[at : at + 4]) / 4 for at in (0, 4, 8)])
    content = (tuned.folder / CHECKPOINTS).read_bytes()
    assert noted["sha256"] == hashlib.sha256(content).hexdigest()
    written = json.loads((tuned.folder / "training_card.json").read_text(encoding="utf-8"))
    assert written["checkpoints"] == noted
    assert CHECKPOINTS not in written["files"]


@pytest.mark.parametrize("step", [3, 6, 9])
def test_an_interrupted_training_keeps_the_same_bytes(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path, step: int
) -> None:
    def stop(done: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(base, rows, tmp_path / "out", told=Told(stop))
    again = tune(base, rows, tmp_path / "out")
    assert (again.folder / CHECKPOINTS).read_bytes() == (tuned.folder / CHECKPOINTS).read_bytes()
    assert again.card.checkpoints == tuned.card.checkpoints


def test_what_is_kept_is_no_part_of_the_adapter(base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path) -> None:
    """Neither its hash in an audit, nor its identity, nor whether it is finished."""
    none = tune(base, rows, tmp_path / "none", keep_checkpoints=0)
    assert not (none.folder / CHECKPOINTS).exists()
    assert not none.card.checkpoints
    hashes = [locate(parse_reference(f"{base}+{one}")).adapter for one in (none.folder, tuned.folder)]
    assert hashes[0] == hashes[1]
    one = tune(base, rows, tmp_path / "one", keep_checkpoints=1)
    assert one.card.checkpoints["steps"] == [N_STEPS]
    (one.folder / CHECKPOINTS).unlink()
    assert tune(base, rows, one.folder, keep_checkpoints=3).was_there


def test_a_number_below_none_is_refused() -> None:
    with pytest.raises(UsageError, match="keep_checkpoints is -1; expected 0 or more"):
        settings(keep_checkpoints=-1)
