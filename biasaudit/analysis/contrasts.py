"""What each contrast sets against what: arms, and the values that it compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biasaudit.types import Checkpoint, Contrast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from biasaudit.analysis.arms import CellItems

Arm = tuple[str, str]
"""Checkpoint and framing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The arms on either side of a contrast; a side of several arms is their mean, item by item.

    D is the first side minus the second.
    """

    first: tuple[Arm, ...]
    second: tuple[Arm, ...]

    @property
    def of_single_arms(self) -> bool:
        """Whether either side is one arm."""
        return len(self.first) == len(self.second) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SideValues:
    """Item values of either side, shape (n_items,); NaN where an arm of the side lacks the item."""

    first: NDArray[np.float64]
    second: NDArray[np.float64]


def primary_contrast(framings: Iterable[str]) -> Contrast:
    """Return the contrast that an audit's claims are about, by its framings alone: it is known before any answer.

    Parameters
    ----------
    framings : iterable of str
        ``plain``, ``chat`` or both.

    Returns
    -------
    Contrast
        As deployed where both are audited; else the weights, in the one that is.

    Examples
    --------
    >>> primary_contrast(["plain", "chat", "chat"]).value, primary_contrast(["plain"]).value
    ('as deployed', 'weights, plain')
    """
    asked = set(framings)
    if {"plain", "chat"} <= asked:
        return Contrast.AS_DEPLOYED
    return Contrast.WEIGHTS_CHAT if "chat" in asked else Contrast.WEIGHTS_PLAIN


def contrast_sides(contrast: Contrast, tuned: str, before: str | None = None) -> Sides | None:
    """Return the arms that a contrast compares.

    Parameters
    ----------
    contrast : Contrast
    tuned : str
        Tuned checkpoint.
    before : str, optional
        The tuned checkpoint before it in order; None for the first, and for siblings
        (:func:`checkpoints_before`).

    Returns
    -------
    Sides or None
        None for the interaction, which compares differences, and for a step without a checkpoint
        before.
    """
    base = Checkpoint.BASE.value
    base_plain, base_chat = (base, "plain"), (base, "chat")
    tuned_plain, tuned_chat = (tuned, "plain"), (tuned, "chat")
    sides: dict[Contrast, tuple[tuple[Arm, ...], tuple[Arm, ...]]] = {
        Contrast.WEIGHTS_PLAIN: ((base_plain,), (tuned_plain,)),
        Contrast.WEIGHTS_CHAT: ((base_chat,), (tuned_chat,)),
        Contrast.TEMPLATE_TUNED: ((tuned_plain,), (tuned_chat,)),
        Contrast.TEMPLATE_BASE: ((base_plain,), (base_chat,)),
        Contrast.AS_DEPLOYED: ((base_plain,), (tuned_chat,)),
        Contrast.WEIGHTS_AVERAGED: ((base_plain, base_chat), (tuned_plain, tuned_chat)),
        Contrast.TEMPLATE_AVERAGED: ((base_plain, tuned_plain), (base_chat, tuned_chat)),
    }
    if before is not None:
        sides[Contrast.STEP_PLAIN] = (((before, "plain"),), (tuned_plain,))
        sides[Contrast.STEP_CHAT] = (((before, "chat"),), (tuned_chat,))
    found = sides.get(contrast)
    return None if found is None else Sides(first=found[0], second=found[1])


def checkpoints_before(tuned: Sequence[str], *, siblings: bool = False) -> dict[str, str | None]:
    """Return, for each tuned checkpoint, the one that a step to it starts from; None where there is none.

    Parameters
    ----------
    tuned : sequence of str
        In order.
    siblings : bool
        Whether each was made from the base and none from another: from one to the next is then no step of tuning.

    Examples
    --------
    >>> checkpoints_before(["1-sft", "2-dpo"])
    {'1-sft': None, '2-dpo': '1-sft'}
    >>> checkpoints_before(["1-sft", "2-constraint"], siblings=True)
    {'1-sft': None, '2-constraint': None}
    """
    return dict(zip(tuned, [None] * len(tuned) if siblings else [None, *tuned], strict=False))


def side_values(items: CellItems, contrast: Contrast, tuned: str, before: str | None = None) -> SideValues | None:
    """Return what a contrast compares, or None where an arm of it was not run."""
    if contrast is Contrast.INTERACTION:
        return _interaction(items, tuned)
    sides = contrast_sides(contrast, tuned, before)
    if sides is None or not all(arm in items.values for arm in (*sides.first, *sides.second)):
        return None
    return SideValues(
        first=np.mean([items.values[arm] for arm in sides.first], axis=0),
        second=np.mean([items.values[arm] for arm in sides.second], axis=0),
    )


def reductions_by_wording(
    items: CellItems, contrast: Contrast, tuned: str, before: str | None = None
) -> tuple[float, ...]:
    """Return D under each wording of the request; empty where the contrast has no wordings of its own."""
    sides = contrast_sides(contrast, tuned, before)
    if sides is None or not sides.of_single_arms:
        return ()
    (first_checkpoint, first_framing), (second_checkpoint, second_framing) = sides.first[0], sides.second[0]
    reductions = []
    for name in _wordings(items, second_checkpoint, second_framing):
        earlier = items.by_framing[first_checkpoint, name if first_framing == second_framing else first_framing]
        difference = earlier - items.by_framing[second_checkpoint, name]
        if not np.isnan(difference).all():
            reductions.append(float(np.nanmean(difference)))
    return tuple(reductions)


def values_by_wording(items: CellItems, checkpoint: str, framing: str) -> list[NDArray[np.float64]]:
    """Return one arm's item values under each wording of its request."""
    return [items.by_framing[checkpoint, name] for name in _wordings(items, checkpoint, framing)]


def _wordings(items: CellItems, checkpoint: str, framing: str) -> Sequence[str]:
    return sorted(name for owner, name in items.by_framing if owner == checkpoint and name.partition("-")[0] == framing)


def _interaction(items: CellItems, tuned: str) -> SideValues | None:
    """How much more (or less) the weights reduce under the chat template than without it."""
    chat = side_values(items, Contrast.WEIGHTS_CHAT, tuned)
    plain = side_values(items, Contrast.WEIGHTS_PLAIN, tuned)
    if chat is None or plain is None:
        return None
    return SideValues(first=chat.first - chat.second, second=plain.first - plain.second)
