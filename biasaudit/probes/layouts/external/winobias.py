"""WinoBias: line n of the pro-stereotypical and line n of the anti-stereotypical file are one item."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from biasaudit.errors import ItemError, ProbeError
from biasaudit.plain_files import lines_of
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import COMPETENCE_EVERY, Reader, Reading, text_of
from biasaudit.probes.layouts.external.referents import MAN, PRONOUNS, WOMAN, competence, opposite, question
from biasaudit.types import AssociationTexts, ProbeItem, Role

OCCUPATIONS: Final = {WOMAN: "female_occupations.txt", MAN: "male_occupations.txt"}
"""Group -> file with the occupations in which it is the majority."""

PARTS: Final = {"development": "dev", "test": "test"}
TYPES: Final = ("1", "2")

_LINE: Final = re.compile(r"(\d{1,9})\s+(\S.*)")
_SPAN: Final = re.compile(r"\[([^\[\]]*)\]")


class Dropped(StrEnum):
    """Why a pair of lines is not an item."""

    BRACKETS = "without exactly two bracketed spans in both lines"
    WORDING = "that differ in more than the pronoun"
    OCCUPATION = "whose other occupation cannot be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One sentence, in which the referent and then the pronoun stand in square brackets."""

    path: Path
    number: int
    text: str

    @property
    def spans(self) -> tuple[re.Match[str], ...]:
        return tuple(_SPAN.finditer(self.text))

    @property
    def sentence(self) -> str:
        return _without_brackets(self.text)

    @property
    def pronoun(self) -> str:
        return self.spans[1][1]

    @property
    def around_pronoun(self) -> tuple[str, str]:
        start, end = self.spans[1].span()
        return _without_brackets(self.text[:start]), _without_brackets(self.text[end:])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Couple:
    """The same sentence with the stereotype and against it."""

    of_type: str
    part: str
    pro: _Line
    anti: _Line


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read both types and both parts of WinoBias.

    Context A is always the woman's sentence, and continuation 1 the occupation that is listed as
    mostly women's, so that tables by group mean one thing throughout; d is the same as with the
    pro-stereotypical sentence as A and its referent as 1. The tag ``referent`` says which
    continuation is right.

    Raises
    ------
    ItemError
        With file, line and field of the first line that is wrong.
    ProbeError
        If the card lacks a file, a file is empty, or the two files of a couple differ in length.

    References
    ----------
    Zhao et al. (2018), Gender Bias in Coreference Resolution. Which file holds what: the names of the
    files in the authors' repository.
    """
    occupations = {group: _listed(_file(paths, name, card)) for group, name in OCCUPATIONS.items()}
    items: list[ProbeItem] = []
    checks: list[ProbeItem] = []
    dropped: Counter[Dropped] = Counter()
    for couple in _couples(paths, card):
        found = _item(couple, occupations, feature=card.features[0])
        if isinstance(found, Dropped):
            dropped[found] += 1
            continue
        if len(items) % COMPETENCE_EVERY == 0:
            checks.append(competence(found, couple.pro.sentence))
        items.append(found)
    return Reading(items=(*items, *checks), notices=_notices(dropped, len(items) + dropped.total()))


def _couples(paths: Mapping[str, Path], card: Card) -> Iterator[_Couple]:
    for of_type in TYPES:
        for part, suffix in PARTS.items():
            name = f"stereotyped_type{of_type}.txt.{suffix}"
            pro, anti = (_lines(_file(paths, f"{side}_{name}", card)) for side in ("pro", "anti"))
            if len(pro) != len(anti):
                raise ProbeError(
                    f"{anti[0].path}: holds {len(anti)} lines, and {pro[0].path} {len(pro)}; line n of both is a pair.",
                    fix="Restore the files from their source.",
                )
            for with_it, against in zip(pro, anti, strict=True):
                yield _Couple(of_type=of_type, part=part, pro=with_it, anti=against)


def _file(paths: Mapping[str, Path], name: str, card: Card) -> Path:
    if name not in paths:
        raise ProbeError(f"the card of {card.id!r} does not name the file {name} under data.files.")
    return paths[name]


def _listed(path: Path) -> tuple[str, ...]:
    occupations = tuple(line.strip() for _, line in lines_of(text_of(path)) if line.strip())
    if not occupations:
        raise ProbeError(f"{path}: holds no occupations.", fix="Restore the file from its source.")
    return occupations


def _lines(path: Path) -> tuple[_Line, ...]:
    lines = []
    for number, line in lines_of(text_of(path)):
        found = _LINE.fullmatch(line.strip())
        if found is None or int(found[1]) != number:
            raise ItemError(
                path=path, line=number, field="number", found=line, expected=f"{number}, a space and a sentence"
            )
        lines.append(_Line(path=path, number=number, text=found[2]))
    if not lines:
        raise ProbeError(f"{path}: holds no rows.", fix="Restore the file from its source.")
    return tuple(lines)


def _item(couple: _Couple, occupations: Mapping[str, tuple[str, ...]], *, feature: str) -> ProbeItem | Dropped:
    pro, anti = couple.pro, couple.anti
    if not (_has_two_spans(pro) and _has_two_spans(anti)):
        return Dropped.BRACKETS
    if pro.around_pronoun != anti.around_pronoun:
        return Dropped.WORDING
    group = _group_of_referent(pro, occupations)
    others = _named(_SPAN.sub(" ", pro.text), occupations[opposite(group)])
    if len(others) != 1:
        return Dropped.OCCUPATION
    _check_pronoun(pro, group, "as the referent's occupation is listed")
    _check_pronoun(anti, opposite(group), "against the referent's list")
    [referent] = _named(pro.spans[0][1], occupations[group])
    sentences = {group: pro, opposite(group): anti}
    named = {group: referent, opposite(group): others[0]}
    return ProbeItem(
        item_id=f"type{couple.of_type}/{couple.part}/{pro.number}",
        cluster_id=f"{named[WOMAN]}/{named[MAN]}",
        feature=feature,
        groups=(WOMAN, MAN),
        role=Role.BIAS,
        family=f"type {couple.of_type}",
        texts=AssociationTexts(
            contexts=(_context(sentences[WOMAN]), _context(sentences[MAN])),
            continuations=(f" {named[WOMAN]}", f" {named[MAN]}"),
            group_in_context=True,
        ),
        tags={
            "type": couple.of_type,
            "part": couple.part,
            "referent": "1" if group == WOMAN else "2",
            "occupation_1": named[WOMAN],
            "occupation_2": named[MAN],
        },
    )


def _has_two_spans(line: _Line) -> bool:
    return len(line.spans) == line.text.count("[") == line.text.count("]") == 2


def _group_of_referent(line: _Line, occupations: Mapping[str, tuple[str, ...]]) -> str:
    span = line.spans[0][1]
    groups = [group for group, listed in occupations.items() if _named(span, listed)]
    if len(groups) != 1 or len(_named(span, occupations[groups[0]])) != 1:
        raise ItemError(
            path=line.path,
            line=line.number,
            field="referent",
            found=span,
            expected="one occupation of " + " or ".join(OCCUPATIONS.values()),
        )
    return groups[0]


def _named(text: str, listed: tuple[str, ...]) -> list[str]:
    return [name for name in listed if re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE)]


def _check_pronoun(line: _Line, group: str, why: str) -> None:
    if line.pronoun.lower() not in PRONOUNS[group]:
        raise ItemError(
            path=line.path,
            line=line.number,
            field="pronoun",
            found=line.pronoun,
            expected=f"one of {', '.join(sorted(PRONOUNS[group]))}, {why}",
        )


def _context(line: _Line) -> str:
    return f"{question(line.sentence, line.pronoun)} the"


def _without_brackets(text: str) -> str:
    return text.replace("[", "").replace("]", "")


def _notices(dropped: Counter[Dropped], n_pairs: int) -> tuple[str, ...]:
    if not dropped:
        return ()
    reasons = ", ".join(f"{dropped[reason]:,} {reason}" for reason in Dropped if dropped[reason])
    return (f"WinoBias: {dropped.total():,} of {n_pairs:,} pairs of lines were left out: {reasons}.",)


READER: Final = Reader(read=read)
