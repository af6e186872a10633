"""One run of an audit by workers that write down what they compute: ``python -m tests.machines.driver FOLDER OUT N``.

A process of its own, so that it can be killed. A fourth argument is the address of a Ray cluster.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from biasaudit.models.workers import processes
from biasaudit.models.workers.messages import Batch, Job, Task
from biasaudit.models.workers.worker import Scorer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

JOURNAL = "BIASAUDIT_TEST_JOURNAL"


class Journaled(Scorer):
    """Writes the tokens of each batch to a file, in one piece, before anybody hears of them."""

    def scored(self, task: Task) -> Iterator[Batch]:
        for batch in super().scored(task):
            with Path(os.environ[JOURNAL]).open("ab", buffering=0) as file:
                file.write(f"{batch.n_tokens}\n".encode())
            yield batch


def journaled(pipe: Connection, job: Job, gpu: str | None) -> None:
    processes.serve(pipe, job, gpu, Journaled)


def main(folder: Path, out: Path, n_workers: int, ray: str | None) -> None:
    from biasaudit.audits.plan import Plan
    from tests.running import run, undrawn

    processes.worker_main = journaled
    plan = Plan(
        base=str(folder / "base"),
        tuned=(str(folder / "tuned"),),
        probes=("occupations",),
        workers=n_workers,
        ray=ray,
        allow_implausible=True,
    )
    run(plan, out=out, render=undrawn)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
