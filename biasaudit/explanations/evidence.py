"""What is gathered of a pair beside its depth profile, and why something of it was not measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from biasaudit.analysis.arms import ALL, features_of
from biasaudit.audits.asked import requests_of
from biasaudit.errors import PartsError
from biasaudit.explanations.cases import TEST, cases_of
from biasaudit.explanations.component_tables import ComponentFacts, component_tables
from biasaudit.explanations.components import CHANGE, IN_BASE, IN_TUNED, Asking, patches
from biasaudit.explanations.profile import ProfileFacts, ends_barred
from biasaudit.explanations.schemas import EVIDENCE, OF_COMPONENTS, Evidence, empty_tables
from biasaudit.types import AssociationTexts, Role

if TYPE_CHECKING:
    from biasaudit.explanations.asked import Asked
    from biasaudit.models import Prepared
    from biasaudit.models.backend import Exchange
    from biasaudit.types.progress import Progress

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


class _NotMeasuredError(Exception):
    """Why a kind of evidence is not measured, in words."""


def gathered(given: Gathering, wanted: tuple[str, ...]) -> Evidence:
    """Gather each kind of evidence that is wanted.

    Parameters
    ----------
    given : Gathering
    wanted : tuple of str
        Of :data:`EVIDENCE`.
    """
    tables = empty_tables()
    unmeasured = {}
    for name in EVIDENCE:
        if name not in wanted:
            unmeasured[name] = "it was not asked for"
            continue
        try:
            tables.update(_GATHER[name](given))
        except _NotMeasuredError as exc:
            unmeasured[name] = str(exc)
        except PartsError as exc:
            unmeasured[name] = exc.message
    return Evidence(tables=tables, unmeasured=unmeasured)


def _components(given: Gathering) -> dict[str, pd.DataFrame]:
    asked = given.asked
    bias = tuple(item for item in asked.probe.items if item.role is Role.BIAS)
    if not bias or not all(isinstance(item.texts, AssociationTexts) for item in bias):
        raise _NotMeasuredError(_NO_CONTEXTS)
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
    if not any(case.half == TEST for case in found.cases):
        raise _NotMeasuredError("no item of the test has two contexts of as many tokens")
    measured = patches(
        [Asking(question=question, inside=one) for question, one in inside.items()],
        found,
        seed=given.facts.seed,
        begin=given.told.begin,
        advance=lambda n_texts: given.told.advance(n_texts, 0),
    )
    ends = ends_barred(given.scores, given.facts)
    features = features_of(given.scores, given.facts.probe)
    of_change = given.facts.barred.get(ALL if ALL in features else features[0], "")
    barred = {IN_BASE: ends[0], IN_TUNED: ends[1], CHANGE: ends[0] or ends[1] or of_change}
    facts = ComponentFacts(design=given.facts.design, level=given.facts.level, seed=given.facts.seed, barred=barred)
    of_components, questions = component_tables(measured, facts)
    return {"patches": measured, "components": of_components, "questions": questions}


_GATHER: Final[Mapping[str, Callable[[Gathering], dict[str, pd.DataFrame]]]] = {OF_COMPONENTS: _components}
