"""From a YAML file to a :class:`Policy`, or to one message that says what to mend."""

from __future__ import annotations

import difflib
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import BaseModel, ValidationError

from biasaudit.errors import PolicyError
from biasaudit.gate.policy import Defaults, Policy, Rule, Waiver

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_CHARACTERS: Final = 100_000
"""A longer file is no policy: nobody reviews it."""
MAX_VALUES: Final = 20_000
"""Values in the file once its aliases are unfolded; a few nested aliases can ask for billions."""
_PARTS: Final[dict[str, type[BaseModel]]] = {"rules": Rule, "defaults": Defaults, "waivers": Waiver}


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
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except FileNotFoundError as exc:
        raise PolicyError(f"{path}: there is no such file.", fix="Name a policy file with --policy.") from exc
    except UnicodeDecodeError as exc:
        raise PolicyError(f"{path}: is not UTF-8 text: {exc.reason}.", fix="Save it as UTF-8.") from exc
    except (OSError, ValueError) as exc:  # ValueError: a path with a null character
        raise PolicyError(f"{path}: cannot be read: {exc}.", fix="Name a policy file with --policy.") from exc
    if len(text) > MAX_CHARACTERS:
        raise PolicyError(
            f"{path}: is longer than {MAX_CHARACTERS:,} characters.", fix="Check that it is a policy, or split it."
        )
    return text


def _content(path: Path, text: str) -> object:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        n_values = 0 if root is None else _count_values(root, {})
        if n_values <= MAX_VALUES:
            content: object = yaml.safe_load(text)
            return content
    except RecursionError as exc:
        raise PolicyError(f"{path}: is nested too deeply.", fix="Write the rules out as a flat list.") from exc
    # Values that YAML's own types refuse (a date 2001-99-99) come as bare errors of Python.
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as exc:
        raise PolicyError(f"{path}: is not valid YAML: {' '.join(str(exc).split())[:200]}.") from exc
    raise PolicyError(
        f"{path}: its aliases unfold to more than {MAX_VALUES:,} values.", fix="Write the rules out without aliases."
    )


def _count_values(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the values below a node with aliases unfolded, and refuse keys that are given twice."""
    if id(node) in known:
        return known[id(node)]
    # A node inside itself never ends.
    known[id(node)] = MAX_VALUES + 1
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _refuse_repeated_keys(node)
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    known[id(node)] = min(1 + sum(_count_values(child, known) for child in children), MAX_VALUES + 1)
    return known[id(node)]


def _refuse_repeated_keys(node: yaml.MappingNode) -> None:
    # YAML keeps the last of them, so that a second max_index would lift the first unseen.
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)


def _described(error: ValidationError) -> str:
    errors = error.errors(include_url=False)
    # A misspelled key also leaves one missing; the misspelling is what helps.
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    where = _where(first["loc"])
    model = _PARTS.get(str(first["loc"][0]), Policy) if len(first["loc"]) > 1 else Policy
    known = list(model.model_fields)
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"{where} is not a known key.{hint} Known keys: {', '.join(known)}."
    if first["type"] == "missing":
        return f"{where} is missing. Known keys: {', '.join(known)}."
    return f"{where}: {_problem(first)} (found {_found(first['input'])})."


def _where(location: tuple[int | str, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{_visible(step)}" for step in location)
    return "".join(steps).lstrip(".") or "the policy"


def _problem(error: ErrorDetails) -> str:
    return _visible(error["msg"].removeprefix("Value error, "))


def _found(value: object) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "a number of thousands of digits"
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def _visible(text: str) -> str:
    """Keep control and direction characters of a hostile file out of the terminal."""
    return "".join(
        letter if unicodedata.category(letter)[0] != "C" else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
