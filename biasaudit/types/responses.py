"""What is asked of a model, and what it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass


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
class Failed:
    """A request that could not be scored, and why: data, counted, never an exception."""

    key: str
    reason: str


Response = Scored | Failed
