"""Items whose two contexts differ in one word of equal length, in two halves: to choose components on, and to test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from biasaudit.kinds.association import PARTS
from biasaudit.probes.units import half, in_turns, place
from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.types import AssociationTexts, ProbeItem, Role
from biasaudit.types.components import Swap, swapped

if TYPE_CHECKING:
    from biasaudit.types import Request

CHOOSE: Final = "choose"
TEST: Final = "test"
N_ITEMS: Final = 16
"""At most so many of a half."""

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One item in one wording of a framing.

    Attributes
    ----------
    item_id, cluster_id, also_id : str
        `also_id` is empty where the probe has no second factor.
    half : str
        :data:`CHOOSE` or :data:`TEST`: no wording of the one is in the other, and no word where words are a second
        factor.
    first, second : Swap
        The context of the first side that takes from the second, and the other way round.
    same : tuple of Swap, or None
        Both contexts, taking from another item's of the same wording and side; None where there is none of its length.
    """

    item_id: str
    cluster_id: str
    also_id: str
    half: str
    first: Swap
    second: Swap
    same: tuple[Swap, Swap] | None = None

    @property
    def swaps(self) -> tuple[Swap, Swap]:
        """Each context takes from the other."""
        return self.first, self.second

    @property
    def own(self) -> tuple[Swap, Swap]:
        """Each context takes from itself, as another checkpoint reads it."""
        return replace(self.first, donor=self.first.to), replace(self.second, donor=self.second.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The cases of both halves.

    Attributes
    ----------
    cases : tuple of Case
    n_uneven : int
        Items of the probe whose contexts do not have as many tokens, or cannot be read: they are left out.
    n_items : int
        Of the probe in all.
    crossed : bool
        Whether the halves share no words either.
    """

    cases: tuple[Case, ...]
    n_uneven: int
    n_items: int
    crossed: bool


def cases_of(
    items: Sequence[ProbeItem],
    requests: Sequence[Request],
    encoded: Mapping[str, tuple[Tokens, Tokens]],
    *,
    also: str | None,
    seed: int,
    n_items: int = N_ITEMS,
) -> Cases:
    """Return the cases among bias items.

    Parameters
    ----------
    items : sequence of ProbeItem
    requests : sequence of Request
        Of these items, in one wording of a framing.
    encoded : mapping
        Key of a request -> tokens of context and continuation.
    also : str or None
        Tag of the second factor.
    seed : int
        Decides which wordings and words are tested on.
    n_items : int
        At most so many of a half, from all its wordings alike.
    """
    keys: dict[str, dict[str, str]] = defaultdict(dict)
    for request in requests:
        keys[request.item_id][request.part] = request.key
    bias = [item for item in items if item.role is Role.BIAS and isinstance(item.texts, AssociationTexts)]
    words = {item.tags[also] for item in bias} if also else set()
    crossed = len(words) >= 2 * MIN_CLUSTERS
    chosen_on = half({"": {item.cluster_id for item in bias}}, seed, "components", "wordings")
    words_chosen_on = half({"": words}, seed, "components", "words") if crossed else words
    found: list[Case] = []
    n_uneven = 0
    for item in bias:
        swaps = _swaps([encoded.get(keys[item.item_id].get(part, "")) for part in PARTS])
        if swaps is None:
            n_uneven += 1
            continue
        also_id = item.tags[also] if also else ""
        in_choice = item.cluster_id in chosen_on
        if crossed and in_choice is not (also_id in words_chosen_on):
            continue
        found.append(
            Case(
                item_id=item.item_id,
                cluster_id=item.cluster_id,
                also_id=also_id,
                half=CHOOSE if in_choice else TEST,
                first=swaps[0],
                second=swaps[1],
            )
        )
    found = _with_same_side(found, found)
    kept = [one for name in (CHOOSE, TEST) for one in _few([one for one in found if one.half == name], n_items, seed)]
    return Cases(cases=tuple(kept), n_uneven=n_uneven, n_items=len(bias), crossed=crossed)


def _swaps(parts: Sequence[tuple[Tokens, Tokens] | None]) -> tuple[Swap, Swap] | None:
    """Return both directions; None where the contexts are not as long, or the continuations not read after them all."""
    if any(part is None for part in parts):
        return None
    (a1, first), (a2, second), (b1, first_b), (b2, second_b) = (part for part in parts if part is not None)
    if a1 != a2 or b1 != b2 or (first, second) != (first_b, second_b) or first == second:
        return None
    one, other = swapped(a1, b1, first, second), swapped(b1, a1, first, second)
    return None if one is None or other is None else (one, other)


def _few(cases: Sequence[Case], n_items: int, seed: int) -> list[Case]:
    """Return at most so many cases, as many of each wording as there is room for; first those with a same side."""
    ranked: dict[str, list[Case]] = defaultdict(list)
    for one in sorted(cases, key=lambda one: (one.same is None, place(seed, "components", "items", one.item_id))):
        ranked[one.cluster_id].append(one)
    order = sorted(ranked, key=lambda name: place(seed, "components", name))
    return in_turns([ranked[name] for name in order], n_items)


def _with_same_side(cases: Sequence[Case], others: Sequence[Case]) -> list[Case]:
    """Give each case contexts of its own sides from other items of its wording, where there are such."""
    there: dict[tuple[str, int], dict[Tokens, None]] = defaultdict(dict)
    for one in sorted(others, key=lambda one: one.item_id):
        for side, swap in enumerate(one.swaps):
            there[one.cluster_id, side].setdefault(swap.to)
    found = []
    for one in cases:
        both = [_same_side(swap, list(there[one.cluster_id, side])) for side, swap in enumerate(one.swaps)]
        first, second = both
        found.append(one if first is None or second is None else replace(one, same=(first, second)))
    return found


def _same_side(swap: Swap, contexts: Sequence[Tokens]) -> Swap | None:
    """Return the swap taking from the next context of a list that is as long and differs in the same run alone."""
    at = contexts.index(swap.to)
    for other in (*contexts[at + 1 :], *contexts[:at]):
        one = swapped(swap.to, other, swap.first, swap.second)
        if one is not None and one.begins >= swap.begins and one.ends <= swap.ends:
            return replace(one, begins=swap.begins, ends=swap.ends)
    return None
