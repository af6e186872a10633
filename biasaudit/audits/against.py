"""Two models asked the same texts, number against number: how far their log-probabilities lie apart.

For two engines, number formats or schemes of one checkpoint: it says how much of a difference is the computation's own.
It is no audit, and no verdict on bias.
"""

from __future__ import annotations

import dataclasses
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.analysis.asked_items import asked_items
from biasaudit.analysis.scoring import items_frame, response_rows, responses_frame, scores_frame
from biasaudit.audits.asked import probes_to_ask, requests_of
from biasaudit.errors import EvidenceError, UsageError
from biasaudit.framing import framings
from biasaudit.models.backend import Settings, answers
from biasaudit.models.backends import way_of
from biasaudit.models.foreign import foreign_collected
from biasaudit.probes import suite_of
from biasaudit.types import ModelFingerprint, Scored
from biasaudit.types.engines import computed_differently
from biasaudit.types.progress import Progress, Silence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from biasaudit.probes import Probe
    from biasaudit.types import Request, Response

TEXTS: Final = 300
"""About as many are asked where no other number is given."""

_FRAMINGS: Final = framings(("plain",), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One of the two models.

    Attributes
    ----------
    fingerprint : ModelFingerprint
    responses : tuple of Response
        In the order of the requests.
    """

    fingerprint: ModelFingerprint
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """How far two models lie apart on the same texts.

    Attributes
    ----------
    one, other : ModelFingerprint
    differing : tuple of str
        How their computations differ, a phrase each.
    n_texts, n_compared : int
        Texts asked, and those of them that both scored.
    n_tokens : int
        Tokens whose log-probabilities were compared: of texts that both cut into the same tokens.
    n_other_tokens : int
        Texts that they cut otherwise, of which only the sums were compared.
    largest_token_nats, median_token_nats : float or None
        Absolute differences of a token's log-probability; None where no text has the same tokens in both.
    largest_text_nats : float
        Absolute difference of the sum over a text.
    n_items : int
        Items of which both have an index.
    equal_signs : float or None
        Share of them in which both indices have the same sign, in [0, 1]; None where there is none.
    """

    one: ModelFingerprint
    other: ModelFingerprint
    differing: tuple[str, ...]
    n_texts: int
    n_compared: int
    n_tokens: int
    n_other_tokens: int
    largest_token_nats: float | None
    median_token_nats: float | None
    largest_text_nats: float
    n_items: int
    equal_signs: float | None

    def as_dict(self) -> dict[str, Any]:  # Any: JSON values
        """Return it JSON-ready."""
        return asdict(self)


def model_against(
    one: str,
    other: str,
    *,
    probes: Sequence[str | Probe] | None = None,
    limit: int = TEXTS,
    settings: Settings | None = None,
    settings_other: Settings | None = None,
    progress: Progress | None = None,
) -> Against:
    """Score the same texts of probes on two models, in plain framing, each by its own way, and say how far they differ.

    Parameters
    ----------
    one, other : str
        References.
    probes : sequence of str or Probe, optional
        Else those of the suite ``quick``.
    limit : int
        About how many texts: whole items, from every probe as many.
    settings, settings_other : Settings, optional
        Of the first model and of the second, which takes the first's where it has none of its own.
    progress : Progress, optional

    Returns
    -------
    Against

    Raises
    ------
    UsageError
        If something is wrong with what is asked for.
    EvidenceError
        If there is no text that both scored.
    """
    if limit < 1:
        raise UsageError(f"the limit is {limit} texts.", fix="It is at least 1.")
    named = tuple(suite_of("quick").probes) if probes is None else probes
    ways = [way_of(reference) for reference in (one, other)]
    loaded = probes_to_ask(named, data_dir=None, way=ways[0])
    probes_to_ask(loaded, data_dir=None, way=ways[1])
    chosen = _some(loaded, limit)
    requests = {probe.card.id: requests_of(probe, _FRAMINGS, None) for probe in chosen}
    asked = [request for of_probe in requests.values() for request in of_probe]
    first, told = settings or Settings(), progress or Silence()
    found = [
        _asked(reference, asked, used, told) for reference, used in ((one, first), (other, settings_other or first))
    ]
    return _compared(found[0], found[1], chosen, requests)


def _some(probes: Sequence[Probe], limit: int) -> list[Probe]:
    """Take whole items evenly from each probe, until there are about `limit` texts."""
    texts = {probe.card.id: len(requests_of(probe, _FRAMINGS, None)) for probe in probes}
    share = limit / max(1, len(probes))
    found = []
    for probe in probes:
        n_items = len(probe.items)
        n_wanted = min(n_items, max(1, round(share * n_items / max(1, texts[probe.card.id]))))
        places = sorted({number * n_items // n_wanted for number in range(n_wanted)})
        found.append(dataclasses.replace(probe, items=tuple(probe.items[place] for place in places)))
    return found


def _asked(reference: str, requests: Sequence[Request], settings: Settings, progress: Progress) -> Asked:
    """Open one model by its own way, alone, and ask it."""
    way = way_of(reference)
    way.parse(reference)
    way.check(settings)
    with foreign_collected(progress.say, progress=progress, label=f"preparing {reference}"):
        prepared = way.locate({"base": reference}, settings, progress.say).prepared()
    n_distinct = len({request.key for request in requests})
    with prepared.opened(progress.say) as opened:
        with foreign_collected(progress.say, progress=progress, label=f"loading {reference}"):
            backend = opened("base")
        progress.begin(f"scoring {reference}", n_distinct)
        responses = answers(backend, requests, name=reference, on_progress=progress.advance)
        return Asked(fingerprint=backend.fingerprint, responses=tuple(responses))


def _compared(one: Asked, other: Asked, probes: Sequence[Probe], requests: Mapping[str, Sequence[Request]]) -> Against:
    import numpy as np  # noqa: PLC0415  # slow to import

    pairs = list({ours.key: (ours, theirs) for ours, theirs in _both(one, other)}.values())
    if not pairs:
        raise EvidenceError(
            f"none of {len(one.responses):,} texts was scored by both models, so that there is nothing to compare.",
            fix="Ask each alone with `biasaudit model REFERENCE --check`, or name another probe.",
        )
    same = [(ours, theirs) for ours, theirs in pairs if ours.token_ids == theirs.token_ids]
    by_token = [
        abs(a - b)
        for ours, theirs in same
        for a, b in zip(ours.token_logprobs_nats, theirs.token_logprobs_nats, strict=True)
    ]
    by_text = [abs(sum(a.token_logprobs_nats) - sum(b.token_logprobs_nats)) for a, b in pairs]
    signs = _signs(one, other, probes, requests)
    fingerprints = [asdict(found.fingerprint) for found in (one, other)]
    return Against(
        one=one.fingerprint,
        other=other.fingerprint,
        differing=computed_differently(*fingerprints),
        n_texts=len({response.key for response in one.responses}),
        n_compared=len(pairs),
        n_tokens=len(by_token),
        n_other_tokens=len(pairs) - len(same),
        largest_token_nats=max(by_token) if by_token else None,
        median_token_nats=float(np.median(by_token)) if by_token else None,
        largest_text_nats=max(by_text),
        n_items=len(signs),
        equal_signs=float(np.mean(signs)) if signs else None,
    )


def _both(one: Asked, other: Asked) -> Iterator[tuple[Scored, Scored]]:
    for ours, theirs in zip(one.responses, other.responses, strict=True):
        if isinstance(ours, Scored) and isinstance(theirs, Scored):
            yield ours, theirs


def _signs(one: Asked, other: Asked, probes: Sequence[Probe], requests: Mapping[str, Sequence[Request]]) -> list[bool]:
    """Return of each item with an index in both whether the two have the same sign."""
    scores = [_scores(found, probes, requests) for found in (one, other)]
    by = ["probe", "item_id"]
    both = scores[0].merge(scores[1], on=by, suffixes=("", "_other"), validate="one_to_one")
    ok = both[(both["status"] == "ok") & (both["status_other"] == "ok")]
    return [bool(same) for same in ok["sign"] == ok["sign_other"]]


def _scores(found: Asked, probes: Sequence[Probe], requests: Mapping[str, Sequence[Request]]) -> pd.DataFrame:
    rows, at = [], 0
    for probe in probes:
        asked = requests[probe.card.id]
        pairs = list(zip(asked, found.responses[at : at + len(asked)], strict=True))
        at += len(asked)
        rows += response_rows("base", probe.card.id, pairs, omit_tokens=True)
    items = items_frame(list(probes), omit_texts=False)
    return scores_frame(asked_items(items, responses_frame(rows)), items, _FRAMINGS)
