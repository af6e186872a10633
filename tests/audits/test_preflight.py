from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit.audits.dry_run import dry_run
from biasaudit.audits.plan import Plan
from biasaudit.errors import (
    AuditFolderError,
    AuditMismatchError,
    ImplausibleModelError,
    ModelFilesError,
    ProbeError,
    SeveralErrors,
    UsageError,
)
from biasaudit.models import plausibility
from biasaudit.models.text import tokenizer
from biasaudit.types.progress import Silence
from tests.running import in_words, run, undrawn
from tests.tiny import save_probe


class Told(Silence):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def plan(models: Path, tmp_path: Path, **changes: object) -> Plan:
    probe = tmp_path / "mini"
    if not probe.exists():
        save_probe(probe)
    settings: dict[str, object] = {
        "base": str(models / "base"),
        "tuned": (f"{models / 'base'}+{models / 'adapter'}",),
        "probes": (str(probe),),
        "framing_names": ("plain",),
        **changes,
    }
    return Plan(**settings)  # type: ignore[arg-type]


def n_cached() -> int:
    """Responses in the test's own cache, whatever its table is called."""
    path = Path(os.environ["BIASAUDIT_CACHE"]) / "responses.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as found:
        tables = [name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE name LIKE '%responses'")]
        n_rows = sum(found.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables)
    found.close()
    return int(n_rows)


N_SENTENCES = 40
"""Ordinary and shuffled: what the check of plausibility asks of a checkpoint."""


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that has read the ordinary sentences, and so passes the check; and others made from it."""
    from biasaudit.models.tiny import train

    folder = tmp_path_factory.mktemp("readers")
    ordinary = [first for first, _ in plausibility.sentences()]
    words = {word for text in ordinary for word in text.replace(".", " .").replace(",", " ,").split()}
    words |= {word[0].upper() + word[1:] for word in words} | {word[0].lower() + word[1:] for word in words}
    train(folder / "base", ordinary * 200, words=sorted(words), seed=1, parent=None)
    return folder


def changed(source: Path, target: Path, **tensors: Any) -> Path:  # Any: functions of a tensor
    """Copy a model and change tensors whose name ends so."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, target)
    weights = load_file(target / "model.safetensors")
    for end, change in tensors.items():
        for name in [name for name in weights if name.endswith(f"{end}.weight")]:
            weights[name] = change(weights[name]).contiguous()
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    return target


def test_all_bad_checkpoints_are_named_at_once(models: Path, tmp_path: Path) -> None:
    """Mended one a run, five checkpoints take five runs."""
    for name in ("one", "two"):
        shutil.copytree(models / "base", tmp_path / name)
        (tmp_path / name / "config.json").unlink()
    with pytest.raises(SeveralErrors) as found:
        run(plan(models, tmp_path, tuned=(str(tmp_path / "one"), str(models / "base"), str(tmp_path / "two"))))
    assert [type(error) for error in found.value.errors] == [ModelFilesError, ModelFilesError]
    assert found.value.exit_code == 2
    for name in ("one", "two"):
        assert str(tmp_path / name) in str(found.value)
    assert n_cached() == 0


def test_what_is_wrong_with_both_checkpoints_alike_is_said_once(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "base", tmp_path / "one")
    (tmp_path / "one" / "config.json").unlink()
    with pytest.raises(ModelFilesError):
        run(plan(models, tmp_path, base=str(tmp_path / "one"), tuned=(f"{tmp_path / 'one'}+{models / 'adapter'}",)))


def test_bad_references_are_named_at_once(models: Path, tmp_path: Path) -> None:
    with pytest.raises(SeveralErrors) as found:
        plan(models, tmp_path, base="./none", tuned=("./nothing",))
    assert "./none" in str(found.value)
    assert "./nothing" in str(found.value)


def test_a_checkpoint_that_cannot_be_read_is_found_before_the_base_is_scored(models: Path, tmp_path: Path) -> None:
    """The tuned file has no tensors that a Llama could use: nothing of the base may be computed before that is seen."""
    from safetensors.torch import save_file

    tuned = shutil.copytree(models / "base", tmp_path / "tuned")
    config = json.loads((tuned / "config.json").read_text())
    (tuned / "config.json").write_text(json.dumps({**config, "architectures": ["NoSuchModel"], "model_type": "none"}))
    save_file({}, tuned / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError):
        run(plan(models, tmp_path, tuned=(str(tuned),), allow_different_lineage=True))
    assert n_cached() == 0


def test_a_folder_that_cannot_be_written_is_said_first(models: Path, tmp_path: Path) -> None:
    """It used to be said after all scoring; here even an absent checkpoint comes later, and nothing is left behind."""
    (tmp_path / "file").write_text("")
    for out, expected in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "a" / "b", "in which it would lie")):
        with pytest.raises(AuditFolderError, match=expected):
            run(plan(models, tmp_path, tuned=("no-such-user/no-such-model",)), out=out)
        with pytest.raises(AuditFolderError, match="is a file"):
            dry_run(plan(models, tmp_path), out=out)
    assert n_cached() == 0


def test_a_read_only_folder_is_said_first(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a read-only disk says it: root, which tests may run as, could write into any folder without its right."""

    def refused(**_: object) -> object:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(AuditFolderError, match="Read-only file system"):
        run(plan(models, tmp_path), out=tmp_path / "out")
    with pytest.raises(AuditFolderError, match="cannot be written"):
        dry_run(plan(models, tmp_path), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert n_cached() == 0


def test_looking_whether_a_folder_can_be_written_leaves_none(models: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        run(plan(models, tmp_path, tuned=(str(models / "other"),)), out=tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


def test_folder_device_and_probe_are_said_together(models: Path, tmp_path: Path) -> None:
    """None of them needs the others, or a model."""
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    (tmp_path / "file").write_text("")
    with pytest.raises(SeveralErrors) as found:
        run(plan(models, tmp_path, device="cuda", probes=("no-such-probe",)), out=tmp_path / "file")
    assert [type(error) for error in found.value.errors] == [UsageError, AuditFolderError, ProbeError]
    assert n_cached() == 0


def test_a_device_that_is_not_there_is_said_before_a_model_is_looked_for(models: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    told = Told()
    with pytest.raises(UsageError, match="no device 'cuda'"):
        run(plan(models, tmp_path, device="cuda", tuned=("no-such-user/no-such-model",)), progress=told)
    assert told.lines == []


def test_a_disk_without_room_is_said_before_scoring(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 MB free, and 2 checkpoints x 36 texts x 600 bytes + 8 MB wanted."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4_000_000))
    with pytest.raises(AuditFolderError, match="4 MB are free"):
        run(plan(models, tmp_path), out=tmp_path / "out")
    assert n_cached() == 0


def test_a_conversion_without_room_is_said_before_it_begins(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 bytes a weight: nothing of it is written where 1,000 bytes are free."""
    from tests.models.tiny_gguf import save_gguf

    save_gguf(tmp_path / "tiny.gguf")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    with pytest.raises(ModelFilesError, match="converted model needs"):
        run(plan(models, tmp_path, base=str(tmp_path / "tiny.gguf"), tuned=(str(tmp_path / "tiny.gguf"),)))
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def test_each_tokenizer_is_loaded_once(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """gemma's takes seconds, and an audit of an adapter used to load it four times."""
    from transformers import AutoTokenizer

    whole = AutoTokenizer.from_pretrained
    loaded: list[str] = []

    def counted(folder: object, **options: object) -> object:
        loaded.append(str(folder))
        return whole(folder, **options)

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", counted)
    # As in a fresh process: a test before may have loaded it.
    monkeypatch.setattr(tokenizer, "_SHARED", {})
    run(plan(models, tmp_path, framing_names=("plain", "chat")))
    assert loaded == [str(models / "base")]


@pytest.mark.usefixtures("plausible_only")
def test_random_weights_are_refused_before_anything_is_scored(models: Path, tmp_path: Path) -> None:
    with pytest.raises(SeveralErrors) as found:
        run(plan(models, tmp_path), out=tmp_path / "out")
    assert [type(error) for error in found.value.errors] == [ImplausibleModelError, ImplausibleModelError]
    assert "--allow-implausible" in str(found.value)
    assert n_cached() == 2 * N_SENTENCES
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("plausible_only")
def test_random_weights_that_are_allowed_are_told_on_the_first_screen(models: Path, tmp_path: Path) -> None:
    """And the same command without the option is another audit."""
    out = tmp_path / "out"
    audit = run(plan(models, tmp_path, allow_implausible=True), out=out)
    assert {name: found["verdict"] for name, found in audit.manifest.sanity.items()} == {
        "base": "implausible",
        "tuned": "implausible",
    }
    assert audit.manifest.sanity["base"]["n_tokens"] > 0
    for report in ("report.html", "report.md"):
        text = (out / report).read_text(encoding="utf-8")
        assert "base is IMPLAUSIBLE" in text
        assert "tuned is IMPLAUSIBLE" in text
    assert biasaudit.open_audit(out).manifest.told == audit.manifest.told
    with pytest.raises(AuditMismatchError, match=r"plan\.allow_implausible"):
        run(plan(models, tmp_path), out=out)


@pytest.mark.usefixtures("plausible_only")
def test_a_model_that_works_passes_and_nothing_is_told(reader: Path, models: Path, tmp_path: Path) -> None:
    child = changed(reader / "base", tmp_path / "child", norm=lambda tensor: tensor * 1.01)
    told = Told()
    audit = run(plan(models, tmp_path, base=str(reader / "base"), tuned=(str(child),)), progress=told)
    assert {found["verdict"] for found in audit.manifest.sanity.values()} == {"plausible"}
    assert audit.manifest.told == ()
    figures = audit.manifest.sanity["base"]
    assert figures["ordinary_nats"] > figures["shuffled_nats"] + 1
    assert not [line for line in told.lines if "plausible" in line.lower()]


@pytest.mark.usefixtures("plausible_only")
def test_a_tuned_model_that_lost_its_language_is_refused(reader: Path, models: Path, tmp_path: Path) -> None:
    """Its logits are turned around: what was likely is now unlikely. The base alone would have been scored."""
    child = changed(reader / "base", tmp_path / "child", lm_head=lambda tensor: -tensor)
    with pytest.raises(ImplausibleModelError, match=r"tuned .* is not audited.*less likely than the base"):
        run(plan(models, tmp_path, base=str(reader / "base"), tuned=(str(child),)))
    assert n_cached() == 2 * N_SENTENCES


def test_weights_of_nan_are_refused_before_anything_is_scored(models: Path, tmp_path: Path) -> None:
    child = changed(models / "base", tmp_path / "child", norm=lambda tensor: tensor * float("nan"))
    with pytest.raises(UsageError, match=r"not numbers|finite"):
        run(plan(models, tmp_path, tuned=(str(child),)))
    assert n_cached() <= 2 * N_SENTENCES


def test_a_model_whose_words_are_unknown_is_told_and_not_refused(models: Path, tmp_path: Path) -> None:
    from biasaudit.testing import tiny_biased_model

    toy = tiny_biased_model(tmp_path / "toy", lean=0.6, steps=2)
    out = tmp_path / "out"
    audit = run(plan(models, tmp_path, base=str(toy), tuned=(str(toy),)), out=out, render=in_words)
    assert audit.manifest.sanity["base"]["verdict"] == "not judged"
    assert "Whether base, tuned work was not judged" in (out / "report.md").read_text(encoding="utf-8")
    assert any("not judged" in line for line in audit.manifest.told)


def test_the_base_named_as_tuned_is_told(models: Path, tmp_path: Path) -> None:
    """By its files, before anything is loaded; and one checkpoint twice."""
    adapter, told = f"{models / 'base'}+{models / 'adapter'}", Told()
    out = tmp_path / "out"
    asked = plan(models, tmp_path, tuned=(str(models / "base"), adapter, adapter))
    run(asked, out=out, progress=told, render=in_words)
    report = (out / "report.md").read_text(encoding="utf-8")
    for said in ("base and tuned are the same checkpoint", "tuned-2 and tuned-3 are the same checkpoint"):
        assert len([line for line in told.lines if said in line]) == 1
        assert report.count(said) == 1
    assert "same log-probabilities" not in report


def test_equal_weights_in_another_file_are_told(models: Path, tmp_path: Path) -> None:
    """The hash differs by a line of metadata; said once, though the log-probabilities tell as well."""
    from safetensors.torch import load_file, save_file

    copy = shutil.copytree(models / "base", tmp_path / "copy")
    save_file(
        load_file(copy / "model.safetensors"), copy / "model.safetensors", metadata={"format": "pt", "by": "another"}
    )
    audit = run(plan(models, tmp_path, tuned=(str(copy), str(models / "tuned"))))
    [line] = audit.manifest.told
    assert "equal weights in files that differ" in line


def test_an_adapter_that_changes_next_to_nothing_is_told(models: Path, tmp_path: Path) -> None:
    """Its files are no other's: only the log-probabilities of the sentences tell that it is the base."""
    from safetensors.torch import load_file, save_file

    faint = shutil.copytree(models / "adapter", tmp_path / "faint")
    weights = load_file(faint / "adapter_model.safetensors")
    save_file({name: tensor * 1e-9 for name, tensor in weights.items()}, faint / "adapter_model.safetensors")
    audit = run(plan(models, tmp_path, tuned=(f"{models / 'base'}+{faint}", f"{models / 'base'}+{models / 'adapter'}")))
    [line] = audit.manifest.told
    assert line.startswith("tuned gives every sentence of the check the same log-probabilities as base")


@pytest.mark.slow
def test_a_failure_after_scoring_loses_nothing(models: Path, tmp_path: Path) -> None:
    """The disk is full when the tables are written; the next run asks the models nothing."""
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", _full)
        with pytest.raises(AuditFolderError, match="No space left") as found:
            run(plan(models, tmp_path), out=out)
    assert "goes on from the cache" in str(found.value)
    audit = run(plan(models, tmp_path), out=out, render=undrawn)
    assert audit.manifest.run["requests_computed"] == 0


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_an_interrupted_run_says_what_it_keeps(models: Path, tmp_path: Path) -> None:
    class Interrupting(Told):
        def advance(self, n_requests: int, n_tokens: int) -> None:
            if n_tokens:
                raise KeyboardInterrupt

    told = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        run(plan(models, tmp_path), progress=told)
    assert "distinct requests are answered, and kept in the cache" in told.lines[-1]


@pytest.mark.slow
def test_a_dry_run_counts_what_the_run_then_computes(models: Path, tmp_path: Path) -> None:
    """Requests, distinct ones and beginnings, in both framings; afterwards everything is in the cache."""
    asked = plan(models, tmp_path, framing_names=("plain", "chat"))
    out, cache = tmp_path / "out", Path(os.environ["BIASAUDIT_CACHE"])
    before = dry_run(asked, out=out)
    assert not out.exists()
    assert not (cache / "responses.sqlite").exists()
    assert set(before.checkpoints) == {"base", "tuned"}
    audit = run(asked, out=out, render=undrawn)
    work = before.checkpoints["base"].work
    # 12 items and 6 of competence, two texts each, in plain and three wordings.
    assert work.n_requests == 18 * 2 * 4
    assert work.n_distinct == audit.responses.query("checkpoint == 'base'")["key"].nunique()
    assert 2 * work.n_nodes == audit.manifest.run["tokens"]
    assert (work.n_cached, work.n_failed) == (0, 0)
    after = dry_run(asked, out=out)
    assert [(one.work.n_cached, one.work.n_nodes) for one in after.checkpoints.values()] == [(work.n_distinct, 0)] * 2


def test_a_dry_run_refuses_what_the_run_would(models: Path, tmp_path: Path) -> None:
    for changes, error in (({"tuned": (str(models / "other"),)}, UsageError), ({"probes": ("none",)}, ProbeError)):
        with pytest.raises(error):
            dry_run(plan(models, tmp_path, **changes))


@pytest.mark.slow
def test_a_suite_takes_further_probes_whole(models: Path, tmp_path: Path) -> None:
    """The suite narrows its own probes, not those that are named beside it."""
    from biasaudit.api import planned
    from biasaudit.audits.preflight import probes_of

    mini = str(save_probe(tmp_path / "mini"))
    base = str(models / "base")
    both = planned(base, base, suite="quick", probes=[mini])
    alone = planned(base, base, suite="quick")
    assert both.probes == (*alone.probes, mini)
    found = probes_of(both)
    assert [probe.sha256 for probe in found[:-1]] == [probe.sha256 for probe in probes_of(alone)]
    assert len(found[-1].items) == 18
    with pytest.raises(UsageError, match="part of the suite 'quick' already"):
        planned(base, base, suite="quick", probes=["occupations"])
    with pytest.raises(UsageError, match="do not begin with those of the suite"):
        Plan(base=base, tuned=(base,), probes=(mini,), suite="quick")


def test_an_adapter_whose_card_names_another_base_is_told(models: Path, tmp_path: Path) -> None:
    """In the terminal, and in the manifest that the report is made from."""
    folder = Path(shutil.copytree(models / "adapter", tmp_path / "adapter"))
    card = folder / "adapter_config.json"
    named = {**json.loads(card.read_text(encoding="utf-8")), "base_model_name_or_path": "someone/another-7b"}
    card.write_text(json.dumps(named), encoding="utf-8")
    told = Told()
    asked = plan(models, tmp_path, tuned=(f"{models / 'base'}+{folder}",), allow_implausible=True)
    audit = run(asked, progress=told)
    expected = "tuned: the adapter adapter says that it was made for 'another-7b', and was put on 'base'"
    assert any(line.startswith(expected) for line in told.lines)
    assert audit.manifest is not None
    assert any(line.startswith(expected) for line in audit.manifest.told)
