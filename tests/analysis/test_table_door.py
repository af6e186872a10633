"""A table is one object and one line: a dummy goes all the way, and nothing of the package knows its name."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.errors import SchemaError

import biasaudit
from biasaudit.analysis.table import Given, Table
from biasaudit.analysis.tables import TABLES, checked_tables
from biasaudit.analysis.tabulate import analysis_of_manifest, tabulate
from biasaudit.bundles import verify_bundle, write_bundle
from biasaudit.errors import AlteredAuditError
from biasaudit.facade import Audit
from biasaudit.record import store
from biasaudit.record.audit_record import NEEDED
from biasaudit.record.checked import read_checked
from biasaudit.testing import leaning, scripted_audit
from tests.tiny import save_probe

# Each computes an audit or more from its responses, and draws its report.
pytestmark = pytest.mark.slow

LATER: Final = [
    name for name, table in TABLES.items() if not table.needed and not (table.of_perturbed or table.of_drawn)
]
"""What every audit of this version has, and one of before has not."""


def leans_frame(given: Given) -> pd.DataFrame:
    """From a table before it, from what was asked, and from the settings."""
    scores = given.tables["scores"]
    rows = scores.groupby(["checkpoint", "probe"], as_index=False).agg(largest_d_nats=("d_nats", "max"))
    asked = {(one.checkpoint, one.probe): 0 for one in given.asked}
    for one in given.asked:
        asked[one.checkpoint, one.probe] += len(one.responses)
    n_responses = [asked[place] for place in zip(rows["checkpoint"], rows["probe"], strict=True)]
    return rows.assign(n_responses=n_responses, level=given.analysis.level)


LEANS: Final = Table(
    name="leans",
    schema=pa.DataFrameSchema(
        {
            "checkpoint": pa.Column(str),
            "probe": pa.Column(str),
            "largest_d_nats": pa.Column(float, nullable=True),
            "n_responses": pa.Column(int),
            "level": pa.Column(float),
        },
        strict=True,
        unique=["checkpoint", "probe"],
    ),
    computed=leans_frame,
)
NOTES: Final = Table(name="notes", schema=pa.DataFrameSchema({"said": pa.Column(str)}, strict=True), computed=None)


def audited(out: Path) -> Audit:
    probe = str(save_probe(out.parent / "mini"))
    return scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[probe], out=out)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit from before there was the table."""
    out = tmp_path_factory.mktemp("earlier") / "audit"
    audited(out)
    return out


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit with the table, which tests only read."""
    out = tmp_path_factory.mktemp("written") / "audit"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TABLES, "leans", LEANS)
        audited(out)
    return out


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in the mapping."""
    monkeypatch.setitem(TABLES, "leans", LEANS)


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy that a test may alter."""
    return shutil.copytree(written, tmp_path / "copy")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.usefixtures("known")
def test_it_is_computed_written_sealed_and_read_back(written: Path) -> None:
    """By hand: every item leans by 2 nats in the base and by 1 in the tuned model."""
    audit = biasaudit.open_audit(written)
    table = audit.further["leans"]
    assert table["checkpoint"].tolist() == ["base", "tuned"]
    assert table["largest_d_nats"].tolist() == pytest.approx([2.0, 1.0])
    assert table["n_responses"].sum() == len(audit.responses)
    assert set(table["level"]) == {0.95}
    assert audit.manifest.files["leans.parquet"] == sha256(written / "leans.parquet")
    assert list(audit.tables) == [*NEEDED, *LATER, "leans"]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("how", ["altered", "gone"])
def test_a_file_that_is_not_the_one_that_was_written_is_reported(folder: Path, how: str) -> None:
    """By whoever opens the audit, and by the check before deployment."""
    path = folder / "leans.parquet"
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"x")
    for read in (biasaudit.open_audit, read_checked):
        with pytest.raises(AlteredAuditError, match=r"leans\.parquet (was altered|cannot be read)"):
            read(folder)


@pytest.mark.usefixtures("known")
def test_it_is_computed_again_byte_for_byte(folder: Path, written: Path) -> None:
    (folder / "leans.parquet").unlink()
    assert biasaudit.recompute(folder).further.keys() == {*LATER, "leans"}
    for file in (
        *(table.file for table in TABLES.values() if not (table.of_perturbed or table.of_drawn)),
        "report.html",
        "report.md",
    ):
        assert (folder / file).read_bytes() == (written / file).read_bytes(), file


@pytest.mark.usefixtures("known")
def test_a_bundle_holds_it_and_its_numbers_are_verified(folder: Path, tmp_path: Path) -> None:
    write_bundle(folder, tmp_path / "whole.zip")
    assert verify_bundle(tmp_path / "whole.zip", recompute=True).differences == ()
    manifest = store.read_manifest(folder)
    forged = store.table_bytes(store.read_table(folder, "leans", manifest).assign(largest_d_nats=0.5))
    (folder / "leans.parquet").write_bytes(forged)
    sealed = {**manifest.files, "leans.parquet": hashlib.sha256(forged).hexdigest()}
    store.write_manifest(folder, type(manifest)(**{**manifest.as_dict(), "files": sealed}))
    write_bundle(folder, tmp_path / "forged.zip")
    [difference] = verify_bundle(tmp_path / "forged.zip", recompute=True).differences
    assert difference.startswith("leans.parquet is not what the responses give: largest_d_nats in 2 rows")


@pytest.mark.usefixtures("known")
def test_it_is_among_the_csv_files(written: Path, tmp_path: Path) -> None:
    paths = biasaudit.open_audit(written).to_csv(tmp_path)
    assert [path.stem for path in paths] == [*NEEDED, *LATER, "leans", "wordings"]
    assert pd.read_csv(tmp_path / "leans.csv")["largest_d_nats"].tolist() == pytest.approx([2.0, 1.0])


@pytest.mark.usefixtures("known")
def test_an_audit_from_before_opens_and_gets_it_when_computed_again(earlier: Path, tmp_path: Path) -> None:
    """A new table takes no new version of the schema."""
    before = shutil.copytree(earlier, tmp_path / "before")
    audit = biasaudit.open_audit(before)
    assert list(audit.further) == LATER
    assert "leans.csv" not in {path.name for path in audit.to_csv(tmp_path / "csv")}
    read_checked(before)
    write_bundle(before, tmp_path / "before.zip")
    assert verify_bundle(tmp_path / "before.zip", recompute=True).differences == ()
    biasaudit.recompute(before)
    assert biasaudit.open_audit(before).further["leans"]["largest_d_nats"].tolist() == pytest.approx([2.0, 1.0])


def test_an_audit_with_a_table_that_is_not_known_opens_without_it(folder: Path, tmp_path: Path) -> None:
    """As an earlier version sees it: the check holds the file to its checksum, a bundle says what it cannot compute."""
    assert list(biasaudit.open_audit(folder).further) == LATER
    write_bundle(folder, tmp_path / "later.zip")
    difference, *_ = verify_bundle(tmp_path / "later.zip", recompute=True).differences
    assert difference == "leans.parquet is not a file that this version of biasaudit writes"
    (folder / "leans.parquet").write_bytes(b"x")
    with pytest.raises(AlteredAuditError, match=r"leans\.parquet was altered"):
        read_checked(folder)


@pytest.mark.usefixtures("known")
def test_a_table_with_other_columns_than_it_says_is_not_written(written: Path) -> None:
    audit = biasaudit.open_audit(written)
    wrong = audit.further["leans"].assign(level="high")
    with pytest.raises(SchemaError, match="level"):
        checked_tables(replace(audit, further={"leans": wrong}))


def test_evidence_is_kept_when_the_rest_is_computed_again(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the scores of a classifier: expensive, and a table before it can be computed from."""
    monkeypatch.setitem(TABLES, "notes", NOTES)
    audit = biasaudit.open_audit(earlier)
    notes = pd.DataFrame({"said": ["kept"]})
    again = tabulate(audit.items, audit.responses, analysis_of_manifest(audit.manifest), evidence={"notes": notes})
    assert again.further["notes"] is notes
    assert set(checked_tables(again)) == {*NEEDED, *LATER, "notes"}


def test_evidence_of_its_own_goes_through_a_folder(
    earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLES, "notes", NOTES)
    folder = shutil.copytree(earlier, tmp_path / "copy")
    manifest = store.read_manifest(folder)
    sums = store.write_tables(folder, {"notes": pd.DataFrame({"said": ["kept"]})})
    store.write_manifest(folder, type(manifest)(**{**manifest.as_dict(), "files": {**manifest.files, **sums}}))
    assert biasaudit.recompute(folder).further["notes"]["said"].tolist() == ["kept"]
    assert store.read_manifest(folder).files["notes.parquet"] == sums["notes.parquet"]
    write_bundle(folder, tmp_path / "notes.zip")
    assert verify_bundle(tmp_path / "notes.zip", recompute=True).differences == ()


def test_evidence_that_this_version_does_not_know_stays_sealed_when_the_rest_is_computed_again(folder: Path) -> None:
    """Else the version that does know it could not read it any more."""
    sealed = store.read_manifest(folder).files["leans.parquet"]
    biasaudit.recompute(folder)
    assert store.read_manifest(folder).files["leans.parquet"] == sealed == sha256(folder / "leans.parquet")
