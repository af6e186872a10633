"""The manifest: what was asked, what was loaded, what came of it, and the files' checksums."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

FIRST_VERSION: Final = 1
SCHEMA_VERSION: Final = 6


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
        Start in UTC, seconds, tokens, memory, and how each checkpoint was scored (None: all was in the cache): of
        the run that computed the responses.
    versions : mapping
        Library -> version.
    files : mapping
        File -> sha256.
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

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready content."""
        return asdict(self)

    def to_json(self) -> str:
        """Return stable JSON: sorted keys, two spaces."""
        return json.dumps(self.as_dict(), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def from_dict(content: Mapping[str, Any]) -> Manifest:
    """Read what :meth:`Manifest.as_dict` gave.

    Raises
    ------
    TypeError
        If fields are absent or unknown.
    """
    return Manifest(**{**content, "headlines": tuple(content.get("headlines", ()))})
