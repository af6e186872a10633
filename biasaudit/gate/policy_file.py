"""From a YAML file to a :class:`Policy`, or to one message that says what to mend."""

from __future__ import annotations

import difflib
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from biasaudit.errors import PolicyError
from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.policy import Defaults, Policy, Waiver, limit_model, rule_model
from biasaudit.gate.ready import READY
from biasaudit.plain_files import excerpt, plain_text
from biasaudit.plain_yaml import parsed_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_CHARACTERS: Final = 100_000
"""A longer file is no policy: nobody reviews it."""
_IN_RULE: Final = 2
"""Where the key of a rule stands in the place of an error: after `rules` and the number of the rule."""
MAX_VALUES: Final = 20_000
"""Values in the file once its aliases are unfolded; a few nested aliases can ask for billions."""


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    Parameters
    ----------
    path : Path
        YAML, UTF-8.

    Returns
    -------
    Policy

    Raises
    ------
    PolicyError
        With file, place, what was found and what is allowed, for the first thing that is wrong.
    """
    content = _content(path, _text(path))
    if not isinstance(content, dict):
        raise PolicyError(
            f"{path}: holds {'nothing' if content is None else type(content).__name__}.",
            fix="A policy is a mapping with the keys version and rules.",
        )
    try:
        policy = Policy.model_validate(content)
    except ValidationError as exc:
        raise PolicyError(f"{path}: {_described(exc)}") from exc
    policy._name = path.name  # noqa: SLF001  # a field would let the file name itself
    return policy


def _text(path: Path) -> str:
    text = plain_text(path, error=PolicyError, fix=_fix(path), at_most=4 * MAX_CHARACTERS)
    if len(text) > MAX_CHARACTERS:
        raise PolicyError(
            f"{path}: is longer than {MAX_CHARACTERS:,} characters.", fix="Check that it is a policy, or split it."
        )
    return text


def _fix(path: Path) -> str:
    """Say what can be named in the place of a file that is not there: ready policies have names without an end."""
    close = difflib.get_close_matches(path.name, READY, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"Name a policy file, or a ready policy ({', '.join(READY)}).{hint}"


def _content(path: Path, text: str) -> object:
    fix = "Write the rules out as a flat list, without aliases."
    return parsed_yaml(text, path, error=PolicyError, most_values=MAX_VALUES, fix=fix)


def _described(error: ValidationError) -> str:
    errors = error.errors(include_url=False)
    # A misspelled key also leaves one missing; the misspelling is what helps.
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    where = _where(first["loc"])
    known = list(_model_at(first["loc"]).model_fields)
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"{where} is not a known key.{hint} Known keys: {', '.join(known)}."
    if first["type"] == "missing":
        return f"{where} is missing. Known keys: {', '.join(known)}."
    return f"{where}: {_problem(first)} (found {excerpt(first['input'])})."


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the model whose key a place of the policy names."""
    parts: dict[str, type[BaseModel]] = {"rules": rule_model(), "defaults": Defaults, "waivers": Waiver}
    criterion = CRITERIA.get(str(location[_IN_RULE])) if len(location) > _IN_RULE + 1 else None
    if criterion is not None and criterion.within:
        return limit_model(criterion)
    return parts.get(str(location[0]), Policy) if len(location) > 1 else Policy


def _where(location: tuple[int | str, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{_visible(step)}" for step in location)
    return "".join(steps).lstrip(".") or "the policy"


def _problem(error: ErrorDetails) -> str:
    if error["type"] == "model_type" and (criterion := CRITERIA.get(str(error["loc"][-1]))):
        return f"should be a mapping such as {{{criterion.within}: {criterion.limits[1] / 20:g}}}"
    return _visible(error["msg"].removeprefix("Value error, "))


def _visible(text: str) -> str:
    """Keep control and direction characters of a hostile file out of the terminal."""
    return "".join(
        letter if unicodedata.category(letter)[0] != "C" else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
