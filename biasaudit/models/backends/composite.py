"""Several ways in one audit, where that is asked for by name: each checkpoint is reached by its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from biasaudit.errors import Together
from biasaudit.models.backend import Backend, Found, Prepared, Say, Settings, Way

Parts = Mapping[str, tuple[str, ...]]
"""Name of a way -> checkpoints that it reaches; the base's way first."""


def composite(ways: Mapping[str, Way]) -> Way:
    """Return the way that reaches each checkpoint by its own.

    It can what all of them can. One chat template stands for all: that of the first tuned checkpoint's way. Ordinary
    sentences are asked for only where every way asks for them, since a checkpoint is judged beside its base.

    Parameters
    ----------
    ways : mapping
        Checkpoint -> how it is reached; the base first.
    """
    distinct = {way.name: way for way in ways.values()}
    parts = {one: tuple(name for name, way in ways.items() if way.name == one) for one in distinct}
    can = frozenset.intersection(*(way.can for way in distinct.values()))

    def check(settings: Settings) -> None:
        together = Together()
        for way in distinct.values():
            with together.noted():
                way.check(settings)
        together.raise_any()

    return Way(
        name=" and ".join(distinct),
        can=can,
        recognises=lambda _: False,  # no reference is of several ways
        locate=partial(_located, distinct, parts),
        check=check,
    )


def _located(
    distinct: Mapping[str, Way], parts: Parts, references: Mapping[str, str], settings: Settings, say: Say
) -> Found:
    leading = _leading(parts)
    found: dict[str, Found] = {}
    together = Together()
    for one, names in parts.items():
        asked = settings if one == leading else replace(settings, chat=False)
        with together.noted():
            found[one] = distinct[one].locate({name: references[name] for name in names}, asked, say)
    together.raise_any()
    known = all(one.differing is not None for one in found.values())
    return Found(
        prepared=partial(_prepared, found, parts), differing=partial(_differing, found, parts) if known else None
    )


def _leading(parts: Parts) -> str:
    """Return the way whose chat template is everyone's: that of the first tuned checkpoint in their order."""
    of_base = next(iter(parts))
    return of_base if len(parts[of_base]) > 1 else next(one for one in parts if one != of_base)


def _differing(found: Mapping[str, Found], parts: Parts, recorded: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {
        differing
        for one, names in parts.items()
        if (asked := found[one].differing) is not None
        for differing in asked({name: recorded[name] for name in names if name in recorded})
    }


def _prepared(found: Mapping[str, Found], parts: Parts) -> Prepared:
    together = Together()
    each: dict[str, Prepared] = {}
    for one in parts:
        with together.noted():
            each[one] = found[one].prepared()
    together.raise_any()
    of_base, *_ = parts
    # A way that does not reach the base can say nothing of how a checkpoint relates to it.
    apart = {
        name: f"reached by {one}, the base by {of_base}: whether it was tuned from the base is not known"
        for one, names in parts.items()
        if one != of_base
        for name in names
    }
    of_all = list(each.values())
    return Prepared(
        relations={**each[of_base].relations, **apart},
        opened=partial(_opened, each, parts),
        sentences=all(one.sentences for one in of_all),
        chat=each[_leading(parts)].chat,
        told=tuple(dict.fromkeys(told for one in of_all for told in one.told)),
        same={name: earlier for one in of_all for name, earlier in one.same.items()},
        alike=frozenset().union(*(one.alike for one in of_all)),
        cache=next((one.cache for one in of_all if one.cache is not None), None),
        timed=any(one.timed for one in of_all),
        libraries=tuple(dict.fromkeys(library for one in of_all for library in one.libraries)),
        trainings={name: training for one in of_all for name, training in one.trainings.items()},
    )


@contextmanager
def _opened(each: Mapping[str, Prepared], parts: Parts, say: Say) -> Iterator[Callable[[str], Backend]]:
    with ExitStack() as stack:
        openers = {one: stack.enter_context(prepared.opened(say)) for one, prepared in each.items()}
        of = {name: openers[one] for one, names in parts.items() for name in names}
        yield lambda name: of[name](name)


def names_of(ways: Mapping[str, Way], references: Mapping[str, str]) -> str:
    """Return which checkpoint is reached how, for a message."""
    return ", ".join(f"{name} ({references[name]}) by {way.name}" for name, way in ways.items())
