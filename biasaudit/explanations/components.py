"""Which heads and MLPs carry a lean, and which bring its change about: chosen on one half, tested on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pandera.pandas as pa

from biasaudit.explanations.cases import CHOOSE, TEST, Case, Cases
from biasaudit.record.columns import number, text
from biasaudit.record.tables import checked
from biasaudit.types.components import Component, ComponentKind, Patch, Swap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.models.backend import Inside

IN_BASE: Final = "base"
IN_TUNED: Final = "tuned"
CHANGE: Final = "change"
QUESTIONS: Final = (IN_BASE, IN_TUNED, CHANGE)
"""What carries the lean in the base, what in the tuned checkpoint, and what brings the change about."""

N_CHOSEN: Final = 5
"""Components that are put to the test."""
N_BLOCKS: Final = 2
"""Whole blocks that are, too."""

WHOLE: Final = "everything"
JOINT: Final = "all chosen components"
LEAN: Final = "lean"
EFFECT: Final = "effect"
RANDOM: Final = "random direction"
SAME_SIDE: Final = "same side"
FIRST_ORDER: Final = "first order"

PATCHES: Final = pa.DataFrameSchema(
    {
        "question": text(
            "`base` or `tuned`: what carries the lean in it; `change`: what brings the change about",
            check=pa.Check.isin(QUESTIONS),
        ),
        "item_id": text("item"),
        "cluster_id": text("its wording"),
        "also_cluster_id": text("its second cluster; empty where the probe has no second factor"),
        "half": text(
            "`choose` or `test`: components are chosen on the one and tested on the other",
            check=pa.Check.isin((CHOOSE, TEST)),
        ),
        "unit": text("a component, a whole block, all chosen components, or everything"),
        "what": text(
            "`lean`: d before anything is put in; `effect`: what putting it in changes; `random direction`, "
            "`same side`: what the controls change; `first order`: the slope that components are chosen by",
            check=pa.Check.isin((LEAN, EFFECT, RANDOM, SAME_SIDE, FIRST_ORDER)),
        ),
        "nats": number("log odds", "nats"),
    },
    strict=True,
    unique=["question", "item_id", "unit", "what"],
)
"""One row per question, item, unit and quantity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is put in at once.

    Attributes
    ----------
    name : str
    components : frozenset of Component
    """

    name: str
    components: frozenset[Component]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One question, and how it is asked.

    Attributes
    ----------
    question : str
        One of :data:`QUESTIONS`.
    inside : Inside
        For the change: into the tuned checkpoint, with activations of the base to put in.
    """

    question: str
    inside: Inside

    @property
    def between(self) -> bool:
        """Whether activations of the base are put in, read from the same text."""
        return self.question == CHANGE

    def swaps(self, cases: Sequence[Case]) -> list[Swap]:
        """Return the contexts of the first sides, then those of the second."""
        both = [case.own if self.between else case.swaps for case in cases]
        return [one for one, _ in both] + [other for _, other in both]

    def effects(self, odds: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what came of it, item by item, from log odds of contexts of first and second sides.

        With everything put in, a swap gives d itself, and the change all of d that heads, MLPs and embeddings bring.
        """
        d, was = _d(odds), _d(before)
        return d - was if self.between else (was - d) / 2

    def slopes(self, slopes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the same to first order, shape (n_cases, n_components)."""
        n_cases = len(slopes) // 2
        d = slopes[:n_cases] - slopes[n_cases:]
        return d if self.between else -d / 2


def _d(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    n_cases = odds.shape[-1] // 2
    return np.asarray(odds[..., :n_cases] - odds[..., n_cases:])


def patches(
    asking: Sequence[Asking],
    cases: Cases,
    *,
    seed: int,
    begin: Callable[[str, int], None],
    advance: Callable[[int], None],
) -> pd.DataFrame:
    """Ask each question, and return :data:`PATCHES`.

    Parameters
    ----------
    asking : sequence of Asking
    cases : Cases
    seed : int
        Of the random directions.
    begin, advance : callable
        Progress: what begins and of how many steps, and how many are done since.

    Raises
    ------
    PartsError
        If putting everything in does not give what is read after the other context.
    """
    chosen_on = [case for case in cases.cases if case.half == CHOOSE]
    tested_on = [case for case in cases.cases if case.half == TEST]
    rows: list[dict[str, object]] = []
    for one in asking:
        begin(f"putting activations in ({one.question})", _n_texts(one, chosen_on, tested_on))
        rows += _asked(one, chosen_on, tested_on, seed=seed, advance=advance)
    frame = pd.DataFrame(rows, columns=list(PATCHES.columns))
    frame["nats"] = frame["nats"].astype(float)
    return checked(frame.sort_values(["question", "item_id", "unit", "what"], ignore_index=True), PATCHES)


def _n_texts(asking: Asking, chosen_on: Sequence[Case], tested_on: Sequence[Case]) -> int:
    """Return how many texts are read, where there are as many blocks and components as are chosen."""
    n_units = N_BLOCKS + N_CHOSEN
    times = [(chosen_on, 1), (tested_on, 1 + 1 + n_units + 2 + n_units)]
    if not asking.between:
        times.append(([case for case in tested_on if case.same is not None], 1 + n_units))
    return sum(swap.n_texts * n_times for cases, n_times in times for case in cases for swap in case.swaps)


def _asked(
    asking: Asking,
    chosen_on: Sequence[Case],
    tested_on: Sequence[Case],
    *,
    seed: int,
    advance: Callable[[int], None],
) -> list[dict[str, object]]:
    if not chosen_on or not tested_on:
        return []
    inside = asking.inside
    by_half = {
        name: asking.slopes(inside.slopes(asking.swaps(cases), advance=advance))
        for name, cases in ((CHOOSE, chosen_on), (TEST, tested_on))
    }
    units = chosen(inside.components, by_half[CHOOSE].mean(axis=0), embeddings=asking.between)
    joint = Unit(name=JOINT, components=frozenset().union(*(one.components for one in units if not _is_block(one))))
    whole = Unit(name=WHOLE, components=frozenset(inside.components))
    put_in = [*units, joint, whole]
    asked = [
        Patch(components=frozenset()),
        *(Patch(components=one.components) for one in put_in),
        *(Patch(components=one.components, random=True) for one in units),
    ]
    odds = inside.odds(asking.swaps(tested_on), asked, seed=seed, advance=advance)
    rows = _rows(asking, tested_on, TEST, {("", LEAN): _d(odds[0])})
    effects = [asking.effects(found, odds[0]) for found in odds[1:]]
    names = [(one.name, EFFECT) for one in put_in] + [(one.name, RANDOM) for one in units]
    rows += _rows(asking, tested_on, TEST, dict(zip(names, effects, strict=True)))
    if not asking.between:
        rows += _same_side(asking, tested_on, units, seed=seed, advance=advance)
    places = {component: at for at, component in enumerate(inside.components)}
    for name, cases in ((CHOOSE, chosen_on), (TEST, tested_on)):
        slopes = {
            (one.name, FIRST_ORDER): by_half[name][:, [places[component] for component in sorted_of(one)]].sum(axis=1)
            for one in units
        }
        rows += _rows(asking, cases, name, slopes)
    return rows


def _same_side(
    asking: Asking,
    cases: Sequence[Case],
    units: Sequence[Unit],
    *,
    seed: int,
    advance: Callable[[int], None],
) -> list[dict[str, object]]:
    """Return what the activations of another item's context of the same side change."""
    there = [case for case in cases if case.same is not None]
    if not there:
        return []
    both = [case.same for case in there if case.same is not None]
    swaps = [one for one, _ in both] + [other for _, other in both]
    asked = [Patch(components=frozenset()), *(Patch(components=one.components) for one in units)]
    odds = asking.inside.odds(swaps, asked, seed=seed, advance=advance)
    effects = {
        (one.name, SAME_SIDE): asking.effects(found, odds[0]) for one, found in zip(units, odds[1:], strict=True)
    }
    return _rows(asking, there, TEST, effects)


def sorted_of(unit: Unit) -> list[Component]:
    """Return the components of a unit in an order that does not hang on hashes."""
    return sorted(unit.components, key=lambda one: one.name)


def _is_block(unit: Unit) -> bool:
    return len(unit.components) > 1


def chosen(components: Sequence[Component], slopes: NDArray[np.float64], *, embeddings: bool) -> list[Unit]:
    """Return what is put to the test: the blocks, then the components, that do most to first order.

    Parameters
    ----------
    components : sequence of Component
    slopes : array of float, shape (n_components,)
        Mean over the items that components are chosen on.
    embeddings : bool
        Whether the embeddings may be chosen: where contexts are swapped, they are the whole difference.
    """
    order = sorted(range(len(components)), key=lambda at: (-abs(slopes[at]), components[at].name))
    inner = [at for at in order if embeddings or components[at].kind is not ComponentKind.EMBEDDINGS]
    by_block: dict[int, float] = {}
    for at, component in enumerate(components):
        if component.block >= 0:
            by_block[component.block] = by_block.get(component.block, 0.0) + float(slopes[at])
    blocks = sorted(by_block, key=lambda block: (-abs(by_block[block]), block))[:N_BLOCKS]
    return [
        *(
            Unit(name=f"block {block}", components=frozenset(one for one in components if one.block == block))
            for block in blocks
        ),
        *(Unit(name=components[at].name, components=frozenset({components[at]})) for at in inner[:N_CHOSEN]),
    ]


def _rows(
    asking: Asking, cases: Sequence[Case], half: str, values: Mapping[tuple[str, str], NDArray[np.float64]]
) -> list[dict[str, object]]:
    return [
        {
            "question": asking.question,
            "item_id": case.item_id,
            "cluster_id": case.cluster_id,
            "also_cluster_id": case.also_id,
            "half": half,
            "unit": unit,
            "what": what,
            "nats": float(value),
        }
        for (unit, what), array in values.items()
        for case, value in zip(cases, array, strict=True)
    ]
