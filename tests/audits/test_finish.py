"""Tables and manifest first: whatever ends the drawing of a report ends no audit."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest

import biasaudit
import biasaudit.report
from biasaudit.analysis.tables import IN_EVERY_AUDIT
from biasaudit.api import rendered
from biasaudit.audits.finish import written
from biasaudit.errors import AlteredAuditError, AuditFolderError, UnknownKindError
from biasaudit.facade import Audit
from biasaudit.record import store
from biasaudit.record.checked import read_checked
from biasaudit.report.charts.drawn_apart import NotDrawnError
from biasaudit.report.charts.pictures import UNDRAWN
from biasaudit.testing import leaning, scripted_audit
from tests.audits.test_audit import plan
from tests.cli.test_shell import Shell, shell
from tests.running import run
from tests.sealing import edit_manifest
from tests.tiny import save_probe

__all__ = ["shell"]


def no_memory(*_: object, **__: object) -> str:
    raise MemoryError


def test_an_audit_whose_report_cannot_be_made_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = save_probe(tmp_path / "mini")
    with monkeypatch.context() as patch:
        patch.setattr(biasaudit.report, "render_html", no_memory)
        with pytest.raises(MemoryError):
            scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[str(probe)], out=tmp_path / "out")
    assert not (tmp_path / "out" / "report.html").exists()
    assert read_checked(tmp_path / "out").level == 0.95
    assert biasaudit.open_audit(tmp_path / "out").headlines[0].n_cells == 1


@pytest.mark.slow
def test_the_same_command_again_writes_the_report_that_is_missing(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    asked = plan(models, tmp_path, framing_names=("plain",))
    with monkeypatch.context() as patch:
        patch.setattr(biasaudit.report, "render_html", no_memory)
        with pytest.raises(MemoryError):
            run(asked, out=out)
    first = store.read_manifest(out)
    assert not {store.REPORT, store.REPORT_MARKDOWN} & first.files.keys()
    run(asked, out=out)
    again = store.read_manifest(out)
    assert {store.REPORT, store.REPORT_MARKDOWN} <= again.files.keys()
    assert again.run == first.run  # nothing was scored again
    read_checked(out)


@pytest.mark.slow
def test_an_audit_under_a_limit_of_the_memory_is_finished_and_drawn_later(shell: Shell, tmp_path: Path) -> None:
    """V8 reserves more address space than this before it draws anything, and ends its process where it cannot."""
    pytest.importorskip("resource")
    probe = save_probe(tmp_path / "mini")
    code = f"""
import pathlib, resource
resource.setrlimit(resource.RLIMIT_AS, (6_000_000_000, 6_000_000_000))
from biasaudit.testing import leaning, scripted_audit
models = leaning("base", 2.0), leaning("tuned", 1.0)
scripted_audit(*models, probes=[{str(probe)!r}], out=pathlib.Path({str(tmp_path / "out")!r}))
"""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert UNDRAWN in page
    assert '<div class="drawing"' not in page
    code_, _, _ = shell.run("check", tmp_path / "out", "--policy", "no-regression")
    assert code_ in {0, 1, 3}
    assert shell.run("report", tmp_path / "out")[0] == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert UNDRAWN not in page
    assert '<div class="drawing"' in page


@pytest.mark.slow
def test_a_report_that_lacks_pictures_is_said_in_the_shell(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = save_probe(tmp_path / "mini")
    scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[str(probe)], out=tmp_path / "out")

    def refused(*_: object) -> str:
        raise NotDrawnError("there was none")

    monkeypatch.setattr("biasaudit.report.charts.pictures.svg_apart", refused)
    code, out, err = shell.run("report", tmp_path / "out")
    assert (code, "charts of" in err) == (0, True), err
    assert "report.html" in out
    read_checked(tmp_path / "out")


def test_memory_that_does_not_suffice_is_one_message(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("biasaudit.api.open_audit", no_memory)
    code, _, err = shell.run("report", tmp_path)
    assert (code, "the memory does not suffice" in err, "Traceback" in err) == (4, True, False)


N_TABLES: Final = len(IN_EVERY_AUDIT)


@pytest.mark.parametrize("nth", range(1, N_TABLES + 5))
def test_a_disk_that_fills_at_any_write_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int, computed: Audit
) -> None:
    """All tables or none, the manifest, two reports and the manifest again: whole files, and no others."""
    out = tmp_path / "out"
    monkeypatch.setattr(biasaudit.report, "render_html", lambda _: "page")
    monkeypatch.setattr(biasaudit.report, "render_markdown", lambda _: "text")
    real, calls = os.fsync, iter(range(1, 100))

    def full(number: int) -> None:
        if next(calls) == nth:
            raise OSError(28, "No space left on device")
        real(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(AuditFolderError, match="No space left on device"):
            written(computed, computed.manifest, out, render=rendered)
    there = {path.name for path in out.iterdir()}
    assert len(there) == (0 if nth <= N_TABLES else nth - 1)
    assert not [name for name in there if name.startswith(".")]
    if nth > N_TABLES + 1:  # the manifest is there: the audit is finished, whatever its reports are
        assert biasaudit.open_audit(out).headlines == computed.headlines
    whole = written(computed, computed.manifest, out, render=rendered)
    assert biasaudit.open_audit(out).manifest == whole.manifest


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    probe = save_probe(tmp_path_factory.mktemp("computed") / "mini")
    return scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[str(probe)])


SENSELESS: list[tuple[str, str, object]] = [
    ("items", "texts", "[1]"),
    ("items", "texts", "not JSON"),
    ("items", "tags", "[1]"),
    ("items", "role", "nobody"),
    ("responses", "part", "favoured: maybe 1"),
    ("responses", "item_id", "nowhere"),
    ("responses", "token_logprobs_nats", []),
]


@pytest.mark.slow
@pytest.mark.parametrize(("table", "column", "value"), SENSELESS)
def test_a_table_of_sound_form_and_senseless_content_is_one_message(
    tmp_path: Path, table: str, column: str, value: object
) -> None:
    """Its checksum is right, and nothing can be computed of it: not a fault of biasaudit itself."""
    folder = shutil.copytree(Path(__file__).parents[2] / "reports" / "gemma-3-270m-pair", tmp_path / "audit")
    path = folder / f"{table}.parquet"
    frame = pd.read_parquet(path)
    items = pd.read_parquet(folder / "items.parquet")
    asked = items[(items["probe"] == "occupations") & (items["role"] == "bias")]["item_id"].iloc[0]
    chosen = (frame["probe"] == "occupations") & (frame["item_id"] == asked)
    place = frame.index[chosen][0]
    cells: list[Any] = [value if number == place else one for number, one in frame[column].items()]
    frame[column] = pd.Series(cells, index=frame.index, dtype=object)
    frame.to_parquet(path, index=False)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit_manifest(folder, lambda content: content["files"].update({path.name: digest}))
    with pytest.raises((AlteredAuditError, UnknownKindError)):
        biasaudit.recompute(folder)
