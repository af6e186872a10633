"""Workers in processes of their own that hold no model: one kills itself once, in the middle of its work."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from biasaudit.models.workers import processes
from biasaudit.models.workers.messages import Asked, Batch, Begun, Done, Facts, Job, Message, Opened, Task
from biasaudit.models.workers.worker import Scorer
from tests.models.workers.scripted_pool import FINGERPRINT, nats

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

GUILTY = 5


class Dying(Scorer):
    """Dies over one text, once: a file says that it has."""

    def __post_init__(self) -> None:
        """Hold nothing."""

    def answers(self, asked: Asked) -> Iterator[Message]:
        marker = Path(self.job.references["m"])
        facts = Facts(fingerprint=FINGERPRINT, n_ids=1000, max_length=None, unknown_id=None, said=())
        yield Opened(checkpoint="m", facts=facts)
        if isinstance(asked, Task):
            yield Begun()
            for place, sequence in enumerate(asked.sequences):
                if sequence.token_ids[-1] == GUILTY and not marker.exists():
                    marker.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                yield Batch(rows=((place, nats(sequence)),), n_tokens=1, scoring=None)
        yield Done()


def dying(pipe: Connection, job: Job, gpu: str | None) -> None:
    processes.serve(pipe, job, gpu, Dying)


def unstartable(pipe: Connection, job: Job, gpu: str | None) -> None:
    raise SystemExit(7)
