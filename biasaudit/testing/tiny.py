"""Real transformers with a set lean, trained in seconds; and the probe that fits them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

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
    "id": "tiny-pronouns",
    "name": "Pronouns of a tiny corpus",
    "version": "1",
    "kind": "pair",
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


def tiny_probe(folder: str | Path) -> Path:
    """Write the probe of the generated corpus.

    One bias item per template and occupation (clusters are templates), as many of competence (the
    sentence against its words in another order), and controls that differ in a word without a lean.

    Returns
    -------
    Path
        The folder: the probe's name.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for number, template in enumerate(TEMPLATES):
        for occupation, side in LEANING.items():
            common = {"cluster": f"t{number}", "feature": "gender"}
            first, second = (template.format(occupation=occupation, pronoun=PRONOUNS[one]) for one in (side, 1 - side))
            name = f"t{number}-{occupation}"
            rows.append({**common, "id": name, "groups": ["she", "he"], "first": first, "second": second})
            backwards = " ".join(reversed(first.split()))
            rows.append(
                {
                    **common,
                    "id": f"{name}-sense",
                    "role": "competence",
                    "groups": [],
                    "first": first,
                    "second": backwards,
                }
            )
        for control in CONTROLS:
            first, second = control_texts(template, control)
            rows.append(
                {
                    "cluster": f"t{number}",
                    "feature": "gender",
                    "id": f"t{number}-{'-'.join(control)}",
                    "role": "control",
                    "groups": [],
                    "first": first,
                    "second": second,
                }
            )
    # JSON is YAML.
    (target / "card.yaml").write_text(json.dumps(_CARD, indent=2) + "\n", encoding="utf-8")
    (target / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return target


def _check(lean: float) -> None:
    if not 0 <= lean <= 1:
        raise UsageError(f"the lean is {lean}.", fix="It is a probability: 0.5 is no lean, 0.9 a strong one.")
