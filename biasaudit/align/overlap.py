"""Whether a training text has the templates of a probe in it: what was trained on cannot be audited with.

Thirteen words in a row, the usual test, miss a probe whose templates have seven. So words that a probe exchanges (its
groups and attributes) are masked in both texts, and the three-word pieces of what is left are compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from biasaudit.errors import UsageError
from biasaudit.probes.skeletons import Skeleton, Templates, shipped_templates, skeleton_of, words_of
from biasaudit.record.exposure_facts import REFUSED
from biasaudit.visible import in_short

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_PIECE: Final = 3
_FEWEST: Final = 2
"""Pieces that a template must have: a single one is found anywhere."""
_LONG: Final = 10
"""Pieces from which a template may go over several sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A text of the training data, and where it stands; in which file, where a method reads several."""

    number: int
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How much of a probe is in training data.

    Attributes
    ----------
    probe : str
    sha256 : str
        Of the probe's items.
    containment : float
        In [0, 1]: of the three-word pieces of one template, the largest share that one line has.
    line : Line or None
        The line with that share; None where no piece of any template is in any.
    template : str
        The template with it, masked.
    words : tuple of str
        Exchanged words of the probe that stand in the data, sorted.
    """

    probe: str
    sha256: str
    containment: float
    line: Line | None
    template: str
    words: tuple[str, ...]


def refuse_overlap(lines: Sequence[Line], *, source: str, allowed: bool = False) -> dict[str, Overlap]:
    """Compare training data with the probes that come with the package, and refuse data that have their templates.

    Parameters
    ----------
    lines : sequence of Line
    source : str
        Their file, for the message.
    allowed : bool
        Take such data all the same.

    Returns
    -------
    dict of str to Overlap
        By probe; empty where there are no lines, which were not compared.

    Raises
    ------
    UsageError
        Naming line, template and probe.
    """
    if not lines:
        return {}
    found = {one.probe: overlap(lines, one) for one in shipped_templates()}
    worst = max(found.values(), key=lambda one: one.containment)
    if worst.line is not None and worst.containment >= REFUSED and not allowed:
        raise UsageError(
            f"{worst.line.source or source}:{worst.line.number}: {in_short([worst.line.text])} has a template of the "
            f"probe {worst.probe!r}: "
            f"{in_short([worst.template])} ({worst.containment:.2f} of its three-word pieces; from {REFUSED:.2f} up it "
            "is refused). An audit with that probe would measure what was trained.",
            fix="Leave such lines out, or give --allow-overlap: the card says so, and that probe tells nothing then.",
        )
    return found


def overlap(lines: Iterable[Line], templates: Templates) -> Overlap:
    """Return how much of a probe is in training data.

    Examples
    --------
    >>> asked = Templates(
    ...     probe="p",
    ...     sha256="",
    ...     exchanged=frozenset({"woman", "man", "nurse", "pilot"}),
    ...     skeletons=frozenset({("the", "_", "worked", "as", "a", "_")}),
    ... )
    >>> found = overlap([Line(number=3, text="They say the woman worked as a pilot.")], asked)
    >>> found.containment, found.words
    (1.0, ('pilot', 'woman'))
    """
    pieces = {skeleton: own for skeleton in templates.skeletons if len(own := _pieces(skeleton)) >= _FEWEST}
    having: dict[Skeleton, list[Skeleton]] = {}
    for skeleton, own in sorted(pieces.items()):
        for piece in own:
            having.setdefault(piece, []).append(skeleton)
    best: tuple[float, Line | None, Skeleton] = (0.0, None, ())
    words: set[str] = set()
    for line in lines:
        words.update(templates.exchanged.intersection(words_of(line.text)))
        for there, is_whole in _parts(line.text, templates.exchanged):
            shared = Counter(skeleton for piece in there for skeleton in having.get(piece, ()))
            for skeleton, n_shared in sorted(shared.items()):
                if is_whole and len(pieces[skeleton]) < _LONG:
                    continue
                share = n_shared / len(pieces[skeleton])
                if share > best[0]:
                    best = (share, line, skeleton)
    return Overlap(
        probe=templates.probe,
        sha256=templates.sha256,
        containment=best[0],
        line=best[1],
        template=" ".join(best[2]),
        words=tuple(sorted(words)),
    )


def facts(found: Mapping[str, Overlap]) -> dict[str, object]:
    """Return what the training card says of it, as JSON values by probe."""
    return {
        name: {"sha256": one.sha256, "containment": round(one.containment, 4), "words": list(one.words)}
        for name, one in sorted(found.items())
    }


def _pieces(skeleton: Skeleton) -> frozenset[Skeleton]:
    return frozenset(skeleton[start : start + _PIECE] for start in range(len(skeleton) - _PIECE + 1))


def _parts(text: str, exchanged: frozenset[str]) -> Iterator[tuple[frozenset[Skeleton], bool]]:
    """Yield the pieces of each sentence of a text, and of the whole, which only long templates are looked for in."""
    sentences = [sentence for sentence in _SENTENCE.split(text) if sentence.strip()]
    for sentence in sentences:
        yield _pieces(skeleton_of(words_of(sentence), exchanged)), False
    if len(sentences) > 1:
        yield _pieces(skeleton_of(words_of(text), exchanged)), True
