"""What WinoBias and Winogender share: two sentences that differ in one pronoun, and two persons it may mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from biasaudit.probes.layouts.external.reading import sense_and_nonsense
from biasaudit.types import PairTexts, ProbeItem

WOMAN: Final = "woman"
MAN: Final = "man"

PRONOUNS: Final = {
    WOMAN: frozenset({"she", "her", "hers", "herself"}),
    MAN: frozenset({"he", "him", "his", "himself"}),
}
"""Group -> its pronouns."""


def opposite(group: str) -> str:
    """Return the other of the two groups."""
    return MAN if group == WOMAN else WOMAN


def question(sentence: str, pronoun: str) -> str:
    """Return the sentence and the beginning of a second one that says whom the pronoun means.

    Examples
    --------
    >>> question("The guest thanked the host because she was kind.", "she")
    'The guest thanked the host because she was kind. "She" refers to'
    """
    return f'{sentence} "{pronoun.capitalize()}" refers to'


def competence(item: ProbeItem, sentence: str) -> ProbeItem:
    """Return a competence item: a sentence against itself with one unrelated word.

    Whether the right person is found does not serve: a model that always follows the stereotype is
    right in every second sentence, as is one that understands nothing.
    """
    return sense_and_nonsense(replace(item, texts=PairTexts(context="", first=sentence, second=sentence)))
