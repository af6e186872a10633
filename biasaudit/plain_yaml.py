"""YAML that people bring: small, without bombs, each key once; what is wrong is said with its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from biasaudit.errors import BiasauditError
from biasaudit.plain_files import excerpt, half_character

_NUMBERS: Final = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"})
_TRUE_OR_FALSE: Final = "tag:yaml.org,2002:bool"
_LONGEST_NUMBER: Final = 100
"""Characters: 1:1:1:... is a number too, and one of a megabyte takes minutes to work out."""
_BARE: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_PROBLEM: Final = 200
_ACTING: Final = re.compile(r"[^\x20-\x7e]+")


class _Loader(yaml.SafeLoader):
    """Says where a value stands that YAML's own types refuse: a date 2001-99-99 comes as a bare error of Python."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  # Any and the flag are yaml's
        try:
            return super().construct_object(node, deep=deep)
        except _BARE as exc:
            shown = excerpt(node.value) if isinstance(node, yaml.ScalarNode) else "this"
            raise yaml.MarkedYAMLError(problem=f"{shown} is no value: {exc}", problem_mark=node.start_mark) from exc


def parsed_yaml(text: str, path: Path, *, error: type[BiasauditError], most_values: int, fix: str) -> object:
    """Return what a YAML text holds.

    Parameters
    ----------
    text : str
    path : Path
        Of the file, for messages.
    error : type of BiasauditError
        What is raised.
    most_values : int
        Values in the file once its aliases are unfolded; a few nested aliases can ask for billions.
    fix : str
        What to do about a file that is nested too deeply, or unfolds to too much.

    Raises
    ------
    BiasauditError
        Of the type `error`, with the line and column where there is one.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        n_values = 0 if root is None else _count_values(root, {}, most_values)
        if n_values <= most_values:
            content: object = None if root is None else loader.construct_document(root)
            return content
    except RecursionError as exc:
        raise error(f"{path}: is nested too deeply.", fix=fix) from exc
    except (yaml.YAMLError, *_BARE) as exc:
        raise error(f"{path}: is not valid YAML: {_problem(exc, text)}.", fix="Correct that place.") from exc
    raise error(f"{path}: its aliases unfold to more than {most_values:,} values.", fix=fix)


def _count_values(node: yaml.Node, known: dict[int, int], most: int) -> int:
    """Count the values below a node with aliases unfolded, and refuse what no reader would understand alike."""
    if id(node) in known:
        return known[id(node)]
    # A node inside itself never ends.
    known[id(node)] = most + 1
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _refuse_odd_keys(node)
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    else:
        _refuse_scalar(node)
    known[id(node)] = min(1 + sum(_count_values(child, known, most) for child in children), most + 1)
    return known[id(node)]


def _refuse_odd_keys(node: yaml.MappingNode) -> None:
    # Of repeated keys YAML keeps the last, so that a second value would stand in place of the first unseen. A bare yes,
    # no, on or off is true or false to it.
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.tag == _TRUE_OR_FALSE:
                msg = f"key {excerpt(key.value)} is true or false to YAML; put it in quotes"
                raise yaml.MarkedYAMLError(problem=msg, problem_mark=key.start_mark)
            if key.value in seen:
                msg = f"key {excerpt(key.value)} is given twice"
                raise yaml.MarkedYAMLError(problem=msg, problem_mark=key.start_mark)
            seen.add(key.value)


def _refuse_scalar(node: yaml.Node) -> None:
    problem = None
    if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
        how_many = "thousands of" if len(node.value) > 1000 else str(len(node.value))
        problem = f"a number of {how_many} digits"
    elif half_character(node.value):
        problem = "half of a character that takes two \\u escapes"
    if problem is not None:
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _problem(exc: Exception, text: str) -> str:
    """Return what is wrong and where, without the line of the file that YAML's own message quotes."""
    if isinstance(exc, yaml.reader.ReaderError):
        line = text.count("\n", 0, exc.position) + 1
        return f"the character U+{int(exc.character):04X} is not allowed (line {line})"
    what, where = str(exc), ""
    if isinstance(exc, yaml.MarkedYAMLError):
        what = exc.problem or exc.context or type(exc).__name__
        mark = exc.problem_mark or exc.context_mark
        where = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
    what = _ACTING.sub(" ", what)
    return (what if len(what) <= _PROBLEM else f"{what[:_PROBLEM]}…") + where
