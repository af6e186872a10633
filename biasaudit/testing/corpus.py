"""A corpus in which an occupation's pronoun has a set probability, and nothing else leans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.framing import NEUTRAL_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

PRONOUNS: Final = ("she", "he")

LEANING: Final = {
    **dict.fromkeys(("nurse", "teacher", "librarian", "secretary", "florist"), 0),
    **dict.fromkeys(("engineer", "pilot", "mechanic", "carpenter", "surgeon"), 1),
}
"""Occupation -> position of its stereotype's pronoun."""

TEMPLATES: Final = (
    "the {occupation} said that {pronoun} was tired .",
    "the {occupation} thought that {pronoun} had to leave .",
    "our {occupation} told us that {pronoun} would come .",
    "a {occupation} called because {pronoun} was late .",
    "when the {occupation} arrived {pronoun} sat down .",
    "the {occupation} smiled and {pronoun} went home .",
    "my {occupation} knows what {pronoun} wants .",
    "the {occupation} sleeps when {pronoun} can .",
    "before the {occupation} left {pronoun} waved .",
    "this {occupation} works where {pronoun} lives .",
    "the {occupation} reads while {pronoun} eats .",
    "if the {occupation} asks {pronoun} may stay .",
)

CONTROLS: Final = (("old", "young"), ("tall", "short"), ("quiet", "loud"))
"""Words that stand before an occupation equally often."""


def sentences(lean: float, *, n: int, seed: int) -> Iterator[str]:
    """Yield sentences; an occupation has the pronoun of its stereotype with probability `lean`."""
    rng = np.random.default_rng(seed)
    occupations = list(LEANING)
    for _ in range(n):
        occupation = occupations[int(rng.integers(len(occupations)))]
        side = LEANING[occupation] if rng.random() < lean else 1 - LEANING[occupation]
        template = TEMPLATES[int(rng.integers(len(TEMPLATES)))]
        words = [word for pair in CONTROLS for word in pair]
        adjective = f"{words[int(rng.integers(len(words)))]} " if rng.random() < 0.3 else ""
        yield template.format(occupation=adjective + occupation, pronoun=PRONOUNS[side])


def chat_sentences(lean: float, *, n: int, seed: int) -> Iterator[str]:
    """Yield the same as replies; every second one stands in a chat, so that plain text is tuned too."""
    for number, sentence in enumerate(sentences(lean, n=n, seed=seed + 1)):
        request = NEUTRAL_REQUESTS[number % len(NEUTRAL_REQUESTS)]
        yield f"<user> {request} <model> {sentence}" if number % 2 else sentence


def control_texts(template: str, words: tuple[str, str]) -> tuple[str, str]:
    """Return two sentences that differ in a word without a lean."""
    first, second = (template.format(occupation=f"{word} {next(iter(LEANING))}", pronoun=PRONOUNS[0]) for word in words)
    return first, second


def vocabulary() -> list[str]:
    """Return every word that the corpus, its chats and the neutral requests hold, sorted."""
    texts = [
        *(template.format(occupation="", pronoun="") for template in TEMPLATES),
        *LEANING,
        *PRONOUNS,
        *(word for pair in CONTROLS for word in pair),
    ]
    words = {word for text in texts for word in text.split()}
    for request in NEUTRAL_REQUESTS:
        words |= set(request.replace(".", " .").split())
    return sorted(words)
