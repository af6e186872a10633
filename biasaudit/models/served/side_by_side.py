"""Work done by several threads, its results as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")
_ENDED: Final = -1


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
    done: queue.SimpleQueue[tuple[int, _Made | None, BaseException | None]] = queue.SimpleQueue()
    stopped = threading.Event()
    n_working = max(1, min(n_threads, len(given)))
    places = queue.SimpleQueue[int]()
    for place in range(len(given)):
        places.put(place)

    def work() -> None:
        for place in _until(stopped, places):
            try:
                done.put((place, make(given[place]), None))
            except BaseException as error:  # noqa: BLE001  # raised again by whoever waits
                stopped.set()
                done.put((place, None, error))
        done.put((_ENDED, None, None))

    for _ in range(n_working):
        threading.Thread(target=work, daemon=True, name="biasaudit-served").start()
    failed: list[BaseException] = []
    try:
        while n_working:
            place, made, error = done.get()
            n_working -= place == _ENDED
            failed += [] if error is None else [error]
            if place != _ENDED and error is None:
                yield place, made  # type: ignore[misc]  # what is made is there where no error is
    finally:
        stopped.set()
    if failed:
        raise failed[0]


def _until(stopped: threading.Event, places: queue.SimpleQueue[int]) -> Iterator[int]:
    while not stopped.is_set():
        try:
            yield places.get_nowait()
        except queue.Empty:
            return
