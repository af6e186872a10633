"""What the coordinator needs of workers, wherever they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from biasaudit.models.workers.messages import Asked, Message


class Pool(Protocol):
    """Workers by number. One that dies is replaced under its number, and says so with `Died` before anything else."""

    @property
    def n_workers(self) -> int:
        """How many there are."""
        ...

    def name(self, worker: int) -> str:
        """Return how messages name a worker: its number, and which process it is now."""
        ...

    def send(self, worker: int, asked: Asked) -> None:
        """Give something to a worker that waits."""
        ...

    def events(self) -> Sequence[tuple[int, Message]]:
        """Return what workers said, at least one thing; waits for it."""
        ...

    def close(self) -> None:
        """End all of them."""
        ...
