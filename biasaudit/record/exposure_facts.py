"""What an audit notes of training cards: for each tuned checkpoint, how near each probe is to what was trained.

From these facts alone the table ``exposure`` is computed, so that it needs neither adapter nor card again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

REFUSED: Final = 0.6
"""Containment from which a text counts as a template of a probe (:mod:`biasaudit.align.overlap`).

A probe has 1.00 with itself; 1,251 instructions about anything have at most 0.50 with any of our ten.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWords:
    """Words of one cell that stand in what was trained on, sorted.

    Attributes
    ----------
    words : tuple of str
        Of its attributes.
    groups : tuple of str
        Of its groups.
    """

    words: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeExposure:
    """How near one probe is to what one checkpoint was trained on.

    Attributes
    ----------
    unknown : str
        Why the card does not tell; empty where it does.
    containment : float or None
        In [0, 1]: of the three-word pieces of one template, the largest share that one text has; None where the card
        has none of this probe.
    has_template : bool
        Whether a template that was trained is one of the probe's.
    seen : mapping
        Feature -> its words that were trained; nothing of those where the card does not tell.
    """

    unknown: str = ""
    containment: float | None = None
    has_template: bool = False
    seen: Mapping[str, SeenWords] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardExposure:
    """What a tuned checkpoint was trained on, as its training card says.

    Attributes
    ----------
    unknown : str
        Why there is no card to go by; empty where there is one.
    method : str
        How it was tuned; empty without a card.
    features : tuple of str or None
        Sensitive features that were in the training, to be changed or to be held; None where the card does not say.
    probes : mapping
        Probe -> how near it is; empty without a card.
    """

    unknown: str = ""
    method: str = ""
    features: tuple[str, ...] | None = None
    probes: Mapping[str, ProbeExposure] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values, as in the manifest."""
        return asdict(self)


def exposure_of(recorded: Mapping[str, Any]) -> dict[str, CardExposure]:
    """Return tuned checkpoint -> what it was trained on, of a manifest's field ``exposure``.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something else stands there.

    Examples
    --------
    >>> noted = CardExposure(method="sft", probes={"p": ProbeExposure(containment=0.5)})
    >>> exposure_of({"tuned": noted.as_dict()}) == {"tuned": noted}
    True
    """
    return {tuned: _card(_mapping(found, f"exposure of {tuned!r}")) for tuned, found in recorded.items()}


def _card(found: Mapping[str, Any]) -> CardExposure:  # Any: JSON values, here and below
    features = found["features"]
    return CardExposure(
        unknown=_text(found["unknown"]),
        method=_text(found["method"]),
        features=None if features is None else _texts(features),
        probes={name: _probe(_mapping(one, name)) for name, one in _mapping(found["probes"], "probes").items()},
    )


def _probe(found: Mapping[str, Any]) -> ProbeExposure:
    return ProbeExposure(
        unknown=_text(found["unknown"]),
        containment=_share(found["containment"]),
        has_template=_flag(found["has_template"]),
        seen={
            feature: SeenWords(words=_texts(one["words"]), groups=_texts(one["groups"]))
            for feature, one in _mapping(found["seen"], "seen").items()
        },
    )


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        msg = f"{name} holds {type(value).__name__}; expected a mapping"
        raise TypeError(msg)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        msg = f"{type(value).__name__} stands for a text"
        raise TypeError(msg)
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        msg = f"{type(value).__name__} stands for a list of texts"
        raise TypeError(msg)
    return tuple(map(_text, value))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        msg = f"{type(value).__name__} stands for true or false"
        raise TypeError(msg)
    return value


def _share(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1 or math.isnan(value):
        msg = f"a containment is {value!r}; it lies between 0 and 1"
        raise ValueError(msg)
    return float(value)
