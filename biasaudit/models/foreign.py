"""What the libraries say while models load: kept from the screen, and what nobody knows told once, as a line of ours.

Whether weights are missing or of another shape is decided from what the loaders return, and is an error. What they log
besides scrolls by between the bars; here it is collected in one place instead.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

LIBRARIES: Final = ("transformers", "peft", "huggingface_hub", "accelerate", "safetensors", "gguf", "tokenizers")

KNOWN: Final = (
    # peft asks transformers for a name that transformers has given up.
    re.compile(r"is_gradient_checkpointing"),
    # What a model of bfloat16, or a config of an earlier version, is told of its own fields.
    re.compile(r"`?torch_dtype`? is deprecated"),
    # Texts longer than the model are counted as not scored, with their reason.
    re.compile(r"Token indices sequence length is longer"),
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


@contextmanager
def foreign_collected(say: Callable[[str], None]) -> Iterator[None]:
    """Collect what the libraries log, warn and draw in the block, and tell what is unknown when it ends.

    Each message is told once, also where the block ends with an error.

    Parameters
    ----------
    say : callable
        Told one line for each message.
    """
    said: list[tuple[str, str]] = []
    with warnings.catch_warnings(record=True) as warned, _handled(_Kept(said)), _no_bars():
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
def _no_bars() -> Iterator[None]:
    """Let nothing draw a bar: a line of ours says what takes long."""
    from tqdm.std import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415  # all their bars are made of it

    whole = tqdm.__init__

    def hidden(self: object, *arguments: Any, **options: Any) -> None:  # Any: handed on as they come
        whole(self, *arguments, **{**options, "disable": True})

    tqdm.__init__ = hidden
    try:
        yield
    finally:
        tqdm.__init__ = whole
