"""One engine for all checkpoints of an audit, and what happens where others are asked for by name."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import biasaudit
import biasaudit.report
from biasaudit.errors import DifferentEnginesError, SeveralErrors, UsageError
from biasaudit.models import BACKENDS, Backend, Found, Prepared, Way, way_of_all
from biasaudit.models.backends.scripted import Script, scripted
from biasaudit.types import Ability, ModelFingerprint, Reading, Request, Response, Scored
from tests.tiny import save_probe


@pytest.fixture
def probe(tmp_path: Path) -> str:
    return str(save_probe(tmp_path / "mini"))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of a word: to draw one takes longer than everything else."""
    monkeypatch.setattr(biasaudit.report, "render_html", lambda _: "page")
    monkeypatch.setattr(biasaudit.report, "render_markdown", lambda _: "text")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Way:
    """A scripted model that can be named beside others."""
    way = scripted({"tuned": Script(name="it", answer=lambda request: -float(len(request.continuation)))})
    monkeypatch.setitem(BACKENDS, "scripted", way)
    return way


class Served(Backend):
    """A model whose fingerprint is what a test sets."""

    asked: list[str]

    def __init__(self, name: str, asked: list[str], **fields: Any) -> None:  # Any: fields of a fingerprint
        self.name, self.asked, self.fields = name, asked, fields

    @property
    def fingerprint(self) -> ModelFingerprint:
        given = {"weights": "w", "dtype": "float16", "device": "remote", "tokenizer_sha256": "t", "architecture": "S"}
        return ModelFingerprint(reference=self.name, **{**given, **self.fields})

    @property
    def can(self) -> frozenset[Ability]:
        return frozenset({Ability.LIKELIHOOD})

    def respond(self, requests: Sequence[Request], *, on_progress: object = None) -> Iterator[Response]:
        self.asked.append(self.name)
        return iter([Scored(key=one.key, token_ids=(0,), token_logprobs_nats=(-1.0,)) for one in requests])


def serving(asked: list[str], **of: dict[str, Any]) -> Way:  # Any: fields of a fingerprint
    """Return a way whose checkpoints have the fingerprints that are given by name."""

    def locate(references: Any, *_: Any) -> Found:  # Any: handed on
        prepared = Prepared(
            relations={name: "not known" for name in references if name != "base"},
            opened=lambda _: nullcontext(lambda name: Served(name, asked, **of.get(name, {}))),
            sentences=False,
        )
        return Found(prepared=lambda: prepared)

    can = frozenset({Ability.LIKELIHOOD})
    return Way(name="served", can=can, recognises=lambda text: text.startswith("served:"), locate=locate)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"engine": "vllm 0.11"}, "engine transformers in this process in the one and vllm 0.11 in the other"),
        ({"dtype": "bfloat16"}, "number format float16 in the one and bfloat16 in the other"),
        ({"kv_dtype": "fp8"}, "number format of keys and values float16 in the one and fp8 in the other"),
        ({"quantization": "awq, 4 bits"}, "quantisation scheme none in the one and awq, 4 bits in the other"),
        ({"reading": Reading.SAMPLED}, "way of reading log-probabilities"),
    ],
)
def test_another_engine_is_refused_before_anything_is_asked(
    changes: dict[str, Any], told: str, probe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And, asked for by name, marked: a difference between computations is none between checkpoints."""
    asked: list[str] = []
    monkeypatch.setitem(BACKENDS, "served", serving(asked, tuned=changes))
    settings: dict[str, Any] = {"probes": [probe], "framing_names": ("plain",)}
    with pytest.raises(DifferentEnginesError, match="--allow-different-engines") as refused:
        biasaudit.audit("served:a", "served:b", **settings)
    assert told in str(refused.value)
    assert "base (served:a) and tuned (served:b)" in str(refused.value)
    assert asked == []
    found = biasaudit.audit("served:a", "served:b", allow_different_engines=True, **settings)
    assert asked == ["base", "tuned"]
    assert found.manifest.plan["allow_different_engines"] is True
    [note] = [one for one in biasaudit.check(found, "no-regression").notes if "DIFFERENT ENGINES" in one.message]
    assert note.effect.value == "warning"


@pytest.mark.usefixtures("undrawn")
def test_all_that_differ_are_named_together(probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    way = serving([], **{"1-sft": {"dtype": "bfloat16"}, "2-dpo": {"engine": "other"}})
    monkeypatch.setitem(BACKENDS, "served", way)
    with pytest.raises(SeveralErrors) as refused:
        biasaudit.audit("served:a", {"sft": "served:b", "dpo": "served:c"}, probes=[probe], framing_names=("plain",))
    assert {type(one) for one in refused.value.errors} == {DifferentEnginesError}
    assert len(refused.value.errors) == 2


@pytest.mark.usefixtures("script")
def test_several_ways_are_refused_with_the_word_that_allows_them(models: Path) -> None:
    references = {"base": str(models / "base"), "tuned": "scripted:it"}
    with pytest.raises(UsageError, match=r"base .* by local, tuned \(scripted:it\) by scripted.*\n.*--allow-different"):
        way_of_all(references)
    assert way_of_all(references, allow_several=True).name == "local and scripted"
    assert way_of_all({"base": references["base"]}, allow_several=True) is BACKENDS["local"]


@pytest.mark.slow
@pytest.mark.usefixtures("script")
@pytest.mark.parametrize("swapped", [False, True])
def test_each_checkpoint_is_reached_by_its_own_way(models: Path, probe: str, tmp_path: Path, *, swapped: bool) -> None:
    """A local base beside a scripted model, and the other way round; the page says on its first screen what that is."""
    scripts = scripted({"base": Script(name="it", answer=lambda _: -1.0)})
    with pytest.MonkeyPatch.context() as patch:
        if swapped:
            patch.setitem(BACKENDS, "scripted", scripts)
        pair = [str(models / "base"), "scripted:it"][:: -1 if swapped else 1]
        found = biasaudit.audit(*pair, probes=[probe], allow_different_engines=True, out=tmp_path / "out")
    prints = found.manifest.fingerprints
    assert (prints["base"]["architecture"], prints["tuned"]["architecture"]) == (
        ("scripted", "LlamaForCausalLM") if swapped else ("LlamaForCausalLM", "scripted")
    )
    assert "torch" in found.manifest.versions
    assert "is not known" in found.manifest.lineage["tuned"]
    assert set(found.responses["status"]) == {"ok"}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "DIFFERENT ENGINES" in page
    assert "--allow-different-engines" in page
    markdown = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "DIFFERENT ENGINES" in markdown


def test_a_quantised_checkpoint_beside_a_plain_one_is_refused_before_it_is_loaded(
    models: Path, probe: str, tmp_path: Path
) -> None:
    """The configuration says so; nothing has to be read for it."""
    tuned = tmp_path / "quantised"
    shutil.copytree(models / "tuned", tuned)
    config = json.loads((tuned / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4, "group_size": 32}
    (tuned / "config.json").write_text(json.dumps(config))
    with pytest.raises(DifferentEnginesError, match="scheme none in the one and gptq, 4 bits, groups of 32 in the"):
        biasaudit.audit(str(models / "base"), str(tuned), probes=[probe])


def test_the_chat_template_of_several_ways_is_the_first_tuned_checkpoints(models: Path, probe: str) -> None:
    """Scripted models end a turn by a line; the local base is asked in the same frame."""
    way = scripted({"tuned": Script(name="it", answer=lambda _: -1.0)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKENDS, "scripted", dataclasses.replace(way))
        found = biasaudit.audit(
            str(models / "base"), "scripted:it", probes=[probe], framing_names=("chat",), allow_different_engines=True
        )
    assert found.manifest.run["chat_frame"]["after"] == "\n"
