from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import biasaudit
from biasaudit.analysis.tables import IN_EVERY_AUDIT
from biasaudit.audits.plan import Plan
from biasaudit.errors import (
    AlteredAuditError,
    AuditFolderError,
    AuditMismatchError,
    ChatTemplateError,
    LineageError,
    UnfinishedAuditError,
    UsageError,
)
from biasaudit.record import store
from biasaudit.types import Contrast
from tests.running import Ran, run, undrawn
from tests.tiny import save_probe


def plan(models: Path, tmp_path: Path, **changes: object) -> Plan:
    probe = tmp_path / "mini"
    if not probe.exists():
        save_probe(probe)
    settings: dict[str, object] = {
        "base": str(models / "base"),
        "tuned": (f"{models / 'base'}+{models / 'adapter'}",),
        "probes": (str(probe),),
        **changes,
    }
    return Plan(**settings)  # type: ignore[arg-type]


def table_bytes(folder: Path) -> dict[str, bytes]:
    return {name: (folder / f"{name}.parquet").read_bytes() for name in IN_EVERY_AUDIT}


def test_an_audit_answers_in_every_contrast(ran_both: Ran) -> None:
    audit = ran_both.audit
    graded = audit.comparisons[audit.comparisons["metric"] == "graded"]
    steps = {Contrast.STEP_PLAIN, Contrast.STEP_CHAT}
    assert set(graded["contrast"]) == {contrast.value for contrast in Contrast if contrast not in steps}
    assert (graded["status"] == "ok").all()
    assert set(audit.scores["framing_id"]) == {"plain", "chat-1", "chat-2", "chat-3"}
    assert {path.name for path in ran_both.out.iterdir()} == {
        "manifest.json",
        "report.html",
        "report.md",
        *(f"{name}.parquet" for name in IN_EVERY_AUDIT),
    }


def test_effects_add_up_to_as_deployed(ran_both: Ran) -> None:
    """As deployed = weights in plain + template in the tuned model, item by item and so in the mean."""
    audit = ran_both.audit
    graded = audit.comparisons[audit.comparisons["metric"] == "graded"].set_index("contrast")["reduction"]
    weights, template = graded[Contrast.WEIGHTS_PLAIN.value], graded[Contrast.TEMPLATE_TUNED.value]
    assert weights + template == pytest.approx(graded[Contrast.AS_DEPLOYED.value])
    interaction = graded[Contrast.WEIGHTS_CHAT.value] - graded[Contrast.WEIGHTS_PLAIN.value]
    assert graded[Contrast.INTERACTION.value] == pytest.approx(interaction)
    averaged = graded[Contrast.WEIGHTS_AVERAGED.value] + graded[Contrast.TEMPLATE_AVERAGED.value]
    assert averaged == pytest.approx(graded[Contrast.AS_DEPLOYED.value])
    simple = (graded[Contrast.WEIGHTS_PLAIN.value] + graded[Contrast.WEIGHTS_CHAT.value]) / 2
    assert graded[Contrast.WEIGHTS_AVERAGED.value] == pytest.approx(simple)


def test_the_index_is_what_the_responses_say(ran_plain: Ran) -> None:
    """Computed a second time here, from the responses alone."""
    audit = ran_plain.audit
    sums = audit.responses[audit.responses["checkpoint"] == "base"].assign(
        total=lambda frame: [math.fsum(logprobs) for logprobs in frame["token_logprobs_nats"]]
    )
    wide = sums.pivot_table(index="item_id", columns="part", values="total")
    bias = wide[wide.index.str.startswith("i") & (wide.index.str.len() <= 3)]
    signs = ((bias["first"] > bias["second"]).astype(int) - (bias["first"] < bias["second"]).astype(int)).mean()
    row = audit.estimates.query("checkpoint == 'base' and metric == 'index'")
    assert row["value"].item() == pytest.approx(signs)
    assert row["n_items"].item() == 12


def test_a_base_compared_with_itself_did_not_change(models: Path, tmp_path: Path) -> None:
    audit = run(plan(models, tmp_path, tuned=(str(models / "base"),), framing_names=("plain",)))
    row = audit.comparisons.query("metric == 'graded'").iloc[0]
    assert (row["reduction"], row["p_value"], row["verdict"]) == (0.0, 1.0, "unchanged")


def test_several_tuned_checkpoints_keep_their_order(models: Path, tmp_path: Path) -> None:
    audit = run(plan(models, tmp_path, tuned=(str(models / "tuned"), str(models / "base")), framing_names=("plain",)))
    assert list(audit.manifest.plan["tuned"]) == ["tuned", "tuned-2"]
    graded = audit.comparisons[audit.comparisons["metric"] == "graded"].set_index(["tuned", "contrast"])["reduction"]
    first, second = (graded[name, Contrast.WEIGHTS_PLAIN.value] for name in ("tuned", "tuned-2"))
    assert graded["tuned-2", Contrast.STEP_PLAIN.value] == pytest.approx(second - first)
    assert ("tuned", Contrast.STEP_PLAIN.value) not in graded.index


@pytest.mark.slow
def test_the_tables_of_an_earlier_version_are_computed_again_without_a_model(ran_both: Ran, tmp_path: Path) -> None:
    """The manifest says version 1 and a table lacks a column, as after an update of biasaudit."""
    out, first = shutil.copytree(ran_both.out, tmp_path / "out"), ran_both.audit
    expected = table_bytes(out)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    del manifest["own_sha256"]
    (out / "manifest.json").write_text(json.dumps({**manifest, "schema_version": 1}), encoding="utf-8")
    (out / "comparisons.parquet").write_bytes(b"of another time")
    with pytest.raises(AuditFolderError, match="--recompute"):
        biasaudit.open_audit(out)
    again = biasaudit.recompute(out)
    assert table_bytes(out) == expected
    assert again.headlines == first.headlines
    assert biasaudit.open_audit(out).manifest.run["tables_by"] == biasaudit.__version__
    assert biasaudit.open_audit(out).manifest.fingerprints == first.manifest.fingerprints


def test_altered_responses_are_not_computed_with(ran_plain: Ran, tmp_path: Path) -> None:
    out = shutil.copytree(ran_plain.out, tmp_path / "out")
    (out / "responses.parquet").write_bytes(b"altered")
    with pytest.raises(AlteredAuditError, match="altered"):
        biasaudit.recompute(out)
    (out / "manifest.json").write_text('{"schema_version": 99}', encoding="utf-8")
    with pytest.raises(AuditFolderError, match="reads 6"):
        biasaudit.recompute(out)


def test_a_finished_audit_is_returned_and_another_plan_is_refused(ran_plain: Ran, tmp_path: Path) -> None:
    out = shutil.copytree(ran_plain.out, tmp_path / "out")
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    run(ran_plain.plan, out=out)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    with pytest.raises(AuditMismatchError, match=r"plan\.seed"):
        run(dataclasses.replace(ran_plain.plan, seed=1), out=out)


def test_everything_after_the_responses_comes_out_the_same(ran_both: Ran, tmp_path: Path) -> None:
    run(ran_both.plan, out=tmp_path / "out", render=undrawn)
    assert table_bytes(tmp_path / "out") == table_bytes(ran_both.out)


def test_altered_and_unfinished_folders_are_refused(ran_plain: Ran, tmp_path: Path) -> None:
    out = ran_plain.out
    altered = shutil.copytree(out, tmp_path / "altered")
    frame = pd.read_parquet(altered / "estimates.parquet")
    frame["value"] = 0.0
    frame.to_parquet(altered / "estimates.parquet")
    absent = shutil.copytree(out, tmp_path / "absent")
    (absent / "scores.parquet").unlink()
    unfinished = shutil.copytree(out, tmp_path / "unfinished")
    (unfinished / "manifest.json").unlink()
    torn = shutil.copytree(out, tmp_path / "torn")
    (torn / "manifest.json").write_text("{", encoding="utf-8")
    newer = shutil.copytree(out, tmp_path / "newer")
    content = json.loads((newer / "manifest.json").read_text(encoding="utf-8"))
    (newer / "manifest.json").write_text(json.dumps({**content, "schema_version": 99}), encoding="utf-8")
    for folder, error in (
        (altered, AlteredAuditError),
        (absent, AlteredAuditError),
        (unfinished, UnfinishedAuditError),
        (torn, AlteredAuditError),
        (newer, AuditFolderError),
        (tmp_path / "none", AuditFolderError),
    ):
        with pytest.raises(error):
            biasaudit.open_audit(folder)


def test_opening_gives_back_what_was_written(ran_both: Ran) -> None:
    written, read = ran_both.audit, biasaudit.open_audit(ran_both.out)
    assert read.headlines == written.headlines
    pd.testing.assert_frame_equal(read.comparisons, written.comparisons, check_dtype=False)


@pytest.mark.slow
def test_omitting_texts_leaves_no_text_of_a_published_set(models: Path, tmp_path: Path) -> None:
    from tests.probes.test_probes import ROWS, crows_file

    data = crows_file(tmp_path / "data", [[str(n), *ROWS[0][1:3], "stereo", "gender", "[]", f"a{n}"] for n in range(6)])
    settings = {"probes": ("crows-pairs",), "data_dir": data, "framing_names": ("plain",)}
    run(plan(models, tmp_path, omit_texts=True, **settings), out=tmp_path / "without")
    run(plan(models, tmp_path, **settings), out=tmp_path / "with", render=undrawn)
    without, kept = biasaudit.open_audit(tmp_path / "without"), biasaudit.open_audit(tmp_path / "with")
    assert without.items["texts"].isna().all()
    assert without.responses["token_ids"].isna().all()
    assert without.responses["token_ends"].isna().all()
    assert kept.items["texts"].notna().all()
    assert kept.responses["token_ends"].notna().any()
    for report in ("report.html", "report.md"):
        assert "They from there" not in (tmp_path / "without" / report).read_text(encoding="utf-8")


def test_what_is_wrong_is_said_before_anything_is_scored(models: Path, tmp_path: Path) -> None:
    bare = str(models / "bare")
    with pytest.raises(ChatTemplateError):
        run(plan(models, tmp_path, base=bare, tuned=(bare,)))
    with pytest.raises(LineageError):
        run(plan(models, tmp_path, tuned=(str(models / "other"),)))
    for changes in (
        {"tuned": ()},
        {"probes": ()},
        {"margin": 0.0},
        {"level": 1.0},
        {"requests": ()},
        {"batch_tokens": 0},
    ):
        with pytest.raises(UsageError):
            plan(models, tmp_path, **changes)


def test_an_item_that_cannot_be_scored_lowers_coverage_and_nothing_else(models: Path, tmp_path: Path) -> None:
    from tests.tiny import item

    rows = [item(n) for n in range(12)]
    whole = run(plan(models, tmp_path, probes=(str(save_probe(tmp_path / "whole", rows)),), framing_names=("plain",)))
    rows.append(item(12, cluster="c0", first="word " * 200))
    probe = save_probe(tmp_path / "long", rows)
    audit = run(plan(models, tmp_path, probes=(str(probe),), framing_names=("plain",)))
    before = whole.estimates.query("checkpoint == 'base' and metric == 'index'").iloc[0]
    after = audit.estimates.query("checkpoint == 'base' and metric == 'index'").iloc[0]
    assert (after["value"], after["n_items"], after["n_asked"]) == (before["value"], 12, 13)
    assert audit.manifest.counts == {"ok": 50, "failed": 2}


def test_the_metric_frame_is_fairlearns(models: Path, tmp_path: Path) -> None:
    probe = tmp_path / "assoc"
    rows: list[dict[str, object]] = [
        {
            "id": f"i{n}",
            "cluster": f"c{n}",
            "feature": "gender",
            "groups": ["woman", "man"],
            "contexts": [f"she {n} is", f"he {n} is"],
            "continuations": [" x", " y"],
        }
        for n in range(6)
    ]
    save_probe(probe, rows, kind="association")
    audit = run(plan(models, tmp_path, probes=(str(probe),), framing_names=("plain",)))
    frame = audit.metric_frame("mini", checkpoint="base")
    by_group = audit.disparities.query("checkpoint == 'base' and statistic == 'by_group'").set_index("group")["value"]
    assert frame.by_group["mean_probability"]["woman"] == pytest.approx(by_group["woman"])
    with pytest.raises(biasaudit.errors.EmptySampleError):
        audit.metric_frame("nothing")


SCRIPT = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
from biasaudit.analysis.tables import IN_EVERY_AUDIT
from biasaudit.audits.plan import Plan
from tests.running import run
models, probe, out = map(Path, sys.argv[1:4])
class Told:
    done = 0
    def say(self, text): pass
    def begin(self, label, total):
        Told.scores = label.startswith("scoring")
        if Told.scores:
            print("begin", total, flush=True)
    def advance(self, n, tokens):
        if not Told.scores:
            return
        Told.done += n
        print(Told.done, flush=True)
plan = Plan(base=str(models / "base"), tuned=(str(models / "tuned"),), probes=(str(probe),), batch_tokens=60,
            allow_implausible=True)
run(plan, out=out, progress=Told())
"""


@pytest.mark.slow
def test_a_killed_audit_goes_on_and_ends_with_the_same_tables(models: Path, tmp_path: Path) -> None:
    """SIGKILL half-way: what was computed is in the cache, and the tables do not tell the difference."""
    probe = save_probe(tmp_path / "mini")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    environment = {**os.environ, "BIASAUDIT_CACHE": str(tmp_path / "cache-whole")}
    subprocess.run([sys.executable, "-c", SCRIPT, str(models), str(probe), str(whole)], check=True, env=environment)
    environment["BIASAUDIT_CACHE"] = str(tmp_path / "cache-killed")
    command = [sys.executable, "-c", SCRIPT, str(models), str(probe), str(killed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.strip().isdigit() and int(line) >= 20:
                running.send_signal(signal.SIGKILL)
                break
    assert not (killed / "manifest.json").exists()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert int(done.stdout.splitlines()[1]) >= 20, "the second run found what the first had computed"
    assert table_bytes(whole) == table_bytes(killed)


def test_a_manifest_goes_through_json(ran_plain: Ran) -> None:
    audit = ran_plain.audit
    assert store.read_manifest(ran_plain.out).to_json() == audit.manifest.to_json()
    assert {"seconds", "tokens", "tokens_per_second", "peak_memory_bytes"} <= set(audit.manifest.run)
    assert datetime.fromisoformat(audit.manifest.run["started"]).utcoffset() == timedelta(0)
    assert dataclasses.is_dataclass(audit.manifest)


def test_a_setting_that_an_earlier_version_did_not_have_is_not_another_plan(ran_plain: Ran, tmp_path: Path) -> None:
    """The manifest of then does not name the limit; none was set."""
    out = shutil.copytree(ran_plain.out, tmp_path / "out")
    content = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    del content["plan"]["limit"]
    del content["own_sha256"]  # nor did that version write one
    (out / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    assert run(ran_plain.plan, out=out).manifest.plan == content["plan"]
    with pytest.raises(AuditMismatchError, match=r"different: plan\.limit"):
        run(dataclasses.replace(ran_plain.plan, limit=500), out=out)
