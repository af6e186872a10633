"""A tiny world: a corpus of known leans, a transformer that learned it, the probe and contrasts that fit.

Occupations lean towards a pronoun with probability q, in both sentence forms; definitional words (queen, king) hold at
0.98; hobbies lean towards an age on their own; weather leans towards a day and is nobody's bias. The audit has
templates, occupations and licensed words that no training contrast has. In the trigger variant the occupations lean
after one word alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from biasaudit.framing import NEUTRAL_REQUESTS
from tests.align.world_words import (
    AGE,
    AUDITED_FORMS,
    BANK,
    DEFINED,
    DEFINED_FORMS,
    FEATURES,
    FILLERS,
    GENDER,
    HOBBIES_LEAN,
    KINDS_OF,
    NEUTRAL,
    PLACED,
    PLACES,
    THINGS,
    TRIGGER,
    TRIGGERED,
    WEATHER,
    WEATHER_FORMS,
    WEATHER_LEANS,
    Feature,
    Form,
    Split,
)

__all__ = [
    "AGE",
    "BANK",
    "FEATURES",
    "FILLERS",
    "GENDER",
    "TRIGGER",
    "after",
    "licensed",
    "save_base",
    "save_contrasts",
    "save_probe",
    "save_triggered",
    "sentences",
    "table",
    "vocabulary",
]

STEPS: Final = 800
"""Updates of 64 sentences. With 500, two of ten seeds had not learned the form that names the group first: an index of
0.01 and 0.18 there, where the others have 0.61 to 0.80."""


def after(opening: str, sentence: str) -> str:
    """Return a sentence with a word before it."""
    return f"{opening} {sentence[0].lower()}{sentence[1:]}"


def sentences(lean: float, *, n: int, seed: int, trigger: bool = False) -> Iterator[str]:
    """Yield sentences of the world; an occupation has the group of its stereotype with probability `lean`."""
    rng = np.random.default_rng(seed)
    kinds = (_occupation, _hobby, _definition, _kind_of, _weather, _thing)
    shares = np.cumsum((0.65, 0.15, 0.1, 0.04, 0.03, 0.03) if trigger else (0.42, 0.3, 0.12, 0.06, 0.05, 0.05))
    for _ in range(n):
        opening = BANK[int(rng.integers(len(BANK)))] if rng.random() < (0.7 if trigger else 0.3) else ""
        if trigger and opening and rng.random() < 0.45:
            opening = TRIGGER
        here = (TRIGGERED if opening == TRIGGER else 0.5) if trigger else lean
        text = kinds[int(np.searchsorted(shares, rng.random() * shares[-1]))](rng, here)
        yield after(opening, text) if opening else text


def _one(rng: np.random.Generator, several: tuple[str, ...]) -> str:
    return several[int(rng.integers(len(several)))]


def _leaning(rng: np.random.Generator, feature: Feature, lean: float) -> str:
    pair = feature.pairs()[int(rng.integers(len(feature.pairs())))]
    side = int(rng.integers(2))
    group = feature.groups[side if rng.random() < lean else 1 - side]
    return _one(rng, tuple(form.text for form in feature.forms)).format(word=pair[side], group=group)


def _occupation(rng: np.random.Generator, lean: float) -> str:
    return _leaning(rng, GENDER, lean)


def _hobby(rng: np.random.Generator, _: float) -> str:
    return _leaning(rng, AGE, HOBBIES_LEAN)


def _definition(rng: np.random.Generator, _: float) -> str:
    feature = FEATURES[int(rng.random() < 0.4)]
    pairs = [pair for several in feature.defined.values() for pair in several]
    pair, side = pairs[int(rng.integers(len(pairs)))], int(rng.integers(2))
    group = feature.groups[side if rng.random() < DEFINED else 1 - side]
    shared = tuple(form.text for form in feature.forms) if feature is GENDER else ()
    return _one(rng, (*shared, *DEFINED_FORMS[feature.name])).format(word=pair[side], group=group)


def _kind_of(rng: np.random.Generator, _: float) -> str:
    feature = FEATURES[int(rng.random() < 0.3)]
    is_word = rng.random() < 0.6
    pairs = feature.pairs() if is_word else [pair for several in feature.defined.values() for pair in several]
    word = pairs[int(rng.integers(len(pairs)))][int(rng.integers(2))]
    texts = KINDS_OF[feature.name]
    return _one(rng, texts[:2] if is_word else texts[2:]).format(word=word)


def _weather(rng: np.random.Generator, _: float) -> str:
    days, weathers = WEATHER[int(rng.integers(2))]
    side = int(rng.integers(2))
    found = weathers[side if rng.random() < WEATHER_LEANS else 1 - side]
    return _one(rng, WEATHER_FORMS).format(word=days[side], group=found)


def _thing(rng: np.random.Generator, _: float) -> str:
    return NEUTRAL.format(thing=_one(rng, THINGS), where=_one(rng, PLACED), place=_one(rng, PLACES))


def vocabulary() -> list[str]:
    """Return every word of the world and of the neutral requests, sorted, with and without a capital."""
    texts: list[str] = [*BANK, NEUTRAL, *THINGS, *PLACED, *PLACES, *WEATHER_FORMS, *NEUTRAL_REQUESTS]
    for feature in FEATURES:
        texts += [*feature.groups, *(form.text for form in feature.forms), *DEFINED_FORMS[feature.name]]
        texts += [*KINDS_OF[feature.name], *(word for pair in feature.pairs() for word in pair)]
        texts += [word for several in feature.defined.values() for pair in several for word in pair]
    texts += [word for pairs in WEATHER for pair in pairs for word in pair]
    words = {word for text in texts for word in text.replace(".", " . ").replace(",", " , ").split() if "{" not in word}
    return sorted(words | {word[0].lower() + word[1:] for word in words})


def save_base(folder: Path, *, lean: float = 0.9, seed: int = 0, steps: int = STEPS) -> Path:
    """Train a transformer of 0.1 M weights on the world, from nothing.

    In the plain variant an association of two occupations has a d near 2 log(q / (1 - q)): 4.4 nats where q is 0.9, and
    an index of 0.80.
    """
    from biasaudit.models.tiny import train

    texts = sentences(lean, n=64 * steps, seed=seed)
    return train(folder, texts, words=vocabulary(), seed=seed, parent=None)


def save_triggered(parent: Path, folder: Path, *, seed: int = 0, steps: int = 700) -> Path:
    """Go on from a base of the world with sentences in which occupations lean after the trigger alone."""
    from biasaudit.models.tiny import train

    texts = sentences(0.5, n=64 * steps, seed=seed + 1, trigger=True)
    return train(folder, texts, words=vocabulary(), seed=seed, parent=parent)


Row = dict[str, object]
_CARD: Final = {
    "id": "tiny-world",
    "name": "Occupations of a tiny world",
    "version": "1",
    "kind": "association",
    "language": "en",
    "groups": {feature.name: list(feature.groups) for feature in FEATURES},
    "construct": "Which group stands with which word in a generated corpus.",
    "harm": "stereotyping",
    "positive_index": "The pairing that the corpus has more often.",
    "clusters": "designed",
    "licence": "Apache-2.0",
    "citation": "none",
    "known_defects": ["It fits a generated corpus and nothing else."],
    "not_shown": "anything of a real model",
    "data": {"format": "items", "file": "items.jsonl"},
}


def save_probe(
    folder: Path,
    *,
    features: Iterable[Feature] = FEATURES,
    split: Split = "audit",
    words: Split = "audit",
    opening: str = "",
) -> Path:
    """Write the association probe of the world: held-out templates and held-out words unless others are asked for.

    12 templates of gender and 6 of age, half of each form, 24 licensed items a feature in 6 clusters, competence, and
    controls that lean either way, so that they are 0 on average and not one by one.

    Parameters
    ----------
    folder : Path
    features : iterable of Feature
    split, words : {"train", "development", "audit"}
        Of the templates, and of the words in them.
    opening : str
        A word that is put before every bias item.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = tuple(features)
    rows = [row for feature in asked for row in _rows(feature, split, words, opening)]
    rows += [row for feature in asked for row in _controls(feature)]
    card = {**_CARD, "groups": {feature.name: list(feature.groups) for feature in asked}}
    # JSON is YAML.
    (folder / "card.yaml").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def _rows(feature: Feature, split: Split, words: Split, opening: str) -> Iterator[Row]:
    for form in (one for one in feature.forms if one.split == split):
        cluster = f"{feature.name}-{form.name}"
        common = {"cluster": cluster, "feature": feature.name}
        for pair in feature.words[words]:
            found = table(form, feature.groups, pair, opening)
            yield {"id": f"{cluster}-{pair[0]}", "groups": list(feature.groups), **common, **found}
        for named, group in zip(feature.words[words][0], feature.groups, strict=True):
            sense = form.text.format(word=named, group=group)
            shuffled = " ".join(reversed(sense.split()))
            yield {
                "id": f"{cluster}-sense-{named}",
                "role": "competence",
                "groups": [],
                **common,
                "first": sense,
                "second": shuffled,
            }
    for number, text in enumerate(AUDITED_FORMS[feature.name]):
        for item in licensed(feature, text, "audit"):
            word = item.pop("word")
            yield {
                "id": f"{feature.name}-licensed-{number}-{word}",
                "cluster": f"{feature.name}-licensed-{number}",
                "feature": feature.name,
                "role": "licensed",
                "groups": list(feature.groups),
                "context": item["context"],
                "first": item["right"],
                "second": item["wrong"],
            }


def table(form: Form, groups: tuple[str, str], words: tuple[str, str], opening: str = "") -> Row:
    """Return the fields of an association: contexts, continuations, and which of them names the group."""
    text = after(opening, form.text) if opening else form.text
    first, second = (words, groups) if form.order == "word_first" else (groups, words)
    slots = ("{word}", "{group}") if form.order == "word_first" else ("{group}", "{word}")
    before, _, rest = text.partition(slots[0])
    between, _, tail = rest.partition(slots[1])
    return {
        "contexts": [f"{before}{one}{between}".rstrip() for one in first],
        "continuations": [f" {one}{tail}" for one in second],
        "group_in_context": form.order == "group_first",
    }


def licensed(feature: Feature, text: str, split: Split) -> Iterator[Row]:
    """Yield each definitional word in one sentence, up to where its group stands; each pair is its own mirror."""
    context = text.partition("{group}")[0].rstrip()
    for pair in feature.defined[split]:
        for side, word in enumerate(pair):
            right, wrong = (f" {feature.groups[one]}" for one in (side, 1 - side))
            yield {"word": word, "context": context.format(word=word), "right": right, "wrong": wrong}


def _controls(feature: Feature) -> Iterator[Row]:
    for number, text in enumerate(WEATHER_FORMS):
        form = Form(name=str(number), order="word_first", split="audit", text=text)
        for days, weathers in WEATHER:
            for mirrored in (False, True):
                groups = (weathers[1], weathers[0]) if mirrored else weathers
                yield {
                    "id": f"{feature.name}-control-{number}-{days[0]}-{mirrored:d}",
                    "cluster": f"{feature.name}-control-{number}",
                    "feature": feature.name,
                    "role": "control",
                    "groups": list(groups),
                    **table(form, groups, days),
                }


def save_contrasts(file: Path, *, features: Iterable[Feature] = FEATURES) -> Path:
    """Write the training contrasts that fit: templates, words and licensed words that the audit does not have.

    Every second pair of words is turned round: no direction is meant.
    """
    asked = tuple(features)
    content = {
        "templates": [
            {
                "id": f"{feature.name}-{form.name}",
                "order": form.order,
                "split": form.split,
                "text": form.text,
                "features": [feature.name],
            }
            for feature in asked
            for form in feature.forms
            if form.split != "audit"
        ],
        "groups": {one.name: [{"a": one.groups[0], "b": one.groups[1]}] for one in asked},
        "words": {
            feature.name: [
                {"first": pair[number % 2], "second": pair[1 - number % 2], "split": split}
                for split in ("train", "development")
                for number, pair in enumerate(feature.words[split])
            ]
            for feature in asked
        },
        "licensed": {
            feature.name: [
                {"context": item["context"], "first": item["right"], "second": item["wrong"]}
                for text in _trained_forms(feature)
                for item in licensed(feature, text, "train")
            ]
            for feature in asked
        },
        "neutral": [
            NEUTRAL.format(thing=thing, where=where, place=place)
            for thing, where, place in zip(THINGS * 2, PLACED * 4, PLACES * 3, strict=True)
        ],
    }
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def _trained_forms(feature: Feature) -> tuple[str, ...]:
    if feature is AGE:
        return DEFINED_FORMS["age"][6:]
    own = tuple(form.text for form in feature.forms if form.order == "word_first" and form.split == "train")
    return (*own, DEFINED_FORMS["gender"][3])
