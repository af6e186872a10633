"""A model in a program of its own, loaded when it is first asked, and believed once it answers consistently."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from biasaudit.models.child.checked import Texts, inconsistency
from biasaudit.models.child.link import Child

LOAD_SECONDS: Final = 1800.0
"""For the engine and the weights: the largest models come from slow disks."""

BATCH_SECONDS: Final = 1800.0
"""For one batch of texts."""

SHORTEST: Final = 512
"""Tokens for which a model is loaded at least: most probes ask for no longer texts."""

_TEXTS_AT_ONCE: Final = 256
_AT_MOST_NATS: Final = 1e-4

Sequenced = tuple[tuple[int, ...], int]
"""Token ids, and how many of them are given."""


class Starts(Protocol):
    """Starts the program, anew where it has to be loaded for longer texts."""

    def __call__(self) -> Child:
        """Start it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a program says of itself before it loads anything.

    Attributes
    ----------
    version : str or None
        None where its Python has no such engine.
    device : str
    libraries : mapping
        Versions of the libraries that compute there.
    """

    version: str | None
    device: str
    libraries: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be loaded.

    Attributes
    ----------
    model : Path
        A folder with the files that were hashed, and no others.
    adapter : Path or None
    rank : int or None
        Of the adapter.
    layers : tuple of str
        Last parts of the names of the layers that it changes.
    dtype, device : str
    quantization : str or None
        As the configuration names it.
    limit : int or None
        Tokens of the longest text that the model takes, and one that is written.
    tokens_at_once : int
        Of a step of the engine, whose logits are in memory together.
    """

    model: Path
    adapter: Path | None
    rank: int | None
    layers: tuple[str, ...]
    dtype: str
    device: str
    quantization: str | None
    limit: int | None
    tokens_at_once: int


def greeting_of(child: Child) -> Greeting:
    """Return what a program says first, checked.

    Raises
    ------
    EngineError
    """
    found = child.greeting()
    version, device, libraries = found.get("version"), found.get("device"), found.get("libraries")
    if not isinstance(version, str | None) or not isinstance(device, str) or not isinstance(libraries, dict):
        raise child.refused("does not say what it is")
    known = {str(name)[:40]: str(one)[:80] for name, one in libraries.items()}
    return Greeting(version=None if version is None else version[:80], device=device[:20], libraries=known)


@dataclass(slots=True, kw_only=True)
class Scorer:
    """Scores sequences of tokens in another program.

    Attributes
    ----------
    starts : callable
    wanted : Wanted
    texts : Texts
        What it is checked with before it is believed.
    say : callable
        Told what takes long.
    largest_difference_nats : float or None
        Between two ways of asking the same, in the check; None before there was one.
    """

    starts: Starts
    wanted: Wanted
    texts: Texts
    say: Callable[[str], None]
    largest_difference_nats: float | None = None
    _child: Child | None = field(default=None, init=False)
    _longest: int = field(default=0, init=False)
    _number: int = field(default=0, init=False)

    def close(self) -> None:
        """End the program."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def scored(
        self, sequences: Sequence[Sequenced], batch_tokens: int
    ) -> Iterator[tuple[list[int], list[list[float]]]]:
        """Yield, batch by batch, positions and log-probabilities in nats; what is no number is NaN.

        Parameters
        ----------
        sequences : sequence of (token ids, number given)
        batch_tokens : int
            Tokens of a batch, one text at least.

        Raises
        ------
        EngineError
            If the program does not answer, or not rightly.
        """
        if not sequences:
            return
        child = self._ready(max(len(ids) for ids, _ in sequences))
        for places in _batches(sequences, batch_tokens):
            yield places, self._asked(child, [sequences[place] for place in places])

    def _ready(self, longest: int) -> Child:
        """Load the model for texts as long as these, unless it is; then check it."""
        if self._child is not None and longest < self._longest:
            return self._child
        self.close()
        ample = max(SHORTEST, 1 << longest.bit_length())
        self._longest = ample if self.wanted.limit is None else min(ample, self.wanted.limit)
        self._child = child = self.starts()
        greeting_of(child)
        self._load(child)
        self._check(child)
        return child

    def _load(self, child: Child) -> None:
        wanted = self.wanted
        found = child.ask(
            {
                "kind": "load",
                "model": str(wanted.model),
                "adapter": None if wanted.adapter is None else str(wanted.adapter),
                "rank": wanted.rank,
                "layers": list(wanted.layers),
                "dtype": wanted.dtype,
                "longest": self._longest,
                "tokens_at_once": max(wanted.tokens_at_once, 1),
                "texts_at_once": _TEXTS_AT_ONCE,
            },
            expected="loaded",
            limit_seconds=LOAD_SECONDS,
        )
        # The cache was asked under these names before anything was loaded.
        due = {"dtype": wanted.dtype, "device": wanted.device, "quantization": wanted.quantization, "kv_dtype": None}
        for name, expected in due.items():
            if found.get(name) != expected:
                raise child.refused(
                    f"computes with {name} {str(found.get(name))[:40]!r}, where {expected!r} was asked for"
                )

    def _check(self, child: Child) -> None:
        wrong, largest = inconsistency(
            lambda sequences: self._asked(child, sequences), self.texts, dtype=self.wanted.dtype
        )
        if wrong:
            raise child.refused(f"does not score consistently: {wrong}")
        self.largest_difference_nats = largest
        if self.wanted.adapter is not None and self._changes_nothing(child):
            self.say("the adapter changes nothing in the engine: with it the model gives the base's numbers")

    def _changes_nothing(self, child: Child) -> bool:
        sequences: list[Sequenced] = [(ids, 1) for ids in self.texts]
        return self._asked(child, sequences) == self._asked(child, sequences, bare=True)

    def _asked(self, child: Child, sequences: Sequence[Sequenced], *, bare: bool = False) -> list[list[float]]:
        self._number += 1
        found = child.ask(
            {
                "kind": "score",
                "number": self._number,
                "bare": bare,
                "sequences": [[list(ids), n_given] for ids, n_given in sequences],
            },
            expected="scored",
            limit_seconds=BATCH_SECONDS,
        )
        if found.get("number") != self._number:
            raise child.refused("answered another question")
        wrong = _misshapen(found.get("logprobs"), sequences)
        if wrong:
            raise child.refused(wrong)
        return [[math.nan if one is None else float(one) for one in values] for values in found["logprobs"]]


def _batches(sequences: Sequence[Sequenced], batch_tokens: int) -> Iterator[list[int]]:
    batch: list[int] = []
    n_tokens = 0
    for place, (ids, _) in enumerate(sequences):
        if batch and (n_tokens + len(ids) > batch_tokens or len(batch) >= _TEXTS_AT_ONCE):
            yield batch
            batch, n_tokens = [], 0
        batch.append(place)
        n_tokens += len(ids)
    if batch:
        yield batch


def _misshapen(found: Any, sequences: Sequence[Sequenced]) -> str:  # Any: JSON of another program
    """Say what is wrong with an answer's form, if anything is."""
    if not isinstance(found, list) or len(found) != len(sequences):
        n_found = len(found) if isinstance(found, list) else 0
        return f"gave answers to {n_found} of {len(sequences)} texts"
    for values, (ids, n_given) in zip(found, sequences, strict=True):
        n_due = len(ids) - n_given
        if not isinstance(values, list) or len(values) != n_due:
            n_values = len(values) if isinstance(values, list) else 0
            return f"gave {n_values} log-probabilities for {n_due} tokens"
        for value in values:
            if value is not None and (type(value) not in {int, float} or not -math.inf < value <= _AT_MOST_NATS):
                return f"gave {str(value)[:40]!r} as a log-probability"
    return ""
