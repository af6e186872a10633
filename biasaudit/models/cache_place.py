"""Where biasaudit keeps what it need not compute twice; a place of its own for this run where that cannot be had."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from biasaudit.errors import CacheError

CACHE_VARIABLE: Final = "BIASAUDIT_CACHE"


@dataclass(frozen=True, slots=True)
class CachePlace:
    """A folder to keep things in.

    Attributes
    ----------
    folder : Path
        It exists.
    trouble : str or None
        Why it is not the folder that was meant; what lies in it is then gone when this process ends.
    """

    folder: Path
    trouble: str | None = None


def cache_folder() -> Path:
    """Return the user's cache folder for biasaudit, made if need be; else one that lasts as long as this process."""
    return cache_place().folder


def cache_place() -> CachePlace:
    """Return the cache folder, and what stood in its way.

    That is the folder that ``BIASAUDIT_CACHE`` names, else the user's. A home that is absent, or a place in which
    no folder can be made, costs time and no audit: the folder is then a temporary one. A folder that is there and
    cannot be written is returned as it is, since what it holds can be used.

    Raises
    ------
    CacheError
        If not even a temporary folder can be made.
    """
    named = os.environ.get(CACHE_VARIABLE)
    meant = Path(named) if named else _users_folder()
    if meant is None:
        return CachePlace(_for_this_process(), _trouble("there is no home folder for the cache"))
    try:
        meant.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as exc:  # ValueError: a null character in the variable
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        return CachePlace(_for_this_process(), _trouble(f"the cache folder {meant} cannot be used: {reason}"))
    return CachePlace(meant)


def _users_folder() -> Path | None:
    try:
        folder = Path(platformdirs.user_cache_dir("biasaudit", appauthor=False))
    except RuntimeError:
        return None
    # Of earlier versions of platformdirs it comes as "~/.cache", which would be made in the working folder.
    return folder if folder.is_absolute() else None


def _trouble(what: str) -> str:
    return (
        f"{what}; a temporary folder is used, and nothing is kept for the next run. "
        f"Name a folder that can be written with {CACHE_VARIABLE}."
    )


@functools.cache
def _for_this_process() -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix="biasaudit-cache-"))
    except OSError as exc:
        raise CacheError(
            f"there is no folder for the cache, and no temporary one can be made: {exc.strerror}.",
            fix=f"Name a folder that can be written with {CACHE_VARIABLE}.",
        ) from exc
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
