"""Names of the stages of tuning, as people write them: ``sft=org/model-sft dpo=org/model-dpo``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from biasaudit.errors import UsageError

_NAMED: Final = re.compile(r"(?P<name>[^=/@\\]*)=(?P<reference>.+)", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")
_TAKEN: Final = re.compile(r"base|tuned(-\d+)?", re.IGNORECASE)


def stages_of(tuned: str | Sequence[str] | Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the references of tuned checkpoints and their names, which are none where none is named.

    Parameters
    ----------
    tuned : str, sequence of str, or mapping of str to str
        References, each with its name before it or not (``NAME=REFERENCE``), or name -> reference; in the order in
        which they were made. A reference that is a file or a folder is never parted.

    Raises
    ------
    UsageError
        If a name is no name, stands twice, or is missing beside others.

    Examples
    --------
    >>> stages_of(["sft=org/model-sft", "dpo=org/model-dpo"])
    (('org/model-sft', 'org/model-dpo'), ('sft', 'dpo'))
    >>> stages_of("org/model-it")
    (('org/model-it',), ())
    """
    if isinstance(tuned, Mapping):
        pairs: list[tuple[str | None, str]] = list(tuned.items())
    else:
        pairs = [_parted(text) for text in ((tuned,) if isinstance(tuned, str) else tuned)]
    names = [name for name, _ in pairs if name is not None]
    if names and len(names) < len(pairs):
        unnamed = next(reference for name, reference in pairs if name is None)
        raise UsageError(
            f"{unnamed} has no name, and another tuned checkpoint has.", fix="Name each, as NAME=REFERENCE, or none."
        )
    for number, name in enumerate(names):
        _check(name)
        if name in names[:number]:
            raise UsageError(f"two tuned checkpoints are named {name!r}.", fix="Give each another name.")
    return tuple(reference for _, reference in pairs), tuple(names)


def stage_names(names: Sequence[str], n_stages: int) -> tuple[str, ...]:
    """Return how the tuned checkpoints are called in an audit: several have their place before their name.

    Examples
    --------
    >>> stage_names(("sft", "dpo"), 2), stage_names(("it",), 1), stage_names((), 2)
    (('1-sft', '2-dpo'), ('it',), ('tuned', 'tuned-2'))
    """
    if not names:
        return ("tuned", *(f"tuned-{number}" for number in range(2, n_stages + 1)))
    if len(names) == 1:
        return tuple(names)
    return tuple(f"{number}-{name}" for number, name in enumerate(names, start=1))


def _parted(text: str) -> tuple[str | None, str]:
    found = _NAMED.fullmatch(text)
    if found is None or _is_path(text.partition("+")[0]):
        return None, text
    return found["name"], found["reference"]


def _is_path(text: str) -> bool:
    """Whether there is a file or folder of that name: one may be called a=b."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long a name, or a null character in it
        return False


def _check(name: str) -> None:
    if _NAME.fullmatch(name) is None or _TAKEN.fullmatch(name) is not None:
        raise UsageError(
            f"{name!r} cannot name a tuned checkpoint.",
            fix="A name is a letter and up to 39 letters, digits, dots, dashes or underscores, but not base or tuned.",
        )
