"""Work done by several threads, its results as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def side_by_side(
    make: Callable[[_Given], _Made], given: Sequence[_Given], *, n_threads: int
) -> Iterator[tuple[int, _Made]]:
    """Yield (place, what is made of it) in the order in which it is made.

    The first error is raised once what others had begun is yielded, and nothing new is begun. The threads do not keep
    the process alive: one that waits for a server would.

    Parameters
    ----------
    make : callable
        For several threads.
    given : sequence
    n_threads : int
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for place in range(len(given)):
        waiting.put(place)
    done: queue.SimpleQueue[tuple[int, _Made | None, BaseException | None]] = queue.SimpleQueue()
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set():
            try:
                place = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                done.put((place, make(given[place]), None))
            except BaseException as error:  # noqa: BLE001  # raised again by whoever waits
                stopped.set()
                done.put((place, None, error))
        done.put((-1, None, None))

    n_working = max(1, min(n_threads, len(given)))
    for _ in range(n_working):
        threading.Thread(target=work, daemon=True, name="biasaudit-served").start()
    failed: BaseException | None = None
    try:
        while n_working:
            place, made, error = done.get()
            if place < 0:
                n_working -= 1
            elif error is not None:
                failed = failed or error
            else:
                yield place, made  # type: ignore[misc]  # what is made is there where no error is
    finally:
        stopped.set()
    if failed is not None:
        raise failed
