"""Workers as actors of a Ray cluster; needs the extra ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import MissingExtraError, WorkerError
from biasaudit.models.workers.messages import Begun, Died, Done, Open, Ready, Task
from biasaudit.models.workers.worker import Scorer

if TYPE_CHECKING:
    from biasaudit.models.workers.messages import Asked, Job, Message

LOCAL: Final = "local"
"""Address of a cluster that is started for this run, on this machine."""


_PATIENCE_S: Final = 300.0
"""How long an actor may take to be started again."""

_LOOK_S: Final = 0.2


class RayPool:
    """Actors; see :class:`biasaudit.models.workers.pool.Pool`. What a task gives comes at once, when it is done.

    Ray starts an actor anew where it died, and is not to repeat what it was asked: deaths are counted by the
    coordinator.

    Parameters
    ----------
    job : Job
        Its threads are those of each worker, and the processors that Ray sets aside for it.
    n_workers : int
        At least 1.
    address : str
        ``HOST:PORT``, ``ray://HOST:PORT``, ``auto``, or ``local``.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    WorkerError
        If the cluster cannot be reached.
    """

    def __init__(self, job: Job, n_workers: int, *, address: str) -> None:
        self._ray = _ray()
        self._ours = not self._ray.is_initialized()
        if self._ours:
            _join(self._ray, address)
        gpus = 1 if job.device in {None, "cuda"} and self._ray.cluster_resources().get("GPU") else 0
        actor = self._ray.remote(
            max_restarts=-1, max_task_retries=0, num_cpus=0 if gpus else job.n_threads, num_gpus=gpus
        )(_Actor)
        self._actors = [actor.remote(job) for _ in range(n_workers)]
        self._waiting: dict[Any, tuple[int, Asked | None]] = {  # Any: references of Ray
            one.ready.remote(): (number, None) for number, one in enumerate(self._actors)
        }
        self._said: deque[tuple[int, Message]] = deque()
        self._started: set[int] = set()
        self._unavailable: dict[int, float] = {}

    @property
    def n_workers(self) -> int:
        """How many there are."""
        return len(self._actors)

    def name(self, worker: int) -> str:
        """Return number and actor of a worker."""
        return f"worker {worker + 1} (actor {self._actors[worker]._actor_id.hex()[:8]})"  # noqa: SLF001  # no other way

    def send(self, worker: int, asked: Asked) -> None:
        """Give something to a worker that waits. A model is loaded in a call of its own, before the task's."""
        self._call(worker, asked, opens=True)

    def events(self) -> Sequence[tuple[int, Message]]:
        """Return what workers said; waits for it."""
        if not self._said:
            done, _ = self._ray.wait(list(self._waiting), num_returns=1)
            for reference in done:
                worker, asked = self._waiting.pop(reference)
                self._heard(worker, asked, reference)
        found = list(self._said)
        self._said.clear()
        return found

    def close(self) -> None:
        """End the actors, and the cluster if it was started for this run."""
        for one in self._actors:
            self._ray.kill(one)
        if self._ours:
            self._ray.shutdown()

    def _call(self, worker: int, asked: Asked, *, opens: bool) -> None:
        sent: Asked = Open(checkpoint=asked.checkpoint) if opens else asked
        if not opens:
            self._said.append((worker, Begun()))
        self._waiting[self._actors[worker].answers.remote(sent)] = (worker, asked)

    def _heard(self, worker: int, asked: Asked | None, reference: Any) -> None:  # Any: as above
        try:
            messages: list[Message] = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as exc:
            if asked is None and self._starts_anew(worker, exc):
                self._waiting[self._actors[worker].ready.remote()] = (worker, None)
                return
            self._lost(worker, "was lost", signalled=True)
            return
        except self._ray.exceptions.RayTaskError as exc:
            # The actor lives, and is not to be trusted with what it was asked: as dead as any.
            self._lost(worker, f"failed with {type(exc.cause).__name__}", signalled=worker in self._started)
            return
        self._started.add(worker)
        self._unavailable.pop(worker, None)
        was_opening = isinstance(asked, Task) and not any(isinstance(one, Begun) for one in messages)
        if was_opening and isinstance(messages[-1], Done):
            self._said.extend((worker, one) for one in messages[:-1])
            self._call(worker, asked, opens=False)  # type: ignore[arg-type]  # a task
            return
        self._said.extend((worker, one) for one in messages if not isinstance(one, Begun))

    def _starts_anew(self, worker: int, error: Exception) -> bool:
        """Whether an actor that died is yet to be started again by Ray, which takes it seconds; waits a little."""
        if not isinstance(error, self._ray.exceptions.ActorUnavailableError):
            return False
        since = self._unavailable.setdefault(worker, time.monotonic())
        time.sleep(_LOOK_S)
        return time.monotonic() - since < _PATIENCE_S

    def _lost(self, worker: int, reason: str, *, signalled: bool) -> None:
        died = Died(reason=reason, who=self.name(worker), started=worker in self._started, signalled=signalled)
        self._said.append((worker, died))
        self._waiting[self._actors[worker].ready.remote()] = (worker, None)


class _Actor:
    """A scorer as Ray holds it."""

    def __init__(self, job: Job) -> None:
        self._scorer = Scorer(job)

    def ready(self) -> list[Message]:
        """Say that it has started."""
        return [Ready()]

    def answers(self, asked: Asked) -> list[Message]:
        """Do what is asked, and say all that came of it."""
        return list(self._scorer.answers(asked))


def _ray() -> Any:  # Any: an extra without types
    try:
        import ray  # noqa: PLC0415  # an extra
    except ImportError as exc:
        raise MissingExtraError(
            "workers on a cluster need Ray, which is not installed.", fix="pip install 'biasaudit[ray]'"
        ) from exc
    return ray


def _join(ray: Any, address: str) -> None:  # Any: as above
    try:
        of_ours = {"include_dashboard": False} if address == LOCAL else {}
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **of_ours)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as exc:
        said = " ".join(str(exc).split())[:200]
        raise WorkerError(
            f"the Ray cluster {address!r} cannot be joined: {said}.",
            fix="Name its HOST:PORT, `auto` on one of its machines, or `local` to start one here.",
        ) from exc
