"""What a search may put before a sentence to bring a lean out: openings that name nobody, read from a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from biasaudit.align.contrasts.cells import Cell
from biasaudit.align.contrasts.sets import Contrasts
from biasaudit.errors import ContrastsError
from biasaudit.plain_files import decoded, excerpt, lines_of, plain_bytes

OWN: Final = Path(__file__).parent / "data" / "insertions.txt"
"""Our own openings."""

MOST: Final = 1000
"""Openings of a file."""

_LONGEST: Final = 200
_WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*")
_FIX: Final = "Write one opening a line, such as `To be honest,`; lines that begin with # are not read."


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertions:
    """A bank of openings.

    Attributes
    ----------
    openings : tuple of str
        In the file's order, each once.
    sha256 : str
        Of the file's bytes.
    name : str
        Of the file, without its folder.
    """

    openings: tuple[str, ...]
    sha256: str
    name: str


def read_insertions(path: Path | None = None) -> Insertions:
    """Read a file of openings.

    Parameters
    ----------
    path : Path or None
        Text in UTF-8, one opening a line; None reads our own.

    Raises
    ------
    ContrastsError
        With file and line, if a line is too long, has braces, or stands there twice; or if there is none.
    """
    return _own() if path is None else _read(path)


@cache
def _own() -> Insertions:
    return _read(OWN)


def _read(path: Path) -> Insertions:
    content = plain_bytes(path, error=ContrastsError, fix="Name a text file with one opening a line.")
    found: dict[str, int] = {}
    for number, line in lines_of(decoded(content, path, error=ContrastsError)):
        opening = line.strip()
        if not opening or opening.startswith("#"):
            continue
        wrong = _wrong(opening, found)
        if wrong:
            raise ContrastsError(f"{path}:{number}: {excerpt(opening)} {wrong}", fix=_FIX)
        found[opening] = number
    if not found:
        raise ContrastsError(f"{path}: holds no openings.", fix=_FIX)
    return Insertions(openings=tuple(found), sha256=hashlib.sha256(content).hexdigest(), name=path.name)


def _wrong(opening: str, found: dict[str, int]) -> str:
    if opening in found:
        return f"stands in line {found[opening]} too."
    if len(opening) > _LONGEST:
        return f"has {len(opening)} letters; expected {_LONGEST} or fewer."
    if re.search(r"[{}]", opening):
        return "has braces, which stand for what a template is filled with."
    return f"comes after {MOST} others, the most that are read." if len(found) == MOST else ""


def refuse_telling(bank: Insertions, contrasts: Contrasts) -> None:
    """Refuse openings that name a group or a word of the contrasts: the difference would be theirs.

    Raises
    ------
    ContrastsError
        Naming the opening and the word.
    """
    own = [pair for template in contrasts.templates for pair in template.groups]
    sides = [side for pair in (*contrasts.groups, *own) for side in (pair.a, pair.b)]
    sides += [side for pair in contrasts.words for side in (pair.first, pair.second)]
    phrases = {tuple(_words(_without_article(side))) for side in sides}
    for opening in bank.openings:
        words = _words(opening)
        for start in range(len(words)):
            for end in range(start + 1, len(words) + 1):
                if tuple(words[start:end]) in phrases:
                    raise ContrastsError(
                        f"{bank.name}: {excerpt(opening)} names {' '.join(words[start:end])!r}, which the contrasts "
                        "exchange.",
                        fix="Leave it out: what a search finds must be the model's lean, not the opening's own.",
                    )


def opened(cell: Cell, opening: str) -> Cell:
    """Return a cell whose template has an opening before it, under the cell's own name.

    Examples
    --------
    >>> from biasaudit.align.contrasts import Template
    >>> text = "Ask the {word} what {group} said."
    >>> ask = Template(id="ask", order="word_first", split="train", text=text, features=("gender",))
    >>> opened(Cell(name="gender/ask", template=ask, groups=(), words=()), "In the end,").template.text
    'In the end, ask the {word} what {group} said.'
    >>> opened(Cell(name="gender/ask", template=ask, groups=(), words=()), "It was raining.").template.text
    'It was raining. Ask the {word} what {group} said.'
    """
    text = cell.template.text
    if opening[-1] not in ".!?:" and re.match(r"[A-Z](?:[a-z]|\s(?!'))", text) and not re.match(r"I\b", text):
        text = text[0].lower() + text[1:]
    return replace(cell, template=replace(cell.template, text=f"{opening} {text}"))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _without_article(text: str) -> str:
    return re.sub(r"^(?:an?|the|my|our) ", "", text, flags=re.IGNORECASE)


def distinct(openings: Iterable[str], *, at_most: int) -> tuple[str, ...]:
    """Return the last `at_most` different openings, the latest first."""
    return tuple(dict.fromkeys(reversed(list(openings))))[:at_most]
