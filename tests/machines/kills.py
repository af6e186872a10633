"""SIGKILLs at random among workers and driver: the tables are those of a run that nobody disturbed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.machines.driver import JOURNAL
from tests.tiny import save_model

SPREAD = 0.8
"""Share of all responses over which kills are spread."""

ORPHANED_S = 30.0
"""How long workers may take to end when their driver is gone: a loaded machine gives them few chances to notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """What came of kills.

    Attributes
    ----------
    n_drivers, n_workers : int
        Killed.
    tokens, undisturbed_tokens : int
        Computed, with kills and without.
    n_shards, largest : int
        Of the larger checkpoint; nodes of the largest.
    equal : bool
        Whether all tables are the same bytes.
    seconds : float
    """

    n_drivers: int
    n_workers: int
    tokens: int
    undisturbed_tokens: int
    largest: int
    n_shards: int
    equal: bool
    seconds: float


def tables(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.glob("*.parquet"))}


def children(parent: int) -> list[int]:
    """Return the workers below a process, at whatever depth: spawned ones, or actors of Ray."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            stats[int(path.parent.name)] = (int(fields[1]), (path.parent / "cmdline").read_bytes())
        except OSError:  # it has ended
            continue
    found, waiting = [], [parent]
    while waiting:
        above = waiting.pop()
        below = [pid for pid, (of, _) in stats.items() if of == above]
        waiting += below
        found += [pid for pid in below if b"spawn_main" in stats[pid][1] or stats[pid][1].startswith(b"ray::_Actor")]
    return sorted(found)


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if (path := Path(f"/proc/{pid}/stat")).exists() and ") Z" not in path.read_text()]


@contextmanager
def driving(folder: Path, name: str, n_workers: int, ray: str | None) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "BIASAUDIT_CACHE": str(folder / f"cache-{name}"),
        JOURNAL: str(folder / f"journal-{name}"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.machines.driver", str(folder), str(folder / name), str(n_workers)]
    with (folder / f"log-{name}").open("ab") as log:
        process = subprocess.Popen([*command, *([ray] if ray else [])], env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def killed(folder: Path, *, n_kills: int, n_workers: int = 2, seed: int = 0, ray: str | None = None) -> Survived:
    """Run an audit undisturbed, then another that is killed at random times and begun again; compare."""
    for number, model in enumerate(("base", "tuned")):
        save_model(folder / model, seed=number + 1)
    with driving(folder, "calm", n_workers, ray) as process:
        if process.wait():
            raise RuntimeError((folder / "log-calm").read_text())
    rows = kept(folder, "calm")
    started, rng, hits = time.monotonic(), random.Random(seed), {"driver": 0, "worker": 0}
    done = False
    while not done:
        with driving(folder, "killed", n_workers, ray) as process:
            done = _struck(process, folder, n_kills=n_kills, rng=rng, hits=hits, mean_rows=SPREAD * rows / n_kills)
    return Survived(
        n_drivers=hits["driver"],
        n_workers=hits["worker"],
        tokens=journal(folder / "journal-killed"),
        undisturbed_tokens=journal(folder / "journal-calm"),
        **_shards(folder),
        equal=tables(folder / "calm") == tables(folder / "killed"),
        seconds=time.monotonic() - started,
    )


def kept(folder: Path, name: str) -> int:
    """Return how many responses a run's cache holds by now."""
    path = folder / f"cache-{name}" / "responses.sqlite"
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (n_rows,) = connection.execute("SELECT count(*) FROM checked_responses").fetchone()
    except sqlite3.Error:  # it is being made
        return 0
    return int(n_rows)


def _grown(process: subprocess.Popen[bytes], folder: Path, more: float) -> bool:
    """Wait until so many responses more are kept; False where the run has ended before."""
    wanted = kept(folder, "killed") + more
    while process.poll() is None:
        if kept(folder, "killed") >= wanted:
            return True
        time.sleep(0.02)
    return False


def _struck(
    process: subprocess.Popen[bytes],
    folder: Path,
    *,
    n_kills: int,
    rng: random.Random,
    hits: dict[str, int],
    mean_rows: float,
) -> bool:
    """Kill workers until it is the driver's turn (False), or the run has ended (True)."""
    while True:
        left = n_kills - sum(hits.values())
        # By what is done and not by the clock, so that kills are spread over the run on a loaded machine too.
        if left > 0 and _grown(process, folder, rng.uniform(0, 2 * mean_rows)):
            workers = children(process.pid)
            victim = rng.choice([process.pid, *workers])
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            hits["driver" if victim == process.pid else "worker"] += 1
            if victim == process.pid:
                deadline = time.monotonic() + ORPHANED_S
                while alive(workers):
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"orphans: {alive(workers)}") from None
                    time.sleep(0.1)
                return False
            continue
        code = process.wait()
        if code:
            raise RuntimeError(f"the driver ended with {code}")
        return True


def journal(path: Path) -> int:
    return sum(map(int, path.read_text().split())) if path.exists() else 0


def _shards(folder: Path) -> dict[str, int]:
    from tests.machines.shards import cuttings

    found = cuttings(str(folder / "base"), ["occupations"])
    return {
        "n_shards": len(found.shards),
        "largest": max(shard.n_nodes for shard in found.shards),
    }
