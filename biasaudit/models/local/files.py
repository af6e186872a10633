"""Which files of a model are used, and where they lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from biasaudit.errors import ModelFilesError, ModelReferenceError
from biasaudit.models.cache_place import CACHE_VARIABLE, cache_folder
from biasaudit.models.local.checkpoint import INDEX, shard_names

__all__ = [
    "CACHE_VARIABLE",
    "PICKLES",
    "cache_folder",
    "check_weights",
    "hub_folder",
    "require_config",
]

SMALL: Final = ("*.json", "*.jinja", "*.txt", "*.model")
"""Configurations, tokenizers, templates and the index; none of them in a folder of its own."""

SINGLE: Final = ("model.safetensors", "adapter_model.safetensors")
TEMPLATES: Final = "additional_chat_templates/*.jinja"
_LONGEST: Final = 300
"""Characters of what a server says that are told."""

PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def hub_folder(hub_id: str, revision: str | None) -> Path:
    """Return the local snapshot of a hub model, downloaded if it is not there.

    Only what will be loaded is fetched: the small files first, with the index; then the one file with weights, or
    those that the index names. Copies in other layouts or types (``consolidated.safetensors``, ``original/``,
    ``model.fp16.safetensors``) are left where they are.

    Raises
    ------
    ModelReferenceError
        If the hub has no such model or revision, or cannot be reached.
    ModelFilesError
        If the index names files outside the folder.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415  # only where the hub is asked
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        folder = Path(
            snapshot_download(hub_id, revision=revision, allow_patterns=[*SMALL, *SINGLE], ignore_patterns=["*/*"])
        )
        wanted = [TEMPLATES]
        if not any((folder / name).is_file() for name in SINGLE) and (folder / INDEX).is_file():
            wanted += shard_names(folder / INDEX)
        # The commit of the first answer: a branch may have moved on since.
        return Path(snapshot_download(hub_id, revision=folder.name, allow_patterns=wanted))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as exc:
        raise _not_had(hub_id, revision, exc) from exc


def hub_texts_folder(hub_id: str, revision: str | None) -> Path:
    """Return the local snapshot of a hub model's small files, which hold its tokenizer, without weights.

    Raises
    ------
    ModelReferenceError
        If the hub has no such model or revision, or cannot be reached.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415  # as above
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=[*SMALL, TEMPLATES]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as exc:
        raise _not_had(hub_id, revision, exc) from exc


def _not_had(hub_id: str, revision: str | None, error: Exception) -> ModelReferenceError:
    shown = hub_id + (f"@{revision}" if revision else "")
    reason = str(error).strip().splitlines()[0][:_LONGEST] if str(error).strip() else type(error).__name__
    return ModelReferenceError(
        f"the model {shown!r} is neither a local path nor to be had from the hub: {reason}",
        fix=_what_to_do(error, hub_id, revision),
    )


def _what_to_do(exc: BaseException, hub_id: str, revision: str | None) -> str:
    """Return the fix for what the hub's own library says is wrong."""
    from huggingface_hub.errors import (  # noqa: PLC0415  # only where the hub was asked
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(exc, GatedRepoError):  # a kind of "not found" to the library
        return (
            "It is gated: accept its terms on its page, then log in with `hf auth login`, or put a token that may read "
            "it into HF_TOKEN."
        )
    if isinstance(exc, RevisionNotFoundError):
        return f"{hub_id} is there, and has no branch, tag or commit {revision!r}: name one that it has."
    if isinstance(exc, RepositoryNotFoundError):
        return (
            "Check the spelling; a private one needs `hf auth login`, or a token in HF_TOKEN. Or name a local folder."
        )
    if isinstance(exc, LocalEntryNotFoundError) and isinstance(exc.__cause__, OfflineModeIsEnabled):
        option = f" --revision {revision}" if revision else ""
        return (
            f"The hub's library is offline (HF_HUB_OFFLINE), and its cache lacks this: fetch it first with "
            f"`hf download {hub_id}{option}`, or name a local folder."
        )
    return "Check the spelling, log in with `hf auth login` if it is gated, or name a local folder."


def check_weights(folder: Path, what: str) -> tuple[Path, ...]:
    """Return the safetensors files of `folder`.

    Raises
    ------
    ModelFilesError
        If there are none; pickled weights are named as such and refused.
    """
    weights = tuple(sorted(folder.glob("*.safetensors")))
    if weights:
        return weights
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        raise ModelFilesError(
            f"{what} {str(folder)!r} holds pickled weights only ({pickles[0]}), which can run code when they are read.",
            fix="Convert them to safetensors (`model.save_pretrained(folder)`), or use a revision that has them.",
        )
    raise ModelFilesError(
        f"{what} {str(folder)!r} holds no weights (*.safetensors).", fix="Name the folder that holds the model itself."
    )


def require_config(folder: Path, what: str, name: str = "config.json") -> dict[str, object]:
    """Read the JSON file `name` of `folder`, or say that this is not a model."""
    path = folder / name
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise ModelFilesError(f"{what} {str(folder)!r} has no {name}.", fix="Name a folder that holds it.") from exc
    except (OSError, ValueError) as exc:
        raise ModelFilesError(f"{path}: cannot be read: {exc}.", fix="Restore the file from its source.") from exc
    if not isinstance(content, dict):
        raise ModelFilesError(f"{path}: holds {type(content).__name__}; expected an object.")
    return content
