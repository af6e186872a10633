"""GGUF files: converted once into a folder that loads in seconds."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from safetensors import SafetensorError

from biasaudit.errors import ModelFilesError
from biasaudit.models.files import CACHE_VARIABLE, cache_folder
from biasaudit.models.hashes import file_sha256

CONVERTER: Final = 1
"""Version of the conversion; another version converts again."""

_MAGIC: Final = b"GGUF"
_DONE: Final = "conversion.json"
_WORK: Final = ".converting-"


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
    target = conversion_target(sha256)
    if is_converted(target):
        return target
    with conversion(target) as work:
        if work is not None:
            say(f"converting {path.name} once (about a minute)")
            convert_into(work, path, sha256)
    return target


def conversion_target(sha256: str) -> Path:
    """Return the folder in which the conversion of the file with this hash lies, or will."""
    return cache_folder() / "models" / f"gguf-{sha256[:16]}-v{CONVERTER}"


def is_converted(target: Path) -> bool:
    """Tell whether a conversion is there and whole."""
    return (target / _DONE).is_file()


@contextmanager
def conversion(target: Path) -> Iterator[Path | None]:
    """Give a folder to write into, and move it to `target` when the block ends well.

    One process at a time writes; another waits, and is given None if the work was done meanwhile.
    What a killed process left behind is removed.

    Raises
    ------
    ModelFilesError
        If the folder cannot be written, for want of space or otherwise.
    """
    from filelock import FileLock  # noqa: PLC0415

    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / ".converting.lock"):
        if is_converted(target):
            yield None
            return
        for left in target.parent.glob(f"{_WORK}*"):
            shutil.rmtree(left, ignore_errors=True)
        try:
            with tempfile.TemporaryDirectory(prefix=_WORK, dir=target.parent, ignore_cleanup_errors=True) as folder:
                work = Path(folder) / "model"
                work.mkdir()
                yield work
                shutil.rmtree(target, ignore_errors=True)
                work.replace(target)
        except (OSError, SafetensorError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
            raise ModelFilesError(
                f"the converted model cannot be written into {target.parent}: {reason}.",
                fix=f"Make room there (a model takes 4 bytes a weight), or name another folder with {CACHE_VARIABLE}.",
            ) from exc


def _compare_with_sidecar(path: Path, sha256: str) -> None:
    sidecar = path.with_name(path.name + ".sha256")
    if sidecar.is_file():
        expected = sidecar.read_text(encoding="utf-8").split()[0].lower()
        if expected != sha256:
            raise ModelFilesError(
                f"{path} has sha256 {sha256[:16]}…, and {sidecar.name} says {expected[:16]}….",
                fix="The file is damaged or another version: download it again.",
            )


def convert_into(target: Path, path: Path, sha256: str) -> None:
    """Convert the file at `path` into the folder `target`, and mark it as whole.

    Raises
    ------
    ModelFilesError
        If it cannot be converted.
    """
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
    (target / _DONE).write_text(json.dumps({"source_sha256": sha256, "converter": CONVERTER}), encoding="utf-8")
