"""The layouts in which people write probes of their own: one reader each, a file in, items out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from biasaudit.errors import ProbeError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.own.associations import read_associations
from biasaudit.probes.layouts.own.cases import read_cases
from biasaudit.probes.layouts.own.comments import read_comments
from biasaudit.probes.layouts.own.guises import read_guises
from biasaudit.probes.layouts.own.items import read_items
from biasaudit.probes.layouts.own.referents import read_referents
from biasaudit.probes.layouts.own.scenarios import read_scenarios
from biasaudit.probes.layouts.own.templates import read_templates
from biasaudit.types import ProbeItem

__all__ = ["OWN_LAYOUTS", "Layout", "read_own"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A layout of data beside a card.

    Attributes
    ----------
    read : callable
        File and card in, items out.
    kinds : frozenset of str or None
        Kinds of probe that can be written in it; None where that is every kind.
    """

    read: Callable[[Path, Card], tuple[ProbeItem, ...]]
    kinds: frozenset[str] | None


OWN_LAYOUTS: Final[Mapping[str, Layout]] = {
    "templates": Layout(read=read_templates, kinds=frozenset({"association"})),
    "associations": Layout(read=read_associations, kinds=frozenset({"association"})),
    "cases": Layout(read=read_cases, kinds=frozenset({"decision"})),
    "comments": Layout(read=read_comments, kinds=frozenset({"decision"})),
    "scenarios": Layout(read=read_scenarios, kinds=frozenset({"choice"})),
    "referents": Layout(read=read_referents, kinds=frozenset({"choice"})),
    "guises": Layout(read=read_guises, kinds=frozenset({"association", "decision"})),
    "items": Layout(read=read_items, kinds=None),
}


def read_own(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Read a file of one of the layouts into items.

    Raises
    ------
    ProbeError
        If the card's kind cannot be written in its layout, or the file does not follow it.
    """
    layout = OWN_LAYOUTS[card.data.format]
    if layout.kinds is not None and card.kind not in layout.kinds:
        raise ProbeError(
            f"card {card.id!r}: field 'kind' is {card.kind!r}, and data.format {card.data.format!r} holds "
            f"probes of kind {', '.join(sorted(layout.kinds))}.",
            fix="Change one of the two; data.format 'items' holds every kind.",
        )
    return layout.read(path, card)
