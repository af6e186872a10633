"""The manifest: what was asked, what was loaded, what came of it, and the files' checksums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from biasaudit.visible import in_short

FIRST_VERSION: Final = 1
SCHEMA_VERSION: Final = 6
CHECKSUM: Final = "own_sha256"
"""Field of the file that holds :func:`own_checksum`: against slips, not against an author, who can write it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Written last; an audit folder without it is not finished.

    Attributes
    ----------
    schema_version : int
    biasaudit_version : str
    plan : mapping
        What was asked for; an audit is the same audit if this is equal.
    fingerprints : mapping
        Checkpoint -> fingerprint of the model as loaded.
    lineage : mapping
        Tuned checkpoint -> sentence.
    probes : mapping
        Probe -> card facts, checksum, notices.
    counts : mapping
        Responses by status.
    headlines : tuple of mapping
    run : mapping
        Start in UTC, seconds, tokens, memory, how each checkpoint was scored (None: all was in the cache), and what
        the chat template put around a turn: of the run that computed the responses.
    versions : mapping
        Library -> version.
    files : mapping
        File -> sha256.
    sanity : mapping
        Checkpoint -> what it makes of ordinary sentences and of their words shuffled, with a verdict; empty in audits
        from before this was asked. See :mod:`biasaudit.models.plausibility`.
    told : tuple of str
        What a reader must hear of the checkpoints, such as two that are the same files.
    exposure : mapping
        Tuned checkpoint -> what its training card says of the probes, see :mod:`biasaudit.record.exposure_facts`; empty
        in audits from before cards were read, and then not in the file.
    perturbed : mapping
        The perturbed probes that were asked too, see :mod:`biasaudit.record.perturbed_facts`; empty where none were
        asked for, and then not in the file.
    """

    biasaudit_version: str
    plan: Mapping[str, Any]  # Any: JSON values
    fingerprints: Mapping[str, Any]
    lineage: Mapping[str, str]
    probes: Mapping[str, Any]
    counts: Mapping[str, int]
    headlines: tuple[Mapping[str, Any], ...]
    run: Mapping[str, Any]
    versions: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    sanity: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    exposure: Mapping[str, Any] = field(default_factory=dict)
    perturbed: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return who wrote it and what it lists; :meth:`as_dict` has all of it."""
        return (
            f"Manifest(biasaudit {in_short([self.biasaudit_version])}, schema {self.schema_version}: "
            f"{len(self.probes)} probes, {sum(self.counts.values()):,} responses, {len(self.files)} files)"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready content."""
        content = asdict(self)
        # The file of an earlier audit stays the same to a byte when its report is drawn anew.
        return {name: value for name, value in content.items() if value or name not in _LATER}

    def to_json(self) -> str:
        """Return stable JSON: sorted keys, two spaces."""
        return sealed_json(self.as_dict())


def own_checksum(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's content in one canonical form, its own checksum left out.

    Examples
    --------
    >>> own_checksum({"b": 1, "a": (2,)}) == own_checksum({"a": [2], "b": 1, CHECKSUM: "whatever"})
    True
    """
    plain = {name: value for name, value in content.items() if name != CHECKSUM}
    # Through JSON and back, as a reader of the file sees it: its keys are text, and are sorted as such.
    canonical = json.dumps(json.loads(json.dumps(plain)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def sealed_json(content: Mapping[str, Any]) -> str:
    """Return the text of a manifest's file: stable JSON with its own checksum."""
    whole = {**content, CHECKSUM: own_checksum(content)}
    return json.dumps(whole, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def from_dict(content: Mapping[str, Any]) -> Manifest:
    """Read what :meth:`Manifest.as_dict` gave, or the file's content; its own checksum is not looked at.

    Raises
    ------
    TypeError
        If fields are absent, unknown, or hold something else than their kind.
    """
    fields = {name: value for name, value in content.items() if name != CHECKSUM}
    for name, (kind, inner) in _HOLDS.items():
        if name in fields and not _holds(fields[name], kind, inner):
            raise TypeError(f"{name} is no {'list' if kind is list else 'mapping'} of {_INNER[inner]}")
    lists = {name: tuple(content.get(name, ())) for name in ("headlines", "told")}
    return Manifest(**{**fields, **lists})


_LATER: Final = frozenset({"exposure", "perturbed"})
"""Fields that a file has only where they say something."""

_INNER: Final[Mapping[type, str]] = {Mapping: "mappings", str: "texts", int: "whole numbers", object: "values"}
_HOLDS: Final[Mapping[str, tuple[type, type]]] = {
    "plan": (Mapping, object),
    "fingerprints": (Mapping, Mapping),
    "lineage": (Mapping, str),
    "probes": (Mapping, Mapping),
    "counts": (Mapping, int),
    "headlines": (list, Mapping),
    "run": (Mapping, object),
    "versions": (Mapping, str),
    "files": (Mapping, str),
    "sanity": (Mapping, object),
    "exposure": (Mapping, Mapping),
    "perturbed": (Mapping, object),
    "told": (list, str),
}
"""Field -> what the file must have there, and in it: every reader relies on these."""


def _holds(value: Any, kind: type, inner: type) -> bool:  # Any: a JSON value
    if kind is list:
        return isinstance(value, (list, tuple)) and all(isinstance(one, inner) for one in value)
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        return False
    return all(isinstance(one, inner) and not (inner is int and isinstance(one, bool)) for one in value.values())
