"""What an audit asks, and what it notes of whom it asks with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from biasaudit import kinds
from biasaudit.analysis.scoring import item_row, items_sha256
from biasaudit.errors import UsageError
from biasaudit.framing import PLAIN, framed
from biasaudit.kinds.replies import counted
from biasaudit.languages import ENGLISH, find_language, language_of
from biasaudit.models.backend import answers as backend_answers
from biasaudit.probes import Probe, load_probe
from biasaudit.probes.registry import card_of
from biasaudit.types import Ability, Failed, Generation, Role, Scored, Written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from biasaudit.framing import ChatFrame, Framing
    from biasaudit.languages import Language
    from biasaudit.models import Backend, Way
    from biasaudit.models.backend import Advance
    from biasaudit.probes.card import Card
    from biasaudit.types import Request, Response, Sampling


NOT_DRAWN: Final = "it is asked by log-probability, and answers in words were drawn"
"""Why a request of a kind without answers in words is not asked where such answers are drawn."""


def probes_to_ask(probes: Sequence[str | Probe], *, data_dir: Path | None, way: Way | None = None) -> list[Probe]:
    """Return the probes of an audit, loaded.

    Parameters
    ----------
    probes : sequence of str or Probe
        Ids, folders, or probes that are loaded.
    data_dir : Path or None
        Folder with published data sets.
    way : Way, optional
        How the models are reached that will be asked.

    Raises
    ------
    UsageError
        If a probe needs generation or what these models cannot do, or none has an index: said by its card, before any
        data or model is looked for.
    ProbeError
        If a probe cannot be loaded.
    """
    cards = [probe.card if isinstance(probe, Probe) else card_of(probe) for probe in probes]
    for card in cards:
        needed = _needs(card)
        if needed is not Ability.LIKELIHOOD:
            raise UsageError(
                f"probe {card.id!r} needs {needed}, which this version does not do.",
                fix="Its prompts can be read with biasaudit.probes.load_probe.",
            )
    if way is not None:
        _refuse_unanswered(cards, way)
    if cards and all(kinds.KINDS[card.kind].index is None for card in cards):
        raise UsageError(
            f"probe {', '.join(repr(card.id) for card in cards)} sets no group against another, so that there is no "
            "index to compare.",
            fix="Add a probe that has one, such as --probe occupations: its published score then stands beside it. "
            "Or give each sentence's mean log-probability per token in a file to: "
            f"biasaudit score {cards[0].id} --predictions FILE.",
        )
    return [probe if isinstance(probe, Probe) else load_probe(probe, data_dir=data_dir) for probe in probes]


def _needs(card: Card) -> Ability:
    return kinds.KINDS[card.kind].needs


def _refuse_unanswered(cards: Sequence[Card], way: Way) -> None:
    """Raise if a probe needs what models that are reached this way cannot do.

    Raises
    ------
    UsageError
    """
    lacking = [f"probe {card.id!r} needs {_needs(card)}" for card in cards if _needs(card) not in way.can]
    if lacking:
        there = ", ".join(sorted(way.can)) or "nothing"
        raise UsageError(
            f"models that are reached by {way.name} cannot be asked this: {'; '.join(lacking)}; they can do: {there}.",
            fix="Leave these probes out, or name models that are reached in another way.",
        )


def requests_of(
    probe: Probe, framings: Sequence[Framing], chat: ChatFrame | None, *, sampling: Sampling | None = None
) -> list[Request]:
    """Return what a probe asks of one checkpoint, framing by framing.

    Parameters
    ----------
    probe : Probe
    framings : sequence of Framing
    chat : ChatFrame or None
        What the chat template puts around the user's turn; needed where a framing is ``chat``.
    sampling : Sampling, optional
        How answers are drawn, of the kinds that have answers in words; what others ask is not drawn, and fails.

    Raises
    ------
    UsageError
        If the probe is in a language that has no requests and frames of its own.
    """
    language = asking_language(probe, framings)
    return [
        framed(
            prompt,
            item_id=item.item_id,
            framing=framing,
            chat=chat,
            language=language,
            probe_id=probe.card.id,
            sampling=sampling,
        )
        for framing in framings
        for item in probe.items
        for prompt in kinds.prompts(item, language, drawn=sampling is not None)
    ]


def answers(
    backend: Backend,
    asked: Sequence[Request],
    *,
    name: str,
    sampling: Sampling | None = None,
    on_progress: Advance | None = None,
) -> list[Response]:
    """Return the answer to each request; what was written is read for an answer.

    Parameters
    ----------
    backend : Backend
    asked : sequence of Request
    name : str
        Of the checkpoint, for the message.
    sampling : Sampling, optional
        How answers are drawn: what is not drawn then is not asked, since numbers of two readings have no difference.
    on_progress : callable, optional

    Raises
    ------
    BackendError
        If there are others: every item would have the answer to another one.
    """
    if sampling is None:
        return backend_answers(backend, asked, name=name, on_progress=on_progress)
    drawn = [request for request in asked if isinstance(request, Generation)]
    found = iter(backend_answers(backend, drawn, name=name, on_progress=on_progress))
    return [
        _read(request, next(found)) if isinstance(request, Generation) else Failed(key=request.key, reason=NOT_DRAWN)
        for request in asked
    ]


def _read(request: Generation, response: Response) -> Response:
    return counted(request, response) if isinstance(response, Written) else response


def asking_language(probe: Probe, framings: Sequence[Framing]) -> Language:
    """Return the language whose words stand around a probe's texts.

    Raises
    ------
    UsageError
        If it is needed, for a chat or for the frame of a question, and there is no file of it.
    """
    card = probe.card
    if kinds.KINDS[card.kind].frames_question or any(framing.framing == "chat" for framing in framings):
        return language_of(card.language, asked_by=card.id)
    return ENGLISH  # of which nothing is said


def token_ends_of(probe: Probe, pairs: Sequence[tuple[Request, Response]], backend: Backend) -> dict[str, list[int]]:
    """Return key -> where the tokens of a continuation end, where the report shows what they add to an item's value.

    That is for bias items in plain framing of the kinds whose value is made of whole texts.

    Parameters
    ----------
    probe : Probe
    pairs : sequence of (Request, Response)
    backend : Backend
        The one that the responses were made with.
    """
    if kinds.KINDS[probe.card.kind].segments is None:
        return {}
    bias = {item.item_id for item in probe.items if item.role is Role.BIAS}
    scored = [
        (request, response.token_ids)
        for request, response in pairs
        if request.framing_id == PLAIN.framing_id and request.item_id in bias and isinstance(response, Scored)
    ]
    found = zip(scored, backend.token_ends(scored), strict=True)
    return {request.key: ends for (request, _), ends in found if ends is not None}


def probe_facts(probe: Probe) -> dict[str, Any]:  # Any: JSON values
    """Return what the manifest says of a probe."""
    card = probe.card
    bias = [item for item in probe.items if item.role.value == "bias"]
    return {
        "name": card.name,
        "version": card.version,
        "kind": card.kind,
        "format": card.data.format,
        "clusters": card.clusters.value,
        "also": None if card.also_clustered_by is None else card.also_clustered_by.model_dump(),
        "language": card.language,
        "construct": card.measures,
        "harm": card.harm,
        "positive_index": card.positive_index,
        "licence": card.licence,
        "citation": card.citation,
        "known_defects": list(card.known_defects),
        "not_shown": card.not_shown,
        "origin": probe.origin,
        "notices": list(probe.notices),
        "sha256": probe.sha256,
        "items_sha256": items_sha256(item_row(probe, item) for item in probe.items),
        "n_items": len(bias),
        "n_clusters": len({item.cluster_id for item in bias}),
        **_asked_in(card.language),
    }


def _asked_in(code: str) -> dict[str, str]:
    """Return the language of the requests, where it is another than English: audits before it was asked so lack it."""
    language = find_language(code)
    return {} if language is None or language is ENGLISH else {"asked_in": language.code}
