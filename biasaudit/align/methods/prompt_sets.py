"""Sets of prompts to be continued: drawn from contrasts, as tokens, and judged by what they were continued with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from biasaudit.align.contrasts.form import SLOT
from biasaudit.align.disparity_reward import Judged, chosen, judged_disparity, judged_licensed
from biasaudit.errors import UsageError
from biasaudit.framing import PLAIN, request_key
from biasaudit.models.text.encoding import Encoded, encode_all
from biasaudit.types import Request
from biasaudit.visible import in_short

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedTokenizerBase

    from biasaudit.align.contrasts import Contrasts, ContrastSet

One = TypeVar("One")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is continued, and which continuations are looked for.

    Attributes
    ----------
    context : str
    context_ids : tuple of int
        With its beginning.
    options : tuple of str
        Words that a continuation may begin with; of a licensed prompt the right one first.
    option_ids : tuple of tuple of int
        Tokens of the continuations that have them.
    """

    context: str
    context_ids: tuple[int, ...]
    options: tuple[str, str]
    option_ids: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """Two prompts whose continuations are judged together.

    Attributes
    ----------
    licensed : bool
        Whether they are two licensed prompts, which have quality alone; else one disparity set.
    prompts : tuple of Prompt
    """

    licensed: bool
    prompts: tuple[Prompt, Prompt]

    def read(self, sides: Sequence[int], texts: Sequence[str]) -> list[int | None]:
        """Return which option each continuation begins with, of the prompt that `sides` names."""
        return [chosen(text, self.prompts[side].options) for side, text in zip(sides, texts, strict=True)]

    def judged(self, sides: Sequence[int], choices: Sequence[int | None]) -> Judged:
        """Judge what was chosen after the prompts that `sides` names."""
        return judged_licensed(sides, choices) if self.licensed else judged_disparity(sides, choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Two prompts before they are tokens: a context, two continuations and the words looked for in them, of each."""

    licensed: bool
    contexts: tuple[str, str]
    continuations: tuple[tuple[str, str], tuple[str, str]]
    options: tuple[tuple[str, str], tuple[str, str]]


def drawn(contrasts: Contrasts, n: int, rng: np.random.Generator) -> Iterator[ContrastSet]:
    """Draw sets so that each template of each feature, with its sentence form, comes as often as any other."""
    cells: dict[tuple[str, str], list[ContrastSet]] = {}
    for one in contrasts.sets("train"):
        cells.setdefault((one[0], one[1].id), []).append(one)
    for cell in in_turn(tuple(cells), n, rng):
        yield cells[cell][int(rng.integers(len(cells[cell])))]


def in_turn(several: Sequence[One], n: int, rng: np.random.Generator) -> Iterator[One]:
    """Yield `n` of several, all of them once before any again."""
    for start in range(0, n, max(len(several), 1)):
        for place in rng.permutation(len(several))[: n - start]:
            yield several[int(place)]


def of_contrast(one: ContrastSet, *, slots: bool) -> Wanted:
    """Return the two prompts of a disparity set: A and B, or the first and the second word.

    Parameters
    ----------
    one : ContrastSet
    slots : bool
        Whether continuations are scored with what follows the word, as an audit does; else the word alone is read.
    """
    _, template, groups, words = one
    texts = template.texts(groups, words)
    tail = template.text[list(SLOT.finditer(template.text))[1].end() :]
    first, second = (text.removesuffix(tail) for text in texts.continuations)
    scored = texts.continuations if slots else (first, second)
    return Wanted(
        licensed=False, contexts=texts.contexts, continuations=(scored, scored), options=((first, second),) * 2
    )


def encoded_sets(
    wanted: Sequence[Wanted], tokenizer: PreTrainedTokenizerBase, limit: int
) -> tuple[tuple[PromptSet, ...], int]:
    """Return the sets as tokens, and how many have a text of more than `limit` tokens."""
    asked = {
        (context, text): _request(context, text)
        for one in wanted
        for context, texts in zip(one.contexts, one.continuations, strict=True)
        for text in texts
    }
    found = encode_all(tokenizer, list({one.key: one for one in asked.values()}.values()))
    tokens = {pair: found[request.key] for pair, request in asked.items()}

    def prompt(context: str, texts: tuple[str, str], options: tuple[str, str]) -> Prompt:
        pair = [_read_whole(tokens[context, text], context + text) for text in texts]
        for number, one in enumerate(pair):
            said = str(tokenizer.decode(list(one.continuation_ids), skip_special_tokens=True))
            if chosen(said, options) != number:
                raise UsageError(
                    f"after {in_short([context])}, {options[number]!r} is read as {said!r}, which cannot be told from "
                    f"{options[1 - number]!r}.",
                    fix="Give words that differ in more than capitals and articles.",
                )
        return Prompt(
            context=context,
            context_ids=pair[0].context_ids,
            options=options,
            option_ids=(pair[0].continuation_ids, pair[1].continuation_ids),
        )

    sets = []
    for one in wanted:
        first, second = (prompt(one.contexts[side], one.continuations[side], one.options[side]) for side in (0, 1))
        sets.append(PromptSet(licensed=one.licensed, prompts=(first, second)))
    n_long = sum(
        any(len(one.context_ids) + max(map(len, one.option_ids)) > limit for one in several.prompts) for several in sets
    )
    return tuple(sets), n_long


def _request(context: str, text: str) -> Request:
    return Request(
        key=request_key(context, text, templated=False),
        context=context,
        continuation=text,
        templated=False,
        item_id="",
        part="",
        framing_id=PLAIN.framing_id,
    )


def _read_whole(found: object, text: str) -> Encoded:
    if isinstance(found, Encoded) and not found.moved.strip():
        return found
    reason = (
        "a token reaches over the end of the context" if isinstance(found, Encoded) else getattr(found, "reason", "")
    )
    raise UsageError(
        f"the text {in_short([text])} cannot be trained on: {reason}.", fix="Leave it out, or write it otherwise."
    )
