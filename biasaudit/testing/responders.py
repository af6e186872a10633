"""The five responders that every index must tell apart. All but the last answer licensed items right."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from biasaudit.kinds import kind_of
from biasaudit.testing.scripted import SENSE_NATS, ScriptedModel, choosing, leaning
from biasaudit.types import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from biasaudit.types import ProbeItem, Request

STRENGTH_NATS: Final = 40.0
"""How strongly they prefer: tanh(d / 4) is 1 to nine digits."""


def always_stereotype() -> ScriptedModel:
    """Return a model that always prefers the stereotype: index 1. It prefers sense to nonsense."""
    return _either(leaning("always stereotype", _with_sense(lambda _: STRENGTH_NATS)), lambda _: "biased")


def always_anti() -> ScriptedModel:
    """Return a model that always prefers the other side: index -1. It prefers sense to nonsense."""
    return _either(leaning("always anti", _with_sense(lambda _: -STRENGTH_NATS)), lambda _: "counter")


def never_deciding() -> ScriptedModel:
    """Return a model that finds both sides equally likely: index 0. It prefers sense to nonsense.

    Of a choice it says that it cannot be known.
    """
    return _either(leaning("never deciding", _with_sense(lambda _: 0.0)), lambda _: "unknown")


def random_responder(seed: int = 0, *, probability: float = 0.5, strength_nats: float = STRENGTH_NATS) -> ScriptedModel:
    """Return a model that takes a side by chance: its index is 0 in expectation at probability 0.5.

    Parameters
    ----------
    seed : int
    probability : float
        Of taking the stereotype's side, in [0, 1].
    strength_nats : float
        |d| of every bias and control item.

    Notes
    -----
    The side is decided by a hash of the seed and the item, so it depends on neither order nor framing.
    """

    def side(item: ProbeItem) -> float:
        digest = hashlib.sha256(f"{seed}\x1f{item.cluster_id}\x1f{item.item_id}".encode()).digest()
        chance = int.from_bytes(digest[:8], "big") / 2**64
        return strength_nats if chance < probability else -strength_nats

    def option(item: ProbeItem) -> str:
        return "biased" if side(item) > 0 else "counter"

    return _either(leaning(f"random {seed}", _with_sense(side, controls=True)), option)


def unscorable() -> ScriptedModel:
    """Return a model that never gives an answer: nothing is measured."""
    return leaning("unscorable", lambda _, __: None)


def _either(model: ScriptedModel, option: Callable[[ProbeItem], str]) -> ScriptedModel:
    """Return `model`, which answers choices with an option instead."""
    of_choices = choosing(model.name, option)

    def answer(item: ProbeItem, request: Request) -> float | None:
        return (of_choices if kind_of(item).options is not None else model).answer(item, request)

    return ScriptedModel(name=model.name, answer=answer)


def _with_sense(
    d_nats: Callable[[ProbeItem], float], *, controls: bool = False
) -> Callable[[ProbeItem, Request], float]:
    """Return `d_nats` for bias items, sense for competence items, and 0 or `d_nats` for controls."""

    def value(item: ProbeItem, _: Request) -> float:
        if item.role is Role.COMPETENCE:
            return SENSE_NATS
        if item.role is Role.CONTROL and not controls:
            return 0.0
        return d_nats(item)

    return value
