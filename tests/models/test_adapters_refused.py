"""Adapters that cannot be audited, or do not fit, end with one message before anything is scored."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import BiasauditError, LineageError, ModelFilesError
from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.local import adapters
from biasaudit.models.local.adapter_config import REFUSED
from biasaudit.models.text import patterns
from tests.models.adapter_kinds import by_hand, fresh, opened, save_kind, scored
from tests.tiny import save_model

Q = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


@pytest.fixture
def adapter(models: Path, tmp_path: Path) -> Path:
    """A copy of a good adapter, to be spoiled."""
    return Path(shutil.copytree(models / "adapter", tmp_path / "adapter"))


def changed(folder: Path, **fields: object) -> Path:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}), encoding="utf-8")
    return folder


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "adapter_model.safetensors")
    change(weights)
    save_file(weights, folder / "adapter_model.safetensors")
    return folder


def refusal(models: Path, folder: Path, *, base: str = "base", kind: type[BiasauditError] = LineageError) -> str:
    with pytest.raises(kind) as caught:
        locate(parse_reference(f"{models / base}+{folder}"))
    return str(caught.value)


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_kinds_that_do_more_than_change_weights_are_refused_by_name(models: Path, adapter: Path, kind: str) -> None:
    """Prompt tuning was scored as if its virtual tokens were not there, up to 53 nats off."""
    said = refusal(models, changed(adapter, peft_type=kind))
    assert kind in said
    assert REFUSED[kind] in said
    assert "LORA" in said


def test_prompt_tuning_as_peft_saves_it_is_refused(models: Path, tmp_path: Path) -> None:
    folder = save_kind("PROMPT_TUNING", models / "base", tmp_path / "prompt", num_virtual_tokens=3)
    assert "PROMPT_TUNING puts virtual tokens before every text" in refusal(models, folder)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"peft_type": "NOBODY"}, "field 'peft_type' is 'NOBODY'"),
        ({"peft_type": None}, "field 'peft_type' is None"),
        ({"task_type": "SEQ_CLS"}, "trained for the task 'SEQ_CLS'"),
        ({"alora_invocation_tokens": [5]}, "switched on by certain tokens"),
        ({"layer_replication": [[0, 2], [1, 2]]}, "repeats layers of the base"),
        ({"megatron_config": {"a": 1}, "megatron_core": "os"}, "made for layers of Megatron"),
        ({"init_lora_weights": "pissa_niter_4"}, "began as 'pissa_niter_4'"),
        ({"init_lora_weights": "loftq"}, "began as 'loftq'"),
        ({"use_something_new": True}, "peft knows no such setting"),
        ({"lora_alpha": float("nan")}, "'lora_alpha' holds nan; expected a finite number"),
        ({"r": 10**9}, "'r' is 1,000,000,000, and the adapter's file holds"),
        ({"r": 3}, "size mismatch for model.layers.0.self_attn.q_proj.lora_A"),
        ({"r": "two"}, "'<=' not supported between instances of 'str' and 'int'"),
        ({"lora_dropout": 7.5}, "dropout probability"),
        ({"layers_to_transform": [10**4]}, "made for another base"),
        ({"target_modules": ["nothing"]}, "made for another base"),
        ({"target_modules": ["q_proj"]}, "nothing in the base has the place model.layers.0.self_attn.v_proj"),
        ({"target_modules": ["q_proj", "v_proj", "o_proj"]}, "no weights for model.layers.0.self_attn.o_proj"),
        ({"modules_to_save": ["lm_head"]}, "its file lacks 'base_model.model.lm_head.weight'"),
        ({"alpha_pattern": {"o_proj": 3}}, "did not match any targeted module"),
        ({"target_modules": "("}, "is no regular expression: missing )"),
        ({"target_modules": "x" * 10**5 + "+"}, "is longer than"),
        ({"rank_pattern": {str(number): 2 for number in range(10**5)}}, "has 100,000 entries"),
    ],
)
def test_settings_that_cannot_be_right_are_named(
    models: Path, adapter: Path, fields: dict[str, object], expected: str
) -> None:
    assert expected in refusal(models, changed(adapter, **fields))


def test_what_a_newer_version_switched_off_is_no_matter(models: Path, adapter: Path) -> None:
    folder = changed(adapter, use_something_new=False, another=None, auto_mapping={"base_model_class": "os.system"})
    assert locate(parse_reference(f"{models / 'base'}+{folder}")).adapter is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"target_modules": r"(.*.*)*x"},
        {"exclude_modules": r"((\w|\.)+)+!"},
        {"alpha_pattern": {r"((\w|\.)+)+!": 3}},
        {"layers_to_transform": [0], "layers_pattern": [r"((\w|\.)+)+!"]},
        {"modules_to_save": [r"((\w|\.)+)+!"]},
    ],
)
def test_a_pattern_that_never_ends_is_stopped(
    models: Path, adapter: Path, fields: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matching one of these against one name of a module takes longer than the universe is old."""
    monkeypatch.setattr(patterns.refusal, "__kwdefaults__", {"limit_seconds": 0.5})
    began = time.monotonic()
    assert "a pattern in it takes more than 0.5 s" in refusal(models, changed(adapter, **fields))
    assert time.monotonic() - began < 20


def test_weights_that_find_no_place_are_named(models: Path, adapter: Path) -> None:
    """peft warned, and scored a random adapter."""
    rewritten(adapter, lambda weights: weights.update({Q.replace("q_proj", "qq_proj"): weights.pop(Q)}))
    assert "nothing in the base has the place model.layers.0.self_attn.qq_proj" in refusal(models, adapter)


def test_weights_that_the_file_lacks_are_named(models: Path, adapter: Path) -> None:
    rewritten(adapter, lambda weights: weights.pop(Q))
    assert "no weights for model.layers.0.self_attn.q_proj.lora_A" in refusal(models, adapter)


def test_biases_that_the_file_lacks_are_named(models: Path, adapter: Path, tmp_path: Path) -> None:
    """An adapter that says it brings all biases and brings none."""
    from tests.models.test_adapters import save_gpt2

    base = save_gpt2(tmp_path / "gpt2")
    folder = save_kind("LORA", base, tmp_path / "own", r=2, target_modules=["c_attn"], fan_in_fan_out=True)
    with pytest.raises(LineageError, match=r"no weights for transformer\.h\.0\.attn\.c_attn\.base_layer\.bias"):
        locate(parse_reference(f"{base}+{changed(folder, bias='all')}"))


def pipe(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()
    os.mkfifo(folder / "adapter_model.safetensors")


def pointer(folder: Path) -> None:
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    (folder / "adapter_model.safetensors").write_text(text, encoding="utf-8")


def truncated(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


def elsewhere(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "weights.safetensors")


def pickled(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def decoy(folder: Path) -> None:
    """What satisfied the check, while peft read the pickle beside it."""
    elsewhere(folder)
    (folder / "adapter_model.bin").write_bytes(b"\x80")


def no_tensors(folder: Path) -> None:
    rewritten(folder, lambda weights: weights.clear())


def config_pipe(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()
    os.mkfifo(folder / "adapter_config.json")


def deep_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("[" * 10**5, encoding="utf-8")


def deep_object(folder: Path) -> None:
    changed(folder)
    path = folder / "adapter_config.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-1] + ', "x": ' + '{"a":' * 900 + "1" + "}" * 901, encoding="utf-8")


def large_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(" " * 3_000_000, encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (pipe, "is no plain file"),
        (pointer, "is a pointer of Git LFS"),
        (truncated, "is not a whole safetensors file"),
        (elsewhere, "has no adapter_model.safetensors, but weights.safetensors"),
        (pickled, "pickled weights only"),
        (decoy, "has no adapter_model.safetensors, but weights.safetensors"),
        (no_tensors, "holds no weights"),
        (config_pipe, "is no plain file"),
        (deep_config, "cannot be read"),
        (deep_object, "peft knows no such setting"),
        (large_config, "expected at most 2,000,000"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    models: Path, adapter: Path, spoil: Callable[[Path], None], expected: str
) -> None:
    spoil(adapter)
    assert expected in refusal(models, adapter, kind=BiasauditError)


def test_weights_that_are_no_numbers_are_refused(models: Path, adapter: Path) -> None:
    rewritten(adapter, lambda weights: weights[Q].fill_(float("nan")))
    with pytest.raises(ModelFilesError, match=r"q_proj\.lora_A\.weight holds numbers that are not finite"):
        opened(ModelShelf(), models / "base", adapter)


def test_nothing_is_asked_of_the_hub(models: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name that is a folder is that folder, and a file that it lacks is lacking."""
    import huggingface_hub

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the hub was asked")

    for name in ("hf_hub_download", "snapshot_download", "file_exists"):
        monkeypatch.setattr(huggingface_hub, name, asked)
        monkeypatch.setattr(f"peft.utils.save_and_load.{name}", asked, raising=False)
    monkeypatch.chdir(adapter.parent)
    changed(adapter, base_model_name_or_path="someone/model")
    assert opened(ModelShelf(), models / "base", Path("adapter")).fingerprint.adapter is not None
    decoy(adapter)
    assert "has no adapter_model.safetensors" in refusal(models, Path("adapter"), kind=ModelFilesError)


def test_an_adapter_that_changes_nothing_is_told(models: Path, adapter: Path) -> None:
    """Saved before it was trained: its second matrices are 0."""
    rewritten(adapter, lambda weights: [one.zero_() for name, one in weights.items() if "lora_B" in name])
    said: list[str] = []
    opened(ModelShelf(say=said.append), models / "base", adapter)
    assert "the adapter adapter changes nothing: with it the model gives the base's numbers" in said


def test_after_an_adapter_was_refused_the_base_is_the_base(models: Path, adapter: Path) -> None:
    """peft stops in the middle of its work, with layers of the base exchanged already."""
    shelf = ModelShelf()
    good = locate(parse_reference(f"{models / 'base'}+{adapter}"))
    opened(shelf, models / "base")
    rewritten(adapter, lambda weights: weights.pop(Q))
    with pytest.raises(LineageError, match="no weights for"):
        shelf.open(good)
    assert scored(opened(shelf, models / "base")) == pytest.approx(by_hand(fresh(models / "base")), abs=1e-5)


def named(models: Path, name: str, *, base: str = "base") -> tuple[str, ...]:
    """Return what is said of an adapter whose card names a base."""
    found = locate(parse_reference(f"{models / base}+{models / 'adapter'}"))
    folder = found.folder.parent / "named"
    shutil.copytree(models / "adapter", folder, dirs_exist_ok=True)
    changed(folder, base_model_name_or_path=name)
    try:
        return adapters.notices_of(dataclasses.replace(found, adapter_folder=folder))
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "name", ["", "someone/base", "BASE", "unsloth/base-bnb-4bit", "/gone/base/", "base.Q4_K_M.gguf"]
)
def test_copies_of_the_base_by_name_are_not_told(models: Path, name: str) -> None:
    assert named(models, name) == ()


@pytest.mark.parametrize("name", ["someone/base-it", "meta-llama/Llama-2-7b-hf", "/home/someone/out/checkpoint-300"])
def test_a_card_that_names_another_base_is_told(models: Path, name: str) -> None:
    [said] = named(models, name)
    assert f"made for {name.rpartition('/')[2]!r}, and was put on 'base'" in said


def test_a_card_that_names_a_folder_with_other_weights_is_refused(models: Path, adapter: Path) -> None:
    changed(adapter, base_model_name_or_path=str(models / "tuned"))
    assert "made for another base" in refusal(models, adapter)
    assert "whose weights are not those of" in refusal(models, adapter)


def test_the_hash_of_an_adapter_is_that_of_its_two_files(models: Path, adapter: Path) -> None:
    """A file beside them changes nothing, as it is not read."""
    before = locate(parse_reference(f"{models / 'base'}+{adapter}")).adapter
    shutil.copy(models / "base" / "model.safetensors", adapter / "other.safetensors")
    assert locate(parse_reference(f"{models / 'base'}+{adapter}")).adapter == before
    changed(adapter, lora_alpha=9)
    assert locate(parse_reference(f"{models / 'base'}+{adapter}")).adapter != before


def test_a_model_that_is_opened_next_takes_the_place_of_the_last(tmp_path: Path) -> None:
    """Whoever still holds the checkpoint before does not hold its weights."""
    import weakref

    shelf = ModelShelf()
    for seed in (1, 2):
        save_model(tmp_path / str(seed), seed=seed)
    save_kind("LORA", tmp_path / "1", tmp_path / "adapter", r=2, target_modules=["q_proj"], modules_to_save=["lm_head"])
    gone: list[weakref.ref[Any]] = []
    held = []
    for base, place in (("1", None), ("1", tmp_path / "adapter"), ("2", None), ("1", None)):
        loaded = opened(shelf, tmp_path / base, place)
        scored(loaded)
        assert all(one() is None for one in gone)
        gone.append(weakref.ref(loaded.causal_model.get_input_embeddings().weight))
        held.append(loaded)
        if (base, place) == ("1", None) and len(gone) == 1:
            gone.clear()  # an adapter goes on the same weights
