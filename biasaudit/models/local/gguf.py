"""GGUF files: converted once into a folder that loads in seconds.

A file is converted in a folder that holds nothing else: what lies beside it is not seen, and no code of it runs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from safetensors import SafetensorError

from biasaudit.errors import ModelFilesError
from biasaudit.models.hashes import file_sha256
from biasaudit.models.local.checkpoint import ModelFiles, model_files
from biasaudit.models.local.files import CACHE_VARIABLE, cache_folder
from biasaudit.models.local.gguf_header import GgufHeader, gguf_size, read_gguf
from biasaudit.models.local.gguf_rules import SplitRule, apply_rule, refuse_other_spaces, split_rule
from biasaudit.models.local.headers import read_object
from biasaudit.models.local.weights import FOREIGN, listening, refuse_incomplete

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = [
    "conversion",
    "conversion_target",
    "convert_into",
    "converted_files",
    "converted_folder",
    "gguf_size",
    "is_converted",
]

CONVERTER: Final = 1
"""Version of the conversion; another version converts again."""

MENDING_CONVERTER: Final = 2
"""Version for files whose rule for splitting text transformers does not apply: version 1 gave other tokens."""

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
    rule = split_rule(read_gguf(path), path)
    sha256 = file_sha256(path)
    _compare_with_sidecar(path, sha256)
    target = conversion_target(sha256, rule)
    if is_converted(target):
        return target
    check_room(target, gguf_size(path).n_parameters)
    with conversion(target) as work:
        if work is not None:
            say(f"converting {path.name} once (about a minute)")
            convert_into(work, path, sha256)
    return target


def conversion_target(sha256: str, rule: SplitRule | None = None) -> Path:
    """Return the folder in which the conversion of the file with this hash lies, or will."""
    version = MENDING_CONVERTER if rule is not None and rule.mends else CONVERTER
    return cache_folder() / "models" / f"gguf-{sha256[:16]}-v{version}"


def check_room(target: Path, n_parameters: int) -> None:
    """Make sure before a conversion begins that it has room.

    Parameters
    ----------
    target : Path
        Where it will lie.
    n_parameters : int
        Each takes 4 bytes there.

    Raises
    ------
    ModelFilesError
    """
    folder = next(above for above in target.absolute().parents if above.exists())
    wanted, free = 4 * n_parameters, shutil.disk_usage(folder).free
    if free < wanted:
        raise ModelFilesError(
            f"the converted model needs {wanted / 1e6:,.0f} MB in {folder}, and {free / 1e6:,.0f} MB are free there.",
            fix=f"Make room there, or name another folder with {CACHE_VARIABLE}.",
        )


def converted_files(folder: Path) -> ModelFiles:
    """Return the files of a conversion, as they were written.

    Raises
    ------
    ModelFilesError
        If one of them is damaged or was changed: the numbers would be those of other weights under the hash of the
        GGUF file.
    """
    fix = f"Remove the folder {folder}: the model is converted again."
    try:
        files = model_files(folder, "the converted model")
        written = read_object(folder / _DONE).get("files")
        # The first version wrote down no hashes.
        hashes = written if isinstance(written, dict) else {}
        changed = [name for name, sha256 in hashes.items() if file_sha256(folder / Path(name).name) != sha256]
    except (ModelFilesError, OSError) as exc:
        message = exc.message if isinstance(exc, ModelFilesError) else str(exc)
        raise ModelFilesError(f"the converted model is damaged: {message}", fix=fix) from exc
    if changed:
        raise ModelFilesError(f"the converted model was changed: {folder / changed[0]} is not as it was.", fix=fix)
    return files


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
    header = read_gguf(path)
    rule = split_rule(header, path)
    with tempfile.TemporaryDirectory(prefix="biasaudit-gguf-") as name, listening() as heard:
        alone = Path(name) / "model.gguf"
        alone.symlink_to(path.resolve())
        source, tokenizer = _read_by_transformers(alone, header, path)
    if heard:
        raise _cannot(path, heard[0])
    apply_rule(tokenizer, rule)
    refuse_other_spaces(tokenizer, header, path)
    _save_fresh(source, target)
    tokenizer.save_pretrained(target)
    written = {one.name: _sha256(one) for one in sorted(target.iterdir())}
    version = MENDING_CONVERTER if rule.mends else CONVERTER
    (target / _DONE).write_text(
        json.dumps({"source_sha256": sha256, "converter": version, "files": written}), encoding="utf-8"
    )


def _read_by_transformers(alone: Path, header: GgufHeader, path: Path) -> tuple[PreTrainedModel, Any]:
    import torch  # noqa: PLC0415  # slow to import
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    try:
        loader: Any = AutoModelForCausalLM  # Any: with output_loading_info it returns a pair
        source, found = loader.from_pretrained(
            alone.parent,
            gguf_file=alone.name,
            dtype=torch.float32,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(
            alone.parent, gguf_file=alone.name, trust_remote_code=False, local_files_only=True
        )
    except FOREIGN as exc:
        raise _cannot(path, str(exc)) from exc
    refuse_incomplete(found, None, str(path))
    _refuse_unread(source, header, path)
    return source, tokenizer


def _refuse_unread(source: PreTrainedModel, header: GgufHeader, path: Path) -> None:
    """Refuse a file of which transformers left something out: it says nothing of tensors and settings that it skips."""
    n_read = sum(parameter.numel() for parameter in source.parameters())
    if n_read != header.n_parameters:
        raise _cannot(
            path,
            f"it holds {header.n_parameters:,} numbers in {len(header.tensors)} tensors, and transformers reads "
            f"{n_read:,} of them into {type(source).__name__}",
        )
    family = str(header.metadata.get("general.architecture"))
    config = source.config.get_text_config()
    scaling = header.metadata.get(f"{family}.rope.scaling.type", "none")
    rotary = getattr(config, "rope_parameters", None) or {}
    if scaling != "none" and "default" in {rotary.get("rope_type"), *_kinds(rotary)}:
        raise _cannot(
            path, f"its positions are scaled ({str(scaling)[:40]!r}), which transformers does not read from it"
        )
    for key, name in _CAPS.items():
        said = header.metadata.get(f"{family}.{key}")
        if isinstance(said, float) and said != (getattr(config, name, None) or 0.0):
            raise _cannot(path, f"its {key} is {said}, which transformers does not read from it")


_CAPS: Final = {
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
    "logit_scale": "logit_scale",
}


def _kinds(rotary: dict[str, Any]) -> set[object]:
    return {inner.get("rope_type") for inner in rotary.values() if isinstance(inner, dict)}


def _save_fresh(source: PreTrainedModel, target: Path) -> None:
    """Save through a fresh model: save_pretrained refuses one that counts as quantised."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    config = source.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    fresh.load_state_dict(source.state_dict())
    fresh.save_pretrained(target)


def _cannot(path: Path, reason: str) -> ModelFilesError:
    lines = [line for line in reason.splitlines() if line.strip()]
    return ModelFilesError(
        f"{path} cannot be converted: {lines[0][:400] if lines else 'no reason was given'}.",
        fix="Use a safetensors version of this model.",
    )


def _sha256(path: Path) -> str:
    """Return the hash of a file that was just written; what is remembered of its name is of no use."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
