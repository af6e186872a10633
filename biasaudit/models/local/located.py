"""Where the files of a model lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from biasaudit.models.local.checkpoint import ModelFiles
    from biasaudit.types import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where the files of a model lie, before any weights are read.

    Attributes
    ----------
    spec : ModelSpec
    folder : Path
        With configuration, safetensors and tokenizer.
    adapter_folder : Path or None
    weights, adapter : str
        ``sha256:…`` of the files' content.
    config : mapping
        ``config.json``.
    files : ModelFiles
        Of the base: those that a loader will read, and no others.
    """

    spec: ModelSpec
    folder: Path
    adapter_folder: Path | None
    weights: str
    adapter: str | None
    config: Mapping[str, object]
    files: ModelFiles
