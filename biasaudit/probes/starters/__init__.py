"""Small probes to begin from: one of each kind that people write, about gender and hobbies."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Final

from biasaudit.errors import UsageError
from biasaudit.outputs import write_output
from biasaudit.probes.registry import available

KINDS: Final = ("pair", "association", "choice", "decision")
"""Kinds of which there is a starter."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_ID: Final = "id: starter\n"


def write_starter(name: str, kind: str, folder: Path) -> Path:
    """Write a probe to begin from: a card with comments, and a data file, which pass the check.

    Parameters
    ----------
    name : str
        Id of the new probe, and name of its folder.
    kind : str
        One of ``KINDS``.
    folder : Path
        Where the probe's folder is made.

    Returns
    -------
    Path
        The folder of the probe.

    Raises
    ------
    UsageError
        If the name or the kind cannot be used, or the folder is there.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no starter of kind {kind!r}.", fix=f"Kinds: {', '.join(KINDS)}.")
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} cannot be the name of a probe.",
            fix="Use lower-case letters, digits and hyphens, such as gender-hobbies; --folder says where it goes.",
        )
    if name in available():
        raise UsageError(f"a probe {name!r} comes with biasaudit.", fix="Choose another name.")
    target = folder / name
    if target.exists():
        raise UsageError(f"{target} is there already.", fix="Choose another name, or remove it first.")
    try:
        target.mkdir(parents=True)
    except OSError as exc:
        raise UsageError(f"{target} cannot be made: {exc.strerror}.", fix="Name another folder with --folder.") from exc
    for source in sorted((resources.files(__name__) / kind).iterdir(), key=lambda file: file.name):
        text = source.read_text(encoding="utf-8").replace(_ID, f"id: {name}\n", 1)
        write_output(target / source.name, text, new=True)
    return target
