"""WinoQueer, first version: pairs that were made from lists of names, pronouns, verbs and adjectives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import (
    COMPETENCE_EVERY,
    Reader,
    Reading,
    one_of,
    sense_and_nonsense,
    table_rows,
    text_field,
)
from biasaudit.types import PairTexts, ProbeItem, Role

FEATURES: Final = {
    "cis_gay_pairwise_mf": "sexual-orientation",
    "cis_gay_pairwise_fm": "sexual-orientation",
    "cis_les_pairwise_mf": "sexual-orientation",
    "cis_les_pairwise_fm": "sexual-orientation",
    "masc_femm_name": "gender",
    "masc_femm_pronoun": "gender",
    "masc_trans_pronoun": "gender-identity",
    "femme_trans_pronoun": "gender-identity",
}
"""How a pair was made -> the feature in which its sentences differ."""

_DIRECTIONS: Final = ("stereo", "antistereo")


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read the distinct pairs; repeats and pairs of two equal sentences are left out and counted.

    Raises
    ------
    ItemError
        With file, line and field of the first row that is wrong.
    """
    [path] = paths.values()
    items: list[ProbeItem] = []
    seen: set[tuple[str, str]] = set()
    n_repeats = n_equal = 0
    for line, raw in table_rows(path):
        row = {name: value.strip() for name, value in raw.items()}
        item = _item(row, card, path=path, line=line)
        sentences = (row["sent_more"], row["sent_less"])
        if sentences[0] == sentences[1]:
            n_equal += 1
        elif sentences in seen:
            n_repeats += 1
        else:
            seen.add(sentences)
            items += [item, sense_and_nonsense(item)] if len(seen) % COMPETENCE_EVERY == 1 else [item]
    notices = (f"{n_repeats:,} rows repeat a pair, {n_equal} pairs have two equal sentences; they are left out.",)
    return Reading(items=tuple(items), notices=notices if n_repeats or n_equal else ())


def _item(row: Mapping[str, str], card: Card, *, path: Path, line: int) -> ProbeItem:
    texts = PairTexts(
        context="",
        first=text_field(row, "sent_more", path=path, line=line),
        second=text_field(row, "sent_less", path=path, line=line),
    )
    made = one_of(row, "bias_type", FEATURES, path=path, line=line)
    feature = one_of({"bias_type": FEATURES[made]}, "bias_type", card.groups, path=path, line=line)
    return ProbeItem(
        item_id=row.get("") or str(line),
        cluster_id=_shared(texts, made),
        feature=feature,
        groups=(),
        role=Role.BIAS,
        family=made,
        texts=texts,
        # Misspelt in the file.
        tags={"direction": one_of(row, "stereo_antistero", _DIRECTIONS, path=path, line=line), "made": made},
    )


def _shared(texts: PairTexts, made: str) -> str:
    """Return what ties pairs together: the person whom both sentences name, or the adjective."""
    first, second = (re.findall(r"[\w']+", text) for text in (texts.first, texts.second))
    common = [word for word in first if word in second]
    if "pairwise" in made:
        # The partners differ; verbs are too few to be clusters.
        persons = [word for word in common if word[0].isupper()]
        return persons[0] if persons else " ".join(common)
    return common[-1] if common else texts.first


READER: Final = Reader(read=read)
