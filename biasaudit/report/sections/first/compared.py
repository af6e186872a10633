"""What was compared: the checkpoints, the framings, and what each probe asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from biasaudit.languages import LANGUAGES
from biasaudit.report.words.asks import asks
from biasaudit.report.words.facts import Fact, mapping
from biasaudit.report.words.known_models import model_sizes, tunings
from biasaudit.report.words.wording import NOT_RECORDED, clean, records

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord


def compared(recorded: Mapping[str, Any], lineage: Mapping[str, str]) -> tuple[Fact, ...]:  # Any: JSON values
    """Return the facts on the checkpoints and on how the texts reached them.

    Parameters
    ----------
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    lineage : mapping
        Tuned checkpoint -> sentence.
    """
    fingerprints = mapping(recorded.get("fingerprints"))
    dtypes = {str(name): clean(mapping(found).get("dtype", NOT_RECORDED)) for name, found in fingerprints.items()}
    return (
        Fact(term="Model", values=model_sizes(fingerprints) or (NOT_RECORDED,)),
        Fact(term="Tuned how", values=tunings(fingerprints) or (NOT_RECORDED,)),
        Fact(term="Lineage", values=tuple(lineage.values()) or (NOT_RECORDED,)),
        Fact(
            term="Number format",
            values=tuple(dict.fromkeys(dtypes.values()))
            if len(set(dtypes.values())) <= 1 and dtypes
            else tuple(f"{clean(name)}: {dtype}" for name, dtype in dtypes.items()) or (NOT_RECORDED,),
        ),
        Fact(term="Ways of asking", values=_framings(mapping(recorded.get("plan")))),
        Fact(term="Run on", values=(start_of(mapping(recorded.get("run"))),)),
    )


def start_of(run: Mapping[str, Any]) -> str:  # Any: JSON values
    """Return when the run started, in UTC.

    Examples
    --------
    >>> start_of({"started": "2026-03-01T09:05:00+00:00"})
    '2026-03-01 09:05 UTC'
    >>> start_of({})
    'not recorded'
    """
    started = run.get("started")
    if not started:
        return NOT_RECORDED
    try:
        moment = datetime.fromisoformat(str(started))
    except ValueError:
        return clean(started)
    return clean(started) if moment.tzinfo is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def asked(audit: AuditRecord, recorded: Mapping[str, Any], names: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return every probe in one line: what it asks, of what kind it is, and how much of it was asked.

    Parameters
    ----------
    audit : AuditRecord
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    names : mapping
        Probe -> name to show.
    """
    features: dict[str, set[str]] = {}
    for row in records(audit.comparisons.loc[audit.comparisons["declared"], ["probe", "feature"]]):
        features.setdefault(str(row["probe"]), set()).add(clean(row["feature"]))
    cards = mapping(recorded.get("probes"))
    return tuple(
        Fact(term=name, values=(_asked(mapping(cards.get(probe)), sorted(features.get(probe, ()))),))
        for probe, name in names.items()
    )


def _asked(card: Mapping[str, Any], features: Sequence[str]) -> str:  # Any: JSON values
    said = asks(card)
    if (language := LANGUAGES.get(str(card.get("asked_in")))) is not None:
        said += f" Asked in {language.name}: its requests and frames, too."
    if features:
        said += f" Feature: {features[0]}." if len(features) == 1 else f" Features: {len(features)}."
    return said.strip() or NOT_RECORDED


_WAYS: Final[Mapping[str, str]] = {"plain": "plain text", "chat": "chat template"}
"""Framings, in words."""


def _framings(plan: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    wordings: dict[str, int] = {}
    for framing in plan.get("framings") or ():
        recorded = mapping(framing).get("framing", NOT_RECORDED)
        name = _WAYS.get(str(recorded), clean(recorded))
        wordings[name] = wordings.get(name, 0) + 1
    return tuple(
        f"{name}, {number} wordings of the request" if number > 1 else name for name, number in wordings.items()
    ) or (NOT_RECORDED,)
