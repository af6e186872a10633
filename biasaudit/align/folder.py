"""The folder of an adapter: while it is trained, and when it is finished.

::

    OUT/ adapter_model.safetensors  adapter_config.json  chat_template.jinja  README.md
         checkpoints.safetensors    what was kept on the way; the adapter is whole without it
         training_card.json         written last: without it the training is not finished
         .training/                 while it runs: identity.json and checkpoints
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import TuningError, TuningFolderError
from biasaudit.record.store import write_atomically

CARD: Final = "training_card.json"
CHECKPOINTS: Final = "checkpoints.safetensors"
_WORK: Final = ".training"
_IDENTITY: Final = "identity.json"
_SEAL: Final = "whole.json"
_CHECKPOINT: Final = re.compile(r"^checkpoint-(\d+)$")
_ANOTHER: Final = "Give the settings that it was made with, name another folder with --out, or delete this one."

Identity = Mapping[str, object]
"""Everything that the adapter depends on, as JSON values."""


def finished_card(out: Path, identity: Identity) -> dict[str, Any] | None:
    """Return the card of the adapter that is finished in `out`, or None.

    Parameters
    ----------
    out : Path
    identity : mapping
        Of the training that is asked for.

    Raises
    ------
    TuningFolderError
        If `out` cannot be used, holds other files, an adapter of another training, or one that was
        altered since.
    """
    _require_ours(out)
    path = out / CARD
    if not path.is_file():
        return None
    card = _read_json(path)
    made_with, files = card.get("identity"), card.get("files")
    if not isinstance(made_with, dict) or not isinstance(files, dict):
        raise TuningFolderError(f"{path} is not a whole training card.", fix=_ANOTHER)
    _require_same(out, made_with, identity, "an adapter")
    for name, expected in files.items():
        if not (out / name).is_file() or hashlib.sha256((out / name).read_bytes()).hexdigest() != expected:
            raise TuningFolderError(
                f"{out / name} is missing or was altered after the training.",
                fix="Restore it, or delete the folder and train again.",
            )
    return card


def begin(out: Path, identity: Identity) -> Path:
    """Make the working folder for a training, or return the one that an interrupted training left.

    Raises
    ------
    TuningFolderError
        If it was left by a training with other settings, or cannot be made.
    """
    work = out / _WORK
    path = work / _IDENTITY
    if path.is_file():
        _require_same(out, _read_json(path), identity, "an unfinished training")
        return work
    try:
        write_atomically(path, _json_bytes(identity))
    except OSError as exc:
        raise TuningFolderError(
            f"the folder {out} cannot be written: {exc.strerror}.", fix="Name another folder with --out."
        ) from exc
    return work


def finish(out: Path, files: Mapping[str, bytes], card: Mapping[str, object]) -> None:
    """Write the adapter's files, then its card, then take the checkpoints away.

    Raises
    ------
    TuningError
        If they cannot be written; the checkpoints are kept.
    """
    try:
        for name, content in files.items():
            write_atomically(out / name, content)
        write_atomically(out / CARD, _json_bytes(card))
    except OSError as exc:
        raise TuningError(
            f"the adapter cannot be written into {out}: {exc.strerror}.",
            fix="Free some space, and run the same command again: nothing is trained again.",
        ) from exc
    clear(out)


def clear(out: Path) -> None:
    """Take away what a finished training no longer needs."""
    shutil.rmtree(out / _WORK, ignore_errors=True)


def checkpoint_at(work: Path, step: int) -> Path:
    """Return the folder that the trainer gives the checkpoint of an update."""
    return work / f"checkpoint-{step}"


def seal(checkpoint: Path, *, seconds: float) -> None:
    """Note that a checkpoint is whole, what its files hash to, and how long the training took until then."""
    hashes = {path.name: _sha256(path) for path in sorted(checkpoint.iterdir()) if path.name != _SEAL}
    write_atomically(checkpoint / _SEAL, _json_bytes({"files": hashes, "seconds": seconds}))


def last_checkpoint(work: Path) -> Path | None:
    """Return the newest checkpoint that is whole; those that are not are deleted.

    A process that is killed while it writes leaves a checkpoint without a seal, or with files that
    do not match it.
    """
    found = {int(match[1]): path for path in work.iterdir() if (match := _CHECKPOINT.match(path.name))}
    for _, path in sorted(found.items(), reverse=True):
        if _is_whole(path):
            return path
        shutil.rmtree(path)
    return None


def forget(work: Path, *, all_but: int) -> None:
    """Delete the checkpoints before the last `all_but`."""
    found = {int(match[1]): path for path in work.iterdir() if (match := _CHECKPOINT.match(path.name))}
    for step in sorted(found)[:-all_but]:
        shutil.rmtree(found[step])


def seconds_of(checkpoint: Path | None) -> float:
    """Return how long a training took up to `checkpoint`; 0 without one."""
    return 0.0 if checkpoint is None else float(_read_json(checkpoint / _SEAL)["seconds"])


def _is_whole(checkpoint: Path) -> bool:
    try:
        hashes = json.loads((checkpoint / _SEAL).read_text(encoding="utf-8"))["files"]
        return all(_sha256(checkpoint / name) == expected for name, expected in hashes.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _require_ours(out: Path) -> None:
    try:
        names = {path.name for path in out.iterdir()}
    except FileNotFoundError:
        return
    except NotADirectoryError as exc:
        raise TuningFolderError(f"{out} is a file, or lies in one.", fix="Name a folder with --out.") from exc
    except OSError as exc:
        raise TuningFolderError(f"the folder {out} cannot be read: {exc.strerror}.", fix="Name another.") from exc
    if names and not names & {CARD, _WORK}:
        raise TuningFolderError(
            f"the folder {out} holds other files ({min(names)}), which could be overwritten.",
            fix="Name a new or empty folder with --out.",
        )


def _require_same(out: Path, there: Mapping[str, object], asked: Identity, what: str) -> None:
    # As it would be read from a file: tuples are lists there.
    here, there = _flat(json.loads(_json_bytes(asked))), _flat(there)
    different = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
    if different:
        shown = "; ".join(f"{name} is {there.get(name)!r} there and {here.get(name)!r} here" for name in different)
        raise TuningFolderError(f"the folder {out} holds {what} made with other settings: {shown}.", fix=_ANOTHER)


def _flat(identity: Mapping[str, Any]) -> dict[str, object]:
    """Return `identity` with the settings beside the hashes, so that a message names the one that differs."""
    settings = identity.get("settings")
    rest = {name: value for name, value in identity.items() if name != "settings"}
    return {**rest, **settings} if isinstance(settings, dict) else rest


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise TuningFolderError(f"{path} cannot be read: {exc}.", fix=_ANOTHER) from exc
    if not isinstance(content, dict):
        raise TuningFolderError(f"{path} holds {type(content).__name__}; expected an object.", fix=_ANOTHER)
    return content


def _json_bytes(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
