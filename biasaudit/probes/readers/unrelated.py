"""A sentence with one word that has nothing to do with it: what a model that reads finds less likely."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+")

_ENGLISH: Final = (
    "spoon comet onion acorn zebra tulip meter igloo gallon magnet pebble walnut kettle ladder candle planet oyster "
    "zipper eclipse glacier lantern pumpkin turbine rainbow orchard equator octagon antenna iceberg keyboard triangle "
    "teaspoon sapphire umbrella asteroid alphabet envelope aquarium elevator parachute saxophone kilometer avalanche "
    "accordion escalator earthquake windshield microscope hemisphere skyscraper thermometer thunderstorm refrigerator "
    "encyclopedia"
)
_FRENCH: Final = (
    "zèbre gland aimant oignon tulipe volcan verger comète huître caillou glacier lanterne turbine bougie échelle "
    "planète saphir clavier iceberg antenne alphabet triangle cuillère noisette équateur parapluie saxophone "
    "parachute avalanche aquarium accordéon enveloppe ascenseur bouilloire citrouille astéroïde microscope "
    "thermomètre hémisphère réfrigérateur encyclopédie"
)
WORDS: Final[Mapping[str, tuple[str, ...]]] = {"en": tuple(_ENGLISH.split()), "fr": tuple(_FRENCH.split())}
"""Language -> things that hardly any sentence about people is about."""

_ENGLISH_GRAMMAR: Final = (
    "about above after again against although always another because been before being below between both could "
    "does doing during each either else even ever every everyone from have having here herself himself into "
    "itself just less many might more most much must myself never nobody none nothing often once only other "
    "others otherwise ought ourselves over quite rather same shall should since some someone something still such "
    "than that their theirs them themselves then there these they this those though through toward under until "
    "very were what when where whether which while whom whose will with within without would your yours yourself"
)
_FRENCH_GRAMMAR: Final = (
    "alors après aussi autre autres avant avec avoir avait avaient beaucoup cela cette celle celui ceux chaque "
    "comme contre dans depuis donc dont elle elles encore entre étaient était être faire jamais leur leurs "
    "lorsque mais même moins notre nous parce pendant plus pour pourquoi presque puis quand quel quelle quelque "
    "quelques rien sans selon seulement sont sous tous tout toute toutes toujours très trop votre vous"
)
_GRAMMAR: Final = frozenset([*_ENGLISH_GRAMMAR.split(), *_FRENCH_GRAMMAR.split()])
_CHOICES: Final = 4
"""Of the words that are nearest in length, among how many the seed chooses."""


def with_unrelated_word(sentence: str, *, seed: str, language: str = "en") -> str:
    """Return a sentence with its longest content word replaced by one that is unrelated to it.

    Nothing else changes: neither the order of the words nor how many there are, the case, a plural's ending in English
    or the article before it. Shuffled words are told from a sentence by every model that has learned any grammar, so
    that they say nothing of whether it reads.

    Parameters
    ----------
    sentence : str
    seed : str
        Decides among the words that are nearest in length.
    language : str
        One of :data:`WORDS`; another one takes the English words.

    Examples
    --------
    >>> with_unrelated_word("The doctors were late because of the traffic.", seed="1")
    'The doctors were late because of the eclipse.'
    """
    found = [one for one in _WORD.finditer(sentence) if _is_content(one[0])] or list(_WORD.finditer(sentence))
    if not found:
        return f"{sentence} {WORDS['en'][0]}".strip()
    place = max(found, key=lambda one: (len(one[0]), one.start()))
    word = _fitting(place[0], sentence, before=sentence[: place.start()], seed=seed, language=language)
    return sentence[: place.start()] + word + sentence[place.end() :]


def _is_content(word: str) -> bool:
    # Names are what many sets differ in.
    return word.islower() and len(word) > 3 and word not in _GRAMMAR


def _fitting(word: str, sentence: str, *, before: str, seed: str, language: str) -> str:
    known = WORDS.get(language, WORDS["en"])
    is_plural = language == "en" and word.endswith("s") and not word.endswith("ss")
    there = set(_WORD.findall(sentence.lower()))
    fitting = [one for one in known if one not in there and f"{one}s" not in there]
    article = (_WORD.findall(before.lower()) or [""])[-1]
    if language == "en" and article in {"a", "an"}:
        fitting = [one for one in fitting if (one[0] in "aeiou") == (article == "an")]
    nearest = sorted(fitting, key=lambda one: (abs(len(one) + is_plural - len(word)), one))[:_CHOICES]
    digest = hashlib.sha256(f"{seed}\x1f{word}".encode("utf-8", "surrogatepass")).digest()
    chosen = nearest[digest[0] % len(nearest)] + ("s" if is_plural else "")
    return chosen.capitalize() if word[0].isupper() else chosen
