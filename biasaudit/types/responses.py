"""What is asked of a model, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One continuation after one context, ready for a tokenizer.

    Attributes
    ----------
    key : str
        Hash of the content; equal requests are scored once.
    context : str
        All text before the continuation, chat markup included.
    continuation : str
        The text whose log-probability is asked for.
    templated : bool
        True if `context` was rendered by a chat template and already holds the special tokens.
    item_id : str
        The item that asks.
    part : str
        Which part of the item this is, in the words of its kind.
    framing_id : str
        The framing that rendered it.
    probe_id : str
        The probe whose item asks; empty where none does.
    """

    key: str
    context: str
    continuation: str
    templated: bool
    item_id: str
    part: str
    framing_id: str
    probe_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How texts are drawn.

    Attributes
    ----------
    n : int
        Draws, at least 1.
    temperature : float
        At least 0; at 0 every draw is the likeliest text.
    top_p : float
        In (0, 1]: share of the probability that is drawn from, the likeliest tokens first.
    max_tokens : int
        Of a draw, at least 1.
    seed : int
        Of the first draw; a server may pay no heed to it.

    Raises
    ------
    ValueError
        If one of them is out of range.
    """

    n: int
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.n >= 1 and self.max_tokens >= 1 and 0 < self.top_p <= 1 and 0 <= self.temperature < math.inf):
            msg = f"nothing can be drawn with {self}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation(Request):
    """Texts drawn after a context; its continuation is empty.

    Attributes
    ----------
    sampling : Sampling
    options : mapping of str to tuple of str
        What the texts are read for: name of an answer -> how it is spelt; empty where they are not read for one.
    """

    sampling: Sampling
    options: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A response with evidence.

    Attributes
    ----------
    key : str
        Of the request.
    token_ids : tuple of int
        Tokens of the continuation.
    token_logprobs_nats : tuple of float
        Natural-log probability of each of them, given everything before it; each at most 0.
    """

    key: str
    token_ids: tuple[int, ...]
    token_logprobs_nats: tuple[float, ...]

    @property
    def logprob_nats(self) -> float:
        """Sum over tokens, in nats."""
        return math.fsum(self.token_logprobs_nats)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Texts that a model wrote.

    Attributes
    ----------
    key : str
        Of the request.
    texts : tuple of str
        One for each draw, as they came.
    """

    key: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What texts that a model wrote were read as.

    Attributes
    ----------
    key : str
        Of the request.
    counts : mapping of str to int
        Name of an answer -> draws that give it and no other; every answer that was looked for.
    n_refused, n_unparsed : int
        Draws that decline to answer, and those in which no one answer can be told.
    texts : tuple of str
        What was written, where it is at hand.
    """

    key: str
    counts: Mapping[str, int]
    n_refused: int
    n_unparsed: int
    texts: tuple[str, ...] = ()

    @property
    def n_read(self) -> int:
        """Draws that give an answer."""
        return sum(self.counts.values())

    @property
    def n_drawn(self) -> int:
        """All draws."""
        return self.n_read + self.n_refused + self.n_unparsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A request that could not be scored, and why: data, counted, never an exception."""

    key: str
    reason: str


Response = Scored | Written | Counted | Failed
