"""No output is written over an audit or an input, by whatever name; what is written is whole."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from biasaudit import outputs
from biasaudit.errors import UsageError
from biasaudit.outputs import append_output, check_outputs, suffix_of, write_output

PACKAGE = Path(outputs.__file__).resolve().parent


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    """What the guard looks at: a manifest, and files that it names."""
    folder = tmp_path / "audit"
    folder.mkdir()
    names = ("items.parquet", "report.html", "extra.csv")
    for name in names:
        (folder / name).write_text(name, encoding="utf-8")
    manifest = {"biasaudit_version": "1", "files": dict.fromkeys((*names, "gone.parquet"), "0")}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def linked(to: Path, name: Path) -> Path:
    name.symlink_to(to)
    return name


def hard_linked(to: Path, name: Path) -> Path:
    os.link(to, name)
    return name


WAYS: dict[str, Callable[[Path, Path], Path]] = {
    "itself": lambda audit, _: audit / "items.parquet",
    "the manifest": lambda audit, _: audit / "manifest.json",
    "a report": lambda audit, _: audit / "report.html",
    "a report that was not written yet": lambda audit, _: audit / "report.md",
    "what only the manifest names": lambda audit, _: audit / "extra.csv",
    "a file that was lost": lambda audit, _: audit / "gone.parquet",
    "a way round": lambda audit, other: audit.parent / "other" / ".." / "audit" / "items.parquet",
    "a link": lambda audit, other: linked(audit / "items.parquet", other / "link.html"),
    "a link of a link": lambda audit, other: linked(linked(audit / "extra.csv", other / "one"), other / "two.html"),
    "a link to a file that was lost": lambda audit, other: linked(audit / "gone.parquet", other / "link.html"),
    "a linked folder": lambda audit, other: linked(audit, other / "folder") / "items.parquet",
    "another name in the folder": lambda audit, _: hard_linked(audit / "items.parquet", audit / "copy.html"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("write", [write_output, append_output])
def test_a_file_of_an_audit_is_never_written_over(
    audit: Path, tmp_path: Path, way: str, write: Callable[[Path, str], object]
) -> None:
    (tmp_path / "other").mkdir()
    target = WAYS[way](audit, tmp_path / "other")
    before = contents(audit)
    with pytest.raises(UsageError, match="is a file of the audit itself") as caught:
        write(target, "x")
    assert caught.value.exit_code == 2
    assert contents(audit) == before


def test_of_an_audit_with_a_damaged_manifest_the_evidence_is_kept(audit: Path) -> None:
    (audit / "manifest.json").write_text("{", encoding="utf-8")
    for name in ("items.parquet", "manifest.json", "report.md"):
        with pytest.raises(UsageError, match="is a file of the audit"):
            write_output(audit / name, "x")


def test_other_files_in_the_folder_of_an_audit_are_free(audit: Path) -> None:
    """And a manifest of something else protects nothing."""
    write_output(audit / "mine.html", "x")
    assert (audit / "mine.html").read_text(encoding="utf-8") == "x"
    (audit / "manifest.json").write_text('{"name": "a web page"}', encoding="utf-8")
    write_output(audit / "report.html", "x")


def test_an_input_is_never_written_over(audit: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("mine", encoding="utf-8")
    for target in (policy, linked(policy, tmp_path / "a.json"), hard_linked(policy, tmp_path / "b.json")):
        with pytest.raises(UsageError, match="is what this command reads"):
            write_output(target, "x", inputs=[policy, tmp_path / "absent"])
    # A second name elsewhere of an audit's file is that file.
    with pytest.raises(UsageError, match="is what this command reads"):
        check_outputs([hard_linked(audit / "items.parquet", tmp_path / "c.json")], inputs=[audit])
    assert policy.read_text(encoding="utf-8") == "mine"


def test_what_cannot_be_written_is_one_message_beforehand(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for target, says in (
        (tmp_path, "it is a folder"),
        (tmp_path / "pipe", "it is a pipe or a device"),
        (Path("/dev/zero"), "it is a pipe or a device"),
        (tmp_path / "none" / "x.html", "there is no folder"),
        (tmp_path / "file" / "x.html", "there is no folder"),
        (tmp_path / "loop", "cannot be written"),
        (tmp_path / "a\0b", "cannot be written"),
        (tmp_path / ("x" * 300), "cannot be written: File name too long"),
        ("", "cannot be written"),
    ):
        for write in (write_output, append_output):
            with pytest.raises(UsageError, match=says):
                write(target, "x")
    with pytest.raises(UsageError, match="two outputs"):
        check_outputs([tmp_path / "x", None, tmp_path / "none" / ".." / "x"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop", "pipe"]


def test_a_folder_that_takes_no_files_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the system: whoever may write everywhere would not find out otherwise."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="takes no files"):
        check_outputs([tmp_path / "x.html"])


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    target.write_text("before", encoding="utf-8")
    target.chmod(0o640)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UsageError, match="No space left on device"):
            write_output(target, "after")
    assert contents(tmp_path) == {"page.html": b"before"}
    assert write_output(target, "é") == target
    assert contents(tmp_path) == {"page.html": "é".encode()}
    assert target.stat().st_mode & 0o777 == 0o640
    link = linked(target, tmp_path / "link.html")
    write_output(link, b"bytes")
    assert (link.is_symlink(), target.read_bytes()) == (True, b"bytes")


def test_a_new_file_is_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    for name in ("one", "two"):
        write_output(tmp_path / name, "mine", new=True)
        with pytest.raises(UsageError, match="is there already"):
            write_output(tmp_path / name, "yours", new=True)
        monkeypatch.setattr(os, "link", no_links)
    assert contents(tmp_path) == {"one": b"mine", "two": b"mine"}


def test_text_is_appended(tmp_path: Path) -> None:
    for text in ("a\n", "b\n"):
        append_output(tmp_path / "summary.md", text)
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == "a\nb\n"


def test_streams_take_what_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    write_output("-", "one\n")
    write_output("/dev/stdout", "two\n")
    append_output("/dev/stderr", "three\n")
    write_output("/dev/null", "four\n")
    assert capfd.readouterr() == ("one\ntwo\n", "three\n")
    reading, writing = os.pipe()
    large, got = b"x" * 1_000_000, []
    reader = threading.Thread(target=lambda: got.append(Path(f"/dev/fd/{reading}").read_bytes()))
    reader.start()
    write_output(f"/dev/fd/{writing}", large)
    os.close(writing)
    reader.join()
    os.close(reading)
    assert got == [large]


def test_a_stream_whose_reader_has_gone_is_no_error() -> None:
    code = "from biasaudit.outputs import write_output\nwrite_output('-', 'x' * 1_000_000)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 0


def test_an_ending_that_nothing_is_written_in_is_refused() -> None:
    known = [".html", ".md"]
    assert [suffix_of(name, known, default=".html") for name in ("a.md", "-", "/dev/stdout")] == [
        ".md",
        ".html",
        ".html",
    ]
    for name in ("a.pdf", "a", "a.html.gz"):
        with pytest.raises(UsageError, match=r"ends with \.html or \.md"):
            suffix_of(name, known, default=".html")


OWN_WRITERS = {
    "outputs.py": "it is the guard",
    "attacks/journal.py": "adds a line a query to a file that the guard made",
    "cli/terminal.py": "the standard streams, and what stands in for a closed one",
    "record/store.py": "writes into an audit's own folder; whole files by a temporary name",
    "bundles/archive.py": "gives bytes to the guard",
    "bundles/verify.py": "unpacks into a temporary folder, members by plain names",
    "bundles/write.py": "a policy for a moment in a temporary folder",
    "report/charts/_artist.py": "a pipe to the process that it draws for",
}
"""Who writes without the guard, and why that may be."""

CONVERSIONS = ("models/", "align/", "probes/", "testing/")
"""Rooms whose writers fill folders of their own: caches, adapters, new probes and models."""


def test_nobody_else_writes_files() -> None:
    """A new writer takes `write_output`, or gives its reason here."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _writes(node) and not name.startswith(CONVERSIONS):
                found.add(name)
    assert found <= set(OWN_WRITERS), found - set(OWN_WRITERS)


def _writes(node: ast.Call) -> bool:
    called = ast.unparse(node.func).rpartition(".")[2]
    if called in {"write_text", "write_bytes", "to_parquet", "mkstemp", "touch", "symlink_to"}:
        # store.write_text takes a folder and a name.
        return not ast.unparse(node.func).startswith("store.")
    texts = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    if called in {"open", "fdopen", "ZipFile"}:
        return any(text in {"w", "wb", "x", "xb", "a", "ab", "w+", "r+", "r+b"} for text in texts)
    return ast.unparse(node.func) in {"os.replace", "os.rename", "os.link", "shutil.copy", "shutil.move"}
