"""The training card beside an adapter, as whoever made the adapter wrote it: read as a foreign file.

It is believed only if it names the very weights that lie beside it. What cannot be used is told, and then nothing is
known of the training; no audit ends for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from biasaudit.errors import ModelFilesError
from biasaudit.models.hashes import file_sha256
from biasaudit.models.local.adapter_config import WEIGHTS
from biasaudit.plain_files import excerpt, json_value, plain_text

CARD: Final = "training_card.json"
SCHEMA_VERSION: Final = 1

_LARGEST: Final = 32 * 1024 * 1024
_LONGEST: Final = 500
"""Characters of one text of a list."""
_MOST: Final = 100_000
"""Texts of one list."""
_MOST_FEATURES: Final = 100
"""They are noted in the manifest."""
_FIX: Final = "Restore it from its source."
_SHA256: Final = re.compile(r"[0-9a-f]{64}")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasts:
    """What was trained as contrasts of groups and words in templates.

    Attributes
    ----------
    features : frozenset of str
    held : frozenset of str
        Features that were in the training to stay as they were; none on cards from before there were any.
    groups, words : tuple of str
        As they were filled in: ``the woman``, ``a welder``.
    templates : frozenset of str
        SHA-256 of masked skeletons.
    """

    features: frozenset[str]
    held: frozenset[str]
    groups: tuple[str, ...]
    words: tuple[str, ...]
    templates: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the data have of one probe.

    Attributes
    ----------
    sha256 : str
        Of the probe's items.
    containment : float
        In [0, 1].
    words : frozenset of str
        Exchanged words of the probe that stand in the data.
    """

    sha256: str
    containment: float
    words: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a training card says that an audit needs.

    Attributes
    ----------
    unknown : str
        Why nothing is known of the training; empty where the card can be used.
    damaged : bool
        Whether there is a card, and it cannot be used: that is to be told aloud.
    method : str
    contrasts : Contrasts or None
    has_instructions : bool
        Whether there were instructions too, which no list of words and templates tells of.
    compared : mapping
        Probe -> what the data have of it.
    """

    unknown: str = ""
    damaged: bool = False
    method: str = ""
    contrasts: Contrasts | None = None
    has_instructions: bool = False
    compared: Mapping[str, Compared] = field(default_factory=dict)


NO_CARD: Final = Training(unknown="there is no training card")


def read_training(folder: Path | None) -> Training:
    """Read what the card of an adapter says of its training.

    Parameters
    ----------
    folder : Path or None
        Of the adapter; None where there is none.

    Returns
    -------
    Training
    """
    if folder is None:
        return NO_CARD
    path = folder / CARD
    # A link to nowhere, a pipe or a folder of that name is a card that cannot be read.
    if not os.path.lexists(path):
        return NO_CARD
    try:
        return _training(_content(path), folder)
    except ModelFilesError as exc:
        # Without the path: what is told stands in the manifest.
        said = exc.message.replace(f"{path}:", CARD).replace(str(folder), "the folder").rstrip(".")
        return Training(unknown=f"its training card cannot be used: {said}", damaged=True)


def _content(path: Path) -> Mapping[str, Any]:  # Any: JSON, here and below
    text = plain_text(path, error=ModelFilesError, fix=_FIX, at_most=_LARGEST)
    try:
        content = json_value(text)
    except ValueError as exc:
        raise _wrong(f"is no JSON: {excerpt(' '.join(str(exc).split()))}") from exc
    if not isinstance(content, Mapping):
        raise _wrong(f"holds {type(content).__name__}; expected an object")
    version = content.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise _wrong(f"has schema version {excerpt(version)}; expected {SCHEMA_VERSION}")
    return content


def _training(content: Mapping[str, Any], folder: Path) -> Training:
    files = _field(content, "files", _mapping)
    named, weights = files.get(WEIGHTS), file_sha256(folder / WEIGHTS)
    if named != weights:
        raise _wrong(f"is of another adapter: it names {WEIGHTS} as {excerpt(named, 20)}, which is {weights[:12]}…")
    given = _field(content, "instructions", _mapping)
    compared = _field(given, "overlap", _mapping) if "overlap" in given else {}
    return Training(
        method=_field(content, "method", _text),
        contrasts=_contrasts(_field(given, "trained", _mapping)) if "trained" in given else None,
        has_instructions="instructions" in given,
        compared={
            _text(probe, "overlap"): _compared(_mapping(found, f"overlap of {excerpt(probe)}"))
            for probe, found in compared.items()
        },
    )


def _contrasts(given: Mapping[str, Any]) -> Contrasts:
    templates = _field(given, "templates", _texts)
    other = next((one for one in templates if _SHA256.fullmatch(one) is None), None)
    if other is not None:
        raise _wrong(f"has the template {excerpt(other)}; expected a SHA-256 in small letters")
    features = frozenset(_field(given, "features", _texts))
    held = frozenset(_field(given, "held", _texts)) if "held" in given else frozenset()
    if len(features | held) > _MOST_FEATURES:
        raise _wrong(f"has {len(features | held):,} features; expected up to {_MOST_FEATURES}")
    return Contrasts(
        features=features,
        held=held,
        groups=_field(given, "groups", _texts),
        words=_field(given, "words", _texts),
        templates=frozenset(templates),
    )


def _compared(found: Mapping[str, Any]) -> Compared:
    return Compared(
        sha256=_field(found, "sha256", _text),
        containment=_field(found, "containment", _share),
        words=frozenset(word.casefold() for word in _field(found, "words", _texts)),
    )


def _field(content: Mapping[str, Any], name: str, read: Callable[[object, str], Value]) -> Value:
    if name not in content:
        raise _wrong(f"has no field {name!r}")
    return read(content[name], name)


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(f"{name} holds {excerpt(value)}; expected an object")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise _wrong(f"{name} holds {excerpt(value)}; expected a text of up to {_LONGEST} characters")
    return value


def _texts(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST:
        raise _wrong(f"{name} holds {excerpt(value)}; expected a list of up to {_MOST:,} texts")
    return tuple(_text(one, name) for one in value)


def _share(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise _wrong(f"{name} holds {excerpt(value)}; expected a number from 0 to 1")
    return float(value)


def _wrong(what: str) -> ModelFilesError:
    return ModelFilesError(f"{CARD} {what}.", fix=_FIX)
