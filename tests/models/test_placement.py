"""Models larger than one device: where parts would lie, and that weights left on disk give the same numbers."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit.cli.forecast import print_forecast
from biasaudit.errors import ModelFilesError, UsageError
from biasaudit.models import locate, parse_reference
from biasaudit.models.likelihood import score
from biasaudit.models.local.checkpoint import model_files
from biasaudit.models.local.loading import ModelShelf
from biasaudit.models.local.placement import devices_of, planned
from biasaudit.types import Scored
from tests.models.test_quantized import REQUESTS
from tests.tiny import save_probe


def opened(reference: object, **settings: Any) -> Any:  # Any: fields of a shelf, and a LoadedModel
    return ModelShelf(device="cpu", **settings).open(locate(parse_reference(str(reference))))


def nats(loaded: Any) -> list[float]:  # Any: a LoadedModel
    return [sum(one.token_logprobs_nats) for one in score(loaded, REQUESTS) if isinstance(one, Scored)]


def test_a_plan_adds_up_to_the_model_without_its_weights(models: Path) -> None:
    """Every number once, of 4 bytes or of 2; a table of rotations beside them is small."""
    place = locate(parse_reference(str(models / "base")))
    n_numbers = sum(one.n_numbers for one in place.files.tensors.values())
    for dtype, n_bytes in (("float32", 4), ("bfloat16", 2)):
        [whole] = planned(place.files, "base", dtype=dtype, max_memory={"cpu": "1GiB"})
        assert whole.device == "cpu"
        assert n_numbers * n_bytes <= whole.n_bytes <= n_numbers * n_bytes + 1024


def test_what_has_no_room_is_planned_for_the_disk(models: Path) -> None:
    place = locate(parse_reference(str(models / "base")))
    shares = planned(place.files, "base", dtype="float32", max_memory={"cpu": 80_000})
    assert [one.device for one in shares] == ["cpu", "disk"]
    assert all(one.n_bytes > 0 and one.n_modules > 0 for one in shares)
    assert shares[0].n_bytes <= 80_000


def test_a_plan_of_what_is_no_model_is_an_error_of_ours(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "base", tmp_path / "changed")
    config = tmp_path / "changed" / "config.json"
    config.write_text(config.read_text().replace('"model_type": "llama"', '"model_type": "nobody"'))
    with pytest.raises(ModelFilesError, match="no device map can be planned"):
        planned(model_files(tmp_path / "changed"), "changed", dtype="float32")


def test_weights_left_on_disk_give_the_same_numbers(models: Path) -> None:
    """Layers are read from their very files when they are needed; packs, which run through one device, are not used."""
    whole = opened(models / "base", dtype="float32")
    spread = opened(models / "base", dtype="float32", device_map="auto", max_memory={"cpu": 80_000})
    assert devices_of(spread.model) == ("cpu", "disk")
    assert nats(spread) == pytest.approx(nats(whole), abs=5e-4)
    assert spread.scoring.path == "padded"
    assert "several places (cpu, disk)" in spread.scoring.reason
    assert spread.fingerprint.device == "cpu"
    assert spread.fingerprint.n_parameters == whole.fingerprint.n_parameters


def test_an_adapter_on_weights_left_on_disk_is_refused_by_name(models: Path) -> None:
    """Its layers would be put beside weights that are not there."""
    reference = f"{models / 'base'}+{models / 'adapter'}"
    with pytest.raises(UsageError, match=r"lie in several places \(cpu, disk\)"):
        opened(reference, dtype="float32", device_map="auto", max_memory={"cpu": 80_000})


def test_the_folder_of_what_was_offloaded_goes_with_the_model(models: Path) -> None:
    """A cache that kept every one would hold a copy of each model for good."""
    spread = opened(models / "base", dtype="float32", device_map="auto", max_memory={"cpu": 80_000})
    home = Path(os.environ["BIASAUDIT_CACHE"]) / "offload"
    assert list(home.iterdir())
    spread.close()
    del spread
    gc.collect()
    assert list(home.iterdir()) == []


def test_a_model_that_has_room_on_one_device_is_packed_as_ever(models: Path) -> None:
    spread = opened(models / "base", dtype="float32", device_map="auto")
    assert nats(spread) == pytest.approx(nats(opened(models / "base", dtype="float32")), abs=5e-4)
    assert spread.scoring.path == "packed"


def test_a_dry_run_says_where_the_parts_would_lie(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from biasaudit import api
    from biasaudit.audits.dry_run import dry_run

    probe = str(save_probe(tmp_path / "mini"))
    pair = str(models / "base"), f"{models / 'base'}+{models / 'adapter'}"
    plan = api.planned(*pair, probes=[probe], device_map="auto", device="cpu")
    print_forecast(dry_run(plan, out=tmp_path / "out"))
    said = capsys.readouterr().out
    assert said.count("  on cpu ") == 2
    assert "MB of weights" in said


def test_an_audit_runs_with_weights_spread_over_what_there_is(models: Path, tmp_path: Path) -> None:
    """On a machine with one device that has room, the numbers and the engine are those of any audit."""
    probe = str(save_probe(tmp_path / "mini"))
    pair = str(models / "base"), f"{models / 'base'}+{models / 'adapter'}"
    settings: dict[str, Any] = {"probes": [probe], "framing_names": ("plain",), "device": "cpu"}
    spread = biasaudit.audit(*pair, device_map="auto", **settings)
    whole = biasaudit.audit(*pair, **settings)
    assert spread.scores["d_nats"].tolist() == pytest.approx(whole.scores["d_nats"].tolist(), abs=1e-3)
    assert spread.manifest.plan["device_map"] == "auto"
