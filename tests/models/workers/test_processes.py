"""Real processes: killed, replaced, and none left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biasaudit.errors import WorkerError
from biasaudit.models.workers.coordinator import Answered, Coordinator
from biasaudit.models.workers.messages import Job
from biasaudit.models.workers.processes import Main, ProcessPool, threads_each
from tests.models.workers.dying import dying, unstartable
from tests.models.workers.scripted_pool import NAMED, nats, numbered


def job(marker: Path) -> Job:
    return Job(
        references={"m": str(marker)},
        beginnings={},
        dtype="float32",
        device="cpu",
        trust_remote_code=False,
        batch_tokens=None,
        n_threads=1,
    )


def spawned() -> set[int]:
    """Return the processes of ours that were spawned."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            is_worker = b"spawn_main" in (path.parent / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if parent == os.getpid() and is_worker:
            found.add(int(path.parent.name))
    return found


@pytest.fixture
def pools() -> Iterator[list[ProcessPool]]:
    made: list[ProcessPool] = []
    yield made
    for pool in made:
        pool.close()


def pool_of(main: Main, marker: Path, n_workers: int, pools: list[ProcessPool]) -> ProcessPool:
    pools.append(ProcessPool(job(marker), n_workers, main=main))
    return pools[-1]


def test_a_worker_that_is_killed_over_a_text_is_replaced_and_every_text_answered_once(
    tmp_path: Path, pools: list[ProcessPool]
) -> None:
    """What it had answered before it died arrives and is not asked again; afterwards no process is left."""
    texts = numbered(8)
    said: list[str] = []
    pool = pool_of(dying, tmp_path / "died", 1, pools)
    answers = [
        row
        for event in Coordinator(pool, NAMED, said.append).scored("m", texts, [range(8)], longest=2)
        if isinstance(event, Answered)
        for row in event.rows
    ]
    assert answers == [(place, nats(text)) for place, text in enumerate(texts)]
    assert (tmp_path / "died").exists()
    assert len(said) == 1
    assert "was ended by SIGKILL, as the system does when the memory runs out; 4 texts are given to another" in said[0]
    assert len(spawned()) == 1
    pool.close()
    assert spawned() == set()


def test_workers_that_exit_before_they_are_ready_are_an_error_with_the_fix(
    tmp_path: Path, pools: list[ProcessPool]
) -> None:
    pool = pool_of(unstartable, tmp_path, 1, pools)
    with pytest.raises(WorkerError, match=r"ended with exit code 7 before it could begin.\n.*__main__"):
        Coordinator(pool, NAMED, lambda _: None).facts("m")


def test_workers_share_the_processors() -> None:
    n_cores = len(os.sched_getaffinity(0))
    assert (threads_each(1), threads_each(n_cores), threads_each(4 * n_cores)) == (n_cores, 1, 1)
