from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import ModelFilesError
from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.local.loading import check_before_loading, size_of
from tests.models.architectures import ARCHITECTURES, LLAMA_LIKE, save_architecture
from tests.models.test_engine import TEXTS, by_hand, values
from tests.tiny import save_model, save_tokenizer

Tensors = dict[str, Any]


def changed(models: Path, target: Path, change: Callable[[Tensors], None], **config: object) -> Path:
    """A copy of the base whose tensors, and lines of whose config.json, are others."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(models / "base", target)
    tensors = load_file(target / "model.safetensors")
    change(tensors)
    save_file({name: one.clone() for name, one in tensors.items()}, target / "model.safetensors", {"format": "pt"})
    content = json.loads((target / "config.json").read_text(encoding="utf-8"))
    (target / "config.json").write_text(json.dumps({**content, **config}), encoding="utf-8")
    return target


def checked(folder: Path) -> None:
    check_before_loading(locate(parse_reference(str(folder))))


def refused(folder: Path, match: str) -> None:
    """Both before anything is loaded and when it is; each alone would let a number out."""
    with pytest.raises(ModelFilesError, match=match):
        checked(folder)
    with pytest.raises(ModelFilesError, match=match):
        ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))


def test_weights_without_an_output_layer_are_refused_by_name(models: Path, tmp_path: Path) -> None:
    """They were scored with random numbers, and an audit found that 99.6 % of the lean was gone."""
    refused(changed(models, tmp_path / "m", lambda tensors: tensors.pop("lm_head.weight")), "1 missing: lm_head.weight")


def test_a_tensor_without_a_place_is_refused_by_name(models: Path, tmp_path: Path) -> None:
    def add(tensors: Tensors) -> None:
        tensors["score.weight"] = tensors["lm_head.weight"][:1]

    refused(changed(models, tmp_path / "m", add), "has no place for: score.weight")


def test_a_tensor_of_another_shape_is_refused_with_both_shapes(models: Path, tmp_path: Path) -> None:
    def cut(tensors: Tensors) -> None:
        tensors["lm_head.weight"] = tensors["lm_head.weight"][:-1]

    refused(changed(models, tmp_path / "m", cut), r"lm_head.weight \(is \[259, 32\], should be \[260, 32\]\)")


def test_a_whole_layer_that_is_absent_is_counted(models: Path, tmp_path: Path) -> None:
    """A shard that was left out of a copy, with an index made to fit."""

    def drop(tensors: Tensors) -> None:
        for name in [name for name in tensors if ".layers.1." in name]:
            del tensors[name]

    refused(changed(models, tmp_path / "m", drop), r"9 missing: model\.layers\.1\.")


def test_more_layers_in_the_file_than_in_the_configuration_are_refused(models: Path, tmp_path: Path) -> None:
    """A shortened model is another one than its weights say."""
    refused(changed(models, tmp_path / "m", lambda _: None, num_hidden_layers=1), "has no place for: model.layers.1")


def test_tied_weights_need_one_copy(tmp_path: Path) -> None:
    """gpt2 saves no output layer of its own, and is right without one."""
    model = ModelShelf(dtype="float32").open(
        locate(parse_reference(str(save_architecture(tmp_path / "m", "gpt2", ARCHITECTURES["gpt2"]))))
    )
    assert "lm_head.weight" not in locate(parse_reference(str(tmp_path / "m"))).files.tensors
    assert values(model, TEXTS) == pytest.approx([by_hand(model, one) for one in TEXTS], abs=1e-5)


def test_two_copies_that_differ_where_the_configuration_says_tied_are_refused(models: Path, tmp_path: Path) -> None:
    """The loader warns, takes both, and the model is not the one that its configuration describes."""
    folder = changed(models, tmp_path / "m", lambda _: None, tie_word_embeddings=True)
    with pytest.raises(ModelFilesError, match="was not loaded as it should be: The tied weights mapping"):
        ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))


@pytest.mark.parametrize("name", ["model.layers.0.self_attn.rotary_emb.inv_freq", "model.embeddings.position_ids"])
def test_tables_that_older_versions_saved_are_no_weights(models: Path, tmp_path: Path, name: str) -> None:
    def add(tensors: Tensors) -> None:
        tensors[name] = tensors["model.norm.weight"][:4]

    folder = changed(models, tmp_path / "m", add)
    checked(folder)
    found = ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))
    base = ModelShelf(dtype="float32").open(locate(parse_reference(str(models / "base"))))
    assert values(found, TEXTS) == values(base, TEXTS)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_by_name(models: Path, tmp_path: Path, value: float) -> None:
    def spoil(tensors: Tensors) -> None:
        tensors["model.layers.1.mlp.up_proj.weight"][3, 5] = value

    folder = changed(models, tmp_path / "m", spoil)
    with pytest.raises(ModelFilesError, match=r"1 of 2,048 in model\.layers\.1\.mlp\.up_proj\.weight"):
        ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))


def test_weights_whose_sum_is_too_large_for_a_float_are_finite(models: Path, tmp_path: Path) -> None:
    """The sum is only a quick look: where it is infinite, the numbers themselves decide."""
    import torch

    from biasaudit.models.local.weights import refuse_not_finite

    layer = torch.nn.Linear(4, 4)
    layer.weight.data.fill_(3e38)
    refuse_not_finite(layer, "m")  # type: ignore[arg-type]  # any module has parameters


def test_a_bert_is_refused_by_what_it_is(tmp_path: Path) -> None:
    """Its class has a place among the causal ones, and was scored with attention both ways."""
    from transformers import BertConfig, BertForMaskedLM

    n_words = save_tokenizer(tmp_path, chat_template=None)
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    BertForMaskedLM(BertConfig(vocab_size=n_words, **sizes)).save_pretrained(tmp_path)
    with pytest.raises(ModelFilesError, match=r"(?s)BertForMaskedLM\) is an encoder.*causal language models"):
        locate(parse_reference(str(tmp_path)))


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra"])
def test_an_encoder_with_the_name_of_a_causal_model_is_refused(tmp_path: Path, kind: str) -> None:
    """Only `is_decoder` tells these classes to look backwards."""
    folder = save_architecture(tmp_path, kind, {**ARCHITECTURES[kind], "is_decoder": False})
    with pytest.raises(ModelFilesError, match="is an encoder, which sees the words on both sides"):
        checked(folder)


def test_a_model_that_looks_ahead_is_found_out_whatever_it_says(tmp_path: Path) -> None:
    """A Gemma 3 whose attention goes both ways: an embedding model under the name of a causal one."""
    sizes = {**ARCHITECTURES["gemma3_text"], "use_bidirectional_attention": True}
    folder = save_architecture(tmp_path, "gemma3_text", sizes)
    with pytest.raises(ModelFilesError, match="sees words before their turn"):
        ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("xlnet", {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64}),
        ("xlm", {"emb_dim": 32, "n_layers": 2, "n_heads": 4}),
    ],
)
def test_types_that_transformers_counts_as_causal_and_that_are_not_are_refused(
    tmp_path: Path, kind: str, sizes: dict[str, Any]
) -> None:
    folder = save_architecture(tmp_path, kind, sizes)
    with pytest.raises(ModelFilesError, match="sees words before their turn"):
        ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("LlamaForSequenceClassification", "a classifier or reward model"),
        ("LlamaForTokenClassification", "a classifier of tokens"),
        ("LlamaForQuestionAnswering", "a finder of answers"),
        ("Qwen2ForRewardModel", "a reward model"),
    ],
)
def test_other_heads_are_refused_by_name(models: Path, tmp_path: Path, architecture: str, kind: str) -> None:
    folder = changed(models, tmp_path / "m", lambda _: None, architectures=[architecture])
    with pytest.raises(ModelFilesError, match=rf"\({architecture}\) is {kind}"):
        locate(parse_reference(str(folder)))


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    n_words = save_tokenizer(tmp_path, chat_template=None)
    T5ForConditionalGeneration(
        T5Config(vocab_size=n_words, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4)
    ).save_pretrained(tmp_path)
    with pytest.raises(ModelFilesError, match="is an encoder-decoder"):
        locate(parse_reference(str(tmp_path)))


def test_a_model_of_pictures_is_refused(models: Path, tmp_path: Path) -> None:
    folder = changed(models, tmp_path / "m", lambda _: None, model_type="vit", architectures=["ViTModel"])
    with pytest.raises(ModelFilesError, match="a 'vit' model, which transformers cannot read as one of those"):
        checked(folder)


def test_a_model_type_that_nobody_knows_is_one_message(models: Path, tmp_path: Path) -> None:
    folder = changed(models, tmp_path / "m", lambda _: None, model_type="llama9000")
    refused(folder, "cannot be loaded as a causal language model")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_model_with_pictures_is_scored_by_its_words(tmp_path: Path) -> None:
    """Gemma 3 with a tower for pictures: texts alone run through the same words, as one plain forward does."""
    import torch
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    n_words = save_tokenizer(tmp_path, chat_template=None)
    torch.manual_seed(0)
    config = Gemma3Config(
        text_config={
            **LLAMA_LIKE,
            "head_dim": 8,
            "sliding_window": 16,
            "vocab_size": n_words,
            "initializer_range": 0.2,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 28,
            "patch_size": 14,
        },
        mm_tokens_per_image=4,
        image_token_index=2,
        boi_token_index=3,
        eoi_token_index=3,
    )
    Gemma3ForConditionalGeneration(config).save_pretrained(tmp_path)
    checked(tmp_path)
    model = ModelShelf(dtype="float32").open(locate(parse_reference(str(tmp_path))))
    fresh = Gemma3ForConditionalGeneration.from_pretrained(tmp_path)
    ids = torch.tensor([[0, *model.tokenizer("the nurse said")["input_ids"]]])
    with torch.inference_mode():
        expected = fresh(input_ids=ids).logits[0].double().log_softmax(-1)
    by_fresh = sum(float(expected[place, ids[0, place + 1]]) for place in range(ids.shape[1] - 1))
    [found] = model.continuation_logprobs([((0,), tuple(ids[0, 1:].tolist()))])
    assert sum(found) == pytest.approx(by_fresh, abs=1e-5)


@pytest.mark.parametrize("number", [10**9, 10**30])
@pytest.mark.parametrize("name", ["num_hidden_layers", "num_experts"])
def test_a_billion_layers_are_refused_before_they_are_built(
    models: Path, tmp_path: Path, name: str, number: int
) -> None:
    folder = changed(models, tmp_path / "m", lambda _: None, **{name: number})
    with pytest.raises(ModelFilesError, match=f"asks for {number:,} as '{name}', and the files hold 21 tensors"):
        locate(parse_reference(str(folder)))


@pytest.mark.parametrize(
    "config",
    [
        {"vocab_size": 10**12},
        {"hidden_size": 10**15},
        {"hidden_size": -1},
        {"vocab_size": "many"},
        {"num_attention_heads": 0},
        {"rope_parameters": {"rope_type": "none of these"}},
        {"hidden_act": "none of these"},
        {"architectures": "LlamaForCausalLM"},
        {"architectures": [3]},
        {"model_type": ["llama"]},
        {"torch_dtype": "float3"},
        {"quantization_config": {"quant_method": "none of these"}},
    ],
    ids=str,
)
def test_a_configuration_that_makes_no_sense_is_one_message(
    models: Path, tmp_path: Path, config: dict[str, object]
) -> None:
    """Refused, or without any meaning for the numbers; never a traceback, nor terabytes."""
    folder = changed(models, tmp_path / "m", lambda _: None, **config)
    with contextlib.suppress(ModelFilesError):
        found = ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))
        assert values(found, TEXTS) == pytest.approx([by_hand(found, one) for one in TEXTS], abs=1e-5)


def test_nothing_that_lies_beside_the_weights_is_loaded(models: Path, tmp_path: Path) -> None:
    """Other weights under names that a loader prefers, and code: the model is the one that was hashed."""
    folder = shutil.copytree(models / "base", tmp_path / "m")
    shutil.copy(models / "tuned" / "model.safetensors", folder / "shard-00001-model-00001-of-00001.safetensors")
    shutil.copy(models / "tuned" / "model.safetensors", folder / "consolidated.safetensors")
    shutil.copy(models / "tuned" / "model.safetensors", folder / "model.fp16.safetensors")
    plain = locate(parse_reference(str(models / "base")))
    found = locate(parse_reference(str(folder)))
    assert found.weights == plain.weights
    assert values(ModelShelf(dtype="float32").open(found), TEXTS) == values(
        ModelShelf(dtype="float32").open(plain), TEXTS
    )


def test_a_model_that_cannot_run_is_one_message(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes that pass every comparison and do not fit one another, or code that takes no `logits_to_keep`."""
    from transformers import LlamaForCausalLM

    monkeypatch.setattr(LlamaForCausalLM, "forward", lambda self, input_ids: None)
    with pytest.raises(ModelFilesError, match=r"cannot be loaded as a causal language model: .*unexpected keyword"):
        ModelShelf(dtype="float32").open(locate(parse_reference(str(models / "base"))))


CODE = """
from transformers import LlamaConfig, LlamaForCausalLM


class OddConfig(LlamaConfig):
    model_type = "odd_for_a_test"


class OddForCausalLM(LlamaForCausalLM):
    config_class = OddConfig
"""


@pytest.mark.parametrize("whole", [True, False])
def test_code_that_comes_with_a_model_runs_where_it_was_asked_for_and_is_hashed(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    """And its weights are held to the same report as all others."""
    import transformers.dynamic_module_utils as dynamic

    monkeypatch.setattr(dynamic, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    classes = {"AutoConfig": "odd.OddConfig", "AutoModelForCausalLM": "odd.OddForCausalLM"}
    folder = changed(
        models,
        tmp_path / "m",
        lambda tensors: None if whole else tensors.pop("lm_head.weight"),
        model_type="odd_for_a_test",
        auto_map=classes,
        architectures=["OddForCausalLM"],
    )
    before = locate(parse_reference(str(folder))).weights
    (folder / "odd.py").write_text(CODE, encoding="utf-8")
    located = locate(parse_reference(str(folder)))
    assert located.weights != before
    with pytest.raises(ModelFilesError, match="cannot be loaded as a causal language model"):
        check_before_loading(located)
    with pytest.raises(ModelFilesError, match="cannot be loaded as a causal language model"):
        ModelShelf(dtype="float32").open(located)
    check_before_loading(located, trust_remote_code=True)
    trusting = ModelShelf(dtype="float32", trust_remote_code=True)
    if whole:
        plain = ModelShelf(dtype="float32").open(locate(parse_reference(str(models / "base"))))
        assert values(trusting.open(located), TEXTS) == values(plain, TEXTS)
    else:
        with pytest.raises(ModelFilesError, match=r"1 missing: lm_head\.weight"):
            trusting.open(located)


def test_loading_says_nothing_by_itself(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No report that scrolls by, and no bars; the library's own logging is as it was afterwards."""
    before = list(logging.getLogger("transformers").handlers)
    ModelShelf(dtype="float32").open(locate(parse_reference(str(models / "base"))))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("transformers").handlers == before


def test_sizes_are_read_from_the_heads_of_files(tmp_path: Path) -> None:
    """By hand: 2 x 260 x 32 for words, 2 layers of 4 x 32 x 32 + 3 x 32 x 64 + 2 x 32, and a norm of 32."""
    save_model(tmp_path, seed=1)
    found = size_of(locate(parse_reference(str(tmp_path))))
    assert found.n_parameters == 2 * 260 * 32 + 2 * (4 * 32 * 32 + 3 * 32 * 64 + 2 * 32) + 32
    assert (found.dtype, found.format, found.n_files) == ("float32", "safetensors", 1)
    assert found.n_bytes == (tmp_path / "model.safetensors").stat().st_size
