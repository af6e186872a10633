from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from biasaudit.errors import ModelFilesError
from biasaudit.models import cache_folder
from biasaudit.models.hashes import file_sha256, sha256_of
from tests.faults import files_up_to, minding_modes


def by_hand(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock an hour ahead, so that files just written count as at rest."""
    ahead = time.time_ns() + 3_600_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: ahead)


def memory() -> Path:
    return cache_folder() / "hashes.sqlite"


def remembered() -> int:
    connection = sqlite3.connect(memory())
    n_rows = connection.execute("SELECT count(*) FROM file_hashes").fetchone()[0]
    connection.close()
    return int(n_rows)


def test_a_hash_is_the_files_and_is_remembered(tmp_path: Path, settled: None) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    assert file_sha256(path) == by_hand(b"weights")
    assert remembered() == 1
    assert file_sha256(path) == by_hand(b"weights")
    assert sha256_of([path]) == by_hand(f"model.safetensors:{by_hand(b'weights')}\n".encode())


def test_a_remembered_hash_is_not_computed_again(
    tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is what the memory is for: a model of several gigabytes is read once."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    file_sha256(path)

    def refuse(*_: object) -> None:
        raise AssertionError("it was read again")

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    assert file_sha256(path) == by_hand(b"weights")


@pytest.mark.parametrize("how", ["in place", "moved into place", "copied with its times"])
def test_a_file_that_was_replaced_at_equal_size_and_time_has_another_hash(
    tmp_path: Path, settled: None, how: str
) -> None:
    """Size and time of change can be set by anybody: `cp -p` does it."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights of then")
    facts = path.stat()
    assert file_sha256(path) == by_hand(b"weights of then")
    time.sleep(0.02)  # the clock of files ticks every few milliseconds
    if how == "in place":
        path.write_bytes(b"weights of now!")
    else:
        other = tmp_path / "other"
        other.write_bytes(b"weights of now!")
        os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        other.replace(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (facts.st_size, facts.st_mtime_ns)
    assert file_sha256(path) == by_hand(b"weights of now!")


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    """It may be written again within one tick of the clock of files, and no fact about it would tell."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    assert file_sha256(path) == by_hand(b"weights")
    assert remembered() == 0


def test_a_hash_that_was_damaged_is_not_believed(tmp_path: Path, settled: None) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    file_sha256(path)
    with sqlite3.connect(memory()) as connection:
        connection.execute("UPDATE file_hashes SET sha256 = ?", ("0" * 64,))
    connection.close()
    assert file_sha256(path) == by_hand(b"weights")


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ["garbage", "a folder", "a pipe", "locked", "read-only", "full", "of an earlier version"]
)
def test_a_memory_that_cannot_be_used_costs_time_only(tmp_path: Path, settled: None, what: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    place, lock = memory(), None
    if what == "garbage":
        place.write_bytes(b"no database " * 400)
    elif what == "a folder":
        place.mkdir()
    elif what == "a pipe":
        os.mkfifo(place)
    elif what == "locked":
        lock = sqlite3.connect(place, isolation_level=None)
        lock.execute("CREATE TABLE t (a)")
        lock.execute("BEGIN EXCLUSIVE")
    elif what == "of an earlier version":
        with sqlite3.connect(place) as before:
            before.execute("CREATE TABLE hashes (path TEXT PRIMARY KEY, size INT, mtime_ns INT, sha256 TEXT)")
            row = (str(path), 7, path.stat().st_mtime_ns, "0" * 64)
            before.execute("INSERT INTO hashes VALUES (?, ?, ?, ?)", row)
        before.close()
    if what == "read-only":
        place.parent.chmod(0o555)
        with minding_modes():
            assert file_sha256(path) == by_hand(b"weights")
    elif what == "full":
        with files_up_to(0):
            assert file_sha256(path) == by_hand(b"weights")
    else:
        assert file_sha256(path) == by_hand(b"weights")
    if lock is not None:
        lock.close()


def test_what_is_no_file_is_refused_without_being_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    cases = {
        "pipe": "no regular file",
        "circle": "cannot be read",
        "absent": "cannot be read: No such file or directory",
        ".": "no regular file",
    }
    for name, said in cases.items():
        with pytest.raises(ModelFilesError, match=said):
            file_sha256(tmp_path / name)
    with pytest.raises(ModelFilesError, match="no regular file"):
        file_sha256(Path("/dev/zero"))


def test_several_processes_may_hash_at_once(tmp_path: Path, settled: None) -> None:
    paths = [tmp_path / f"{number}.json" for number in range(8)]
    for number, path in enumerate(paths):
        path.write_bytes(b"%d" % number)
    found: dict[int, str] = {}

    def work(number: int) -> None:
        for _ in range(3):
            found[number] = file_sha256(paths[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: by_hand(b"%d" % number) for number in range(8)}
