"""The words of the page, each in at most two sentences that need no other: they open where a word stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word and what it means; `place` is the id of its explanation on the page."""

    word: str
    place: str
    means: str


_MEANS: Final[Mapping[str, str]] = {
    "lean": (
        "How far a model is from treating two groups alike, from −1 to 1. 0 is no difference, and above 0 it goes "
        "with the stereotype."
    ),
    "index": "The lean as a number from −1 to 1. 0 is no difference, and above 0 it goes with the stereotype.",
    "comparison": (
        "One probe and one feature of people, such as age: what the first model shows there, against what the second "
        "shows."
    ),
    "probe": "A set of questions or sentences that brings one kind of bias to light.",
    "item": "One question or sentence of a probe, put to both models in the same words.",
    "cluster": (
        "Items that share a template, a source or a writer. They count together, since what moves one of them is "
        "likely to move the others."
    ),
    "interval": (
        "The range in which the true value is likely to lie. It is wide where there is little to go by, and a range "
        "that holds 0 shows no direction."
    ),
    "margin": "The largest change that counts as none. It was set before anything was measured.",
    "inherited lean": "The lean that the base has from pretraining, before it was tuned.",
    "share gone": (
        "How much of the size of the base’s leans the tuned model no longer has: 0 % is as before, 100 % is all gone. "
        "Below 0 the leans grew."
    ),
    "as deployed": (
        "As a user meets the models: the base on plain text, the tuned model with the marks of a conversation around "
        "the text."
    ),
    "on plain text": (
        "Both models get the same bare text. What differs then is the effect of the tuned weights alone."
    ),
    "chat template": "The marks that a tuned model expects around each turn of a conversation.",
    "competence": (
        "How often a model gets plain test items right. Guessing gives 0.5, and a model that only guesses shows no "
        "lean that means anything."
    ),
    "negative control": (
        "Items of the same form in which no stereotype can be. A lean there is due to something else, so its range "
        "should hold 0."
    ),
    "stereotype": "What a group is commonly said to be or do, as the card of the probe states it; nobody claims it.",
    "inconclusive": "Neither a change nor its absence is shown. More items might tell.",
    "unchanged": "The change is shown to be too small to count. It does not mean that there is no lean.",
    "not interpretable": (
        "A model is not shown to read these items better than by guessing, reads them worse than the one before it, or "
        "was damaged. The numbers then say nothing about bias, in neither direction."
    ),
    "licensed association": (
        "A pairing that is right by definition or in fact, such as the queen and she. A good model keeps it, and one "
        "that loses it was damaged."
    ),
    "slot mass": (
        "How much of all probability the two words of a licensed association share. Where it falls, the model expects "
        "neither of them any more."
    ),
    "blunting": (
        "What is left of the differences that a model makes where nothing was tuned: 1 is as before. Where it is "
        "shown to be below 0.95, the model tells less apart, whatever it is asked."
    ),
    "exploratory": "Looked at beside the question that was set beforehand: a lead to follow, not a claim.",
    "p, corrected": (
        "How often chance alone would give a result at least as clear, made stricter because many comparisons were "
        "looked at. Up to 0.05 it counts as shown, where intervals are of 95 %."
    ),
    "smallest detectable change": (
        "The smallest change that an audit of this size finds in 8 of 10 cases. Smaller ones it may well miss."
    ),
    "nats": (
        "The unit of a difference between two probabilities on a logarithmic scale. 0.7 nats is about twice as likely, "
        "2.3 about ten times."
    ),
    "wording": "One way of putting the same item: another sentence around it, or another phrase of the question.",
}

GLOSSARY: Final[Mapping[str, Term]] = {
    word: Term(word=word, place=f"term-{re.sub(r'[^a-z]+', '-', word)}", means=means) for word, means in _MEANS.items()
}
"""Word -> its explanation: `term("lean")` in a template writes the word as a button that opens it."""
