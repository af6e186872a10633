"""Disks that are full or read-only at many moments, and processes that are killed: through the command line."""

from __future__ import annotations

import io
import random
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from biasaudit.record import store
from biasaudit.record.audit_record import NEEDED
from biasaudit.record.sealed import check_files
from tests.faults import small_disk
from tests.tiny import save_model, save_probe
from tests.warm import Run, Warm

TABLES = [f"{name}.parquet" for name in NEEDED]


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm() as process:
        yield process


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, a tuned model, a probe."""
    folder = tmp_path_factory.mktemp("audit")
    save_model(folder / "base", seed=1)
    save_model(folder / "tuned", seed=2)
    save_probe(folder / "mini")
    return folder


def audit(warm: Warm, place: Path, out: Path, cache: Path | str, **how: object) -> Run:
    """Audit in packs so small that each checkpoint is kept in many steps."""
    return warm.run(
        *("audit", place / "base", place / "tuned", "--probe", place / "mini"),
        *("--out", out, "--batch-tokens", 60, "--framing", "plain", "--allow-implausible"),
        **{"env": {"BIASAUDIT_CACHE": str(cache)}, **how},  # type: ignore[arg-type]  # names of options
    )


@pytest.fixture(scope="module")
def whole(warm: Warm, place: Path) -> dict[str, bytes]:
    """The tables of an audit that nothing disturbed."""
    run = audit(warm, place, place / "whole", place / "cache-whole")
    assert run.code == 0, run.said
    return tables(place / "whole")


def tables(out: Path) -> dict[str, bytes]:
    check_files(out, store.read_manifest(out))
    return {name: (out / name).read_bytes() for name in TABLES}


def assert_same(out: Path, whole: dict[str, bytes]) -> None:
    """What is scored beside other texts differs in the last digits, where the cache held a part of them."""
    for name, content in tables(out).items():
        ours, right = (pd.read_parquet(io.BytesIO(one)) for one in (content, whole[name]))
        numbers = right.select_dtypes("number").columns
        pd.testing.assert_frame_equal(ours[numbers], right[numbers], rtol=0, atol=1e-4)
        others = [column for column in right.columns if column not in {*numbers, "token_logprobs_nats", "reason"}]
        pd.testing.assert_frame_equal(ours[others], right[others])


def n_kept(cache: Path) -> int:
    path = cache / "responses.sqlite"
    if not path.exists():
        return 0
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM checked_responses").fetchone()[0])
    except sqlite3.OperationalError:  # the disk was full before the table was made
        return 0
    finally:
        connection.close()


def check_one_message(run: Run) -> None:
    """One error, with what to do about it, and nothing of Python's."""
    # 2 where the room was measured before anything was scored.
    assert run.code in {2, 4}, run.said
    assert len(run.lines("biasaudit: ")) == 1, run.said
    assert len(run.lines("Make room")) == 1, run.said
    assert not run.lines("Traceback", "Error:", "Exception ignored"), run.said


# The index of the log takes 32,768 bytes, the log of changes grows with the responses, the report is the largest file.
SIZES = (0, 3_000, 20_000, 33_000, 33_000, 34_000, 38_000, 42_000, 46_000)


@pytest.mark.slow
def test_a_disk_that_is_full_at_ten_moments_is_one_message_each_and_loses_nothing(
    warm: Warm, place: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """Each run goes on from the one before it; the last, with room, gives the tables of a run that had room always."""
    cache, out = tmp_path / "cache", tmp_path / "out"
    kept = []
    for size in (*SIZES, (place / "whole" / "report.html").stat().st_size - 1_000):
        run = audit(warm, place, out, cache, largest_file=size)
        check_one_message(run)
        assert not (out / "manifest.json").exists()
        assert not [path.name for path in out.glob(".*")] if out.exists() else True, "nothing half-written is left"
        kept.append(n_kept(cache))
    assert kept == sorted(kept), "what was kept stays"
    assert len(set(kept)) >= 3, f"the disk was full at different moments of scoring: {kept}"
    assert audit(warm, place, out, cache).code == 0
    assert tables(out) == whole


@pytest.mark.slow
@pytest.mark.parametrize("size", ["60k", "150k"])
def test_a_small_disk_is_one_message_and_loses_nothing(
    warm: Warm, place: Path, whole: dict[str, bytes], tmp_path: Path, size: str
) -> None:
    """No limit of ours: a disk whose blocks are too few, which is said before anything is scored."""
    with small_disk(tmp_path / "disk", size) as disk:
        run = audit(warm, place, disk / "out", disk / "cache")
        check_one_message(run)
        assert not (disk / "out" / "manifest.json").exists()
        if (disk / "cache").exists():
            shutil.copytree(disk / "cache", tmp_path / "cache")
    before = n_kept(tmp_path / "cache")
    assert audit(warm, place, tmp_path / "out", tmp_path / "cache").code == 0
    assert tables(tmp_path / "out") == whole
    assert n_kept(tmp_path / "cache") >= before


@pytest.mark.slow
def test_a_report_that_finds_no_room_leaves_the_audit_as_it_was(
    warm: Warm, place: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = place / "whole"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for size, command in ((0, ("report", out)), (4_000, ("report", out, "--recompute"))):
        run = warm.run(*command, env={"BIASAUDIT_CACHE": str(tmp_path)}, largest_file=size)
        check_one_message(run)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is there when a run begins, and what of it is read-only."""

    there: str = "a cache"
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    n_messages: int = 1


READ_ONLY = {
    "the cache folder, which is empty": Moment(there="nothing", folders=("in/cache",)),
    "the folder of the cache folder": Moment(there="no folder", folders=("in",)),
    "the home": Moment(there="a home", folders=("in",)),
    "the cache folder with a cache": Moment(folders=("in/cache",)),
    "the file of a cache that needs nothing more": Moment(files=("responses.sqlite",), n_messages=0),
    "the files and the folder": Moment(folders=("in/cache",), files=("responses.sqlite", "hashes.sqlite")),
    "a part of a cache": Moment(there="a part", folders=("in/cache",), files=("responses.sqlite",)),
    "a cache with its log": Moment(there="a log", folders=("in/cache",), files=("responses.sqlite", "hashes.sqlite")),
    "the memory of hashes": Moment(files=("hashes.sqlite",), n_messages=0),
}


@pytest.fixture
def in_place(whole: dict[str, bytes], place: Path, tmp_path: Path) -> Path:
    """A copy of the cache of an audit."""
    cache = tmp_path / "in" / "cache"
    shutil.copytree(place / "cache-whole", cache)
    return cache


@pytest.mark.slow
@pytest.mark.parametrize("moment", READ_ONLY.values(), ids=READ_ONLY)
def test_a_cache_that_is_read_only_costs_time_and_is_said_once(
    warm: Warm, place: Path, whole: dict[str, bytes], in_place: Path, moment: Moment
) -> None:
    tmp_path = in_place.parents[1]
    env = {"BIASAUDIT_CACHE": str(in_place)}
    prepare(in_place, moment.there)
    if moment.there == "a home":
        env = {"BIASAUDIT_CACHE": "", "XDG_CACHE_HOME": "", "HOME": str(tmp_path / "in")}
    locked = [*(tmp_path / name for name in moment.folders), *(in_place / name for name in moment.files)]
    for path in locked:
        path.chmod(0o555)
    run = audit(warm, place, tmp_path / "out", in_place, env=env, mind_modes=True)
    for path in locked:
        path.chmod(0o755)
    assert run.code == 0, run.said
    assert len(run.lines("cannot be written", "cannot be used")) == moment.n_messages, run.said
    assert not run.lines("Traceback", "Exception ignored"), run.said
    assert_same(tmp_path / "out", whole)


def prepare(cache: Path, there: str) -> None:
    path = cache / "responses.sqlite"
    if there in {"nothing", "no folder", "a home"}:
        shutil.rmtree(cache)
        if there == "nothing":
            cache.mkdir()
    elif there == "a part":
        with sqlite3.connect(path) as connection:
            connection.execute("DELETE FROM checked_responses WHERE request < '8'")
        connection.close()
    elif there == "a log":
        # As a killed run leaves it: the log is not yet part of the file.
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 1")
        connection.execute("CREATE TABLE another (a)")
        connection.commit()
        parts = {name: (cache / name).read_bytes() for name in (path.name, f"{path.name}-wal")}
        connection.close()
        for name, content in parts.items():
            (cache / name).write_bytes(content)


@pytest.mark.slow
def test_a_folder_for_the_audit_that_is_read_only_is_one_error(
    warm: Warm, place: Path, whole: dict[str, bytes], in_place: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o555)
    run = audit(warm, place, out, in_place, mind_modes=True)
    out.chmod(0o755)
    assert run.code in {2, 4}, run.said
    assert len(run.lines("biasaudit: ")) == 1, run.said
    assert not run.lines("Traceback"), run.said
    assert list(out.iterdir()) == []
    assert audit(warm, place, out, in_place).code == 0
    assert tables(out) == whole


@pytest.mark.slow
def test_100_kills_lose_nothing(warm: Warm, place: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """SIGKILL at any moment: an audit that is run again until it ends has the tables of one that nobody killed.

    Most come while models are scored and tables written, before the report, which takes the most time.
    """
    draw = random.Random(20)
    longest = audit(warm, place, tmp_path / "timed", tmp_path / "cache-timed").seconds
    kills: list[int] = []
    while sum(kills) < 100:
        cache, out = tmp_path / f"cache{len(kills)}", tmp_path / f"out{len(kills)}"
        kills.append(0)
        for number in range(20):
            share = draw.uniform(0.02, 0.95 if number % 7 == 6 else 0.3)
            run = audit(warm, place, out, cache, kill_after_s=share * longest)
            assert run.code in {0, -9}, run.said
            kills[-1] += run.code == -9
            if run.code == 0:
                break
        assert audit(warm, place, out, cache).code == 0
        assert tables(out) == whole
