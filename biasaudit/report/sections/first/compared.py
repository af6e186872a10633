"""What was compared: the checkpoints, and how the texts reached them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from biasaudit.report.words.facts import Fact, mapping
from biasaudit.report.words.known_models import model_sizes, tunings
from biasaudit.report.words.wording import NOT_RECORDED, clean


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
        *_computed(fingerprints),
        Fact(term="Ways of asking", values=_framings(mapping(recorded.get("plan")))),
        Fact(term="Run on", values=(start_of(mapping(recorded.get("run"))),)),
    )


_OF_COMPUTATION: Final[Mapping[str, str]] = {
    "engine": "Computed by",
    "quantization": "Weights in memory",
    "kv_dtype": "Keys and values",
    "reading": "Log-probabilities read",
}
"""Fields of a fingerprint that a checkpoint of this process with plain weights does not have."""


def _computed(fingerprints: Mapping[str, Any]) -> tuple[Fact, ...]:  # Any: JSON values
    """Return how checkpoints were computed, of those of which there is something to say."""
    found = []
    for name, term in _OF_COMPUTATION.items():
        said = {str(one): mapping(fingerprint).get(name) for one, fingerprint in fingerprints.items()}
        if any(said.values()):
            shown = {one: clean(value) if value else "as usual" for one, value in said.items()}
            alike = len(set(shown.values())) == 1
            values = tuple(dict.fromkeys(shown.values()))
            found.append(
                Fact(term=term, values=values if alike else tuple(f"{clean(a)}: {b}" for a, b in shown.items()))
            )
    return tuple(found)


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
