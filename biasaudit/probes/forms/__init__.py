"""The forms in which people write probes of their own: one reader each, a file in, items out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from biasaudit.errors import ProbeError
from biasaudit.probes.card import Card
from biasaudit.probes.forms.associations import read_associations
from biasaudit.probes.forms.cases import read_cases
from biasaudit.probes.forms.comments import read_comments
from biasaudit.probes.forms.guises import read_guises
from biasaudit.probes.forms.items import read_items
from biasaudit.probes.forms.referents import read_referents
from biasaudit.probes.forms.scenarios import read_scenarios
from biasaudit.probes.forms.templates import read_templates
from biasaudit.types import ProbeItem

__all__ = ["FORMS", "Form", "read_form"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of data beside a card.

    Attributes
    ----------
    read : callable
        File and card in, items out.
    kinds : frozenset of str or None
        Kinds of probe that can be written in it; None where that is every kind.
    """

    read: Callable[[Path, Card], tuple[ProbeItem, ...]]
    kinds: frozenset[str] | None


FORMS: Final[Mapping[str, Form]] = {
    "templates": Form(read=read_templates, kinds=frozenset({"association"})),
    "associations": Form(read=read_associations, kinds=frozenset({"association"})),
    "cases": Form(read=read_cases, kinds=frozenset({"decision"})),
    "comments": Form(read=read_comments, kinds=frozenset({"decision"})),
    "scenarios": Form(read=read_scenarios, kinds=frozenset({"choice"})),
    "referents": Form(read=read_referents, kinds=frozenset({"choice"})),
    "guises": Form(read=read_guises, kinds=frozenset({"association", "decision"})),
    "items": Form(read=read_items, kinds=None),
}


def read_form(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Read a file of one of the forms into items.

    Raises
    ------
    ProbeError
        If the card's kind cannot be written in its form, or the file does not follow the form.
    """
    form = FORMS[card.data.format]
    if form.kinds is not None and card.kind not in form.kinds:
        raise ProbeError(
            f"card {card.id!r}: field 'kind' is {card.kind!r}, and data.format {card.data.format!r} holds "
            f"probes of kind {', '.join(sorted(form.kinds))}.",
            fix="Change one of the two; data.format 'items' holds every kind.",
        )
    return form.read(path, card)
