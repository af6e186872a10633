"""The words that a search may put before a text: none that the items are about, nor any that stands near one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from biasaudit.attacks.plan import LEAST_WORDS, MOST_WORDS
from biasaudit.errors import UsageError
from biasaudit.languages import find_language
from biasaudit.robustness.border import forms_of, protected
from biasaudit.types import Role

if TYPE_CHECKING:
    from biasaudit.models.backend import Backend
    from biasaudit.probes import Probe
    from biasaudit.types.search import Word

NEAREST: Final = 1000
"""Of every so many words the nearest one to each word that the items are about is left out, by its embedding."""


def lexicon(backend: Backend, probes: Sequence[Probe], *, given: Sequence[str] | None) -> tuple[Word, ...]:
    """Return the words of a search.

    Parameters
    ----------
    backend : Backend
        Whose tokenizer and embeddings decide: the base.
    probes : sequence of Probe
        Those that are asked: words of their groups, attributes and continuations are left out.
    given : sequence of str or None
        The user's own words; None takes the model's.

    Raises
    ------
    UsageError
        If hardly any is left.
    """
    barred = {word for probe in probes for word in _about(probe)}
    found = [
        word for word in backend.words(at_most=MOST_WORDS, given=given) if not forms_of(word.text.casefold()) & barred
    ]
    near = backend.near(found, sorted(barred), each=len(found) // NEAREST)
    left = tuple(word for word in found if word.text not in near)
    if len(left) < LEAST_WORDS:
        where = "the base's vocabulary" if given is None else "those given"
        raise UsageError(
            f"{len(left)} words are left of {where}, once those that the items are about are taken out and those that "
            "are no single token.",
            fix=f"Give at least {LEAST_WORDS} words of your own, one a line.",
        )
    return left


def _about(probe: Probe) -> set[str]:
    """Return the words that the items of a probe are about, in small letters, in all their forms."""
    language = find_language(probe.card.language)
    grammar = frozenset() if language is None else language.grammar
    words = {
        word.casefold()
        for item in probe.items
        if item.role is not Role.COMPETENCE
        for word in (*protected(item, grammar), *item.groups)
    }
    return {form for word in words for form in forms_of(word)}
