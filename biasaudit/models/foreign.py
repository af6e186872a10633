"""What the libraries say while models load: kept from the screen, and what nobody knows told once, as a line of ours.

Whether weights are missing or of another shape is decided from what the loaders return, and is an error. What they log
besides scrolls by between the bars; here it is collected in one place instead. Their bars move one of ours.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from biasaudit.types.progress import Progress

LIBRARIES: Final = (
    "transformers",
    "peft",
    "huggingface_hub",
    "accelerate",
    "safetensors",
    "gguf",
    "tokenizers",
    "torchao",
    "bitsandbytes",
)

KNOWN: Final = (
    # peft asks transformers for a name that transformers has given up.
    re.compile(r"is_gradient_checkpointing"),
    # What a model of bfloat16, or a config of an earlier version, is told of its own fields.
    re.compile(r"`?torch_dtype`? is deprecated"),
    # Texts longer than the model are counted as not scored, with their reason.
    re.compile(r"Token indices sequence length is longer"),
    # Kernels for devices that are not here.
    re.compile(r"Failed to load \S*torchao\S*"),
    # LLM.int8 computes so, whatever the number format of the rest.
    re.compile(r"MatMul8bitLt: inputs will be cast"),
    # Where weights lie is in the manifest.
    re.compile(r"Some parameters are on the meta device"),
    re.compile(r"unauthenticated requests to the HF Hub"),
)
"""Messages that say nothing of the weights and ask nothing of a user."""

_UNSAID: Final = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning, ResourceWarning)
"""For the authors of programs, not for those who run them."""

_LONGEST: Final = 300


class _Kept(logging.Handler):
    """Collects what is logged."""

    def __init__(self, said: list[tuple[str, str]]) -> None:
        super().__init__(level=logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append((record.name.partition(".")[0], record.getMessage()))


class _Ours:
    """One bar of ours, moved by those of the libraries, one after the other.

    A bar that begins while another moves, or of which nobody knows how long it is, moves nothing.
    """

    def __init__(self, progress: Progress | None, label: str) -> None:
        self._progress, self._label = progress, label
        self._mover: int | None = None
        self._left = 0

    def moved(self, bar: Any, n: int) -> None:  # Any: a bar
        """Count `n` steps of a bar that its library would have drawn."""
        if self._progress is None or not getattr(bar, "was_to_be_drawn", False):
            return
        if self._mover is None and bar.total:
            self._mover, self._left = id(bar), int(bar.total)
            self._progress.begin(self._label, self._left)
        if self._mover == id(bar):
            n = min(n, self._left)
            self._left -= n
            self._progress.advance(n, 0)

    def ended(self, bar: object) -> None:
        """Let the next one move it."""
        if self._mover == id(bar):
            self._mover = None


@contextmanager
def foreign_collected(
    say: Callable[[str], None], *, progress: Progress | None = None, label: str = "loading"
) -> Iterator[None]:
    """Collect what the libraries log, warn and draw in the block, and tell what is unknown when it ends.

    Each message is told once, also where the block ends with an error.

    Parameters
    ----------
    say : callable
        Told one line for each message.
    progress : Progress, optional
        Has the steps that the libraries would draw; None has nothing drawn.
    label : str
        What they are of.
    """
    said: list[tuple[str, str]] = []
    with warnings.catch_warnings(record=True) as warned, _handled(_Kept(said)), _bars_to(_Ours(progress, label)):
        warnings.simplefilter("default")
        try:
            yield
        finally:
            said += [
                (str(one.category.__name__), str(one.message))
                for one in warned
                if not issubclass(one.category, _UNSAID)
            ]
            for line in dict.fromkeys(f"{name} says: {_short(text)}" for name, text in said if not _is_known(text)):
                say(line)


def _is_known(text: str) -> bool:
    return any(pattern.search(text) for pattern in KNOWN)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"


class _Only(list[logging.Handler]):
    """A logger's handlers, to which a library that is imported meanwhile can add none that prints."""

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__([handler])
        self.added: list[logging.Handler] = []

    def append(self, handler: logging.Handler) -> None:
        """Keep a handler for later."""
        self.added.append(handler)


@contextmanager
def _handled(handler: logging.Handler) -> Iterator[None]:
    """Put `handler` in the place of the libraries' own."""
    before = []
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        only = _Only(handler)
        before.append((logger, logger.handlers, logger.propagate, only))
        logger.handlers, logger.propagate = only, False
    try:
        yield
    finally:
        for logger, handlers, propagate, only in before:
            logger.handlers = [*handlers, *only.added]
            # A library that brought a handler has said so too that the root logger gets nothing.
            logger.propagate = propagate and not only.added


@contextmanager
def no_bars() -> Iterator[None]:
    """Let nothing draw a bar; within :func:`foreign_collected` those of the libraries move ours all the same."""
    with _bars_to(_Ours(None, "")):
        yield


@contextmanager
def _bars_to(ours: _Ours) -> Iterator[None]:
    """Let nothing draw a bar but us."""
    from tqdm.std import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415  # all their bars are made of it

    whole, iterated, updated, closed = tqdm.__init__, tqdm.__iter__, tqdm.update, tqdm.close

    def hidden(self: Any, *arguments: Any, **options: Any) -> None:  # Any: a bar; handed on as they come
        if not hasattr(self, "was_to_be_drawn"):  # else a block around this one is told what we say
            self.was_to_be_drawn = not options.get("disable")
        whole(self, *arguments, **{**options, "disable": True})

    def walked(self: Any) -> Iterator[Any]:  # Any: a bar, and what it walks over
        try:
            ours.moved(self, 0)
            for one in iterated(self):
                yield one
                ours.moved(self, 1)
        finally:
            ours.ended(self)

    def moved(self: Any, n: float | None = 1) -> bool | None:  # Any: a bar
        ours.moved(self, int(n or 0))
        return updated(self, n)  # type: ignore[no-any-return]  # of a library without types

    def ended(self: Any) -> None:  # Any: a bar
        ours.ended(self)
        closed(self)

    tqdm.__init__, tqdm.__iter__, tqdm.update, tqdm.close = hidden, walked, moved, ended
    try:
        yield
    finally:
        tqdm.__init__, tqdm.__iter__, tqdm.update, tqdm.close = whole, iterated, updated, closed
