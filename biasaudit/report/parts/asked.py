"""What a probe asks: one typical item as the models read it, with what each made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.framing import PLAIN
from biasaudit.report.part import Part
from biasaudit.report.parts.item_form import ItemForm, Known, item_form, known
from biasaudit.report.section import Source
from biasaudit.report.words.exposures import exposures, of_probe
from biasaudit.report.words.facts import counted, first_sentence, listed, mapping
from biasaudit.report.words.lean_size import how_large
from biasaudit.report.words.wording import clean, count, present
from biasaudit.types import Checkpoint, Role, stage_place

if TYPE_CHECKING:
    import pandas as pd

_TOLD: Final = 0.005
"""Leans from which the parts of 100 are told: half a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """How large the lean of the item is in one checkpoint, in words."""

    checkpoint: str
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical:
    """The item in the middle: half of `n_scored` lean more in the base, half less.

    Attributes
    ----------
    form : ItemForm
    n_scored : str
    means : tuple of Meaning
        Empty for a kind of which nothing short is right.
    """

    form: ItemForm
    n_scored: str
    means: tuple[Meaning, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a probe asks.

    Attributes
    ----------
    typical : Typical or None
        None where no item was scored in plain framing.
    positive : str
        What a positive number of the probe means; empty where its card is not recorded.
    sizes : str
        How many items were asked, and in which ways.
    exposure : tuple of str
        How near it is to what the checkpoints were trained on; empty in audits from before that was asked.
    """

    typical: Typical | None
    positive: str
    sizes: str
    exposure: tuple[str, ...]


def asked(source: Source) -> dict[str, Asked]:
    """Return probe -> what it asks, of every probe with a card or an item."""
    audit = source.audit
    scores = audit.scores[(audit.scores["framing_id"] == PLAIN.framing_id) & (audit.scores["role"] == Role.BIAS.value)]
    checkpoints = sorted({str(name) for name in audit.scores["checkpoint"]}, key=stage_place)
    typical = typical_items(scores)
    found = known(audit, [(probe, item_id) for probe, (item_id, _) in typical.items()])
    cards = mapping(source.recorded.get("probes"))
    ways = _ways(mapping(source.recorded.get("plan")))
    shown = {
        probe: Typical(
            form=item_form(found, (probe, item_id), checkpoints),
            n_scored=count(n_scored),
            means=_means(found, (probe, item_id), checkpoints),
        )
        for probe, (item_id, n_scored) in typical.items()
    }
    trained = exposures(audit)
    return {
        probe: _asked(shown.get(probe), mapping(cards.get(probe)), ways, exposure=of_probe(trained, probe))
        for probe in sorted({*typical, *(str(name) for name in cards)})
    }


def typical_items(scores: pd.DataFrame) -> dict[str, tuple[str, int]]:
    """Return probe -> the item with the median d of the base, and of how many.

    Parameters
    ----------
    scores : DataFrame
        Of bias items in one framing; see :data:`biasaudit.record.tables.SCORES`. Of an even number the lower of the
        two in the middle, and of equal ones by their ids.
    """
    base = scores[(scores["checkpoint"] == Checkpoint.BASE.value) & (scores["status"] == "ok")]
    ordered = base.sort_values(["probe", "d_nats", "item_id"])
    found: dict[str, tuple[str, int]] = {}
    for probe, own in ordered.groupby("probe"):
        found[str(probe)] = (str(own["item_id"].iloc[(len(own) - 1) // 2]), len(own))
    return found


def _asked(
    typical: Typical | None,
    card: Mapping[str, Any],  # Any: JSON values
    ways: str,
    *,
    exposure: tuple[str, ...],
) -> Asked:
    positive = card.get("positive_index")
    sizes = [f"{count(card['n_items'])} items"] if isinstance(card.get("n_items"), int) else []
    if sizes and isinstance(card.get("n_clusters"), int):
        sizes.append(f"in {counted(card['n_clusters'], 'cluster', 'clusters')} of the same wording or scene")
    return Asked(
        typical=typical,
        positive=first_sentence(positive) if isinstance(positive, str) and positive else "",
        sizes=f"{' '.join(sizes)}{f', {ways}' if ways else ''}." if sizes else "",
        exposure=exposure,
    )


def _ways(plan: Mapping[str, Any]) -> str:  # Any: JSON values
    """Say in which framings the items were asked."""
    framings = plan.get("framings")
    names = [str(mapping(one).get("framing")) for one in framings] if isinstance(framings, Sequence) else []
    said = ["in plain text"] if "plain" in names else []
    if n_chat := names.count("chat"):
        said.append("as a chat" if n_chat == 1 else f"as a chat in {n_chat} wordings")
    return f"each asked {listed(said)}" if said else ""


def _means(found: Known, item: tuple[str, str], checkpoints: Sequence[str]) -> tuple[Meaning, ...]:
    kind = str(found.items[item]["kind"]) if item in found.items else ""
    rows = [(name, found.scores.get((name, *item))) for name in checkpoints]
    graded = [(name, present(row["graded"])) for name, row in rows if row is not None and str(row["status"]) == "ok"]
    said = [(name, how_large(kind, value), value) for name, value in graded if value is not None]
    return tuple(
        Meaning(checkpoint=clean(name), means=means if abs(value) >= _TOLD else "next to no lean")
        for name, means, value in said
        if means
    )


PART: Final = Part(name="asked", title="What it asks", template="parts/asked.html.jinja", views=asked, prints=True)
