"""The items of each probe that changed sides most, with their texts and where their values come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.analysis.items_seen import Seen, flips, seen
from biasaudit.kinds import KINDS
from biasaudit.report.parts.item_form import ItemForm, Known, item_form, known
from biasaudit.report.words.places import Cell
from biasaudit.report.words.shading import Addition, ShadedText, largest, shaded_texts
from biasaudit.report.words.wording import clean, count, records
from biasaudit.types import Checkpoint, Role, stage_place

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

AT_MOST: Final = 5
"""Items that are shown of either direction, per probe; of one cluster and its groups at most one."""

_QUERY: Final = """import biasaudit

scores = biasaudit.open_audit("AUDIT").scores  # the file scores.parquet
bias = scores.query("framing_id == 'plain' and role == 'bias' and status == 'ok'")
d = bias[bias["probe"] == {probe!r}].pivot(index="item_id", columns="checkpoint", values="d_nats")
removed = d[(d["base"] > 0) & (d[{tuned!r}] <= 0)]
introduced = d[(d["base"] <= 0) & (d[{tuned!r}] > 0)]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shading:
    """Where the value of an item comes from in one checkpoint: its texts in shades, and the largest stretches."""

    texts: tuple[ShadedText, ...]
    largest: tuple[Addition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One item that changed sides.

    Attributes
    ----------
    form : ItemForm
        In the base and in the tuned checkpoint.
    shadings : tuple of Shading
        Of either, or none where the audit does not hold the tokens.
    place : str
        The id of the row of its comparison; empty where there is none.
    """

    form: ItemForm
    shadings: tuple[Shading, ...]
    place: str

    @property
    def is_all_shaded(self) -> bool:
        """Whether each text that is compared is shown in shades: then it need not be shown without."""
        n_texts = sum(len(context.rows) for context in self.form.contexts)
        return bool(self.shadings) and all(len(one.texts) == n_texts for one in self.shadings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """The strongest items that changed sides in one direction; `fate` is ``removed`` or ``introduced``."""

    fate: str
    n_items: str
    flips: tuple[Flip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The strongest items of one probe that changed sides between the base and one tuned checkpoint."""

    tuned: str
    directions: tuple[Direction, ...]
    query: str


def evidence(audit: AuditRecord, places: Mapping[Cell, str], *, contrast: str) -> dict[str, tuple[Evidence, ...]]:
    """Return probe -> the strongest items by tuned checkpoint, in plain framing.

    Parameters
    ----------
    audit : AuditRecord
    places : mapping
        Comparison -> the id of its row.
    contrast : str
        Of the comparisons that the items lead back to.
    """
    plain = audit.scores[(audit.scores["framing_id"] == "plain") & (audit.scores["role"] == Role.BIAS.value)]
    found: dict[str, list[Evidence]] = {str(probe): [] for probe in sorted(set(plain["probe"]))}
    for tuned in sorted({str(name) for name in plain["checkpoint"]} - {Checkpoint.BASE.value}, key=stage_place):
        flipped = flips(audit.scores, tuned=tuned)
        shown = _strongest(flipped, audit.items)
        wanted = list(zip(shown["probe"], shown["item_id"], strict=True))
        gathered, tokens = known(audit, wanted), seen(audit, wanted)
        for probe, own in found.items():
            counts = flipped.loc[flipped["probe"] == probe, "fate"].value_counts()
            directions = tuple(
                Direction(
                    fate=fate,
                    n_items=count(int(counts.get(fate, 0))),
                    flips=tuple(
                        _flip(
                            row, tuned, gathered, tokens, places.get((tuned, contrast, probe, str(row["feature"])), "")
                        )
                        for row in records(shown[(shown["probe"] == probe) & (shown["fate"] == fate)])
                    ),
                )
                for fate in ("removed", "introduced")
            )
            own.append(
                Evidence(tuned=clean(tuned), directions=directions, query=_QUERY.format(probe=probe, tuned=tuned))
            )
    return {probe: tuple(own) for probe, own in found.items() if own}


def _strongest(flipped: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """Return the first flips of either direction with their texts: one of a scene and its groups, not its variants."""
    facts = ["probe", "item_id", "kind", "cluster_id", "groups"]
    scenes = flipped.merge(items[facts], on=["probe", "item_id"], how="left").drop_duplicates(
        ["probe", "fate", "cluster_id", "groups"]
    )
    return scenes.groupby(["probe", "fate"], sort=False).head(AT_MOST)


def _flip(
    row: Mapping[str, Any],  # Any: pandas cells
    tuned: str,
    gathered: Known,
    tokens: Mapping[tuple[str, str, str], Seen],
    place: str,
) -> Flip:
    item = (str(row["probe"]), str(row["item_id"]))
    both = ("base", tuned)
    sides = KINDS[str(row["kind"])].words.shaded if row["kind"] in KINDS else ()
    segments = [tokens.get((name, *item), Seen()).segments for name in both]
    return Flip(
        form=item_form(gathered, item, both),
        shadings=tuple(Shading(texts=shaded_texts(own, sides), largest=largest(own)) for own in segments)
        if sides and all(segments)
        else (),
        place=place,
    )
