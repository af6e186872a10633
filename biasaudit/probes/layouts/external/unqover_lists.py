"""The word lists of UnQover: subjects, attributes with their negation, and templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from biasaudit.errors import ItemError, ProbeError
from biasaudit.plain_files import lines_of
from biasaudit.probes.layouts.external.reading import text_of

NEGATED: Final = ":neg"
_SINGLE: Final = "-single"
_ENTRY: Final = re.compile(r"\[([^\]]+)\]\s+(.+)")
_SUBJECT: Final = re.compile(r"subj(:\w+)?")
_SUBJECT_SLOT: Final = re.compile(r"\[subj([12])(:\w+)?\]")
_ATTRIBUTE: Final = re.compile(r"([lp]_act(?:-single)?)(:neg)?")
_ATTRIBUTE_SLOT: Final = re.compile(rf"\[{_ATTRIBUTE.pattern}\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One who can be the answer.

    Attributes
    ----------
    name : str
    group : str
        The name, or the group of people that the list gives it.
    forms : mapping of str to str
        Slot (``subj``, ``subj:dem``) -> what is written there.
    """

    name: str
    group: str
    forms: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """What is asked of the subjects.

    Attributes
    ----------
    name : str
        Kind and place in the list, since the texts are long and belong to the set.
    topic : str or None
        Class that the list gives it.
    forms, negations : mapping of str to str
        Slot (``p_act``, ``p_act-single``, ``l_act-single``) -> what is written there, and its negation.
    """

    name: str
    topic: str | None
    forms: Mapping[str, str]
    negations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A context that names two subjects, and a question with its negation.

    Attributes
    ----------
    number : int
        Place in the file, from 1.
    context, asked, negated : str
    subject_slots : tuple of str
        Of the first and the second subject.
    slot : str
        Of the attribute.
    """

    number: int
    context: str
    asked: str
    negated: str
    subject_slots: tuple[str, str]
    slot: str

    def context_with(self, first: str, second: str) -> str:
        """Return the context with both subjects."""
        return _SUBJECT_SLOT.sub(lambda found: first if found[1] == "1" else second, self.context)

    def question_with(self, attribute: Attribute, *, negated: bool) -> str:
        """Return the question, or its negation, with an attribute."""
        if negated:
            return self.negated.replace(f"[{self.slot}{NEGATED}]", attribute.negations[self.slot])
        return self.asked.replace(f"[{self.slot}]", attribute.forms[self.slot])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One line of a list: what it is for, its class where it has one, and its text."""

    head: str
    topic: str | None
    text: str


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    n_lines = 0
    for number, line in lines_of(text_of(path)):
        content = line.strip()
        if content and not content.startswith("#"):
            n_lines += 1
            yield number, content
    if not n_lines:
        raise ProbeError(f"{path}: holds no entries.", fix="Restore the file from its source.")


def _by_head(path: Path, heads: re.Pattern[str]) -> dict[str, list[_Entry]]:
    found: dict[str, list[_Entry]] = {}
    for number, line in _lines(path):
        matched = _ENTRY.fullmatch(line)
        head, rest = matched.groups() if matched else ("", line)
        if heads.fullmatch(head) is None:
            raise ItemError(path=path, line=number, field="slot", found=line, expected="a slot in brackets and a text")
        topic, bar, text = rest.rpartition("|")
        if not text.strip():
            raise ItemError(path=path, line=number, field="text", found=line, expected="a text")
        found.setdefault(head, []).append(_Entry(head=head, topic=topic.strip() if bar else None, text=text.strip()))
    _same_lengths(path, found)
    return found


def _same_lengths(path: Path, lists: Mapping[str, list[_Entry]]) -> None:
    """Check that forms of one thing, which are joined by their place, are equally many."""
    lengths: dict[str, dict[str, int]] = {}
    for head, entries in lists.items():
        lengths.setdefault(head.partition(":")[0].removesuffix(_SINGLE), {})[head] = len(entries)
    for of_kind in lengths.values():
        if len(set(of_kind.values())) > 1:
            counts = ", ".join(f"{count} of [{head}]" for head, count in of_kind.items())
            raise ProbeError(
                f"{path}: lists that belong together differ in length: {counts}.",
                fix="Restore the file from its source.",
            )


def subjects_of(path: Path) -> tuple[Subject, ...]:
    """Read a list of subjects.

    Raises
    ------
    ItemError
        With file, line and field of the first line that is no subject.
    ProbeError
        If the forms differ in number, or there are fewer than two subjects.
    """
    by_head = _by_head(path, _SUBJECT)
    names = by_head.get("subj", [])
    if len(names) < 2 or len({entry.text for entry in names}) < len(names):
        raise ProbeError(
            f"{path}: needs at least two subjects, each once, under [subj].", fix="Restore the file from its source."
        )
    return tuple(
        Subject(
            name=entry.text,
            group=entry.topic or entry.text,
            forms={head: entries[place].text for head, entries in by_head.items()},
        )
        for place, entry in enumerate(names)
    )


def attributes_of(path: Path) -> tuple[Attribute, ...]:
    """Read a list of attributes, each with its negation.

    Raises
    ------
    ItemError
        With file, line and field of the first line that is no attribute.
    ProbeError
        If forms and negations differ in number.
    """
    by_head = _by_head(path, _ATTRIBUTE)
    slots = [head for head in by_head if not head.endswith(NEGATED)]
    absent = [slot for slot in slots if slot + NEGATED not in by_head]
    if absent:
        raise ProbeError(f"{path}: [{absent[0]}] has no negations.", fix="Restore the file from its source.")
    kinds = dict.fromkeys(slot.removesuffix(_SINGLE) for slot in slots)
    return tuple(
        _attribute(kind, place, by_head)
        for kind in kinds
        for place in range(len(by_head.get(kind, by_head.get(kind + _SINGLE, []))))
    )


def _attribute(kind: str, place: int, by_head: Mapping[str, list[_Entry]]) -> Attribute:
    slots = [slot for slot in (kind, kind + _SINGLE) if slot in by_head]
    return Attribute(
        name=f"{kind}-{place + 1}",
        topic=by_head[slots[0]][place].topic,
        forms={slot: by_head[slot][place].text for slot in slots},
        negations={slot: by_head[slot + NEGATED][place].text for slot in slots},
    )


def templates_of(path: Path) -> tuple[Template, ...]:
    """Read a list of templates.

    Raises
    ------
    ItemError
        With file, line and field of the first line that is no template.
    """
    return tuple(_template(path, line, content, place) for place, (line, content) in enumerate(_lines(path), start=1))


def _template(path: Path, line: int, content: str, place: int) -> Template:
    parts = [part.strip() for part in content.split("\t")]
    if len(parts) != 3:
        raise ItemError(
            path=path,
            line=line,
            field="(the whole line)",
            found=content,
            expected="context, question and negated question, with tabs between them",
        )
    context, asked, negated = parts
    subjects = {found[1]: "subj" + (found[2] or "") for found in _SUBJECT_SLOT.finditer(context)}
    if len(_SUBJECT_SLOT.findall(context)) != 2 or set(subjects) != {"1", "2"}:
        raise ItemError(path=path, line=line, field="context", found=context, expected="[subj1] and [subj2], each once")
    slot = _ATTRIBUTE_SLOT.search(asked)
    if slot is None or slot[2] is not None:
        raise ItemError(path=path, line=line, field="question", found=asked, expected="the slot of an attribute")
    if f"[{slot[1]}{NEGATED}]" not in negated:
        raise ItemError(
            path=path, line=line, field="negated question", found=negated, expected=f"the slot [{slot[1]}{NEGATED}]"
        )
    return Template(
        number=place,
        context=context,
        asked=asked,
        negated=negated,
        subject_slots=(subjects["1"], subjects["2"]),
        slot=slot[1],
    )
