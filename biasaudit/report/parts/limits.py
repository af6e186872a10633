"""What a probe does not show, and what is known to be wrong with it, as its card says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from biasaudit.report.part import Part
from biasaudit.report.section import Source
from biasaudit.report.words.facts import Fact, mapping
from biasaudit.report.words.wording import TEXT_LIMIT, clean, count, shown_or_not_recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A probe's card: what it measures and what is wrong with it."""

    facts: tuple[Fact, ...]
    known_defects: tuple[str, ...]
    not_shown: str


def limits(source: Source) -> dict[str, Limits]:
    """Return probe -> what its card says, of every probe of the manifest."""
    return {str(name): limits_of(mapping(found)) for name, found in mapping(source.recorded.get("probes")).items()}


def limits_of(card: Mapping[str, Any]) -> Limits:  # Any: JSON values
    """Read a card for display.

    Parameters
    ----------
    card : mapping
        JSON values of the probe's entry in the manifest; absent keys are shown as "not recorded".
    """
    defects = card.get("known_defects")
    return Limits(
        facts=(
            _fact("Measures", card.get("construct")),
            _fact("Positive index", card.get("positive_index")),
            _fact("Harm", card.get("harm")),
            Fact(
                term="Items",
                values=(f"{count(card.get('n_items'))} in {count(card.get('n_clusters'))} clusters",),
            ),
            Fact(
                term="Version and kind",
                values=(f"{shown_or_not_recorded(card.get('version'))}; {shown_or_not_recorded(card.get('kind'))}",),
            ),
            _fact("Licence", card.get("licence")),
            _fact("Citation", card.get("citation")),
            _fact("sha256", card.get("sha256")),
        ),
        known_defects=tuple(clean(defect, limit=10 * TEXT_LIMIT) for defect in defects)
        if isinstance(defects, Sequence) and not isinstance(defects, str)
        else (),
        not_shown=shown_or_not_recorded(card.get("not_shown")),
    )


def _fact(term: str, value: object) -> Fact:
    return Fact(term=term, values=(shown_or_not_recorded(value),))


PART: Final = Part(
    name="limits",
    title="What it does not show, and its known defects",
    template="parts/limits.html.jinja",
    views=limits,
)
