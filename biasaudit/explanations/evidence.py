"""What is gathered of a pair beside its depth profile, and why something of it was not measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import pandas as pd

from biasaudit.analysis.arms import features_of
from biasaudit.audits.asked import requests_of
from biasaudit.errors import InstructionError, PartsError, TrainingDataError
from biasaudit.explanations.cases import CHOOSE, TEST, cases_of
from biasaudit.explanations.component_tables import ComponentFacts, component_tables
from biasaudit.explanations.components import CHANGE, IN_BASE, IN_TUNED, Asking, patches
from biasaudit.explanations.layers import layers
from biasaudit.explanations.names import MEASURED, NOT_ASKED, OF_COMPONENTS, OF_LAYERS, OF_RECORDS, OF_WORDS
from biasaudit.explanations.profile import ProfileFacts, ends_barred
from biasaudit.explanations.schemas import Evidence, empty_tables
from biasaudit.explanations.words import words
from biasaudit.types import AssociationTexts, Role
from biasaudit.types.depth import FROM_BELOW, Hybrid

if TYPE_CHECKING:
    from biasaudit.explanations.asked import Asked
    from biasaudit.framing import ChatFrame
    from biasaudit.models import Prepared
    from biasaudit.models.backend import Exchange, Readable
    from biasaudit.types.progress import Progress

Found: TypeAlias = tuple[dict[str, pd.DataFrame], Mapping[str, Any]]  # Any: JSON values
"""Tables, and how they were measured."""

MOST_APART: Final = 0.01
"""By so much the index of the last kept weights, which are rounded, may differ from the audit's."""

_NO_CONTEXTS: Final = "the items of this probe have no two contexts that differ in a word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """All that is needed to gather.

    Attributes
    ----------
    asked : Asked
    exchange : Exchange
        While no hybrid is open.
    prepared : Prepared
    scores : DataFrame
        Of all hybrids.
    facts : ProfileFacts
    told : Progress
    """

    asked: Asked
    exchange: Exchange
    prepared: Prepared
    scores: pd.DataFrame
    facts: ProfileFacts
    told: Progress

    def opened(self, name: str) -> AbstractContextManager[Readable]:
        """Open the base or the tuned checkpoint, by its name."""
        n_parts = 0 if name == "base" else len(self.exchange.parts)
        return self.exchange.opened(Hybrid(order=FROM_BELOW, n_parts=n_parts))


class _NotMeasuredError(Exception):
    """Why a kind of evidence is not measured, in words."""


def gathered(given: Gathering, wanted: tuple[str, ...]) -> Evidence:
    """Gather each kind of evidence that is wanted, but for training records.

    Parameters
    ----------
    given : Gathering
    wanted : tuple of str
        Of :data:`biasaudit.explanations.names.EVIDENCE`.
    """
    tables = empty_tables()
    facts: dict[str, Mapping[str, Any]] = {}  # Any: JSON values
    for name in _GATHER:
        if name not in wanted:
            facts[name] = {"status": NOT_ASKED}
            continue
        try:
            found, facts[name] = _GATHER[name](given)
        except _NotMeasuredError as exc:
            facts[name] = {"status": str(exc)}
        except PartsError as exc:
            facts[name] = {"status": exc.message}
        else:
            tables.update(found)
    return Evidence(tables=tables, facts=facts)


def _components(given: Gathering) -> Found:
    asked = given.asked
    bias = tuple(item for item in asked.probe.items if item.role is Role.BIAS)
    if not bias or not all(isinstance(item.texts, AssociationTexts) for item in bias):
        raise _NotMeasuredError(_NO_CONTEXTS)
    features = features_of(given.scores, given.facts.probe)
    if len(features) > 1:
        raise _NotMeasuredError("this probe has several features, and halves would mix them: name one with --feature")
    inside = {
        IN_BASE: given.exchange.inside(tuned=False, donor_tuned=False),
        IN_TUNED: given.exchange.inside(tuned=True, donor_tuned=True),
        CHANGE: given.exchange.inside(tuned=True, donor_tuned=False),
    }
    requests = requests_of(replace(asked.probe, items=bias), asked.framings[:1], given.prepared.chat)
    second = asked.probe.card.also_clustered_by
    found = cases_of(
        bias,
        requests,
        inside[IN_BASE].encoded(requests),
        also=None if second is None else second.tag,
        seed=given.facts.seed,
    )
    if {case.half for case in found.cases} != {CHOOSE, TEST}:
        raise _NotMeasuredError("one half of the wordings has no item with two contexts of as many tokens")
    measured = patches(
        [Asking(question=question, inside=one) for question, one in inside.items()],
        found,
        seed=given.facts.seed,
        begin=given.told.begin,
        advance=lambda n_texts: given.told.advance(n_texts, 0),
    )
    ends = ends_barred(given.scores, given.facts)
    of_change = given.facts.barred.get(features[0], "")
    barred = {IN_BASE: ends[0], IN_TUNED: ends[1], CHANGE: ends[0] or ends[1] or of_change}
    facts = ComponentFacts(design=given.facts.design, level=given.facts.level, seed=given.facts.seed, barred=barred)
    of_components, questions = component_tables(measured, facts)
    tables = {"patches": measured, "components": of_components, "questions": questions}
    return tables, {"status": MEASURED, "n_items": found.n_items, "n_uneven": found.n_uneven, "crossed": found.crossed}


def _words(given: Gathering) -> Found:
    found = words(given.asked, given.opened, chat=given.prepared.chat, progress=given.told)
    return {"words": found.table}, found.facts


def _layers(given: Gathering) -> Found:
    found = layers(given.asked, given.opened, chat=given.prepared.chat, progress=given.told)
    return {"layers": found.table}, found.facts


_GATHER: Final[Mapping[str, Callable[[Gathering], Found]]] = {
    OF_COMPONENTS: _components,
    OF_WORDS: _words,
    OF_LAYERS: _layers,
}


class Attributed(Protocol):
    """What records of a training did to an index; see :class:`biasaudit.align.influence.RecordInfluence`."""

    @property
    def records(self) -> pd.DataFrame:
        """One row per record."""
        ...

    @property
    def groups(self) -> pd.DataFrame:
        """One row per group of records."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:  # Any: JSON values
        """How it was asked."""
        ...


Attribute: TypeAlias = Callable[["Asked", "ChatFrame | None", Path, "Progress"], Attributed]
"""Attributes what was asked to the records of a file."""


def with_records(
    evidence: Evidence,
    asked: Asked,
    chat: ChatFrame | None,
    *,
    data: Path | None,
    attribute: Attribute | None,
    index: Mapping[str, float | None],
    told: Progress,
) -> Evidence:
    """Return the same evidence with that of training records; loads the tuned model by itself.

    Parameters
    ----------
    evidence : Evidence
    asked : Asked
    chat : ChatFrame or None
    data : Path or None
        The file that the adapter was trained on.
    attribute : callable or None
        None where it was not asked for.
    index : mapping
        Feature -> index of the tuned checkpoint: the last kept weights must give it.
    told : Progress
    """
    tables, status = dict(evidence.tables), NOT_ASKED
    facts: Mapping[str, Any] = {}  # Any: JSON values
    if attribute is not None and data is None:
        status = "no file of training data was named (--records FILE)"
    elif attribute is not None and data is not None:
        try:
            found = attribute(asked, chat, data, told)
        except (TrainingDataError, InstructionError) as exc:
            status = exc.message
        else:
            status, facts = _held_against(found.facts["index"], index), found.facts
            if status == MEASURED:
                tables.update({"records": found.records, "record_groups": found.groups})
    return Evidence(tables=tables, facts={**evidence.facts, OF_RECORDS: {**facts, "status": status}})


def _held_against(found: Mapping[str, Sequence[float]], index: Mapping[str, float | None]) -> str:
    """Return the status: the last kept weights must be those that were audited."""
    for feature, values in found.items():
        audited = index.get(feature)
        if audited is None or not abs(values[-1] - audited) <= MOST_APART:
            said = "no index" if audited is None or math.isnan(audited) else f"{audited:.3f}"
            return (
                f"the last kept weights give an index of {values[-1]:.3f} of {feature}, and the audit has {said}: they "
                "are not those that were audited, or read another beginning of texts"
            )
    return MEASURED
