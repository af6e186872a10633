"""One beginning token for all checkpoints of an audit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from biasaudit import api
from biasaudit.models.text.beginning import Beginning, Chosen, Speaker, own_beginning, shared_beginning
from tests.models.worded import by_hand, save, tokenizer_of
from tests.running import run, undrawn
from tests.tiny import save_probe


def chosen(base: Any, tuned: Any, *, n_ids: int | None = None) -> Chosen:
    return shared_beginning(
        {"base": Speaker(tokenizer=base, n_ids=None), "tuned": Speaker(tokenizer=tuned, n_ids=n_ids)}
    )


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A model, and a copy of it whose tokenizer names another beginning token."""
    base = save(tmp_path / "base", tokenizer_of())
    tuned = tmp_path / "tuned"
    shutil.copytree(base, tuned)
    tokenizer_of(bos_token="<other>").save_pretrained(tuned)
    return base, tuned


@pytest.mark.slow
def test_equal_weights_with_other_beginning_tokens_are_equal(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """They stood nats apart, and it looked like an effect of the weights. The first screen says what is done."""
    base, tuned = pair
    probe = save_probe(tmp_path / "probe")
    audit = api.audit(
        str(base), str(tuned), probes=[str(probe)], framing_names=("plain",), out=tmp_path / "out", margin=0.1
    )
    values = audit.scores.pivot_table(index="item_id", columns="checkpoint", values="d_nats")
    assert (values["base"] == values["tuned"]).all()
    row = audit.responses.query("item_id == 'i0' and part == 'first' and checkpoint == 'tuned'").iloc[0]
    expected = by_hand(tuned, (0,), list(row["token_ids"]))
    assert sum(row["token_logprobs_nats"]) == pytest.approx(expected, abs=1e-5)
    other = by_hand(tuned, (2,), list(row["token_ids"]))
    assert abs(other - expected) > 0.1, "the test would see nothing"
    prints = audit.manifest.fingerprints
    assert {(found["beginning_token"], found["beginning_id"]) for found in prints.values()} == {("<bos>", 0)}
    assert "would begin texts with '<other>' (id 2)" in audit.manifest.lineage["tuned"]
    assert "all checkpoints are given &#39;&lt;bos&gt;" in (tmp_path / "out" / "report.html").read_text(
        encoding="utf-8"
    )


def test_the_base_says_which_by_bos_else_by_eos() -> None:
    """And what it puts before a context by default holds for all, too."""
    bare = tokenizer_of()
    bare.bos_token = None
    assert own_beginning(bare).token_id == 1
    found = chosen(bare, tokenizer_of(begins_texts=True))
    assert found.beginnings["tuned"] == Beginning(token_id=1, token="<eos>", before_context=(), why_not="")
    assert found.notes == {
        "tuned": "its tokenizer would begin texts with '<bos>' (id 0); all checkpoints are given '<eos>' (id 1), "
        "and contexts with nothing"
    }
    both = tokenizer_of(begins_texts=True)
    assert chosen(both, tokenizer_of(begins_texts=True)) == Chosen(
        beginnings=dict.fromkeys(("base", "tuned"), own_beginning(both)), notes={}
    )


def test_a_base_without_any_is_given_the_tuned_ones() -> None:
    """Otherwise the base's texts without a context could not be scored at all."""
    bare = tokenizer_of()
    bare.bos_token = bare.eos_token = None
    found = chosen(bare, tokenizer_of())
    assert {one.token_id for one in found.beginnings.values()} == {0}
    assert list(found.notes) == ["base"]
    neither = chosen(bare, bare)
    assert neither.beginnings["tuned"].token_id is None
    assert neither.notes == {}


def test_a_checkpoint_without_that_token_is_not_scored_in_plain_text(tmp_path: Path) -> None:
    """What another token would do must not be counted as the weights'."""
    tokenizer = tokenizer_of()
    tokenizer.add_special_tokens({"bos_token": "<new>"})
    number = int(tokenizer.bos_token_id)
    found = chosen(tokenizer, tokenizer_of(), n_ids=number)
    assert found.beginnings["tuned"].refused
    assert f"'<new>' (id {number}) is not in this model's vocabulary" in found.notes["tuned"]
    base = save(tmp_path / "base", tokenizer, n_ids=number + 1)
    tuned = save(tmp_path / "tuned", tokenizer_of(), n_ids=number)
    audit = api.audit(
        str(base),
        str(tuned),
        probes=[str(save_probe(tmp_path / "probe"))],
        framing_names=("plain",),
        allow_different_lineage=True,
    )
    status = audit.responses.groupby("checkpoint")["status"].unique()
    assert list(status["base"]) == ["ok"]
    assert "ok" not in status["tuned"]
    assert not (audit.comparisons["status"] == "ok").any()


def test_another_vocabulary_keeps_its_own() -> None:
    """The id of the base's token is another word there; the lineage says already that nothing is put down to tuning."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate(("x", "y", "<s>"))}
    other = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="x")), bos_token="<s>"
    )
    found = chosen(tokenizer_of(), other, n_ids=3)
    assert found.beginnings["tuned"].token_id == 2
    assert (
        "another vocabulary: its texts begin with '<s>' (id 2), the base's with '<bos>' (id 0)" in found.notes["tuned"]
    )


def test_an_audit_of_a_version_that_chose_none_still_opens(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Its fingerprints have no such field."""
    base, tuned = pair
    out = tmp_path / "out"
    plan = api.planned(str(base), str(tuned), probes=[str(save_probe(tmp_path / "probe"))], framing_names=("plain",))
    run(plan, out=out, render=undrawn)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    for found in manifest["fingerprints"].values():
        for name in ("beginning_token", "beginning_id", "text_files_sha256"):
            del found[name]
    del manifest["plan"]["template_date"], manifest["own_sha256"]
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert len(api.open_audit(out).comparisons)
    again = run(plan, out=out)
    assert len(again.comparisons), "equal files by the shorter list of that version: the audit is there already"
