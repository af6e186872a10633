"""What a perturbation is to the rest of the house: one object, and the border that none may cross."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from biasaudit.errors import UsageError
from biasaudit.kinds import KINDS
from biasaudit.probes import Probe
from biasaudit.probes.registry import content_sha256
from biasaudit.probes.units import place
from biasaudit.robustness.border import check
from biasaudit.types import ProbeItem
from biasaudit.types.search import SearchFacts

VARIANT_OF: Final = "variant_of"
"""Tag of a perturbed item: the id of the item that it was made from."""


FAMILIES: Final = ("surface", "format", "context", "persona", "instruction", "search")
"""How words are written; what they stand in; what stands before them; who speaks; what is asked for; what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """A change of what stands around the words that an item is about.

    Attributes
    ----------
    name : str
        In the letters of ids: it becomes part of the probe's.
    summary : str
        What is changed, in words that go on after "perturbed: ".
    family : str
        What it is about, for whoever reads many: one of :data:`FAMILIES`.
    settings : str
        What else decides it, such as a rate or a text.
    apply : callable
        From a probe and a generator to the probe with changed contexts: the same items in their order, and the same
        card. Never a group word, an attribute word, a question, an option or a continuation, and both sides of an item
        alike; :func:`biasaudit.robustness.frames.reframed` keeps to that by itself.
    search : SearchFacts or None
        Of words that a search found.
    """

    name: str
    summary: str
    apply: Callable[[Probe, np.random.Generator], Probe]
    family: str = "surface"
    settings: str = ""
    search: SearchFacts | None = None


def applied(perturbation: Perturbation, probe: Probe, *, seed: int) -> Probe:
    """Return a perturbed probe, checked against the one that it was made from.

    Parameters
    ----------
    perturbation : Perturbation
    probe : Probe
    seed : int

    Raises
    ------
    UsageError
        If nothing of the probe is changed, or its kind has no two sides.
    PerturbationError
        If more was changed than contexts, or not both sides alike.
    """
    if KINDS[probe.card.kind].contexts is None:
        raise UsageError(
            f"probe {probe.card.id!r} is of the kind {probe.card.kind!r}, whose items have no two sides that "
            "could be changed alike.",
            fix="Perturb a probe whose items set two texts against each other.",
        )
    drawn = int.from_bytes(place(seed, "perturbation", perturbation.name, probe.card.id)[:8], "big")
    changed = perturbation.apply(probe, np.random.default_rng(drawn))
    check(perturbation.name, probe, changed, besides=VARIANT_OF)
    n_changed = sum(one.texts != other.texts for one, other in zip(probe.items, changed.items, strict=True))
    if not n_changed:
        raise UsageError(
            f"the perturbation {perturbation.name!r} changes nothing of probe {probe.card.id!r}.",
            fix="Choose another: an audit under this one would be the one without it.",
        )
    items = tuple(_variant(item) for item in changed.items)
    what = f"perturbed: {perturbation.summary}"
    notice = (
        f"Probe {probe.card.id!r} {what}; {n_changed:,} of {len(items):,} items have another context "
        f"({perturbation.name}, seed {seed})."
    )
    if probe.card.data.published:
        notice += " Its benchmark scores are of these texts, not of those that its paper has."
    card = probe.card.model_copy(
        update={"id": f"{probe.card.id}-{perturbation.name}", "name": f"{probe.card.name}, {what}"}
    )
    return replace(
        probe,
        card=card,
        items=items,
        origin=f"{probe.origin}, {what}",
        sha256=content_sha256(items),
        notices=(*probe.notices, notice),
    )


def _variant(item: ProbeItem) -> ProbeItem:
    return replace(item, tags={**item.tags, VARIANT_OF: item.item_id})
