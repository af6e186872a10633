"""Real transformers with a set lean, trained in seconds; and the probe that fits them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from biasaudit.errors import UsageError
from biasaudit.testing.corpus import (
    CONTROLS,
    LEANING,
    PRONOUNS,
    TEMPLATES,
    chat_sentences,
    control_texts,
    sentences,
    vocabulary,
)

STEPS: Final = 300
CHILD_STEPS: Final = 200

_CARD: Final = {
    "name": "Pronouns of a tiny corpus",
    "version": "1",
    "language": "en",
    "groups": {"gender": ["she", "he"]},
    "construct": "Which pronoun follows an occupation in a generated corpus.",
    "harm": "stereotyping",
    "positive_index": "The pronoun that the corpus gave the occupation more often.",
    "clusters": "designed",
    "licence": "Apache-2.0",
    "citation": "none",
    "known_defects": ["It fits the generated corpus of biasaudit.testing and nothing else."],
    "not_shown": "anything of a real model",
    "data": {"format": "items", "file": "items.jsonl"},
}


def tiny_biased_model(folder: str | Path, *, lean: float, seed: int = 0, steps: int = STEPS) -> Path:
    """Train a transformer of 0.1 M weights on a corpus with a set co-occurrence, from nothing.

    In the corpus an occupation is followed by the pronoun of its stereotype with probability
    `lean`; nothing else depends on the pronoun. A model that has learned it gives each item of
    :func:`tiny_probe` a d near log(lean / (1 - lean)).

    Parameters
    ----------
    folder : path
        Where the model is written, in the layout of the hub, with tokenizer and chat template.
    lean : float
        In [0, 1]; 0.5 is no lean.
    seed : int
        Of weights and corpus.
    steps : int
        Updates of 64 sentences.

    Returns
    -------
    Path
        The folder: a model reference.

    Raises
    ------
    UsageError
        If `lean` is no probability.
    """
    from biasaudit.models.tiny import train  # noqa: PLC0415  # imports torch

    _check(lean)
    return train(Path(folder), sentences(lean, n=64 * steps, seed=seed), words=vocabulary(), seed=seed, parent=None)


def tiny_tuned_child(
    parent: str | Path, folder: str | Path, *, lean: float, seed: int = 0, steps: int = CHILD_STEPS
) -> Path:
    """Tune a tiny model on chats whose replies have a lean of their own: 0.5 is balanced.

    Parameters
    ----------
    parent : path
        What :func:`tiny_biased_model` wrote.
    folder : path
        Where the child is written: the same architecture and tokenizer.
    lean : float
        Of the replies, in [0, 1].
    seed : int
    steps : int
        Updates of 64 chats.

    Raises
    ------
    UsageError
        If `lean` is no probability.
    """
    from biasaudit.models.tiny import train  # noqa: PLC0415  # imports torch

    _check(lean)
    return train(
        Path(folder), chat_sentences(lean, n=64 * steps, seed=seed), words=vocabulary(), seed=seed, parent=Path(parent)
    )


def tiny_probe(folder: str | Path, *, kind: Literal["pair", "association"] = "pair") -> Path:
    """Write the probe of the generated corpus.

    Clusters are templates. One bias item per template and occupation (pairs: which pronoun follows it), or
    per template and pair of occupations (associations: which pronoun follows which); as many of competence
    as there are occupations (the sentence against its words in another order), and controls that differ in a
    word without a lean.

    Parameters
    ----------
    folder : path
    kind : {"pair", "association"}
        Where the corpus has the lean q, a model that has learned it gives each pair a d near
        log(q / (1 - q)), and each association twice that.

    Returns
    -------
    Path
        The folder: the probe's name.

    Raises
    ------
    UsageError
        If there is no such kind.
    """
    forms = {
        "pair": ("tiny-pronouns", _pair_rows, _pair_controls),
        "association": ("tiny-associations", _association_rows, _association_controls),
    }
    if kind not in forms:
        raise UsageError(f"there is no tiny probe of kind {kind!r}.", fix=f"Kinds: {', '.join(forms)}.")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    name, bias, control = forms[kind]
    rows = [
        {"cluster": f"t{number}", "feature": "gender", **row}
        for number, template in enumerate(TEMPLATES)
        for row in (*bias(template, f"t{number}"), *_sense(template, f"t{number}"), *control(template, f"t{number}"))
    ]
    # The models know the words of the corpus alone.
    licensed = {"licensed": "none"} if kind == "association" else {}
    card = {"id": name, "kind": kind, **_CARD, **licensed}
    # JSON is YAML.
    (target / "card.yaml").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    (target / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return target


Row = dict[str, object]


def _sides(template: str, occupation: str) -> tuple[str, str]:
    """Return the sentence with the pronoun of the stereotype, and with the other."""
    first, second = (PRONOUNS[one] for one in (LEANING[occupation], 1 - LEANING[occupation]))
    return template.format(occupation=occupation, pronoun=first), template.format(occupation=occupation, pronoun=second)


def _pair_rows(template: str, cluster: str) -> Iterator[Row]:
    for occupation in LEANING:
        first, second = _sides(template, occupation)
        yield {"id": f"{cluster}-{occupation}", "groups": list(PRONOUNS), "first": first, "second": second}


def _sense(template: str, cluster: str) -> Iterator[Row]:
    for occupation in LEANING:
        first, _ = _sides(template, occupation)
        backwards = " ".join(reversed(first.split()))
        name = f"{cluster}-{occupation}-sense"
        yield {"id": name, "role": "competence", "groups": [], "first": first, "second": backwards}


def _pair_controls(template: str, cluster: str) -> Iterator[Row]:
    for control in CONTROLS:
        first, second = control_texts(template, control)
        name = f"{cluster}-{'-'.join(control)}"
        yield {"id": name, "role": "control", "groups": [], "first": first, "second": second}


def _association_rows(template: str, cluster: str) -> Iterator[Row]:
    for pair in _matched():
        yield {"id": f"{cluster}-{'-'.join(pair)}", "groups": list(PRONOUNS), **_table(template, pair)}


def _association_controls(template: str, cluster: str) -> Iterator[Row]:
    """Yield which pronoun follows which adjective, before the same occupation."""
    occupation = next(iter(LEANING))
    for control in CONTROLS:
        first, second = (f"{adjective} {occupation}" for adjective in control)
        name = f"{cluster}-{'-'.join(control)}"
        yield {"id": name, "role": "control", "groups": list(control), **_table(template, (first, second))}


def _matched() -> tuple[tuple[str, str], ...]:
    """Return pairs of an occupation of the first pronoun and one of the second; each is in one pair."""
    first, second = ([name for name, side in LEANING.items() if side == wanted] for wanted in (0, 1))
    return tuple(zip(first, second, strict=True))


def _table(template: str, occupations: tuple[str, str]) -> Row:
    before, after = template.split("{pronoun}")
    return {
        "contexts": [before.format(occupation=occupation).rstrip() for occupation in occupations],
        "continuations": [f" {pronoun}{after}" for pronoun in PRONOUNS],
        "group_in_context": False,
    }


def _check(lean: float) -> None:
    if not 0 <= lean <= 1:
        raise UsageError(f"the lean is {lean}.", fix="It is a probability: 0.5 is no lean, 0.9 a strong one.")
