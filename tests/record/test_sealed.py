"""A folder that is unfinished, altered, or not what it says is refused, with one message."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from biasaudit.errors import AlteredAuditError, AuditFolderError, UnfinishedAuditError
from biasaudit.record.checked import read_checked
from biasaudit.record.manifest import SCHEMA_VERSION
from biasaudit.record.sealed import read_columns, read_manifest
from tests.fuzz.hostile import damage
from tests.scripted_audits import save_audit
from tests.sealing import edit_manifest


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed")
    save_audit(folder)
    return folder / "audit"


@pytest.fixture
def audit(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "audit"))


def test_what_a_check_reads_is_what_pandas_reads(audit: Path) -> None:
    """Two readers of one table must not differ."""
    from biasaudit.analysis.derived import read_record

    found, frames = read_checked(audit), read_record(audit)
    for name in ("estimates", "comparisons", "disparities"):
        rows, frame = getattr(found, name), getattr(frames, name)
        assert len(rows) == len(frame)
        for key in rows[0] if rows else ():
            there = [None if pd.isna(value) else value for value in frame[key].tolist()]
            assert [row[key] for row in rows] == there
    assert found.level == 0.95


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: content.update(schema_version=SCHEMA_VERSION + 1), "Use the version of biasaudit"),
        (lambda content: content.update(schema_version=SCHEMA_VERSION - 1), "--recompute"),
        (lambda content: content.pop("plan"), "not a whole manifest"),
        (lambda content: content.update(files=[]), "files is no mapping of texts"),
        (lambda content: content["files"].pop("items.parquet"), "does not name items.parquet"),
        (lambda content: content["files"].update({"../x": ""}), "which is no file name"),
        (lambda content: content["files"].update({"items.parquet": 7}), "files is no mapping of texts"),
        (lambda content: content["files"].update({"items.parquet": "7"}), "was altered"),
        (lambda content: content["files"].update({"more.csv": "0"}), "more.csv cannot be read"),
        (lambda content: content["plan"].update(level=1.5), "level is 1.5"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(
    audit: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    edit_manifest(audit, change)
    with pytest.raises(AuditFolderError) as caught:
        read_checked(audit)
    assert says in str(caught.value)


@pytest.mark.parametrize("value", [None, 7, "x", [7], [None], {"x": None}])
def test_a_field_that_holds_another_kind_is_named(audit: Path, value: object) -> None:
    for name in ("fingerprints", "lineage", "probes", "counts", "headlines", "versions", "files", "told"):
        edit_manifest(audit, lambda content: content.update({name: value}))  # noqa: B023  # called at once
        with pytest.raises(AlteredAuditError, match="not a whole manifest"):
            read_checked(audit)
        with pytest.raises(AlteredAuditError, match="not a whole manifest"):
            read_manifest(audit, earlier=True)


def test_unfinished_absent_and_no_file(audit: Path) -> None:
    (audit / "manifest.json").unlink()
    with pytest.raises(UnfinishedAuditError, match="no finished audit"):
        read_manifest(audit)
    (audit / "manifest.json").mkdir()
    with pytest.raises(AlteredAuditError, match="it is no file"):
        read_manifest(audit)
    with pytest.raises(AuditFolderError, match="no such folder"):
        read_manifest(audit / "none")
    (audit / "manifest.json").rmdir()
    (audit / "manifest.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(AlteredAuditError, match="cannot be read"):
        read_manifest(audit)


def test_every_file_is_checked_the_report_too(audit: Path) -> None:
    """Evidence that is not judged is evidence all the same."""
    for name in sorted(json.loads((audit / "manifest.json").read_text(encoding="utf-8"))["files"]):
        kept = (audit / name).read_bytes()
        (audit / name).write_bytes(kept + b" ")
        with pytest.raises(AlteredAuditError, match="was altered"):
            read_checked(audit)
        (audit / name).write_bytes(kept)
    read_checked(audit)


def test_a_table_is_checked_when_it_is_read(audit: Path) -> None:
    """It may change between the check of all files and the reading of one."""
    manifest = read_manifest(audit)
    assert read_columns(audit, "scores", manifest, {"probe": "text", "graded": "number"}).num_columns == 2
    with pytest.raises(AlteredAuditError, match="has not one column 'none'"):
        read_columns(audit, "scores", manifest, {"none": "text"})
    with pytest.raises(AlteredAuditError, match="does not hold a count"):
        read_columns(audit, "scores", manifest, {"probe": "count"})
    (audit / "scores.parquet").write_bytes(b"")
    with pytest.raises(AlteredAuditError, match="was altered"):
        read_columns(audit, "scores", manifest, {"probe": "text"})
    (audit / "scores.parquet").unlink()
    with pytest.raises(AlteredAuditError, match="cannot be read"):
        read_columns(audit, "scores", manifest, {"probe": "text"})


def test_bytes_that_are_no_table_are_refused_though_the_checksum_fits(audit: Path) -> None:
    import hashlib

    (audit / "estimates.parquet").write_bytes(b"PAR1 no table PAR1")
    checksum = hashlib.sha256(b"PAR1 no table PAR1").hexdigest()
    edit_manifest(audit, lambda content: content["files"].update({"estimates.parquet": checksum}))
    with pytest.raises(AlteredAuditError, match="cannot be read as a table"):
        read_checked(audit)


@pytest.mark.parametrize("seed", range(40))
def test_damage_of_any_kind_is_refused(audit: Path, seed: int) -> None:
    if damage(audit, random.Random(seed)):
        with pytest.raises(AuditFolderError):
            read_checked(audit)
