"""Manifests that were edited with care: their own checksum is right, so that what is tested is what comes after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from biasaudit.record.manifest import CHECKSUM, own_checksum


def manifest_text(content: Any) -> str:
    """Return JSON with the checksum that fits; of what is no object, plain JSON."""
    return json.dumps({**content, CHECKSUM: own_checksum(content)} if isinstance(content, dict) else content)


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest of an audit, and seal it again."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(manifest_text(content), encoding="utf-8")
