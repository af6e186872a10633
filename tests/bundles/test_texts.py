"""Responses answer the texts that lie beside them: by the hash of the items, and by the key of every request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from biasaudit.analysis.scoring import item_row, items_frame, items_sha256, response_rows, responses_frame
from biasaudit.audits.asked import probe_facts, requests_of
from biasaudit.bundles import verify_bundle, write_bundle
from biasaudit.bundles.texts import text_findings
from biasaudit.facade import Audit
from biasaudit.framing import ChatFrame, framings, request_key
from biasaudit.probes import limited, load_probe
from biasaudit.record import store
from biasaudit.record.manifest import Manifest
from biasaudit.types import Failed
from tests.audits.test_audit import plan
from tests.cli.test_shell import Shell, shell
from tests.running import run
from tests.scripted_audits import save_audit
from tests.tiny import save_probe

__all__ = ["shell"]


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return save_audit(tmp_path_factory.mktemp("texts"))


def texts_of(audit: Audit, **changes: Any) -> tuple[pd.DataFrame, pd.DataFrame, Manifest]:
    return audit.items.copy(), audit.responses.copy(), replace(audit.manifest, **changes)


def test_an_audit_fits_its_texts(audit: Audit) -> None:
    found = text_findings(*texts_of(audit))
    assert (found.differences, found.unchecked) == ((), ())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["occupations", "decisions", "ambiguous-qa", "pronouns", "identity-toxicity"])
def test_of_every_kind_the_keys_are_found_again(audit: Audit, name: str) -> None:
    """With items of competence and control, which may be of another kind than the probe."""
    probe = limited(load_probe(name), 40, seed=0)
    chat = ChatFrame(before="<user> ", after=" <model>")
    asked = framings(("plain", "chat"), ("Say something.", "Write."))
    rows: list[dict[str, object]] = []
    for checkpoint in ("base", "tuned"):
        pairs = [(one, Failed(key=one.key, reason="x")) for one in requests_of(probe, asked, chat)]
        rows += response_rows(checkpoint, name, pairs, omit_tokens=True)
    manifest = replace(
        audit.manifest,
        plan={**audit.manifest.plan, "framings": [asdict(framing) for framing in asked]},
        probes={name: probe_facts(probe)},
        run={"chat_frame": asdict(chat)},
    )
    found = text_findings(items_frame([probe], omit_texts=False), responses_frame(rows), manifest)
    assert (found.differences, found.unchecked) == ((), ())


def test_a_text_that_was_changed_is_found_by_hash_and_by_key(audit: Audit) -> None:
    """One pair: its first text in two framings of two checkpoints."""
    items, responses, manifest = texts_of(audit)
    items.loc[3, "texts"] = str(items.loc[3, "texts"]).replace("she", "xe")
    by_hash, by_key = text_findings(items, responses, manifest).differences
    assert by_hash.startswith("items.parquet: the items of probe 'mini'")
    assert "4 rows whose key is not that of the texts" in by_key
    assert str(items.loc[3, "item_id"]) in by_key


@pytest.mark.parametrize("column", ["cluster_id", "feature", "groups", "role", "family", "tags"])
def test_whatever_else_of_an_item_was_changed_is_found_by_the_hash(audit: Audit, column: str) -> None:
    """No key depends on it, and every interval does."""
    items, responses, manifest = texts_of(audit)
    items.loc[0, column] = "{}x"
    found = text_findings(items, responses, manifest)
    assert [difference.partition(":")[0] for difference in found.differences] == ["items.parquet"]


def test_answers_that_are_missing_or_to_nothing_are_found(audit: Audit) -> None:
    items, responses, manifest = texts_of(audit)
    found = text_findings(items, responses.drop(index=[0, 5]), manifest)
    assert "2 rows missing of what was asked" in found.differences[0]
    found = text_findings(items, pd.concat([responses, responses.iloc[[0]]]), manifest)
    assert "1 rows that answer nothing that was asked" in found.differences[0]
    fewer = text_findings(items.drop(index=[0]), responses, manifest)
    assert len(fewer.differences) == 2  # the hash; and rows that answer nothing


def test_a_key_is_the_hash_of_what_was_asked(audit: Audit) -> None:
    """By hand, in plain text and after the scripted template, which is a line break."""
    item = audit.items.iloc[0]
    text = json.loads(item["texts"])["first"]
    rows = audit.responses[(audit.responses["item_id"] == item["item_id"]) & (audit.responses["part"] == "first")]
    keys = rows[rows["checkpoint"] == "base"].set_index("framing_id")["key"]
    content = json.dumps(["", text, False])
    assert keys["plain"] == hashlib.sha256(content.encode("ascii")).hexdigest()
    assert keys["chat-1"] == request_key("Say something.\n", text, templated=True)


def test_what_an_audit_does_not_hold_is_said_and_not_passed_over(audit: Audit) -> None:
    items, responses, manifest = texts_of(audit)
    left_out = text_findings(items.assign(texts=None), responses, manifest)
    assert left_out.differences == ()
    assert left_out.unchecked == ("probe 'mini': its texts were left out of the audit",)
    without = {name: value for name, value in manifest.run.items() if name != "chat_frame"}
    probes = {"mini": {name: value for name, value in manifest.probes["mini"].items() if name != "items_sha256"}}
    earlier = replace(manifest, run=without, probes=probes)
    assert [reason.partition(":")[0] for reason in text_findings(items, responses, earlier).unchecked] == [
        "the keys of chat requests",
        "probe 'mini'",
    ]
    # What can be compared still is.
    items.loc[3, "texts"] = str(items.loc[3, "texts"]).replace("she", "xe")
    assert "2 rows whose key" in text_findings(items, responses, earlier).differences[0]


def test_the_hash_does_not_depend_on_the_order_of_items(tmp_path: Path) -> None:
    probe = load_probe(str(save_probe(tmp_path / "mini")))
    rows = [item_row(probe, item) for item in probe.items]
    assert items_sha256(rows) == items_sha256(rows[::-1])
    assert items_sha256(rows) != items_sha256(rows[1:])


def resealed(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change the items, and write every checksum again, as somebody would who alters an audit with care."""
    from tests.sealing import edit_manifest

    manifest = store.read_manifest(folder)
    content = store.table_bytes(change(store.read_table(folder, "items", manifest)))
    (folder / "items.parquet").write_bytes(content)
    edit_manifest(folder, lambda found: found["files"].update({"items.parquet": hashlib.sha256(content).hexdigest()}))


@pytest.mark.slow
def test_a_bundle_with_other_texts_is_found_and_one_without_texts_says_so(
    shell: Shell, models: Path, tmp_path: Path
) -> None:
    """Of models that have a chat template: before, every checksum was right and every number the same."""
    out = tmp_path / "out"
    run(plan(models, tmp_path, requests=("Say something.",)), out=out)
    write_bundle(out, tmp_path / "whole.zip")
    whole = verify_bundle(tmp_path / "whole.zip", recompute=True)
    assert (whole.differences, whole.unchecked) == ((), ())

    def kinder(items: pd.DataFrame) -> pd.DataFrame:
        return items.assign(texts=[text.replace("nurse", "pilot") for text in items["texts"]])

    resealed(out, kinder)
    # The report shows texts: it is written again too.
    assert shell.run("report", out)[0] == 0
    write_bundle(out, tmp_path / "other.zip")
    assert verify_bundle(tmp_path / "other.zip").differences == ()
    code, printed, _ = shell.run("verify", tmp_path / "other.zip", "--recompute")
    assert code == 1
    assert "items.parquet: the items of probe 'mini' do not have the hash" in printed
    assert "rows whose key is not that of the texts" in printed

    resealed(out, lambda items: items.assign(texts=pd.Series([None] * len(items), dtype="str")))
    assert shell.run("report", out)[0] == 0
    write_bundle(out, tmp_path / "left-out.zip")
    code, printed, _ = shell.run("verify", tmp_path / "left-out.zip", "--recompute")
    assert (code, "not checked: probe 'mini': its texts were left out" in printed) == (0, True), printed
