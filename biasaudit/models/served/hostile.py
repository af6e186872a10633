"""What a server sent, taken apart: every value is checked to be of the type and range that it should have."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

from biasaudit.visible import in_short

MOST_DEPTH: Final = 40
"""Of lists and objects within each other; answers in use have six."""

_SHOWN: Final = 80
_SLIGHTLY_ABOVE: Final = 1e-4
"""Log-probabilities above 0 by rounding."""


class WrongValueError(ValueError):
    """A value of an answer that is not what it should be; says which."""


def shown(content: object) -> str:
    r"""Return the beginning of what a server sent, on one line and without what acts on a terminal.

    Examples
    --------
    >>> shown(chr(27) + "<html>")
    "'\\x1b<html>'"
    """
    text = content if isinstance(content, str) else repr(content)[: 4 * _SHOWN]
    return f"'{in_short([' '.join(text.split())], limit=_SHOWN)}'"


def json_of(text: str) -> Any:  # Any: JSON
    """Read JSON that a stranger wrote.

    Raises
    ------
    WrongValueError
        If it is none, holds NaN or an infinity, or is nested too deeply.
    """
    try:
        found = json.loads(text, parse_constant=_not_a_number)
    except RecursionError:
        raise WrongValueError("JSON that is nested without reason") from None
    except WrongValueError:
        raise
    except ValueError:
        raise WrongValueError(f"what is no JSON: {shown(text)}") from None
    _check_depth(found)
    return found


def _not_a_number(name: str) -> NoReturn:
    raise WrongValueError(f"{name}, which is no number")


def _check_depth(found: object) -> None:
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise WrongValueError("JSON that is nested without reason")
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list))]
        level = [value for values in inner for value in values]


def entry(found: object, *path: str | int) -> Any:  # Any: JSON
    """Return what lies in objects and lists under a path.

    Raises
    ------
    WrongValueError
        If there is no such place.

    Examples
    --------
    >>> entry({"choices": [{"text": "a"}]}, "choices", 0, "text")
    'a'
    """
    for number, name in enumerate(path):
        inside = isinstance(found, dict) and name in found
        if isinstance(found, list) and isinstance(name, int):
            inside = name < len(found)
        if not inside:
            raise WrongValueError(f"nothing at {'.'.join(map(str, path[: number + 1]))}")
        found = found[name]  # type: ignore[index]  # checked above
    return found


def whole(value: object, what: str) -> int:
    """Return a whole number.

    Raises
    ------
    WrongValueError
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongValueError(f"{shown(value)} as {what}, which is no whole number")
    return value


def listed(value: object, what: str) -> list[Any]:  # Any: JSON
    """Return a list.

    Raises
    ------
    WrongValueError
    """
    if not isinstance(value, list):
        raise WrongValueError(f"{shown(value)} as {what}, which is no list")
    return value


def nats(value: object) -> float:
    """Return a log-probability; one that rounding puts above 0 is 0.

    Raises
    ------
    WrongValueError
        If it is none: not finite, or above 0.

    Examples
    --------
    >>> nats(-1.5)
    -1.5
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WrongValueError(f"{shown(value)} as a log-probability")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found) or found > _SLIGHTLY_ABOVE:
        raise WrongValueError(f"{shown(value)} as a log-probability")
    return min(found, 0.0)


def words(value: object, limit: int = 200) -> str | None:
    """Return a text of a server, on one line and shortened; None where it is no text."""
    return in_short([value], limit=limit) if isinstance(value, str) and value.strip() else None
