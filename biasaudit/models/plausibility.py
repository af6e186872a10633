"""Whether a model can be right at all: it finds ordinary sentences likelier than the same words shuffled.

Twenty ordinary English sentences come along (``plausibility.jsonl``), none about people or groups, each beside its own
words in another order. Every checkpoint is asked for both before anything else is scored. Three things are refused:

* a log-probability that is no number;
* shuffled text that is about as likely as ordinary text, as with weights that are random, damaged, or matched with
  another model's tokenizer. A model is compared with itself here, so that one of another language, which knows less
  English, is not compared with one that knows more;
* ordinary text that is more than 2 nats a token less likely than the base finds it: the tuned model is damaged, or
  has lost its language. A token is one of the base's, so that another way of splitting words changes nothing.

A tokenizer to which these sentences are mostly unknown tokens cannot show any of this: then the model is not judged,
which is told and not refused. What a model that was never taught English makes of it is no reason for refusal by
itself, but cannot be told apart from damage: ``--allow-implausible`` is for the person who knows.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from biasaudit.framing import request_key
from biasaudit.models.backend import answers
from biasaudit.models.likelihood import NOT_A_NUMBER
from biasaudit.types import Failed, Request, Response, Scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biasaudit.models.backend import Backend

LEAST_DIFFERENCE_NATS: Final = 0.1
"""A token of ordinary text is likelier by at least this: of models in use it is 3 to 5, of random weights about 0."""

LEAST_ERRORS: Final = 3.0
"""The difference is this many of its standard errors, over sentences, above 0: large random weights vary at random."""

MOST_WORSE_NATS: Final = 2.0
"""A token of ordinary text may be this much less likely than the base finds it."""

MOST_UNKNOWN: Final = 0.25
"""Share of unknown tokens up to which a model is judged."""

EQUAL_NATS: Final = 1e-5
"""Log-probabilities that differ by no more are those of equal weights: packs of other shapes round otherwise."""

Verdict = Literal["plausible", "implausible", "not judged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a checkpoint makes of the sentences.

    Attributes
    ----------
    ordinary_nats, shuffled_nats : float or None
        Mean log-probability per token; None where a response is missing.
    difference_nats, error_nats : float or None
        Mean over sentences of ordinary minus shuffled, per token, and its standard error.
    n_likelier : int
        Sentences that are likelier than their words shuffled, per token.
    n_sentences, n_tokens : int
        Ordinary sentences, and their tokens.
    unknown_share : float
        Share of the ordinary sentences' tokens that stand for what the tokenizer does not know, in [0, 1].
    n_not_numbers : int
        Texts with a log-probability that is no number.
    failed : str or None
        Why a text was not scored for another reason.
    """

    ordinary_nats: float | None
    shuffled_nats: float | None
    difference_nats: float | None
    error_nats: float | None
    n_likelier: int
    n_sentences: int
    n_tokens: int
    unknown_share: float
    n_not_numbers: int
    failed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the figures say.

    Attributes
    ----------
    verdict : {"plausible", "implausible", "not judged"}
    reasons : tuple of str
        Why it is not plausible; empty where it is.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()


def sentences() -> tuple[tuple[str, str], ...]:
    """Return (ordinary sentence, its words in another order), as they come along.

    Examples
    --------
    >>> ordinary, shuffled = sentences()[0]
    >>> sorted(ordinary.lower().rstrip(".").split()) == sorted(shuffled.lower().rstrip(".").split())
    True
    """
    text = (resources.files("biasaudit.models") / "plausibility.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    return tuple((row["ordinary"], row["shuffled"]) for row in rows)


def requests() -> list[Request]:
    """Return what is asked of a checkpoint: each ordinary sentence, then the shuffled one, in plain framing."""
    return [
        Request(
            key=request_key("", text, templated=False),
            context="",
            continuation=text,
            templated=False,
            item_id=f"sentence-{number}",
            part=part,
            framing_id="plain",
        )
        for number, pair in enumerate(sentences(), start=1)
        for part, text in zip(("ordinary", "shuffled"), pair, strict=True)
    ]


def asked(backend: Backend, *, name: str = "the model") -> list[Response]:
    """Ask a checkpoint, in the way that every request goes."""
    return answers(backend, requests(), name=name)


def figures(responses: Sequence[Response], *, unknown_id: int | None) -> Figures:
    """Gather the figures of one checkpoint.

    Parameters
    ----------
    responses : sequence of Response
        To :func:`requests`, in their order.
    unknown_id : int or None
        The tokenizer's unknown token.
    """
    pairs = [
        (first, second)
        for first, second in zip(responses[::2], responses[1::2], strict=True)
        if isinstance(first, Scored) and isinstance(second, Scored)
    ]
    failed = [response.reason for response in responses if isinstance(response, Failed)]
    others = [reason for reason in failed if reason != NOT_A_NUMBER]
    tokens = [token for first, _ in pairs for token in first.token_ids]
    differences = np.array([_per_token(first) - _per_token(second) for first, second in pairs])
    whole = bool(pairs) and not failed
    return Figures(
        ordinary_nats=_mean([first for first, _ in pairs]) if whole else None,
        shuffled_nats=_mean([second for _, second in pairs]) if whole else None,
        difference_nats=float(differences.mean()) if whole else None,
        error_nats=float(differences.std(ddof=1) / math.sqrt(len(differences))) if whole else None,
        n_likelier=int((differences > 0).sum()),
        n_sentences=len(responses) // 2,
        n_tokens=len(tokens),
        unknown_share=sum(token == unknown_id for token in tokens) / len(tokens) if tokens else 0.0,
        n_not_numbers=len(failed) - len(others),
        failed=others[0] if others else None,
    )


def judged(found: Figures, base: Figures | None = None) -> Judged:
    """Judge the figures of a checkpoint, a tuned one beside its base's.

    Parameters
    ----------
    found : Figures
    base : Figures, optional
        Of the base; None judges the model by itself.

    Examples
    --------
    >>> good = Figures(ordinary_nats=-3.6, shuffled_nats=-8.0, difference_nats=4.4, error_nats=0.15, n_likelier=20,
    ...                n_sentences=20, n_tokens=245, unknown_share=0.0, n_not_numbers=0)
    >>> judged(good).verdict
    'plausible'
    """
    if found.n_not_numbers:
        n_texts = 2 * found.n_sentences
        return Judged(
            verdict="implausible",
            reasons=(f"its log-probabilities of {found.n_not_numbers} of {n_texts} texts are not numbers",),
        )
    if found.failed is not None:
        return Judged(verdict="not judged", reasons=(f"a sentence could not be scored: {found.failed}",))
    if found.unknown_share > MOST_UNKNOWN:
        return Judged(
            verdict="not judged",
            reasons=(f"{found.unknown_share:.0%} of the tokens of the sentences are unknown to its tokenizer",),
        )
    reasons = tuple(_as_likely(found)) + (() if base is None else tuple(_worse(found, base)))
    return Judged(verdict="implausible" if reasons else "plausible", reasons=reasons)


def equal(first: Sequence[Response], second: Sequence[Response]) -> bool:
    """Tell whether two checkpoints give every text the same log-probabilities, token by token."""
    return all(
        isinstance(one, Scored)
        and isinstance(other, Scored)
        and one.token_ids == other.token_ids
        and all(
            abs(ours - theirs) <= EQUAL_NATS
            for ours, theirs in zip(one.token_logprobs_nats, other.token_logprobs_nats, strict=True)
        )
        for one, other in zip(first, second, strict=True)
    )


def _as_likely(found: Figures) -> list[str]:
    if found.difference_nats is None or found.error_nats is None:
        return []
    if found.difference_nats >= LEAST_DIFFERENCE_NATS and found.difference_nats > LEAST_ERRORS * found.error_nats:
        return []
    said = (
        f"it finds shuffled words about as likely as ordinary sentences ({found.shuffled_nats:.2f} and "
        f"{found.ordinary_nats:.2f} nats a token), as random or damaged weights do"
    )
    return [said]


def _worse(found: Figures, base: Figures) -> list[str]:
    if found.ordinary_nats is None or base.ordinary_nats is None:
        return []
    # Over the base's tokens: another way of splitting words would change the mean and not the model.
    of_base = found.ordinary_nats * found.n_tokens / base.n_tokens
    worse = base.ordinary_nats - of_base
    if worse <= MOST_WORSE_NATS:
        return []
    said = (
        f"it finds ordinary sentences {worse:.1f} nats a token less likely than the base does ({of_base:.2f} and "
        f"{base.ordinary_nats:.2f}); at most {MOST_WORSE_NATS:g} is allowed"
    )
    return [said]


def _per_token(response: Scored) -> float:
    return response.logprob_nats / len(response.token_ids)


def _mean(responses: Sequence[Scored]) -> float:
    n_tokens = sum(len(response.token_ids) for response in responses)
    return math.fsum(response.logprob_nats for response in responses) / n_tokens
