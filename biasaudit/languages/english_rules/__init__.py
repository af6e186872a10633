"""Rules of English that a filled slot breaks most often."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from biasaudit.languages.english_rules.agreement import wrong_agreement, wrong_case
from biasaudit.languages.english_rules.articles import wrong_articles
from biasaudit.visible import quoted

__all__ = ["faults"]

_DOUBLED: Final = re.compile(r"(?<![\w'\u2019-])(\w+)[ \t]+\1(?![\w'\u2019-])", re.IGNORECASE)
_MAY_BE_DOUBLED: Final = frozenset({"had", "that"})


def faults(text: str, plurals: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what breaks a rule in a text of standard English, and what was expected.

    Parameters
    ----------
    text : str
    plurals : sequence of str
        Further words for several people, such as the plurals of the card's groups.

    Examples
    --------
    >>> list(faults("The the nurse saw an university.", ()))
    [('an university', '"a university"'), ('The the', '"The" once')]
    """
    for wrong, right in wrong_articles(text):
        yield wrong, quoted(right)
    for doubled in _DOUBLED.finditer(text):
        if doubled[1].lower() not in _MAY_BE_DOUBLED:
            yield doubled[0], f"{quoted(doubled[1])} once"
    yield from wrong_agreement(text, plurals)
    yield from wrong_case(text)
