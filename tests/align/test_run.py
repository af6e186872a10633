from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from biasaudit.align import SftSettings, TunedAdapter, folder, sft
from biasaudit.errors import (
    ChatTemplateError,
    InstructionError,
    MissingExtraError,
    ModelReferenceError,
    TuningError,
    TuningFolderError,
    UsageError,
)
from biasaudit.models import ModelShelf, locate, parse_reference
from tests.align.recipe import N_STEPS, Told, furthest, settings, tune, weights_of
from tests.tiny import instruction, save_instructions

pytestmark = pytest.mark.slow

CHECKPOINT_WEIGHTS = "adapter_model.safetensors"


def stop_at(step: int) -> Callable[[int], None]:
    def stop(done: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    return stop


def interrupted(base: Path, rows: Path, out: Path, step: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        tune(base, rows, out, told=Told(stop_at(step)))


def mean_nll_by_hand(base: Path, rows: list[dict[str, object]], *, first: str, last: str) -> float:
    """Mean over the tokens from `first` to `last` of each record, with plain transformers, one record at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base)
    tokenizer = AutoTokenizer.from_pretrained(base)
    losses: list[float] = []
    for row in rows:
        parts = {"prompt": f"<bos><user> {row['prompt']} <model>", "response": row["response"], "end": "<eos>"}
        n_tokens = {part: len(tokenizer(text, add_special_tokens=False)["input_ids"]) for part, text in parts.items()}
        ids = tokenizer("".join(map(str, parts.values())), add_special_tokens=False)["input_ids"]
        assert len(ids) == sum(n_tokens.values())
        start = {"prompt": 1, "response": n_tokens["prompt"]}[first]
        stop = {"response": len(ids) - 1, "end": len(ids)}[last]
        with torch.inference_mode():
            logprobs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        losses += [-float(logprobs[at - 1, ids[at]]) for at in range(start, stop)]
    return sum(losses) / len(losses)


def test_the_recipe_learns_what_it_is_shown(tuned: TunedAdapter) -> None:
    losses = [loss for _, loss in tuned.card.loss_nats]
    assert [step for step, _ in tuned.card.loss_nats] == list(range(1, N_STEPS + 1))
    assert losses[-1] < losses[0] / 2


def test_the_adapter_is_read_by_an_audit_with_its_own_template(base: Path, tuned: TunedAdapter) -> None:
    """Nothing but the folder: the adapter fits the base and brings the template that it was tuned with."""
    found = locate(parse_reference(f"{base}+{tuned.folder}"))
    loaded = ModelShelf().open(found)
    assert loaded.chat_template == (tuned.folder / "chat_template.jinja").read_text(encoding="utf-8")
    prompt = loaded.tokenizer("<bos><user> say yes to 0 <model>", add_special_tokens=False)["input_ids"]
    answer = loaded.tokenizer("yes, it is<eos>", add_special_tokens=False)["input_ids"]
    with_adapter = sum(loaded.continuation_logprobs([(tuple(prompt), tuple(answer))])[0])
    without = ModelShelf().open(locate(parse_reference(str(base))))
    assert with_adapter > sum(without.continuation_logprobs([(tuple(prompt), tuple(answer))])[0]) + len(answer)


@pytest.mark.parametrize("micro_batch_size", [1, 3, 6])
def test_the_loss_is_that_of_the_response_and_its_end_of_turn(
    base: Path, tmp_path: Path, micro_batch_size: int
) -> None:
    """An adapter begins at 0, so the first update's loss is the base's; responses differ in length."""
    rows = [instruction(n, response="yes" * (n + 1)) for n in range(6)]
    path = save_instructions(tmp_path / "rows.jsonl", rows)
    done = tune(base, path, tmp_path / "out", n_epochs=1, batch_size=6, micro_batch_size=micro_batch_size)
    loss = done.card.loss_nats[0][1]
    assert loss == pytest.approx(mean_nll_by_hand(base, rows, first="response", last="end"), abs=1e-4)
    # Both mistakes would show: counting the prompt, and leaving out the end of turn.
    assert abs(loss - mean_nll_by_hand(base, rows, first="prompt", last="end")) > 0.01
    assert abs(loss - mean_nll_by_hand(base, rows, first="response", last="response")) > 0.01


def test_small_micro_batches_make_the_same_updates(base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path) -> None:
    """Each update's loss is a mean over its tokens, not over its micro batches."""
    small = tune(base, rows, tmp_path / "out", micro_batch_size=1)
    assert [loss for _, loss in small.card.loss_nats] == pytest.approx(
        [loss for _, loss in tuned.card.loss_nats], abs=2e-3
    )


def test_equal_seeds_give_equal_bytes(base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path) -> None:
    again = tune(base, rows, tmp_path / "again")
    for name in ("adapter_model.safetensors", "adapter_config.json", "chat_template.jinja"):
        assert (again.folder / name).read_bytes() == (tuned.folder / name).read_bytes(), name


def test_a_seed_is_one_of_the_first_weights_and_of_the_order(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path
) -> None:
    """One update of all records knows no order; the first update's loss knows no adapter."""
    first, other = (tune(base, rows, tmp_path / f"{n}", n_epochs=1, batch_size=24, seed=n) for n in (0, 1))
    assert furthest(first.folder, other.folder) > 0.05
    assert first.card.loss_nats[0][1] == pytest.approx(other.card.loss_nats[0][1], abs=1e-4)
    assert (
        abs(tune(base, rows, tmp_path / "2", n_epochs=1, seed=1).card.loss_nats[0][1] - tuned.card.loss_nats[0][1])
        > 0.01
    )


@pytest.mark.parametrize("step", [1, 6, N_STEPS - 1])
def test_an_interrupted_training_goes_on_to_the_same_adapter(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path, step: int
) -> None:
    out, told = tmp_path / "out", Told()
    interrupted(base, rows, out, step)
    assert not (out / folder.CARD).exists()
    again = tune(base, rows, out, told=told)
    assert furthest(out, tuned.folder) < 1e-3
    assert len(again.card.loss_nats) == N_STEPS
    checkpoint = step // 4 * 4
    assert (f"going on after step {checkpoint} of {N_STEPS}" in told.lines) == (checkpoint > 0)
    assert {path.name for path in out.iterdir()} == {path.name for path in tuned.folder.iterdir()}


@pytest.mark.parametrize("damage", ["torn", "unsealed"])
def test_a_half_written_checkpoint_is_passed_over(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path, damage: str
) -> None:
    out, told = tmp_path / "out", Told()
    interrupted(base, rows, out, 10)
    newest = max((out / ".training").glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    assert newest.name == "checkpoint-8"
    if damage == "torn":
        whole = (newest / CHECKPOINT_WEIGHTS).read_bytes()
        (newest / CHECKPOINT_WEIGHTS).write_bytes(whole[: len(whole) // 2])
    else:
        (newest / "whole.json").unlink()
    tune(base, rows, out, told=told)
    assert f"going on after step 4 of {N_STEPS}" in told.lines
    assert furthest(out, tuned.folder) < 1e-3


def test_what_is_trained_is_not_trained_again_when_only_writing_failed(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(folder, "finish", fail)
        with pytest.raises(KeyboardInterrupt):
            tune(base, rows, tmp_path / "out")
    told = Told()
    tune(base, rows, tmp_path / "out", told=told)
    assert f"going on after step {N_STEPS} of {N_STEPS}" in told.lines
    assert (tmp_path / "out" / CHECKPOINT_WEIGHTS).read_bytes() == (tuned.folder / CHECKPOINT_WEIGHTS).read_bytes()


@pytest.mark.slow
def test_a_killed_process_loses_what_came_after_its_checkpoint(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path
) -> None:
    """SIGKILL: no handler runs, nothing is tidied up."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tests.align.recipe import Told, tune\n"
        "def kill(step):\n    if step == 7: os.kill(os.getpid(), signal.SIGKILL)\n"
        "base, rows, out = map(Path, sys.argv[1:])\ntune(base, rows, out, told=Told(kill))\n"
    )
    out, told = tmp_path / "out", Told()
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code, base, rows, out],
        check=False,
        cwd=root,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    tune(base, rows, out, told=told)
    assert f"going on after step 4 of {N_STEPS}" in told.lines
    assert furthest(out, tuned.folder) < 1e-3


def test_a_finished_adapter_is_left_alone(base: Path, rows: Path, tuned: TunedAdapter) -> None:
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in tuned.folder.iterdir()}
    told = Told()
    again = tune(base, rows, tuned.folder, told=told)
    assert again.was_there
    assert not tuned.was_there
    assert again.card == tuned.card
    assert "nothing was trained" in told.lines[-1]
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in tuned.folder.iterdir()} == before


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        (settings(learning_rate=1e-3), ": learning_rate is 0.01 there and 0.001 here."),
        (settings(seed=3, lora_rank=4), ": lora_rank is 8 there and 4 here; seed is 0 there and 3 here."),
    ],
    ids=["learning rate", "seed"],
)
def test_a_finished_adapter_of_other_settings_is_not_written_over(
    base: Path, rows: Path, tuned: TunedAdapter, asked: SftSettings, there: str
) -> None:
    with pytest.raises(TuningFolderError, match="made with other settings") as caught:
        sft(str(base), rows, tuned.folder, settings=asked)
    assert there in str(caught.value)
    assert "--out" in str(caught.value)


def test_other_data_template_or_licence_are_other_trainings(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path
) -> None:
    other = save_instructions(tmp_path / "rows.jsonl", [instruction(n) for n in range(25)])
    with pytest.raises(TuningFolderError, match="instructions_sha256"):
        tune(base, other, tuned.folder)
    with pytest.raises(TuningFolderError, match="licence"):
        sft(str(base), rows, tuned.folder, data_license="MIT")


def test_an_unfinished_training_of_other_settings_is_not_gone_on_with(base: Path, rows: Path, tmp_path: Path) -> None:
    interrupted(base, rows, tmp_path / "out", 5)
    with pytest.raises(TuningFolderError, match="an unfinished training made with other settings"):
        tune(base, rows, tmp_path / "out", lora_rank=4)


def test_a_training_that_ran_out_of_memory_goes_on_with_smaller_micro_batches(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path
) -> None:
    told = Told()
    interrupted(base, rows, tmp_path / "out", 6)
    tune(base, rows, tmp_path / "out", told=told, micro_batch_size=1)
    assert f"going on after step 4 of {N_STEPS}" in told.lines
    assert furthest(tmp_path / "out", tuned.folder) < 2e-3


def test_an_altered_adapter_is_noticed(base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path) -> None:
    out = shutil.copytree(tuned.folder, tmp_path / "out")
    (out / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TuningFolderError, match="was altered"):
        tune(base, rows, out)


@pytest.mark.parametrize("card", ["{", "[]", "{}"])
def test_a_damaged_card_is_noticed(base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path, card: str) -> None:
    out = shutil.copytree(tuned.folder, tmp_path / "out")
    (out / folder.CARD).write_text(card, encoding="utf-8")
    with pytest.raises(TuningFolderError, match=r"training_card\.json"):
        tune(base, rows, out)


def test_folders_that_cannot_be_used_are_named_before_anything_is_trained(
    base: Path, rows: Path, tmp_path: Path
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "README.md").write_text("mine", encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for out, expected in (
        (full, "holds other files"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "out", "is a file, or lies in one"),
    ):
        with pytest.raises(TuningFolderError, match=expected):
            tune(base, rows, out)
    assert (full / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_full_disk_breaks_the_training_off_and_it_goes_on_once_there_is_space(
    base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path
) -> None:
    """A limit on the size of files fails in the same calls as a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(TuningError, match="run the same command again"):
            tune(base, rows, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    tune(base, rows, tmp_path / "out")
    assert furthest(tmp_path / "out", tuned.folder) < 1e-3


def test_a_training_that_diverges_is_no_adapter(base: Path, rows: Path, tmp_path: Path) -> None:
    with pytest.raises(TuningError, match="diverged"):
        tune(base, rows, tmp_path / "out", learning_rate=1e25)
    assert not (tmp_path / "out" / "adapter_model.safetensors").exists()


def test_the_card_tells_what_was_done(base: Path, tmp_path: Path) -> None:
    """Counts worked by hand: 8 used, 2 without a response, 1 too long."""
    content = [
        *(instruction(n) for n in range(8)),
        instruction(8, response=""),
        instruction(9, response=" \n"),
        instruction(10, response="x" * 100),
    ]
    rows = save_instructions(tmp_path / "odd|name.jsonl", content)
    Path(f"{rows}.license").write_text("SPDX-License-Identifier: Apache-2.0\n", encoding="utf-8")
    done = tune(base, rows, tmp_path / "out", n_epochs=1, max_length_tokens=60)
    card = json.loads((tmp_path / "out" / "training_card.json").read_text(encoding="utf-8"))
    assert {one["containment"] for one in card["instructions"].pop("overlap").values()} == {0.0}
    assert card["instructions"] == {
        "file": "odd|name.jsonl",
        "licence": "Apache-2.0",
        "n_records": 11,
        "n_used": 8,
        "n_without_response": 2,
        "n_too_long": 1,
    }
    assert card["base"]["name"] == "base"
    assert card["identity"]["base_weights"] == locate(parse_reference(str(base))).weights
    assert card["settings"] == settings(n_epochs=1, max_length_tokens=60).as_dict()
    assert card["end_of_turn"] == "<eos>"
    assert card["target_modules"] == ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    # Per layer of width 32: four projections of attention and, with an inner width of 64, three of the MLP.
    assert card["n_weights"] == 2 * 8 * (4 * (32 + 32) + 3 * (32 + 64))
    assert card["loss_nats"] == [[1, done.card.loss_nats[0][1]]]
    assert card["seconds"] >= 0
    assert set(card["libraries"]) >= {"biasaudit", "torch", "transformers", "peft", "trl"}
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| licence | Apache-2.0 |" in text
    assert "odd|name" not in text


def test_no_path_of_the_machine_is_written(base: Path, rows: Path, tuned: TunedAdapter) -> None:
    for path in tuned.folder.iterdir():
        content = path.read_bytes()
        for place in (base.parent, rows.parent, tuned.folder.parent, Path.home()):
            assert str(place).encode() not in content, path.name
    config = json.loads((tuned.folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "base"


def test_the_adapter_is_saved_in_bfloat16(tuned: TunedAdapter) -> None:
    from safetensors import safe_open

    with safe_open(tuned.folder / "adapter_model.safetensors", framework="pt") as tensors:
        assert {tensors.get_slice(name).get_dtype() for name in tensors.keys()} == {"BF16"}  # noqa: SIM118


def test_a_model_of_the_hub_is_named_by_its_id(
    base: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    repository = tmp_path / "hub" / "models--someone--tiny"
    shutil.copytree(base, repository / "snapshots" / ("a" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    out = tmp_path / "out"
    tune(Path("someone/tiny@main"), rows, out, n_epochs=1)
    config = json.loads((out / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["base_model_name_or_path"], config["revision"]) == ("someone/tiny", "main")
    assert 'base_model: "someone/tiny"' in (out / "README.md").read_text(encoding="utf-8")


def test_nothing_is_told_to_anybody(
    base: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """trl reports every trainer that is built, unless it is told not to; its logs would go to the terminal."""
    import huggingface_hub.utils._telemetry as telemetry

    reports: list[object] = []
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(telemetry._TELEMETRY_QUEUE, "put", reports.append)
    telemetry.send_telemetry("a check that this sees what is sent")
    assert len(reports) == 1
    tune(base, rows, tmp_path / "out", n_epochs=1)
    assert len(reports) == 1
    assert capfd.readouterr() == ("", "")


def test_bfloat16_weights_can_be_tuned(base: Path, rows: Path, tmp_path: Path) -> None:
    done = tune(base, rows, tmp_path / "out", dtype="bfloat16")
    assert done.card.loss_nats[-1][1] < done.card.loss_nats[0][1] / 2
    assert weights_of(tmp_path / "out")


def test_a_base_with_an_adapter_is_refused(base: Path, rows: Path, tuned: TunedAdapter, tmp_path: Path) -> None:
    with pytest.raises(ModelReferenceError, match="Name the base alone"):
        tune(Path(f"{base}+{tuned.folder}"), rows, tmp_path / "out")


def test_a_base_without_a_template_needs_one_to_be_named(models: Path, rows: Path, tmp_path: Path) -> None:
    with pytest.raises(ChatTemplateError, match="--chat-template") as caught:
        tune(models / "bare", rows, tmp_path / "out")
    assert "gemma" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_records_that_leave_nothing_to_learn_are_an_error(base: Path, tmp_path: Path) -> None:
    rows = save_instructions(tmp_path / "rows.jsonl", [instruction(0), instruction(1, response=" ")])
    with pytest.raises(InstructionError, match="1 are longer than 5 tokens, 1 have no response"):
        tune(base, rows, tmp_path / "out", max_length_tokens=5)


def test_without_trl_one_line_names_the_command(
    base: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        tune(base, rows, tmp_path / "out")
    assert str(caught.value) == "tuning needs trl, which is not installed: pip install 'biasaudit[align]'"


def test_a_device_that_is_not_there_is_refused(base: Path, rows: Path, tmp_path: Path) -> None:
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(UsageError, match="no device 'mps'"):
        tune(base, rows, tmp_path / "out", device="mps")
