"""What a filled slot breaks most often: spaces and capitals, and the rules of the language."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from biasaudit.kinds import Passage
from biasaudit.languages import find_language
from biasaudit.languages.language import Faults
from biasaudit.probes import Probe
from biasaudit.types import ProbeItem, Role
from biasaudit.validity.finding import Finding, many
from biasaudit.validity.texts import passages, seams
from biasaudit.visible import quoted

_SLOT: Final = re.compile(r"\{[^{}\n]*\}|[{}]")
_SPACES: Final = re.compile(r"\S+ {2,}\S+")
_SPACE_BEFORE: Final = re.compile(r"[^\s.]+ +[,.;:!?](?=\s|$)")
_LOWER_AFTER: Final = re.compile(r"([\w.'\u2019-]+)[.!?][ \t]+([a-z][\w'\u2019-]*)")
_ABBREVIATIONS: Final = frozenset({"dr", "mr", "mrs", "ms", "st", "vs", "etc", "no", "jr", "sr", "approx", "prof"})
Fault = tuple[str, str]
"""What was found, and what was expected."""


def grammar(probe: Probe) -> Iterator[Finding]:
    """Find texts that break a rule; one finding for each phrase, however many items hold it.

    Only in languages that have rules. In the form ``guises``, one of whose varieties has a grammar of its own, only
    spaces, slots and capitals are looked at. The nonsense of competence items is left out.
    """
    rules = rules_of(probe)
    if rules is None:
        return
    own = None if probe.card.data.format == "guises" else rules
    found: dict[Fault, list[tuple[ProbeItem, str]]] = defaultdict(list)
    known: dict[Passage, tuple[Fault, ...]] = {}
    plurals = _plurals(probe)
    for item in probe.items:
        faults = {fault: " ".join(seam) for seam in seams(item.texts) for fault in _seam(*seam)}
        for passage in passages(item):
            if passage not in known:
                known[passage] = tuple(_faults(passage, plurals, own))
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


def rules_of(probe: Probe) -> Faults | None:
    """Return the rules of a probe's language; None where there are none."""
    language = find_language(probe.card.language)
    return None if language is None else language.faults


def _faults(passage: Passage, plurals: tuple[str, ...], faults: Faults | None) -> Iterator[Fault]:
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
    if faults is not None:
        yield from faults(text, plurals)


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
