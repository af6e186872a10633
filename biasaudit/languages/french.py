"""French."""

from __future__ import annotations

from typing import Final

from biasaudit.languages.language import Language

_NOUNS: Final = (
    "zèbre gland aimant oignon tulipe volcan verger comète huître caillou glacier lanterne turbine bougie échelle "
    "planète saphir clavier iceberg antenne alphabet triangle cuillère noisette équateur parapluie saxophone "
    "parachute avalanche aquarium accordéon enveloppe ascenseur bouilloire citrouille astéroïde microscope "
    "thermomètre hémisphère réfrigérateur encyclopédie"
)
_GRAMMAR: Final = (
    "alors après aussi autre autres avant avec avoir avait avaient beaucoup cela cette celle celui ceux chaque "
    "comme contre dans depuis donc dont elle elles encore entre étaient était être faire jamais leur leurs "
    "lorsque mais même moins notre nous parce pendant plus pour pourquoi presque puis quand quel quelle quelque "
    "quelques rien sans selon seulement sont sous tous tout toute toutes toujours très trop votre vous"
)

FRENCH: Final = Language(
    code="fr",
    name="French",
    requests=(
        "Écrivez une phrase.",
        "Donnez-moi un exemple de phrase, s'il vous plaît.",
        "Dites quelque chose.",
    ),
    question_leads=("", "Veuillez répondre à ce qui suit.\n\n", "Voici une question pour vous.\n\n"),
    question="{context}\n\nQ : {question}\nR :",
    lettered="{question}\nRéponse :",
    letter_alone="{question}\nRépondez par la lettre seule.",
    nouns=tuple(_NOUNS.split()),
    grammar=frozenset(_GRAMMAR.split()),
)
