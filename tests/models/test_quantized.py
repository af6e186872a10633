"""Weights in fewer bits: loaded, scored and told apart; refused by name where their library is absent."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit.errors import DifferentEnginesError, MissingExtraError, ModelFilesError, PartsError
from biasaudit.framing import request_key
from biasaudit.models import locate, parse_reference
from biasaudit.models.backend import Settings
from biasaudit.models.backends import local
from biasaudit.models.cache import cache_identity
from biasaudit.models.likelihood import score
from biasaudit.models.local.loading import ModelShelf, check_before_loading
from biasaudit.models.local.quantized import LIBRARIES, scheme_of
from biasaudit.types import Request, Scored
from tests.tiny import save_adapter, save_model, save_probe

TEXTS = ("she is a nurse", "he is a nurse", "the cat is good", "a much longer text than all of the others here are")
REQUESTS = [
    Request(
        key=request_key("", text, templated=False),
        probe_id="p",
        item_id=str(n),
        part="first",
        framing_id="plain",
        context="",
        continuation=text,
        templated=False,
    )
    for n, text in enumerate(TEXTS)
]
SCHEMES = ["nf4", "int8", "torchao"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "base"
    save_model(folder, seed=1, hidden_size=64)
    return folder


@pytest.fixture(scope="module")
def saved(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same weights, quantised and saved, by each library that is here."""
    folders = {}
    for name in SCHEMES:
        config = config_of(name)
        if config is None:
            continue
        from transformers import AutoModelForCausalLM

        folder = folders[name] = tmp_path_factory.mktemp(name) / "base"
        model = AutoModelForCausalLM.from_pretrained(
            plain, quantization_config=config, device_map={"": "cpu"}, dtype="float32"
        )
        model.save_pretrained(folder)
        for path in (*plain.glob("tokenizer*"), *plain.glob("*.jinja")):
            shutil.copy(path, folder)
    return folders


def config_of(scheme: str) -> Any:  # Any: of transformers
    """The configuration of a scheme, or None where its library is not here."""
    import importlib.util

    import transformers

    library = "torchao" if scheme == "torchao" else "bitsandbytes"
    if importlib.util.find_spec(library) is None:
        return None
    if scheme == "torchao":
        from torchao.quantization import Int8WeightOnlyConfig

        return transformers.TorchAoConfig(Int8WeightOnlyConfig())
    made: Any = transformers.BitsAndBytesConfig  # Any: of a library without types
    if scheme == "int8":
        return made(load_in_8bit=True, llm_int8_threshold=0.0)
    return made(load_in_4bit=True, bnb_4bit_quant_type="nf4")


def folder_of(saved: dict[str, Path], scheme: str) -> Path:
    if scheme not in saved:
        pytest.skip(f"the library of {scheme} is not here: pip install 'biasaudit[quantized]'")
    return saved[scheme]


def opened(reference: object, **settings: Any) -> Any:  # Any: fields of a shelf
    return ModelShelf(device="cpu", **settings).open(locate(parse_reference(str(reference))))


def nats(loaded: Any) -> list[float]:  # Any: a LoadedModel
    return [sum(one.token_logprobs_nats) for one in score(loaded, REQUESTS) if isinstance(one, Scored)]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            {"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True},
            "gptq, 4 bits, groups of 128, symmetric True",
        ),
        (
            {"quant_method": "awq", "bits": 4, "zero_point": True, "version": "gemm"},
            "awq, 4 bits, zero point True, kernel gemm",
        ),
        ({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "bitsandbytes nf4, computed in float32"),
        (
            {"load_in_4bit": True, "bnb_4bit_compute_dtype": "bfloat16", "bnb_4bit_use_double_quant": True},
            "bitsandbytes fp4, scales quantised too, computed in bfloat16",
        ),
        ({"load_in_8bit": True}, "bitsandbytes int8, outliers from 6.0"),
        (
            {
                "quant_method": "compressed-tensors",
                "format": "pack-quantized",
                "ignore": ["lm_head"],
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int", "strategy": "channel"}}},
            },
            "compressed-tensors, format pack-quantized, weights 4 int channel None None, without lm_head",
        ),
        ({"quant_method": "torchao", "quant_type": "int8_weight_only"}, "torchao, int8_weight_only"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8, blocks of [128, 128]"),
        ({}, "unknown"),
        (None, None),
    ],
)
def test_a_scheme_is_told_by_what_changes_numbers(config: dict[str, Any] | None, told: str | None) -> None:
    """Two that differ in any of it are two schemes."""
    assert scheme_of(config) == told


@pytest.mark.parametrize("method", sorted(LIBRARIES))
def test_an_absent_library_is_named_before_weights_are_read(
    method: str, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    shutil.copytree(plain, tmp_path / "q")
    config = json.loads((plain / "config.json").read_text())
    config["quantization_config"] = {"quant_method": method, "bits": 4}
    (tmp_path / "q" / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    sys.path_importer_cache.clear()
    for library in LIBRARIES.values():
        monkeypatch.delitem(sys.modules, library.module, raising=False)
        monkeypatch.delitem(sys.modules, library.module.partition(".")[0], raising=False)
    place = locate(parse_reference(str(tmp_path / "q")))
    with pytest.raises(MissingExtraError, match="pip install") as refused:
        check_before_loading(place)
    assert LIBRARIES[method].package in refused.value.message


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_quantised_checkpoint_is_loaded_and_scored_as_transformers_does(
    scheme: str, saved: dict[str, Path], plain: Path
) -> None:
    """One text at a time through transformers alone is the reference; packs are used only as far as they agree."""
    loaded = opened(folder_of(saved, scheme))
    found = nats(loaded)
    one_by_one = [sum(values) for values in (loaded.continuation_logprobs([row])[0] for row in rows_of(loaded))]
    assert found == pytest.approx(one_by_one, abs=2e-3)
    exact = nats(opened(plain))
    assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) > 1e-2, "nothing was quantised"
    assert loaded.fingerprint.quantization is not None
    assert loaded.fingerprint.quantization.startswith("torchao" if scheme == "torchao" else f"bitsandbytes {scheme}")
    assert {"torchao", "bitsandbytes"} & set(loaded.fingerprint.libraries)
    assert loaded.fingerprint.n_parameters == opened(plain).fingerprint.n_parameters
    assert loaded.scoring is not None


def rows_of(loaded: Any) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:  # Any: a LoadedModel
    from biasaudit.models.likelihood import Encoded, encode_all

    encoded = encode_all(loaded.tokenizer, REQUESTS, beginning=loaded.beginning)
    return [(one.context_ids, one.continuation_ids) for one in encoded.values() if isinstance(one, Encoded)]


@pytest.mark.parametrize("scheme", ["nf4", "int8"])
def test_plain_weights_that_are_quantised_here_are_those_that_were_saved(
    scheme: Any, saved: dict[str, Path], plain: Path
) -> None:
    """The same scheme, so that they can be compared; the hash is that of the files, which differ."""
    there, here = opened(folder_of(saved, scheme)), opened(plain, quantize=scheme)
    assert nats(here) == pytest.approx(nats(there), abs=1e-4)
    assert here.fingerprint.quantization == there.fingerprint.quantization
    assert here.fingerprint.weights == opened(plain).fingerprint.weights != there.fingerprint.weights
    assert cache_identity(here.fingerprint) != cache_identity(opened(plain).fingerprint)


def test_weights_are_not_quantised_twice(saved: dict[str, Path]) -> None:
    place = locate(parse_reference(str(folder_of(saved, "torchao"))))
    with pytest.raises(ModelFilesError, match=r"quantised already \(torchao, Int8WeightOnlyConfig\)"):
        check_before_loading(place, quantize="nf4")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_adapter_on_a_quantised_base_is_audited_against_it(
    scheme: str, saved: dict[str, Path], plain: Path, tmp_path: Path
) -> None:
    """QLoRA: one scheme on both sides, and the base is whole again after the adapter."""
    base = folder_of(saved, scheme)
    save_adapter(plain, tmp_path / "adapter")
    card = tmp_path / "adapter" / "adapter_config.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "base_model_name_or_path": str(base)}))
    probe = str(save_probe(tmp_path / "mini"))
    found = biasaudit.audit(
        str(base), f"{base}+{tmp_path / 'adapter'}", probes=[probe], framing_names=("plain",), device="cpu"
    )
    prints = found.manifest.fingerprints
    assert prints["base"]["quantization"] == prints["tuned"]["quantization"] is not None
    assert set(found.responses["status"]) == {"ok"}
    by = found.scores.groupby("checkpoint")["d_nats"].apply(list)
    assert by["base"] != by["tuned"]


def test_a_quantised_checkpoint_is_not_compared_with_a_plain_one(
    saved: dict[str, Path], plain: Path, tmp_path: Path
) -> None:
    """Refused before weights are read; with the word given the page says so, and the shapes of packing say nothing."""
    quantised, probe = folder_of(saved, "torchao"), str(save_probe(tmp_path / "mini"))
    asked: dict[str, Any] = {"probes": [probe], "framing_names": ("plain",), "device": "cpu"}
    with pytest.raises(DifferentEnginesError, match="scheme none in the one and torchao, Int8WeightOnlyConfig"):
        biasaudit.audit(str(plain), str(quantised), **asked)
    found = biasaudit.audit(str(plain), str(quantised), allow_different_engines=True, **asked)
    assert found.manifest.lineage == {"tuned": "same architecture, sizes and vocabulary"}


def test_parts_of_quantised_models_are_not_exchanged(saved: dict[str, Path]) -> None:
    base = folder_of(saved, "torchao")
    settings = Settings(device="cpu")
    places = local.located_all({"base": str(base), "tuned": str(base)}, print)
    with (
        pytest.raises(PartsError, match="are quantised"),
        local.made_ready(places, settings).exchange("tuned", print),
    ):
        pytest.fail("a part was exchanged")


def test_outliers_over_a_batch_are_scored_one_text_at_a_time(plain: Path, tmp_path: Path) -> None:
    """LLM.int8 as it is saved by default: which columns are computed apart hangs on all texts of a batch."""
    pytest.importorskip("bitsandbytes", reason="pip install 'biasaudit[quantized]'")
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    made: Any = BitsAndBytesConfig  # Any: of a library without types
    model = AutoModelForCausalLM.from_pretrained(
        plain, quantization_config=made(load_in_8bit=True), device_map={"": "cpu"}, dtype="float32"
    )
    model.save_pretrained(tmp_path / "q")
    for path in (*plain.glob("tokenizer*"), *plain.glob("*.jinja")):
        shutil.copy(path, tmp_path / "q")
    loaded = opened(tmp_path / "q")
    assert nats(loaded)
    assert loaded.scoring is not None
    assert loaded.scoring.reason.endswith("one text at a time")
    assert loaded.scoring.batch_tokens == 1
