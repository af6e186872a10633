from __future__ import annotations

import hashlib
import io
import json
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import biasaudit
from biasaudit.bundles import archive, verify_bundle, write_bundle
from biasaudit.errors import AlteredAuditError, BundleError, PolicyError, UsageError
from biasaudit.record import store
from tests.scripted_audits import save_audit
from tests.sealing import manifest_text

# Each computes an audit or more from its responses.
pytestmark = pytest.mark.slow

POLICY = "version: 1\nrules:\n  - {id: r, max_index: 0.9}\n"
Members = dict[str, bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished audit that tests only read, with a policy beside it."""
    where = tmp_path_factory.mktemp("bundles")
    save_audit(where)
    (where / "limits.yaml").write_text(POLICY, encoding="utf-8")
    return where


@pytest.fixture(scope="module")
def whole(folder: Path) -> Members:
    """The members of a sound bundle with a policy."""
    out = folder / "whole.zip"
    write_bundle(folder / "audit", out, policy=folder / "limits.yaml")
    with zipfile.ZipFile(out) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def resealed(members: Members) -> Members:
    """Write the checksums again, as somebody who alters a bundle with care would, in the manifest too."""
    manifest = json.loads(members["manifest.json"])
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256(members[name]).hexdigest()
    changed = {**members, "manifest.json": manifest_text(manifest).encode()}
    sums = {n: hashlib.sha256(content).hexdigest() for n, content in changed.items() if n != archive.SUMS}
    return {**changed, archive.SUMS: archive.sums_text(sums).encode()}


def saved(folder: Path, members: Members) -> Path:
    path = folder / "bundle.zip"
    archive.write_archive(path, members)
    return path


def test_a_bundle_holds_the_audit_its_policy_and_the_decision(whole: Members, folder: Path) -> None:
    files = set(json.loads(whole["manifest.json"])["files"])
    assert set(whole) == {"manifest.json", archive.SUMS} | archive.WITH_POLICY | files
    assert set(whole) >= archive.REQUIRED
    assert whole["policy.yaml"].decode() == POLICY
    assert json.loads(whole["decision.json"])["outcome"] == "passed"
    for name in ("responses.parquet", "report.html", "manifest.json"):
        assert whole[name] == (folder / "audit" / name).read_bytes()


def test_equal_audits_give_equal_bytes(folder: Path, tmp_path: Path) -> None:
    """Whatever the names, the place and the time of the files."""
    copied = shutil.copytree(folder / "audit", tmp_path / "elsewhere")
    for path in copied.iterdir():
        path.touch()
    write_bundle(folder / "audit", tmp_path / "one.zip", policy=folder / "limits.yaml")
    write_bundle(copied, tmp_path / "two.zip", policy=folder / "limits.yaml")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere", "one.zip", "two.zip"}


def test_the_checksums_are_those_of_other_tools(folder: Path, tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not here")
    write_bundle(folder / "audit", tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as opened:
        opened.extractall(tmp_path / "out")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", archive.SUMS], cwd=tmp_path / "out", check=True)


@pytest.mark.parametrize("policy", [None, "limits.yaml"])
def test_what_was_written_is_whole_and_computed_again_the_same(
    folder: Path, tmp_path: Path, policy: str | None
) -> None:
    write_bundle(folder / "audit", tmp_path / "b.zip", policy=None if policy is None else folder / policy)
    found = verify_bundle(tmp_path / "b.zip", recompute=True)
    assert (found.differences, found.recomputed) == ((), True)
    assert found.sha256 == hashlib.sha256((tmp_path / "b.zip").read_bytes()).hexdigest()
    assert verify_bundle(tmp_path / "b.zip").recomputed is False


def test_tables_of_an_audit_that_were_computed_again_are_whole_too(folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder / "audit", tmp_path / "audit")
    biasaudit.recompute(copied)
    write_bundle(copied, tmp_path / "b.zip")
    assert verify_bundle(tmp_path / "b.zip", recompute=True).differences == ()


def test_a_ready_policy_goes_along_by_its_name(folder: Path, tmp_path: Path) -> None:
    decision = write_bundle(folder / "audit", tmp_path / "b.zip", policy="no-regression")
    assert decision is not None
    assert decision.outcome.value == "passed"
    assert verify_bundle(tmp_path / "b.zip", recompute=True).differences == ()


def test_nothing_is_overwritten_and_nothing_left_behind(folder: Path, tmp_path: Path) -> None:
    taken = tmp_path / "b.zip"
    taken.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="there already"):
        write_bundle(folder / "audit", taken)
    with pytest.raises(UsageError, match="cannot be written"):
        write_bundle(folder / "audit", tmp_path / "none" / "b.zip")
    with pytest.raises(PolicyError, match="no such file"):
        write_bundle(folder / "audit", tmp_path / "c.zip", policy=tmp_path / "none.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]
    assert taken.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["report.html", "scores.parquet"])
def test_an_altered_audit_is_not_bundled(folder: Path, tmp_path: Path, name: str) -> None:
    copied = shutil.copytree(folder / "audit", tmp_path / "audit")
    (copied / name).write_bytes(b"x")
    with pytest.raises(AlteredAuditError, match=name):
        write_bundle(copied, tmp_path / "b.zip")
    (copied / name).unlink()
    with pytest.raises(AlteredAuditError, match=name):
        write_bundle(copied, tmp_path / "b.zip")


@pytest.mark.parametrize("name", sorted(archive.REQUIRED | archive.WITH_POLICY))
def test_every_member_is_missed_and_no_change_goes_unseen(whole: Members, tmp_path: Path, name: str) -> None:
    without = verify_bundle(saved(tmp_path, {one: content for one, content in whole.items() if one != name}))
    assert without.differences == (f"{name!r} is missing",)
    changed = verify_bundle(saved(tmp_path, {**whole, name: whole[name] + b" "}), recompute=True)
    assert any(name in difference for difference in changed.differences)
    assert changed.recomputed is False


def test_what_does_not_belong_there_is_named(whole: Members, tmp_path: Path) -> None:
    found = verify_bundle(saved(tmp_path, {**whole, "extra.txt": b""}))
    assert found.differences == ("'extra.txt' does not belong there",)


def test_one_byte_that_changed_on_the_way_is_seen(whole: Members, tmp_path: Path) -> None:
    """The zip's own sum notices first: content and sum do not agree."""
    path = saved(tmp_path, whole)
    content = path.read_bytes()
    at = content.index(whole["report.html"])
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    assert any("report.html was altered" in difference for difference in verify_bundle(path).differences)


def test_a_manifest_that_names_another_table_is_seen(whole: Members, tmp_path: Path) -> None:
    """Checksums written again do not help: the manifest has its own."""
    changed = {**whole, "estimates.parquet": whole["comparisons.parquet"]}
    sums = {n: hashlib.sha256(c).hexdigest() for n, c in changed.items() if n != archive.SUMS}
    found = verify_bundle(saved(tmp_path, {**changed, archive.SUMS: archive.sums_text(sums).encode()}))
    assert found.differences == ("estimates.parquet is not the one that manifest.json names",)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": 1}', b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_none_is_seen(whole: Members, tmp_path: Path, content: bytes) -> None:
    changed = {**whole, "manifest.json": content}
    sums = {n: hashlib.sha256(c).hexdigest() for n, c in changed.items() if n != archive.SUMS}
    found = verify_bundle(saved(tmp_path, {**changed, archive.SUMS: archive.sums_text(sums).encode()}), recompute=True)
    assert found.differences == ("manifest.json is no manifest of an audit",)


def lower(content: bytes) -> bytes:
    """Make every index of a table smaller by 0.2."""
    frame = pq.read_table(io.BytesIO(content)).to_pandas()
    at = frame["metric"] == "index"
    frame.loc[at, ["value", "ci_low", "ci_high"]] -= 0.2
    return store.table_bytes(frame)


def test_numbers_that_do_not_follow_from_the_responses_are_found(whole: Members, tmp_path: Path) -> None:
    """Every checksum is right, and only the computation tells."""
    path = saved(tmp_path, resealed({**whole, "estimates.parquet": lower(whole["estimates.parquet"])}))
    assert verify_bundle(path).differences == ()
    found = verify_bundle(path, recompute=True).differences[0]
    assert found.startswith("estimates.parquet is not what the responses give: value in 4 rows by up to 0.2")


def test_a_decision_is_made_again_as_of_its_own_day(whole: Members, folder: Path, tmp_path: Path) -> None:
    """A waiver that has expired since then does not make the bundle a false one."""
    waiver = "{rule: r, reason: known, owner: me, expires: 2030-01-31}"
    rules = f"version: 1\nrules:\n  - {{id: r, max_index: -0.9}}\nwaivers:\n  - {waiver}\n"
    (tmp_path / "policy.yaml").write_text(rules, encoding="utf-8")
    made = write_bundle(folder / "audit", tmp_path / "b.zip", policy=tmp_path / "policy.yaml", today=date(2030, 1, 31))
    after = write_bundle(folder / "audit", tmp_path / "c.zip", policy=tmp_path / "policy.yaml", today=date(2030, 2, 1))
    assert made is not None
    assert after is not None
    assert (made.exit_code, after.exit_code) == (0, 1)
    for name in ("b.zip", "c.zip"):
        assert verify_bundle(tmp_path / name, recompute=True).differences == ()


def headline(content: bytes) -> bytes:
    manifest = json.loads(content)
    manifest["headlines"][0]["n_cells"] += 1
    manifest["counts"]["ok"] += 1
    return json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("decision.json", lambda text: text.replace(b"passed", b"waived"), "decision.json is not what policy.yaml"),
        ("policy.yaml", lambda text: text.replace(b"0.9", b"-0.9"), "decision.json is not what policy.yaml"),
        ("report.html", lambda text: text.replace(b"</html>", b" </html>"), "report.html is not the one"),
        ("manifest.json", headline, "manifest.json: headlines do not follow"),
        ("policy.yaml", lambda _: b"version: 2", "nothing can be computed"),
        ("responses.parquet", lambda _: b"no table", "nothing can be computed"),
        ("scores.parquet", lambda _: b"", "nothing can be computed"),
        ("items.parquet", lambda text: store.table_bytes(pd.DataFrame({"a": [1]})) + text[:0], "nothing can be"),
        ("manifest.json", lambda text: text.replace(b'"level"', b'"lever"'), "nothing can be computed"),
    ],
)
def test_whatever_else_was_changed_with_care_is_found(
    whole: Members, tmp_path: Path, name: str, change: Callable[[bytes], bytes], expected: str
) -> None:
    path = saved(tmp_path, resealed({**whole, name: change(whole[name])}))
    assert verify_bundle(path).differences == ()
    assert any(found.startswith(expected) for found in verify_bundle(path, recompute=True).differences)


def test_a_table_of_other_rows_is_described_by_its_size(whole: Members, tmp_path: Path) -> None:
    frame = pq.read_table(io.BytesIO(whole["scores.parquet"])).to_pandas()
    path = saved(tmp_path, resealed({**whole, "scores.parquet": store.table_bytes(frame.iloc[1:])}))
    found = verify_bundle(path, recompute=True).differences
    assert any(f"{len(frame) - 1} rows of" in difference for difference in found)


def test_a_bundle_of_another_version_is_not_computed(whole: Members, tmp_path: Path) -> None:
    manifest = {**json.loads(whole["manifest.json"]), "schema_version": 99}
    path = saved(tmp_path, resealed({**whole, "manifest.json": json.dumps(manifest).encode()}))
    with pytest.raises(BundleError, match="schema version 99"):
        verify_bundle(path, recompute=True)


def test_a_table_that_unpacks_to_too_much_is_refused(
    whole: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from biasaudit.bundles import recompute

    monkeypatch.setattr(recompute, "MAX_ROWS", 10)
    with pytest.raises(BundleError, match="unpacks to"):
        verify_bundle(saved(tmp_path, whole), recompute=True)


def member(name: str, *, mode: int = stat.S_IFREG | 0o644, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = method
    return info


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (member("../evil"), "plain name"),
        (member("/etc/passwd"), "plain name"),
        (member("a\\..\\b"), "plain name"),
        (member("C:evil"), "plain name"),
        (member("a/b"), "plain name"),
        (member(".hidden"), "plain name"),
        (member("a\x1b[31m"), "plain name"),
        (member("n" * 200), "plain name"),
        (member("link", mode=stat.S_IFLNK | 0o777), "no regular file"),
        (member("bomb", method=zipfile.ZIP_DEFLATED), "compressed"),
    ],
)
def test_members_that_no_bundle_has_are_refused(
    whole: Members, tmp_path: Path, info: zipfile.ZipInfo, expected: str
) -> None:
    path = saved(tmp_path, whole)
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(info, b"0" * 1000)
    with pytest.raises(BundleError, match=expected):
        verify_bundle(path)
    assert [one.name for one in tmp_path.iterdir()] == ["bundle.zip"]


def test_a_name_with_a_null_is_refused(whole: Members, tmp_path: Path) -> None:
    """Python's zipfile cuts a name there, so that it would pass for another."""
    path = saved(tmp_path, {**whole, "other.yaml-x": b""})
    path.write_bytes(path.read_bytes().replace(b"other.yaml-x", b"other.yaml\x00x"))
    with pytest.raises(BundleError, match="plain name"):
        verify_bundle(path)


def test_a_name_given_twice_is_refused(whole: Members, tmp_path: Path) -> None:
    path = saved(tmp_path, whole)
    with zipfile.ZipFile(path, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr(member("policy.yaml"), b"")
    with pytest.raises(BundleError, match="given twice"):
        verify_bundle(path)


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, {f"m{number}": b"" for number in range(archive.MAX_MEMBERS + 1)})
    with pytest.raises(BundleError, match="101 members"):
        verify_bundle(path)


def test_members_that_claim_more_than_the_file_has_are_refused(tmp_path: Path) -> None:
    """Directory entries that share one content: a bomb without compression."""
    path = saved(tmp_path, {"a": b"0" * 1000})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    for field in (20, 24):  # compressed and plain size
        content[at + field : at + field + 4] = (10**6).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(BundleError, match="more bytes"):
        verify_bundle(path)


@pytest.mark.parametrize("cut", [0, 1, 10, 1000, -1, -10, -30])
def test_half_a_bundle_is_none(whole: Members, tmp_path: Path, cut: int) -> None:
    path = saved(tmp_path, whole)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BundleError):
        verify_bundle(path)


def test_what_is_no_file_is_no_bundle(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.zip"):
        with pytest.raises(BundleError, match="cannot be read"):
            verify_bundle(path)


def test_noise_never_raises_anything_else(whole: Members, tmp_path: Path) -> None:
    """Bytes changed anywhere: refused, or found, never an unforeseen error and never whole."""
    import random

    small = {name: content[:300] for name, content in whole.items()}
    path = saved(tmp_path, small)
    content, rng = path.read_bytes(), random.Random(7)
    for _ in range(300):
        noisy = bytearray(content)
        noisy[rng.randrange(len(noisy))] ^= 1 << rng.randrange(8)
        path.write_bytes(noisy)
        try:
            found = verify_bundle(path)
        except BundleError:
            continue
        assert found.differences
