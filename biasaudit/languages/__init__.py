"""One file a language: to add one, write its file and name it in :data:`LANGUAGES`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.errors import UsageError
from biasaudit.languages.english import ENGLISH
from biasaudit.languages.french import FRENCH
from biasaudit.languages.language import Language

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENGLISH", "LANGUAGES", "Language", "find_language", "language_of"]

LANGUAGES: Final[Mapping[str, Language]] = {"en": ENGLISH, "fr": FRENCH}


def find_language(code: str) -> Language | None:
    """Return the language of a code, with or without a region, or of a name; None where there is no file of it.

    Examples
    --------
    >>> [found and found.code for found in map(find_language, ("en-GB", "English", "FR", "de"))]
    ['en', 'en', 'fr', None]
    """
    main = code.lower().partition("-")[0]
    by_name = {language.name.lower(): language for language in LANGUAGES.values()}
    return LANGUAGES.get(code.lower()) or LANGUAGES.get(main) or by_name.get(main)


def language_of(code: str, *, asked_by: str) -> Language:
    """Return the language in which a probe asks.

    Parameters
    ----------
    code : str
        As on the probe's card: ``fr``, or with a region, ``fr-CA``.
    asked_by : str
        The probe, for the message.

    Raises
    ------
    UsageError
        If there is no file of it: the probe would be asked in another language than its own.

    Examples
    --------
    >>> language_of("fr-CA", asked_by="mine").requests[2]
    'Dites quelque chose.'
    """
    found = find_language(code)
    if found is None:
        raise UsageError(
            f"probe {asked_by!r} is in the language {code!r}, of which biasaudit has no requests and no frames for "
            f"questions; it has {', '.join(f'{one.code} ({one.name})' for one in LANGUAGES.values())}.",
            fix="Ask its texts as they are with --framing plain, or add the language: a file in biasaudit/languages.",
        )
    return found
