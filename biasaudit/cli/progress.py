"""Progress of a long run on standard error: bars in a terminal, a line at begin and end elsewhere."""

from __future__ import annotations

import contextlib
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from biasaudit.cli import terminal
from biasaudit.cli.forecast import duration
from biasaudit.visible import visible_line

if TYPE_CHECKING:
    from rich.progress import TaskID

_BAR: Final = 20
"""Columns of a bar: with what stands beside it a line fits 80."""


class _Time(ProgressColumn):
    """How long is left, and at the end how long it took.

    As all steps so far went, not as those of the last half minute: a pack of a large model takes longer.
    """

    def render(self, task: Task) -> Text:
        """Return a time in words; empty until it can be told."""
        if task.finished_time is not None:
            return Text(f"in {duration(task.finished_time)}")
        ends_at = task.fields["ends_at"]
        left = 0.0 if ends_at is None else ends_at - time.monotonic()
        return Text(f"{duration(left)} left" if left > 0 else "")


class Shown:
    """Progress of a run, drawn on standard error.

    A notice is told once. Work that is begun again under the same label goes on in the same line.
    """

    def __init__(self) -> None:
        self._console = terminal.console(err=True)
        self._draws = self._console.is_interactive
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=_BAR),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            _Time(),
            console=self._console,
            disable=not self._draws,
        )
        self._tasks: dict[str, TaskID] = {}
        self._now: str | None = None
        self._begun = 0.0
        self._tokens = 0
        self._computed = 0
        self._said: set[str] = set()
        self._told: set[str] = set()
        self._guard = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._bars.start()
        self._guard.enter_context(terminal.also_guarded())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._guard.close()
        self._bars.stop()

    def say(self, text: str) -> None:
        """Tell one line, the first time that it is said."""
        if text in self._said:
            return
        self._said.add(text)
        self._line(text)

    def begin(self, label: str, total: int) -> None:
        """Begin a bar; the one before it has ended."""
        self._end()
        self._now, self._begun, self._tokens, self._computed = label, time.monotonic(), 0, 0
        if label in self._tasks:
            self._bars.reset(self._tasks[label], total=total, rate="", ends_at=None)
        else:
            self._tasks[label] = self._bars.add_task(visible_line(label), total=total, rate="", ends_at=None)
        if not self._draws and label not in self._told:
            self._line(f"{label}: 0 of {total:,}")

    def advance(self, n_requests: int, n_tokens: int) -> None:
        """Move the bar on."""
        if self._now is None:
            return
        self._tokens += n_tokens
        self._computed += n_requests if n_tokens else 0
        elapsed = time.monotonic() - self._begun
        rate = f"{self._tokens / elapsed:,.0f} tokens/s" if elapsed > 1 and self._tokens else ""
        task = self._task(self._now)
        self._bars.update(task.id, advance=n_requests, rate=rate)
        # What the cache answered at once says nothing of how long the rest takes.
        n_done = self._computed or task.completed
        if n_done and elapsed > 1:
            self._bars.update(task.id, ends_at=time.monotonic() + elapsed * (task.remaining or 0) / n_done)
        if task.finished:
            self._end()

    def _end(self) -> None:
        """Say in a line how far the work came, where there is no bar that shows it."""
        if self._now is None:
            return
        label, self._now = self._now, None
        if self._draws or label in self._told:
            return
        self._told.add(label)
        task = self._task(label)
        took = duration(time.monotonic() - self._begun)
        self._line(f"{label}: {task.completed:,.0f} of {task.total or 0:,.0f} in {took}")

    def _task(self, label: str) -> Task:
        return next(task for task in self._bars.tasks if task.id == self._tasks[label])

    def _line(self, text: str) -> None:
        shown = visible_line(text)
        if self._draws:
            self._console.print(Text(shown))
        else:
            # A pipe has no width at which a line would have to be broken.
            terminal.tell(shown)
