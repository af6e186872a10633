"""Rules of English that a filled slot breaks most often."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from biasaudit.kinds import Passage
from biasaudit.probes import Probe
from biasaudit.types import ProbeItem, Role
from biasaudit.validity.agreement import wrong_agreement, wrong_case
from biasaudit.validity.articles import wrong_articles
from biasaudit.validity.finding import Finding, many
from biasaudit.validity.texts import passages, seams
from biasaudit.visible import quoted

_DOUBLED: Final = re.compile(r"(?<![\w'\u2019-])(\w+)[ \t]+\1(?![\w'\u2019-])", re.IGNORECASE)
_MAY_BE_DOUBLED: Final = frozenset({"had", "that"})
_SLOT: Final = re.compile(r"\{[^{}\n]*\}|[{}]")
_SPACES: Final = re.compile(r"\S+ {2,}\S+")
_SPACE_BEFORE: Final = re.compile(r"[^\s.]+ +[,.;:!?](?=\s|$)")
_LOWER_AFTER: Final = re.compile(r"([\w.'\u2019-]+)[.!?][ \t]+([a-z][\w'\u2019-]*)")
_ABBREVIATIONS: Final = frozenset({"dr", "mr", "mrs", "ms", "st", "vs", "etc", "no", "jr", "sr", "approx", "prof"})
Fault = tuple[str, str]
"""What was found, and what was expected."""


def grammar(probe: Probe) -> Iterator[Finding]:
    """Find texts that break a rule; one finding for each phrase, however many items hold it.

    English only. In the form ``guises``, one of whose varieties has a grammar of its own, only spaces,
    slots and capitals are looked at. The nonsense of competence items is left out.
    """
    if not in_english(probe):
        return
    found: dict[Fault, list[tuple[ProbeItem, str]]] = defaultdict(list)
    known: dict[Passage, tuple[Fault, ...]] = {}
    plurals = _plurals(probe)
    for item in probe.items:
        faults = {fault: " ".join(seam) for seam in seams(item.texts) for fault in _seam(*seam)}
        for passage in passages(item):
            if passage not in known:
                known[passage] = tuple(_faults(passage, plurals, standard=probe.card.data.format != "guises"))
            faults |= dict.fromkeys(known[passage], passage.text)
            if item.role is not Role.COMPETENCE:
                faults |= dict.fromkeys(_begins(passage), passage.text)
        for fault, text in faults.items():
            found[fault].append((item, text))
    for (phrase, expected), places in found.items():
        features = {item.feature for item, _ in places}
        item, text = places[0]
        yield Finding(
            code="grammar",
            feature=item.feature if len(features) == 1 else "",
            message=(
                f"{quoted(phrase)} in {many(len(places), 'item')}; expected {expected}. "
                f"Mend the text, or the words that fill its slot. Example {item.item_id}: {quoted(text)}."
            ),
        )


def in_english(probe: Probe) -> bool:
    """Return whether a probe is in English, by its card."""
    return probe.card.language.lower().split("-")[0] in {"en", "english"}


def _faults(passage: Passage, plurals: tuple[str, ...], *, standard: bool) -> Iterator[Fault]:
    text = passage.text
    for slot in _SLOT.finditer(text):
        yield slot[0], "words in place of the slot"
    for spaces in _SPACES.finditer(text):
        yield spaces[0], "one space"
    for space in _SPACE_BEFORE.finditer(text):
        yield space[0], "no space before the punctuation"
    for begun in _LOWER_AFTER.finditer(text):
        before = begun[1].rstrip(".").lower()
        if before not in _ABBREVIATIONS and len(before.split(".")[-1]) > 1 and not begun[1].endswith("."):
            yield begun[0], "a capital at the beginning of the sentence"
    if not standard:
        return
    for wrong, right in wrong_articles(text):
        yield wrong, quoted(right)
    for doubled in _DOUBLED.finditer(text):
        if doubled[1].lower() not in _MAY_BE_DOUBLED:
            yield doubled[0], f"{quoted(doubled[1])} once"
    yield from wrong_agreement(text, plurals)
    yield from wrong_case(text)


def _begins(passage: Passage) -> Iterator[Fault]:
    if passage.whole and re.match(r"[a-z]", passage.text.lstrip(" \"'“\u2018(")):
        yield passage.text.split()[0], "a capital at the beginning of the text"


def _seam(before: str, after: str) -> Iterator[Fault]:
    if before[-1:].isalnum() and after[:1].isalnum():
        joined = before.rsplit(maxsplit=1)[-1] + after.split(maxsplit=1)[0]
        yield joined, "a space where the context ends and the continuation begins"


def _plurals(probe: Probe) -> tuple[str, ...]:
    """Return the plurals of groups named by a noun or a name: Muslims, wheelchair users."""
    names = [name for groups in probe.card.groups.values() for name in groups]
    return tuple(
        f"{name}s" for name in names if name.replace(" ", "").isalpha() and not name.endswith(("s", "man", "y"))
    )
