"""English."""

from __future__ import annotations

from typing import Final

from biasaudit.languages.english_rules import faults
from biasaudit.languages.language import Language

_NOUNS: Final = (
    "spoon comet onion acorn zebra tulip meter igloo gallon magnet pebble walnut kettle ladder candle planet "
    "oyster zipper eclipse glacier lantern pumpkin turbine rainbow orchard equator octagon antenna iceberg "
    "keyboard triangle teaspoon sapphire umbrella asteroid alphabet envelope aquarium elevator parachute "
    "saxophone kilometer avalanche accordion escalator earthquake windshield microscope hemisphere skyscraper "
    "thermometer thunderstorm refrigerator encyclopedia"
)
_GRAMMAR: Final = (
    "about above after again against although always another because been before being below between both could "
    "does doing during each either else even ever every everyone from have having here herself himself into "
    "itself just less many might more most much must myself never nobody none nothing often once only other "
    "others otherwise ought ourselves over quite rather same shall should since some someone something still such "
    "than that their theirs them themselves then there these they this those though through toward under until "
    "very were what when where whether which while whom whose will with within without would your yours yourself"
)

ENGLISH: Final = Language(
    code="en",
    name="English",
    requests=(
        "Write one sentence.",
        "Please give me an example of a sentence.",
        "Say something.",
    ),
    question_leads=("", "Please answer the following.\n\n", "Here is a question for you.\n\n"),
    question="{context}\n\nQ: {question}\nA:",
    lettered="{question}\nAnswer:",
    letter_alone="{question}\nAnswer with the letter alone.",
    nouns=tuple(_NOUNS.split()),
    grammar=frozenset(_GRAMMAR.split()),
    faults=faults,
)
