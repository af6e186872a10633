"""A bound on the disparity of every cell, with and without the opening that a search finds to be the worst for it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from biasaudit.align import anchored
from biasaudit.align.anchored import AnchoredData, AnchoredRows
from biasaudit.align.card import CardWords, TrainingCard
from biasaudit.align.insertions import Insertions, read_insertions, refuse_telling
from biasaudit.align.method import Base, Given, Job, Material, Method, Trained
from biasaudit.align.methods.constraint import ConstraintSettings
from biasaudit.align.settings import at_least_one, described, require


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialSettings(ConstraintSettings):
    """Settings of a bound that holds after the worst openings too.

    Attributes
    ----------
    insertions : str or None
        File of openings, one a line; None takes ours.
    mine_every : int
        Updates between two searches; the first is before the first update, over the whole bank.
    candidates : int
        Openings that each further search tries, beside those that were the worst of a contrast before.
    mined_cells, mined_words : int
        Templates of one search, and pairs of words in each.
    fluency : float
        In nats per token, 0 or more: by how much less likely the base may find a context with an opening.
    """

    insertions: str | None = field(
        default=None, metadata=described("File of openings, one a line; default ours.", matters=False)
    )
    mine_every: int = field(default=10, metadata=described("Updates between two searches for the worst openings."))
    candidates: int = field(default=12, metadata=described("Openings that a search tries, beside those found before."))
    mined_cells: int = field(default=6, metadata=described("Templates of one search."))
    mined_words: int = field(default=1, metadata=described("Pairs of words in each template of a search."))
    fluency: float = field(
        default=1.0,
        metadata=described("Nats per token by which an opening may make a context less likely to the base."),
    )

    def __post_init__(self) -> None:
        for name in ("mine_every", "candidates", "mined_cells", "mined_words"):
            at_least_one(name, getattr(self, name))
        require("fluency", self.fluency, "0 or more", holds=0 <= self.fluency < float("inf"))
        ConstraintSettings.__post_init__(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialData(AnchoredData):
    """What is read, and the bank of openings."""

    bank: Insertions


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialRows(AnchoredRows):
    """What is trained on, and the openings that are searched."""

    openings: tuple[str, ...]


def _read(data: Path | None, settings: AdversarialSettings) -> Given[AdversarialData]:
    given = anchored.read(data, settings)
    file = None if settings.insertions is None else Path(settings.insertions).expanduser()
    bank = read_insertions(file)
    refuse_telling(bank, given.content.contrasts)
    content = AdversarialData(
        **{one.name: getattr(given.content, one.name) for one in fields(given.content)}, bank=bank
    )
    # Whoever brings openings says under which licence.
    licence = given.licence if file is None else None
    return Given(
        content=content,
        identity={**given.identity, "insertions_sha256": bank.sha256},
        licence=licence,
        lines=given.lines,
        trained=given.trained,
    )


def _prepare(given: Given[AdversarialData], base: Base, settings: AdversarialSettings) -> Material[AdversarialRows]:
    plain: Given[AnchoredData] = Given(content=given.content, identity=given.identity)
    found = anchored.prepare(plain, base, settings)
    bank = given.content.bank
    rows = AdversarialRows(
        **{one.name: getattr(found.rows, one.name) for one in fields(found.rows)}, openings=bank.openings
    )
    facts = {**found.facts, "insertions": bank.name, "n_insertions": len(bank.openings)}
    return Material(rows=rows, facts=facts, end_of_turn=found.end_of_turn)


def _train(job: Job[AdversarialSettings, AdversarialRows]) -> Trained:
    from biasaudit.align.methods.mined import train  # noqa: PLC0415  # imports torch

    return train(job)


def _data_rows(card: TrainingCard) -> dict[str, object]:
    used = card.instructions
    return {
        **anchored.data_rows(card),
        "openings searched": f"{used['n_insertions']}, {used['insertions']}",
        "sha256 of the openings": card.identity["insertions_sha256"],
    }


def _told(card: TrainingCard) -> tuple[str, ...]:
    facts = card.facts
    searched = (
        f"Searched {card.instructions['n_insertions']} openings; worst of the base: {facts['worst openings']}. "
        f"Development |B| without an opening {facts['development |B|, no opening']}, after the worst "
        f"{facts['development |B|, attacked']}."
    )
    return (*anchored.told(card), searched)


ADVERSARIAL: Final = Method(
    name="adversarial",
    summary="Tune an adapter until no template tells groups apart by more than a bound, whatever opening is before it.",
    recipe="adversarial-2",
    settings=AdversarialSettings,
    data="Optional: JSON Lines with the fields prompt and response, to be learned beside.",
    read=_read,
    prepare=_prepare,
    train=_train,
    says=CardWords(
        title="a bound on the disparity of every template, with and without the worst opening",
        data="Contrasts",
        data_rows=_data_rows,
        training="As the method `constraint`, in which each template has a second multiplier for its contrasts after "
        "an opening. Every few updates a search takes, for templates and words, the opening with the largest |d| that "
        "the base finds fluent.",
        of_loss="of the whole loss.",
    ),
    told=_told,
    needs_data=False,
    needs_template=False,
    needs=(),
)
