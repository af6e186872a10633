from __future__ import annotations

import array
import os
import random
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from biasaudit.errors import CacheError
from biasaudit.models import ResponseCache, cache_folder, open_cache
from biasaudit.types import Failed, Response, Scored
from tests.faults import files_up_to, minding_modes, small_disk

MODEL = "m" * 64
KEPT: dict[str, Response] = {
    "whole": Scored(key="whole", token_ids=(7, 260, 3), token_logprobs_nats=(-0.125, -3.5, 0.0)),
    "one": Scored(key="one", token_ids=(1,), token_logprobs_nats=(-1.0,)),
    "failed": Failed(key="failed", reason="no token of its own after the context"),
}
KEEPS = "INSERT OR REPLACE INTO checked_responses VALUES (?, ?, ?, ?, ?, ?)"


def filled(path: Path, n_more: int = 0) -> Path:
    """A cache with the responses above and as many more."""
    more = [Scored(key=f"k{n}", token_ids=(n, n + 1), token_logprobs_nats=(-n / 8, -1.5)) for n in range(n_more)]
    with ResponseCache(path) as cache:
        cache.keep(MODEL, [*KEPT.values(), *more])
    return path


class Told(list[str]):
    """What was said."""

    def __call__(self, text: str) -> None:
        self.append(text)


def test_what_was_kept_is_found_as_it_was(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    with ResponseCache(path) as cache:
        assert cache.found(MODEL, [*KEPT, "another"]) == KEPT
        assert cache.found("another model", KEPT) == {}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE checked_responses SET logprobs = substr(logprobs, 1, 16)", id="fewer values than tokens"),
        pytest.param("UPDATE checked_responses SET logprobs = substr(logprobs, 1, 17)", id="a value cut in two"),
        pytest.param("UPDATE checked_responses SET token_ids = substr(token_ids, 1, 8)", id="fewer tokens than values"),
        pytest.param("UPDATE checked_responses SET logprobs = logprobs || logprobs", id="more values than tokens"),
        pytest.param("UPDATE checked_responses SET logprobs = zeroblob(24)", id="values of 0"),
        pytest.param("UPDATE checked_responses SET logprobs = 'text', token_ids = 5", id="other types"),
        pytest.param("UPDATE checked_responses SET logprobs = NULL, token_ids = NULL, reason = 'x'", id="a reason"),
        pytest.param("UPDATE checked_responses SET request = 'whole'", id="of another request"),
        pytest.param("UPDATE checked_responses SET model = '{model}'", id="of another model"),
        pytest.param("UPDATE checked_responses SET checksum = zeroblob(16)", id="another checksum"),
        pytest.param("UPDATE checked_responses SET checksum = 'text'", id="a checksum of another type"),
    ],
)
def test_a_row_that_is_not_what_was_written_is_asked_again(tmp_path: Path, change: str) -> None:
    """Two of three values gave a text a higher probability: d was 0.0 for 0.014."""
    path, told = tmp_path / "responses.sqlite", Told()
    other = "o" * 64
    with ResponseCache(path) as cache:
        scored = Scored(key="source", token_ids=(7, 260, 3), token_logprobs_nats=(-0.125, -3.5, -1.0))
        cache.keep(other if "{model}" in change else MODEL, [scored])
    with sqlite3.connect(path) as connection:
        connection.execute(change.format(model=MODEL))
    connection.close()
    with ResponseCache(path, say=told) as cache:
        assert cache.found(MODEL, ["source", "whole"]) == {}
        cache.keep(MODEL, [scored])
        assert cache.found(MODEL, ["source"]) == {"source": scored}
    assert told == [f"1 rows of the cache {path} are damaged; what they answered is asked again"]


@pytest.mark.parametrize(
    ("ids", "values"),
    [((1, 2), (-1.0, 0.5)), ((1,), (float("nan"),)), ((1,), (float("-inf"),)), ((-1,), (-1.0,)), ((), ()), ((1,), ())],
)
def test_numbers_that_no_model_gives_are_not_used_even_with_a_right_checksum(
    tmp_path: Path, ids: tuple[int, ...], values: tuple[float, ...]
) -> None:
    from biasaudit.models.cache_rows import row_of

    path = tmp_path / "responses.sqlite"
    with ResponseCache(path) as cache:
        assert cache.found(MODEL, ["wrong"]) == {}
    row = row_of(MODEL, Scored(key="wrong", token_ids=ids, token_logprobs_nats=values))
    with sqlite3.connect(path) as connection:
        connection.execute(KEEPS, row)
    connection.close()
    with ResponseCache(path) as cache:
        assert cache.found(MODEL, ["wrong"]) == {}


def test_rows_of_an_earlier_version_are_asked_again_and_left_alone(tmp_path: Path) -> None:
    """They have no checksum, and the tokens of a request were cut otherwise."""
    path = tmp_path / "responses.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE responses (model TEXT NOT NULL, request TEXT NOT NULL, reason TEXT, token_ids BLOB, "
        "logprobs BLOB, PRIMARY KEY (model, request)) WITHOUT ROWID"
    )
    row = (MODEL, "whole", None, array.array("i", [7]).tobytes(), array.array("d", [-1.0]).tobytes())
    connection.execute("INSERT INTO responses VALUES (?, ?, ?, ?, ?)", row)
    connection.commit()
    told = Told()
    with ResponseCache(path, say=told) as cache:
        assert cache.found(MODEL, ["whole"]) == {}
    assert told == []
    assert connection.execute("SELECT * FROM responses").fetchall() == [row]
    connection.close()


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("kept")


def make_socket(path: Path) -> None:
    place = Path.cwd()
    os.chdir(path.parent)  # the name of a socket is at most 108 bytes long
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(place)


def others_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE checked_responses (a, b)")
    connection.close()


def triggered(path: Path) -> None:
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TRIGGER t AFTER INSERT ON checked_responses BEGIN DELETE FROM checked_responses; END")
    connection.close()


def cut(path: Path) -> None:
    filled(path, n_more=500)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 100])


NO_CACHE: dict[str, Callable[[Path], object]] = {
    "garbage": lambda path: path.write_bytes(random.Random(3).randbytes(5000)),
    "text": lambda path: path.write_text("not a database\n" * 100),
    "a folder": make_folder,
    "a pipe": os.mkfifo,
    "a socket": make_socket,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "somebody else's tables": others_database,
    "a trigger": triggered,
    "cut in the middle": cut,
    "a pipe for the log": lambda path: os.mkfifo(path.with_name(path.name + "-wal")),
    "a folder for the memory": lambda path: path.with_name(path.name + "-shm").mkdir(),
}


@pytest.mark.parametrize("what", NO_CACHE)
def test_what_is_no_cache_is_set_aside_once_and_the_run_goes_on(tmp_path: Path, what: str) -> None:
    path, told = tmp_path / "responses.sqlite", Told()
    NO_CACHE[what](path)
    before = {place.name for place in tmp_path.iterdir()}
    with ResponseCache(path, say=told) as cache:
        cache.found(MODEL, KEPT)
        cache.keep(MODEL, KEPT.values())
        assert cache.found(MODEL, KEPT) == KEPT
    assert len(told) == 1, told
    assert f"the cache {path} cannot be read: " in told[0]
    assert "set aside as responses.sqlite.unreadable-1" in told[0]
    aside = {place.name for place in tmp_path.iterdir() if ".unreadable-1" in place.name}
    assert len(aside) >= len(before - {"responses.sqlite-wal", "responses.sqlite-shm"}), "nothing is deleted"
    with ResponseCache(path, say=told) as cache:
        assert cache.found(MODEL, KEPT) == KEPT
    assert len(told) == 1


def test_each_file_set_aside_has_a_name_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"
    for content in (b"first " * 99, b"second " * 99):
        path.write_bytes(content)
        with ResponseCache(path):
            pass
        for left in ("-wal", "-shm"):
            path.with_name(path.name + left).unlink(missing_ok=True)
    assert (tmp_path / "responses.sqlite.unreadable-1").read_bytes() == b"first " * 99
    assert (tmp_path / "responses.sqlite.unreadable-2").read_bytes() == b"second " * 99


@pytest.mark.slow
def test_200_damaged_caches_give_no_other_answer_than_was_kept(tmp_path: Path) -> None:
    """Bytes changed, cut off, put in or exchanged anywhere in the file: an answer is the one that was kept, or none."""
    source = filled(tmp_path / "source.sqlite", n_more=400).read_bytes()
    right = {f"k{n}": (-n / 8, -1.5) for n in range(400)}
    draw = random.Random(20)
    n_found = n_messages = 0
    for number in range(200):
        path, told = tmp_path / f"{number}.sqlite", Told()
        path.write_bytes(damaged(source, draw))
        with ResponseCache(path, say=told) as cache:
            found = cache.found(MODEL, right)
            for key, response in found.items():
                assert isinstance(response, Scored)
                assert response.token_logprobs_nats == right[key]
            size = cache.pack_size("x")
            assert size is None
            cache.keep_pack_size("x", 64)
            again = Scored(key="new", token_ids=(1,), token_logprobs_nats=(-1.0,))
            cache.keep(MODEL, [again])
            assert cache.found(MODEL, ["new"]) == {"new": again}
        n_found += len(found)
        n_messages += bool(told)
        assert len(told) <= 2, told
    assert 0 < n_found < 200 * 400
    assert n_messages > 60


def damaged(content: bytes, draw: random.Random) -> bytes:
    place, length = draw.randrange(len(content)), draw.choice([1, 1, 4, 50, 5000])
    noise = draw.randbytes(length)
    return draw.choice(
        [
            content[:place] + noise + content[place + length :],
            content[:place] + bytes(length) + content[place + length :],
            content[:place],
            content[:place] + content[place + length :],
            content[:place] + noise + content[place:],
            content[: draw.choice([0, 16, 100, 4096])] + noise,
        ]
    )


def test_a_cache_that_is_read_only_is_read_and_said_once(tmp_path: Path) -> None:
    path, told = filled(tmp_path / "kept" / "responses.sqlite"), Told()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    with minding_modes(), ResponseCache(path, say=told) as cache:
        assert cache.found(MODEL, KEPT) == KEPT
        cache.keep(MODEL, [Failed(key="new", reason="x")])
        cache.keep_pack_size("a machine", 5)
    path.parent.chmod(0o755)
    assert len(told) == 1, told
    assert "cannot be written" in told[0]
    with ResponseCache(path) as cache:
        assert cache.found(MODEL, ["new"]) == {}


def test_a_folder_that_is_read_only_keeps_nothing_and_says_so_once(tmp_path: Path) -> None:
    folder, told = tmp_path / "kept", Told()
    folder.mkdir(mode=0o555)
    with minding_modes(), ResponseCache(folder / "responses.sqlite", say=told) as cache:
        assert cache.found(MODEL, KEPT) == {}
        cache.keep(MODEL, KEPT.values())
        cache.keep(MODEL, KEPT.values())
    assert len(told) == 1, told
    assert "this run is not kept for the next one" in told[0]
    assert list(folder.iterdir()) == []


def test_a_lock_that_stays_is_said_once_and_one_that_goes_loses_nothing(tmp_path: Path) -> None:
    path, told = filled(tmp_path / "responses.sqlite"), Told()
    other = sqlite3.connect(path, isolation_level=None)
    with ResponseCache(path, say=told, patience_s=0.05) as cache:
        other.execute("BEGIN IMMEDIATE")
        first, second = Failed(key="first", reason="x"), Failed(key="second", reason="y")
        cache.keep(MODEL, [first])
        cache.keep(MODEL, [second])
        assert cache.found(MODEL, KEPT) == KEPT
        other.execute("ROLLBACK")
    other.close()
    assert told == [f"another program has locked the cache {path}; the run goes on without it"]
    with ResponseCache(path) as cache:
        assert cache.found(MODEL, ["first", "second"]) == {"first": first, "second": second}


def test_a_cache_that_is_locked_from_the_beginning_is_gone_on_without(tmp_path: Path) -> None:
    path, told = tmp_path / "responses.sqlite", Told()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE t (a)")
    other.execute("BEGIN EXCLUSIVE")
    with ResponseCache(path, say=told, patience_s=0.05) as cache:
        cache.keep(MODEL, KEPT.values())
    other.execute("ROLLBACK")
    other.close()
    assert len(told) == 1, told
    assert "locked" in told[0]


def kept_until_full(path: Path) -> tuple[int, CacheError]:
    """Keep batch after batch; how many were kept before there was no room."""
    with ResponseCache(path) as cache:
        for number in range(10_000):
            batch = [Scored(key=f"{number}-{n}", token_ids=(n,), token_logprobs_nats=(-1.0,)) for n in range(20)]
            try:
                cache.keep(MODEL, batch)
            except CacheError as error:
                return number, error
    raise AssertionError("it was never full")


def check_kept(path: Path, n_batches: int) -> None:
    with ResponseCache(path) as cache:
        keys = [f"{number}-{n}" for number in range(n_batches + 1) for n in range(20)]
        assert set(cache.found(MODEL, keys)) == set(keys[: 20 * n_batches])
        cache.keep(MODEL, [KEPT["one"]])


def test_what_was_kept_before_the_disk_was_full_stays(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"
    with ResponseCache(path):
        pass
    with files_up_to(200_000):
        n_batches, error = kept_until_full(path)
    assert n_batches > 5
    assert "Make room there" in str(error)
    check_kept(path, n_batches)


def test_what_was_kept_before_a_small_disk_was_full_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "700k") as disk:
        n_batches, error = kept_until_full(disk / "responses.sqlite")
        assert n_batches > 5
        assert "full" in str(error)
        # Room for the log that every opening needs.
        kept = tmp_path / "elsewhere"
        kept.mkdir()
        for place in disk.iterdir():
            (kept / place.name).write_bytes(place.read_bytes())
    check_kept(kept / "responses.sqlite", n_batches)


def test_a_disk_that_is_full_from_the_beginning_is_one_error(tmp_path: Path) -> None:
    with files_up_to(0), pytest.raises(CacheError, match="Make room there"):
        ResponseCache(tmp_path / "responses.sqlite")


@pytest.mark.parametrize("size", [0, -5, 1 << 40, "text", 2.5, b"512"])
def test_a_damaged_size_of_packs_is_measured_again(tmp_path: Path, size: object) -> None:
    path = filled(tmp_path / "responses.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO pack_sizes VALUES ('here', ?)", (size,))
    connection.close()
    with ResponseCache(path) as cache:
        assert cache.pack_size("here") is None


def test_what_is_left_of_an_interrupted_run_is_packed_as_the_whole_was(models: Path, tmp_path: Path) -> None:
    """Little is not calibrated; as the rest of a run that was, it took the usual size, and other last digits."""
    from biasaudit.models import ModelShelf, locate, parse_reference, score
    from biasaudit.models.engine.engine import Engine
    from biasaudit.models.engine.schedule import machine_key
    from tests.models.test_engine import TEXTS

    model = ModelShelf(dtype="float32").open(locate(parse_reference(str(models / "base"))))
    with ResponseCache(tmp_path / "responses.sqlite") as cache:
        packed = Engine(model, cache)._checked(64).packed
        assert packed is not None
        cache.keep_pack_size(machine_key(packed, model.fingerprint), 96)
        list(score(model, TEXTS, cache=cache))
    assert model.scoring is not None
    assert model.scoring.pack_nodes == 96


@pytest.mark.parametrize("home", ["absent", "a file", "read-only"])
def test_a_home_that_cannot_be_used_costs_no_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.delenv("BIASAUDIT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    if home == "absent":
        # What a container of an unknown user has: no variable, no entry.
        monkeypatch.setattr("os.path.expanduser", lambda path: path)
    else:
        place = tmp_path / "home"
        place.write_text("") if home == "a file" else place.mkdir(mode=0o555)
        monkeypatch.setenv("HOME", str(place))
    told = Told()
    with minding_modes(), open_cache(told) as cache:
        cache.keep(MODEL, KEPT.values())
        assert cache.found(MODEL, KEPT) == KEPT
        assert cache_folder().is_dir()
    assert len(told) == 1, told
    assert "nothing is kept for the next run" in told[0]
    assert "BIASAUDIT_CACHE" in told[0]
    assert not (tmp_path / "~").exists(), "no folder of that name in the working folder"


def test_a_named_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path / "file" / "cache"))
    told = Told()
    with open_cache(told) as cache:
        cache.keep(MODEL, KEPT.values())
    assert f"the cache folder {tmp_path / 'file' / 'cache'} cannot be used: Not a directory" in told[0]
