"""GGUF files: converted once into a folder that loads in seconds."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from biasaudit.errors import ModelFilesError
from biasaudit.models.files import cache_folder, file_sha256

CONVERTER: Final = 1
"""Version of the conversion; another version converts again."""

_MAGIC: Final = b"GGUF"
_DONE: Final = "conversion.json"


def converted_folder(path: Path, say: Callable[[str], None]) -> Path:
    """Return the folder with the converted model, converting it if that was not done yet.

    The file is hashed first, and compared with ``<file>.sha256`` where that lies beside it. The
    conversion is written under a temporary name and moved into place.

    Parameters
    ----------
    path : Path
        The GGUF file.
    say : callable
        Told what takes long.

    Raises
    ------
    ModelFilesError
        If this is no GGUF file, if its checksum differs, or if it cannot be converted.
    """
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise ModelFilesError(f"{path} is not a GGUF file.", fix="Download it again, or name another file.")
    sha256 = file_sha256(path)
    _compare_with_sidecar(path, sha256)
    target = cache_folder() / "models" / f"gguf-{sha256[:16]}-v{CONVERTER}"
    if (target / _DONE).is_file():
        return target
    say(f"converting {path.name} once (about a minute)")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".converting-", dir=target.parent))
    try:
        _convert(path, work)
        (work / _DONE).write_text(json.dumps({"source_sha256": sha256, "converter": CONVERTER}), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(work, target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return target


def _compare_with_sidecar(path: Path, sha256: str) -> None:
    sidecar = path.with_name(path.name + ".sha256")
    if sidecar.is_file():
        expected = sidecar.read_text(encoding="utf-8").split()[0].lower()
        if expected != sha256:
            raise ModelFilesError(
                f"{path} has sha256 {sha256[:16]}…, and {sidecar.name} says {expected[:16]}….",
                fix="The file is damaged or another version: download it again.",
            )


def _convert(path: Path, target: Path) -> None:
    import torch  # noqa: PLC0415  # slow to import
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    try:
        source = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    except (OSError, ValueError, KeyError, NotImplementedError) as exc:
        raise ModelFilesError(
            f"{path} cannot be converted: {exc}", fix="Use a safetensors version of this model."
        ) from exc
    # save_pretrained refuses a model that counts as quantised, so a fresh one takes the weights.
    config = source.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    fresh.load_state_dict(source.state_dict())
    fresh.save_pretrained(target)
    tokenizer.save_pretrained(target)
