"""Workers as processes of this machine: spawned, each on a pipe of its own, none left when this process is gone."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from typing import TYPE_CHECKING, Final, TypeAlias

from biasaudit.models.workers.messages import Asked, Died, Job, Message, Ready
from biasaudit.models.workers.worker import Scorer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
_PATIENCE_S: Final = 5.0
"""How long a process may take to end whose pipe is closed."""

_FAREWELL_S: Final = 1.0
"""How long all of them may take to end when nobody needs them any more."""

Main: TypeAlias = "Callable[[Connection, Job, str | None], None]"


def worker_main(pipe: Connection, job: Job, gpu: str | None) -> None:
    """Answer what comes over a pipe until it closes.

    Parameters
    ----------
    pipe : Connection
    job : Job
    gpu : str or None
        The one that this process sees; None leaves all as they are.
    """
    serve(pipe, job, gpu, Scorer)


def serve(pipe: Connection, job: Job, gpu: str | None, make: Callable[[Job], Scorer]) -> None:
    """Answer with a scorer that `make` gives; see :func:`worker_main`."""
    # A terminal sends Ctrl-C to all processes; the coordinator ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if gpu is not None:
        os.environ[VISIBLE] = gpu
    _without_semaphores()
    scorer = make(job)
    # Where the pipe is broken nobody waits for an answer any more.
    with contextlib.suppress(EOFError, OSError):
        pipe.send(Ready())
        while True:
            for message in scorer.answers(pipe.recv()):
                pipe.send(message)


def _without_semaphores() -> None:
    """Let the libraries' bars lock with threads alone: a semaphore of the system outlives a process that is killed."""
    from tqdm.std import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415  # not in the coordinator

    tqdm.set_lock(threading.RLock())


def _end_with_parent() -> None:
    """End this process, in the middle of a product of matrices too, once the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


@dataclass(slots=True)
class _Worker:
    """A process, and our end of its pipe."""

    process: SpawnProcess
    pipe: Connection
    is_ready: bool = False


class ProcessPool:
    """Workers on this machine; see :class:`biasaudit.models.workers.pool.Pool`.

    Parameters
    ----------
    job : Job
    n_workers : int
        At least 1.
    main : callable, optional
        What each process runs, a function of a module: it is imported there. None takes :func:`worker_main`.
    """

    def __init__(self, job: Job, n_workers: int, *, main: Main | None = None) -> None:
        self._job = job
        self._main = main or worker_main
        self._gpus = _gpus(job.device)
        self._workers: list[_Worker] = []
        try:
            for number in range(n_workers):
                self._workers.append(self._started(number))
        except BaseException:
            self.close()
            raise

    @property
    def n_workers(self) -> int:
        """How many there are."""
        return len(self._workers)

    def name(self, worker: int) -> str:
        """Return number and process of a worker."""
        return f"worker {worker + 1} (process {self._workers[worker].process.pid})"

    def send(self, worker: int, asked: Asked) -> None:
        """Give something to a worker; one that is dead by now is found so by `events`."""
        with contextlib.suppress(OSError):
            self._workers[worker].pipe.send(asked)

    def events(self) -> Sequence[tuple[int, Message]]:
        """Return what workers said; waits for it."""
        places = {one.pipe: number for number, one in enumerate(self._workers)}
        found: list[tuple[int, Message]] = []
        for pipe in connection.wait(list(places)):
            number = places[pipe]  # type: ignore[index]  # of connections come connections
            worker = self._workers[number]
            try:
                message: Message = worker.pipe.recv()
            except (EOFError, OSError):  # OSError: ended while it wrote
                found.append((number, self._replaced(number)))
                continue
            worker.is_ready = True
            found.append((number, message))
        return found

    def close(self) -> None:
        """End all processes: those that wait end by themselves, the others are killed."""
        for worker in self._workers:
            worker.pipe.close()
        deadline = time.monotonic() + _FAREWELL_S
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()
        self._workers.clear()

    def _started(self, number: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        gpu = self._gpus[number % len(self._gpus)] if self._gpus else None
        process = context.Process(
            target=self._main, args=(theirs, self._job, gpu), daemon=True, name=f"biasaudit worker {number + 1}"
        )
        process.start()
        # Closed here, so that the end of the process is the end of the pipe.
        theirs.close()
        return _Worker(process=process, pipe=ours)

    def _replaced(self, number: int) -> Died:
        worker, who = self._workers[number], self.name(number)
        worker.process.join(_PATIENCE_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()
        code = worker.process.exitcode or 0
        self._workers[number] = self._started(number)
        return Died(reason=_reason(code), who=who, started=worker.is_ready, signalled=code < 0)


def _reason(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", as the system does when the memory runs out" if code == -signal.SIGKILL else ""
    return f"was ended by {name}{hint}"


def _gpus(device: str | None) -> list[str]:
    """Return the GPUs that workers are spread over, one each; none where a processor computes."""
    if device not in {None, "cuda"}:
        return []
    import torch  # noqa: PLC0415  # slow to import

    if not torch.cuda.is_available():
        return []
    named = os.environ.get(VISIBLE)
    return named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]


def threads_each(n_workers: int) -> int:
    """Return the threads of each worker, so that together they use the processors that this process may use."""
    return max(1, n_cores() // n_workers)


def n_cores() -> int:
    """Return the processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux has it
        return os.cpu_count() or 1
