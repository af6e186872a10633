from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.errors import LineageError
from biasaudit.models import Located, lineage, locate, parse_reference
from biasaudit.models.lineage import told_of
from biasaudit.models.text.vocabulary import Vocabulary, vocabulary_differences


def found(path: Path | str) -> Located:
    return locate(parse_reference(str(path)))


def retokenized(models: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A tuned model beside another tokenizer."""
    shutil.copytree(models / "tuned", target)
    path = target / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return target


def resized(folder: Path, n_words: int) -> Path:
    """Give the vocabulary of a model another number of rows, as tuning with new tokens or padding does."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    for name in ("lm_head.weight", "model.embed_tokens.weight"):
        rows = torch.zeros(n_words, tensors[name].shape[1])
        rows[: min(n_words, len(tensors[name]))] = tensors[name][:n_words]
        tensors[name] = rows
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": n_words}), encoding="utf-8")
    return folder


def swap(content: dict[str, Any]) -> None:
    words = content["model"]["vocab"]
    words["a"], words["e"] = words["e"], words["a"]


def test_a_tokenizer_of_equal_size_with_other_numbers_is_refused(models: Path, tmp_path: Path) -> None:
    """Sizes and architecture agree, and every text would be another one to the model."""
    tuned = retokenized(models, tmp_path / "m", swap)
    with pytest.raises(LineageError, match=r"2 tokens have other numbers \('a': \d+ and \d+, 'e': \d+ and \d+\)"):
        lineage(found(models / "base"), found(tuned))
    assert "DIFFERENT LINEAGE (2 tokens" in lineage(found(models / "base"), found(tuned), allow_different=True)


def test_words_in_place_of_other_words_are_refused(models: Path, tmp_path: Path) -> None:
    def rename(content: dict[str, Any]) -> None:
        content["model"]["vocab"]["zz"] = content["model"]["vocab"].pop("a")

    with pytest.raises(LineageError, match="1 numbers mean other tokens \\('a' and 'zz'\\)"):
        lineage(found(models / "base"), found(retokenized(models, tmp_path / "m", rename)))


def added(content: dict[str, Any], *names: str) -> None:
    template = content["added_tokens"][0]
    first = 260
    content["added_tokens"] += [
        {**template, "id": first + number, "content": name} for number, name in enumerate(names)
    ]


def test_added_tokens_and_rows_of_padding_are_accepted_and_told(models: Path, tmp_path: Path) -> None:
    """They were refused: "cannot have been tuned from"."""
    tuned = resized(retokenized(models, tmp_path / "m", lambda content: added(content, "<x>", "<y>")), 264)
    assert lineage(found(models / "base"), found(tuned)) == (
        "same architecture and sizes; the tuned vocabulary has 2 tokens more ('<x>', '<y>'), "
        "264 rows where the base has 260"
    )


def test_a_base_with_padding_is_the_base_of_a_model_without(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "base", tmp_path / "padded")
    padded = resized(tmp_path / "padded", 288)
    assert "260 rows where the base has 288" in lineage(found(padded), found(models / "tuned"))


def test_a_reserved_token_may_get_a_name(models: Path, tmp_path: Path) -> None:
    def rename(content: dict[str, Any]) -> None:
        for entry in content["added_tokens"]:
            if entry["content"] == "<user>":
                entry["content"] = "<|turn|>"
        content["model"]["vocab"]["<|turn|>"] = content["model"]["vocab"].pop("<user>")

    said = lineage(found(models / "base"), found(retokenized(models, tmp_path / "m", rename)))
    assert "1 reserved renamed ('<user>' is '<|turn|>')" in said


def test_a_file_that_says_the_same_in_other_words_is_the_same(models: Path, tmp_path: Path) -> None:
    tuned = retokenized(models, tmp_path / "m", lambda content: content.update(truncation=None))
    (tuned / "tokenizer.json").write_text(
        json.dumps(json.loads((tuned / "tokenizer.json").read_text(encoding="utf-8")), indent=1), encoding="utf-8"
    )
    assert lineage(found(models / "base"), found(tuned)) == "same architecture, sizes and vocabulary"


def test_another_width_is_refused_by_name(models: Path) -> None:
    with pytest.raises(LineageError, match="hidden_size is 32 in the base and 48"):
        lineage(found(models / "base"), found(models / "other"))


def test_tensors_of_other_shapes_are_no_tuning(models: Path, tmp_path: Path) -> None:
    """The configuration's sizes that are compared agree; the width of the middle layer does not."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = shutil.copytree(models / "tuned", tmp_path / "m")
    LlamaForCausalLM(LlamaConfig.from_pretrained(folder, intermediate_size=96)).save_pretrained(folder)
    with pytest.raises(LineageError, match=r"is \[32, 64\] in the base and \[32, 96\] in the tuned model"):
        lineage(found(models / "base"), found(folder))


def test_the_base_named_as_tuned_is_told(models: Path) -> None:
    located = {"base": found(models / "base"), "tuned": found(models / "base")}
    assert told_of(located) == [f"base and tuned are the same checkpoint: {models / 'base'}"]


def test_one_adapter_named_twice_is_told_and_two_models_are_not(models: Path) -> None:
    adapted = f"{models / 'base'}+{models / 'adapter'}"
    located = {
        "base": found(models / "base"),
        "one": found(adapted),
        "two": found(adapted),
        "x": found(models / "tuned"),
    }
    assert told_of(located) == [f"one and two are the same checkpoint: {adapted}"]


def test_equal_weights_in_other_files_are_told(models: Path, tmp_path: Path) -> None:
    """A "tuned" model that is the base, saved again in two shards: hashes of files differ, numbers do not."""
    from transformers import AutoModelForCausalLM

    folder = shutil.copytree(models / "base", tmp_path / "m")
    (folder / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(models / "base").save_pretrained(folder, max_shard_size="50KB")
    located = {"base": found(models / "base"), "tuned": found(folder)}
    assert located["base"].weights != located["tuned"].weights
    [sentence] = told_of(located)
    assert "hold equal weights in files that differ" in sentence


def test_one_number_makes_other_weights(models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models / "base", tmp_path / "m")
    raw = bytearray((folder / "model.safetensors").read_bytes())
    raw[-2] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(raw))
    assert told_of({"base": found(models / "base"), "tuned": found(folder)}) == []


words = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 9), max_size=8).map(
    lambda numbers: Vocabulary(
        numbers={token: n for n, token in {n: t for t, n in numbers.items()}.items()}, special=frozenset()
    )
)


@given(words)
def test_a_vocabulary_does_not_differ_from_itself(one: Vocabulary) -> None:
    differences = vocabulary_differences(one, one)
    assert (differences.contrary, differences.told) == ((), ())


@given(words, words)
def test_what_contradicts_one_way_contradicts_the_other(one: Vocabulary, other: Vocabulary) -> None:
    """Tokens with other numbers are seen from both sides."""

    def moved(first: Vocabulary, second: Vocabulary) -> bool:
        return any("other numbers" in text for text in vocabulary_differences(first, second).contrary)

    assert moved(one, other) == moved(other, one)
