"""Where a change sits, asked of audits of real weights: from the API, from a terminal, and on the page."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import biasaudit
from biasaudit.cli.main import app
from biasaudit.errors import (
    AlteredAuditError,
    AuditFolderError,
    AuditMismatchError,
    BiasauditError,
    UnfinishedAuditError,
    UsageError,
)
from biasaudit.explanations import PAGE, ExplanationPlan, profile, read_explanation
from biasaudit.explanations.record import MANIFEST, TABLES
from biasaudit.record.manifest import sealed_json
from biasaudit.record.store import table_bytes
from biasaudit.types.progress import Silence
from tests.attacks.scripted import lean, save_crossed, way
from tests.explanations.planted import RIGHT, base_of, child_of
from tests.models.architectures import ARCHITECTURES, perturb, save_architecture
from tests.sealing import edit_manifest
from tests.tiny import item, save_probe

if TYPE_CHECKING:
    from biasaudit.explanations import Explanation


def audited(folder: Path, models: Path, tuned: str = "tuned", **options: Any) -> Path:
    """Return the folder of an audit of random weights."""
    probe = options.pop("probe", None) or save_probe(folder / "mini")
    given = {"framing_names": ("plain",), "device": "cpu", **options}
    biasaudit.audit(str(models / "base"), str(models / tuned), probes=[str(probe)], out=folder / "audit", **given)
    return folder / "audit"


@pytest.fixture(scope="module")
def audit(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished audit, which no test changes."""
    folder = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIASAUDIT_CACHE", str(folder / "cache"))
        return audited(folder, models)


def explained(audit: Path, **options: Any) -> Explanation:
    return biasaudit.explain(audit, **{"probe": "mini", **options})


def test_the_parts_sum_to_the_change_and_both_ends_are_the_audits(audit: Path) -> None:
    found = explained(audit)
    (cell,) = found.cells.to_dict("records")
    assert found.parts["part"].tolist() == ["embeddings", "block 0", "block 1", "final norm and head"]
    assert found.parts["exchanged"].all()
    assert found.parts["phi"].sum() == pytest.approx(cell["reduction"], abs=1e-6)
    estimates = pd.read_parquet(audit / "estimates.parquet")
    graded = estimates[(estimates["metric"] == "graded") & (estimates["feature"] == "gender")]
    for checkpoint, side in (("base", "base"), ("tuned", "tuned")):
        (row,) = graded[graded["checkpoint"] == checkpoint].to_dict("records")
        assert (cell[side], cell[f"{side}_ci_low"]) == pytest.approx((row["value"], row["ci_low"]), abs=1e-9)
    # From below the last part makes it the tuned checkpoint, from above the base.
    assert found.parts["index_below"].iloc[-1] == pytest.approx(cell["tuned"])
    assert found.parts["index_above"].iloc[-1] == pytest.approx(cell["base"])


def test_an_adapter_leaves_what_it_does_not_touch(tmp_path: Path, models: Path) -> None:
    probe = save_probe(tmp_path / "mini")
    base, adapter = models / "base", models / "adapter"
    biasaudit.audit(
        str(base), f"{base}+{adapter}", probes=[str(probe)], framing_names=("plain",), out=tmp_path / "audit"
    )
    found = explained(tmp_path / "audit")
    assert found.parts["exchanged"].tolist() == [False, True, True, False]
    untouched = found.parts[~found.parts["exchanged"]]
    assert (untouched["phi"] == 0).all()
    assert untouched["p_adjusted"].isna().all()
    assert found.parts["phi"].sum() == pytest.approx(found.cells["reduction"].iloc[0], abs=1e-6)


@pytest.mark.parametrize(
    "kind",
    ["gemma3_text", *(pytest.param(one, marks=pytest.mark.slow) for one in ("gpt2", "mistral", "phi3", "qwen3"))],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_common_architectures_are_explained(tmp_path: Path, kind: str) -> None:
    base = save_architecture(tmp_path / "base", kind, ARCHITECTURES[kind])
    perturb(base, tmp_path / "tuned")
    found = explained(audited(tmp_path, tmp_path))
    assert found.parts["phi"].sum() == pytest.approx(found.cells["reduction"].iloc[0], abs=1e-6)


def test_the_cut_is_under_the_last_third_unless_it_is_named(audit: Path) -> None:
    halves = {cut: explained(audit, cut=cut).cells.iloc[0] for cut in (0, 1, 2)}
    assert explained(audit).cells.iloc[0]["lower"] == halves[1]["lower"]
    parts = explained(audit).parts
    for cut, cell in halves.items():
        below = parts[parts["number"] <= cut]
        assert cell["lower"] == pytest.approx(below["from_below"].sum(), abs=1e-9)
        assert cell["upper"] == pytest.approx(parts[parts["number"] > cut]["from_above"].sum(), abs=1e-9)
    with pytest.raises(UsageError, match="above 3 blocks, and there are 2"):
        explained(audit, cut=3)


def test_a_second_factor_and_chats_are_taken_from_the_audit(tmp_path: Path, models: Path) -> None:
    """Crossed clusters widen the intervals here as they do in the audit; wordings of a chat are averaged as there."""
    audit = audited(tmp_path, models, probe=save_crossed(tmp_path / "mini"), framing_names=("plain", "chat"))
    estimates = pd.read_parquet(audit / "estimates.parquet")
    for framing in ("plain", "chat"):
        found = explained(audit, framing=framing)
        (cell,) = found.cells.to_dict("records")
        assert (cell["n_clusters"], cell["n_also"]) == (12, 10)
        here = (estimates["metric"] == "graded") & (estimates["checkpoint"] == "tuned")
        (row,) = estimates[here & (estimates["framing"] == framing)].to_dict("records")
        assert (cell["tuned"], cell["tuned_ci_low"]) == pytest.approx((row["value"], row["ci_low"]), abs=1e-9)


def test_a_finished_explanation_is_read_again_and_another_is_refused(tmp_path: Path, audit: Path) -> None:
    first = explained(audit, out=tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(before) == {MANIFEST, PAGE, *(f"{name}.parquet" for name in TABLES)}
    again = explained(audit, out=tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    pd.testing.assert_frame_equal(again.cells, first.cells)
    with pytest.raises(AuditMismatchError, match="explanation of something else; different: plan"):
        explained(audit, out=tmp_path / "out", cut=0)


def test_tables_come_out_of_the_scores_again(tmp_path: Path, audit: Path) -> None:
    """What is expensive is kept: everything after it can be computed without a model."""
    explained(audit, out=tmp_path / "out")
    found = read_explanation(tmp_path / "out")
    parts, cells = profile.profiles(found.scores, found.facts)
    pd.testing.assert_frame_equal(parts, found.parts, check_dtype=False)
    pd.testing.assert_frame_equal(cells, found.cells, check_dtype=False)


def test_an_interrupted_explanation_goes_on_and_comes_out_the_same(
    tmp_path: Path, audit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    class Interrupted(Silence):
        n = 0

        def advance(self, n_requests: int, n_tokens: int) -> None:
            del n_requests
            self.n += n_tokens > 0
            if self.n == 3:
                raise KeyboardInterrupt

    class Counting(Silence):
        tokens = 0

        def advance(self, n_requests: int, n_tokens: int) -> None:
            del n_requests
            self.tokens += n_tokens

    with pytest.raises(KeyboardInterrupt):
        explained(audit, out=tmp_path / "out", progress=Interrupted())
    with pytest.raises(UnfinishedAuditError):
        read_explanation(tmp_path / "out")
    rest = Counting()
    explained(audit, out=tmp_path / "out", progress=rest)
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path / "another"))
    whole = Counting()
    explained(audit, out=tmp_path / "undisturbed", progress=whole)
    assert 0 < rest.tokens < whole.tokens
    for name in TABLES:
        one, other = ((tmp_path / place / f"{name}.parquet").read_bytes() for place in ("out", "undisturbed"))
        assert one == other


def test_altered_files_are_noticed(tmp_path: Path, audit: Path) -> None:
    explained(audit, out=tmp_path / "out")
    manifest = tmp_path / "out" / MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"cut": 2', '"cut": 3'), encoding="utf-8")
    with pytest.raises(AlteredAuditError, match="own checksum"):
        read_explanation(tmp_path / "out")
    manifest.write_text(text, encoding="utf-8")
    shutil.copyfile(tmp_path / "out" / "cells.parquet", tmp_path / "out" / "parts.parquet")
    with pytest.raises(AlteredAuditError, match=r"parts\.parquet was altered"):
        read_explanation(tmp_path / "out")


def test_a_manifest_that_says_too_little_is_refused_with_a_message(tmp_path: Path) -> None:
    """Whoever writes a checksum can write anything: it is data."""
    for content in ({}, {"schema_version": 1}, {"schema_version": 1, "probe": "mini", "analysis": {"parts": 3}}):
        (tmp_path / MANIFEST).write_text(sealed_json(content), encoding="utf-8")
        with pytest.raises(AuditFolderError):
            read_explanation(tmp_path)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, models: Path) -> None:
    """An audit has a table of scores, too."""
    audit = audited(tmp_path, models)
    with pytest.raises(AuditMismatchError, match="holds something else, such as"):
        explained(audit, out=audit)
    assert biasaudit.open_audit(audit).manifest is not None


def test_what_the_audit_cannot_tell_is_not_told_here(tmp_path: Path, models: Path) -> None:
    """Of a saturated scale an audit says that no change can be told, or told to be none."""
    audit = audited(tmp_path, models)
    comparisons = biasaudit.open_audit(audit).comparisons
    (row,) = comparisons[(comparisons["metric"] == "graded") & comparisons["declared"]].to_dict("records")
    (cell,) = explained(audit).cells.to_dict("records")
    if row["verdict_code"] in {"scale saturated", "missing items"} or row["verdict"] == "not interpretable":
        assert cell["verdict"] == "not estimable"
        assert row["verdict_reason"] in cell["reason"]
    else:
        assert "the audit calls it" not in cell["reason"]


def test_without_competence_there_is_no_verdict(tmp_path: Path, models: Path) -> None:
    """A hybrid is likelier to be broken than a checkpoint: what was not measured is no pass."""
    probe = save_probe(tmp_path / "mini", [item(number) for number in range(12)])
    found = explained(audited(tmp_path, models, probe=probe))
    scores = found.scores
    profiled = profile.profiles(scores, profile.unbarred(found.facts))[1]
    (cell,) = profiled.to_dict("records")
    assert (cell["verdict"], cell["reason"]) == ("not estimable", "competence of the hybrids was not measured")
    assert cell["reduction"] == cell["reduction"]


def test_a_checkpoint_among_several_is_asked_as_the_audit_asked_it(tmp_path: Path, models: Path) -> None:
    """Templates and beginnings were chosen among all of them."""
    probe = save_probe(tmp_path / "mini")
    biasaudit.audit(
        str(models / "base"),
        [str(models / "tuned"), f"{models / 'base'}+{models / 'adapter'}"],
        probes=[str(probe)],
        out=tmp_path / "audit",
        device="cpu",
    )
    estimates = pd.read_parquet(tmp_path / "audit" / "estimates.parquet")
    for tuned in ("tuned", "tuned-2"):
        (cell,) = explained(tmp_path / "audit", tuned=tuned, framing="chat").cells.to_dict("records")
        here = (estimates["metric"] == "graded") & (estimates["checkpoint"] == tuned)
        (row,) = estimates[here & (estimates["framing"] == "chat")].to_dict("records")
        assert cell["tuned"] == pytest.approx(row["value"], abs=1e-9)


def test_models_that_are_not_those_of_the_audit_are_refused(tmp_path: Path, models: Path) -> None:
    """Weights that were exchanged since, and weights that are the same and give other numbers."""
    shutil.copytree(models / "base", tmp_path / "m" / "base")
    shutil.copytree(models / "tuned", tmp_path / "m" / "tuned")
    audit = audited(tmp_path, tmp_path / "m")
    shutil.copyfile(models / "base" / "model.safetensors", tmp_path / "m" / "tuned" / "model.safetensors")
    with pytest.raises(AuditMismatchError, match=r"not those that were audited; different: weights\.tuned"):
        explained(audit)
    shutil.copyfile(models / "tuned" / "model.safetensors", tmp_path / "m" / "tuned" / "model.safetensors")
    config = tmp_path / "m" / "tuned" / "config.json"
    changed = json.loads(config.read_text(encoding="utf-8"))
    changed["rms_norm_eps"] = 0.5
    config.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(BiasauditError, match=r"other numbers here than in the audit|not those that were audited"):
        explained(audit)


def test_an_end_that_answers_what_the_audit_did_not_is_refused(tmp_path: Path, audit: Path) -> None:
    """A value that is missing on one side is no agreement."""
    shutil.copytree(audit, tmp_path / "audit")
    scores = pd.read_parquet(tmp_path / "audit" / "scores.parquet")
    (first,) = scores.index[(scores["checkpoint"] == "base") & (scores["item_id"] == "i3")]
    scores.loc[first, "graded"] = float("nan")
    content = table_bytes(scores)
    (tmp_path / "audit" / "scores.parquet").write_bytes(content)
    checksum = hashlib.sha256(content).hexdigest()
    edit_manifest(tmp_path / "audit", lambda manifest: manifest["files"].update({"scores.parquet": checksum}))
    with pytest.raises(AuditMismatchError, match="1 items have a value in one alone"):
        explained(tmp_path / "audit")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"probe": "other"}, "no probe 'other'.*It has: mini"),
        ({"feature": "age"}, "no feature 'age'"),
        ({"tuned": "third"}, "no tuned checkpoint 'third'.*It has: tuned"),
        ({"framing": "chat"}, "did not ask in the framing 'chat'.*plain"),
        ({"framing": "both"}, "no framing 'both'"),
        ({"cut": -1}, "above -1 blocks"),
    ],
)
def test_what_the_audit_has_not_is_said_with_what_it_has(audit: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(BiasauditError) as caught:
        explained(audit, **options)
    assert re.search(said, f"{caught.value.message} {caught.value.fix}")


def test_items_that_changed_since_the_audit_are_refused(tmp_path: Path, models: Path) -> None:
    audit = audited(tmp_path, models)
    items = tmp_path / "mini" / "items.jsonl"
    items.write_text(items.read_text(encoding="utf-8").replace("nurse 3", "doctor 3"), encoding="utf-8")
    with pytest.raises(AuditMismatchError, match="item 'i3' of probe 'mini' is not what the audit asked"):
        explained(audit)


def test_a_sample_of_a_probe_is_explained_as_it_was_sampled(tmp_path: Path, models: Path) -> None:
    audit = audited(tmp_path, models, probe=save_crossed(tmp_path / "mini"), limit=60)
    assert explained(audit).cells["n_items"].iloc[0] == 60


def test_scripted_models_have_no_parts(tmp_path: Path) -> None:
    from biasaudit.audits.plan import Plan
    from biasaudit.audits.run import run as run_audit
    from biasaudit.explanations import run

    probe = save_crossed(tmp_path / "mini")
    plan = Plan(base="scripted:one", tuned=("scripted:two",), probes=(str(probe),), framing_names=("plain",))
    run_audit(plan, render=lambda _: {}, out=tmp_path / "audit", way=way(probe, lean(3.0), lean(0.0)))
    with pytest.raises(BiasauditError):
        run(ExplanationPlan(audit=tmp_path / "audit", probe="mini"), draw=str)


def test_hostile_names_are_text_on_the_page(tmp_path: Path, models: Path) -> None:
    probe = save_probe(tmp_path / "mini", name="<script>alert(1)</script> \u202e", positive_index="<b>with</b>")
    explained(audited(tmp_path, models, probe=probe), out=tmp_path / "out")
    page = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>with" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert "default-src &#39;none&#39;" in page


def test_a_terminal_says_the_sentence_and_where_the_page_is(tmp_path: Path, models: Path) -> None:
    audit = audited(tmp_path, models)
    done = CliRunner().invoke(app, ["explain", str(audit), "--probe", "mini"])
    assert done.exit_code == 0
    said = done.output
    assert "Cut, fixed beforehand: below it embeddings to block 0, above it block 1 to final norm and head." in said
    assert "gender: the index goes from" in said
    assert (tmp_path / "audit-explained-mini" / PAGE).is_file()
    # Named by a dot, the folder lies beside the audit all the same.
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(audit)
        assert CliRunner().invoke(app, ["explain", ".", "--probe", "mini"]).exit_code == 0
    # An audit is as it was: its folder holds nothing new.
    assert biasaudit.open_audit(audit).manifest is not None


@pytest.mark.slow
def test_every_kind_of_item_is_explained_and_its_parts_sum_to_its_change(tmp_path: Path, models: Path) -> None:
    """Pairs, associations, choices and decisions, several features at once: whatever has an index."""
    probes = ("ambiguous-qa", "decisions", "harms", "hiring", "traits")
    biasaudit.audit(
        str(models / "base"),
        str(models / "tuned"),
        probes=probes,
        framing_names=("plain",),
        limit=40,
        out=tmp_path / "audit",
        device="cpu",
    )
    for probe in probes:
        found = biasaudit.explain(tmp_path / "audit", probe=probe)
        summed = found.parts.groupby("feature")["phi"].sum()
        whole = found.cells.set_index("feature")["reduction"]
        measured = whole[whole.notna()].index
        assert len(measured) > 0
        assert (summed[measured] - whole[measured]).abs().max() < 1e-6


@pytest.mark.slow
def test_children_are_told_apart_by_which_parts_were_trained(tmp_path: Path) -> None:
    """The whole way, from weights to the verdict; counts over more seeds are in docs/validation.md."""
    from tests.align import world

    probe = world.save_probe(tmp_path / "probe", features=[world.GENDER])
    base = base_of(tmp_path, 0, steps=world.STEPS)
    for kind in ("head", "embeddings and first block", "placebo"):
        child = child_of(tmp_path, kind, 0)
        audit = tmp_path / f"audit-{child.name}"
        biasaudit.audit(str(base), str(child), probes=[str(probe)], framing_names=("plain",), out=audit)
        found = biasaudit.explain(audit, probe="tiny-world")
        # What the audit bars it bars here; where a change sits is another question.
        clean = pd.DataFrame(profile.profiles(found.scores, profile.unbarred(found.facts))[1])
        assert clean["verdict"].iloc[0] in {one.value for one in RIGHT[kind]}, kind
        if kind != "placebo":
            strongest = found.parts.sort_values("phi", ascending=False)["part"].iloc[0]
            assert strongest in {"head": ("final norm and head",)}.get(kind, ("embeddings", "block 0"))
