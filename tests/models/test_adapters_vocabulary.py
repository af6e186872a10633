"""Adapters that were trained with more words than their base has."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import LineageError
from biasaudit.models import ModelShelf, locate, parse_reference
from tests.models.adapter_kinds import by_hand, fresh, opened, save_kind, scored
from tests.models.test_adapters import save_gpt2
from tests.tiny import save_model

WORDS = ["<think>", "</think>"]
LLAMA = {"r": 2, "target_modules": ["q_proj", "v_proj"]}
GPT2 = {"r": 2, "target_modules": ["c_attn"], "fan_in_fan_out": True}
CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "embeddings beside LoRA": ("llama", LLAMA),
    "saved modules": ("llama", {**LLAMA, "modules_to_save": ["embed_tokens", "lm_head"]}),
    "LoRA on them": ("llama", {**LLAMA, "target_modules": ["q_proj", "embed_tokens", "lm_head"]}),
    "the new words alone": ("llama", {**LLAMA, "trainable_token_indices": [260, 261]}),
    "tied": ("gpt2", GPT2),
    "tied, with saved modules": ("gpt2", {**GPT2, "modules_to_save": ["wte", "lm_head"]}),
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    save_model(folder / "llama", seed=1)
    return {"llama": folder / "llama", "gpt2": save_gpt2(folder / "gpt2")}


def save_resized(base: Path, folder: Path, settings: Mapping[str, Any], *, whole: bool = True) -> Callable[[], Any]:
    """Save an adapter on a base with two more words, and its tokenizer; return how its maker loads it."""
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(WORDS)

    def resized() -> Any:
        model = fresh(base)
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        return model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(4)
        model: Any = get_peft_model(resized(), LoraConfig(task_type="CAUSAL_LM", **settings))
        for weight in model.parameters():
            if weight.requires_grad:
                weight.data.add_(0.05 * torch.randn(weight.shape))
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            layer.weight.data[260:].add_(torch.randn(2, 32))
        model.save_pretrained(str(folder), save_embedding_layers="auto" if whole else False)
    tokenizer.save_pretrained(str(folder))

    def as_its_maker() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return PeftModel.from_pretrained(resized(), str(folder)).eval()

    return as_its_maker


@pytest.mark.parametrize("case", CASES)
def test_an_adapter_with_new_words_scores_as_its_maker_loads_it(
    bases: dict[str, Path], tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a base resized like it, with the new words among the texts; the base afterwards is the base."""
    name, settings = CASES[case]
    texts = [((0, 4, 260), (9, 261, 40)), ((0,), (260, 5, 261, 7))]
    tuned = save_resized(bases[name], tmp_path / "adapter", settings)()
    bare = by_hand(fresh(bases[name]))
    shelf = ModelShelf()
    assert scored(opened(shelf, bases[name])) == pytest.approx(bare, abs=1e-5)
    loaded = opened(shelf, bases[name], tmp_path / "adapter")
    assert loaded.fingerprint.vocabulary_size == 262
    assert loaded.tokenizer("<think>", add_special_tokens=False)["input_ids"] == [260]
    with monkeypatch.context() as patch:
        patch.setattr("tests.models.adapter_kinds.token_ids", lambda: texts)
        expected = by_hand(tuned)
        assert scored(loaded) == pytest.approx(expected, abs=1e-5)
        assert scored(loaded, plain=True) == pytest.approx(expected, abs=1e-5)
    assert scored(opened(shelf, bases[name])) == pytest.approx(bare, abs=1e-5)


def test_new_words_whose_embeddings_were_not_saved_are_refused_before_loading(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    """peft leaves them out where it cannot tell that the base was resized; nobody has them any more."""
    save_resized(bases["llama"], tmp_path / "adapter", LLAMA, whole=False)
    with pytest.raises(LineageError, match=r"adds tokens \(<think>, </think>\) for which neither it nor the base"):
        locate(parse_reference(f"{bases['llama']}+{tmp_path / 'adapter'}"))


def test_embeddings_that_are_brought_in_part_are_refused(bases: dict[str, Path], tmp_path: Path) -> None:
    """LoRA on the output layer says how many words there were, and not what the new ones began as."""
    save_resized(bases["llama"], tmp_path / "adapter", {**LLAMA, "target_modules": ["lm_head"]}, whole=False)
    with pytest.raises(LineageError, match="trained with 262 embeddings, where the base has 260"):
        opened(ModelShelf(), bases["llama"], tmp_path / "adapter")


def test_tensors_for_vocabularies_of_several_sizes_are_refused(bases: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_kind(
        "LORA", bases["llama"], tmp_path / "adapter", **LLAMA, modules_to_save=["embed_tokens", "lm_head"]
    )
    path = folder / "adapter_model.safetensors"
    weights = load_file(path)
    weights["base_model.model.lm_head.weight"] = weights["base_model.model.lm_head.weight"][:-1].clone()
    save_file(weights, path)
    with pytest.raises(LineageError, match=r"several sizes: .*embed_tokens.weight for 260, lm_head.weight for 259"):
        locate(parse_reference(f"{bases['llama']}+{folder}"))
