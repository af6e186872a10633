"""How far a model tells groups apart, as something to be trained on; and how far it has moved from its reference.

A contrast is the item of an association probe: two contexts and two continuations. Its d is a log odds ratio, in which
how common the words are cancels, and tanh(d / 4) is the scale of the audits. Imports torch; imported
itself when a training begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from biasaudit.align.contrasts.cells import Contrast
from biasaudit.align.passes import logits_at
from biasaudit.errors import UsageError
from biasaudit.framing import PLAIN, request_key
from biasaudit.models.engine.one_pass import Place, Row
from biasaudit.models.text.encoding import Encoded, encode_all
from biasaudit.types import Request
from biasaudit.visible import in_short

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

AT_ONCE: Final = 64
"""Texts of one forward pass where nothing is learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedContrasts:
    """Contrasts as tokens; texts that several of them have are kept once.

    Attributes
    ----------
    contrasts : tuple of Contrast
    texts : tuple of (tuple of int, tuple of int)
        Context and continuation, as an audit in plain text splits them.
    tables : tuple of (int, int, int, int)
        Of each contrast, where in `texts` are: first context with first and second continuation, second context with
        first and second.
    """

    contrasts: tuple[Contrast, ...]
    texts: tuple[tuple[Row, Row], ...]
    tables: tuple[tuple[int, int, int, int], ...]

    def __len__(self) -> int:
        """Return how many contrasts there are."""
        return len(self.contrasts)

    @property
    def cells(self) -> tuple[str, ...]:
        """The cell of each contrast."""
        return tuple(one.cell for one in self.contrasts)

    def picked(self, positions: Sequence[int]) -> EncodedContrasts:
        """Return the contrasts at `positions`, in that order, with no other texts."""
        there: dict[int, int] = {}
        tables = tuple(
            cast("tuple[int, int, int, int]", tuple(there.setdefault(text, len(there)) for text in self.tables[one]))
            for one in positions
        )
        return EncodedContrasts(
            contrasts=tuple(self.contrasts[one] for one in positions),
            texts=tuple(self.texts[text] for text in there),
            tables=tables,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Where in some texts it is read what the model expects next.

    Attributes
    ----------
    rows : tuple of tuple of int
    places : tuple of (int, int)
    """

    rows: tuple[Row, ...]
    places: tuple[Place, ...]

    def picked(self, rows: Sequence[int]) -> Expected:
        """Return some of the rows with their places, in that order."""
        places = tuple((new, at) for new, old in enumerate(rows) for row, at in self.places if row == old)
        return Expected(rows=tuple(self.rows[row] for row in rows), places=places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one pass over contrasts gave.

    Attributes
    ----------
    d : Tensor
        Of each contrast, in nats; shape [n].
    slots : Slots
    """

    d: Tensor
    slots: Slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """What is expected right after the contexts of some contrasts, as log-probabilities.

    Attributes
    ----------
    means : Tensor
        Of the mean distribution over all contexts of a cell: what is left of a slot when the difference between the
        groups is averaged out. Shape [cells, vocabulary]; cells in the order in which they come first.
    each : Tensor
        Of each context; shape [contexts, vocabulary].
    """

    means: Tensor
    each: Tensor


def encode_contrasts(contrasts: Sequence[Contrast], tokenizer: PreTrainedTokenizerBase) -> EncodedContrasts:
    """Tokenize contrasts as an audit in plain text does.

    Raises
    ------
    UsageError
        If the tokenizer cannot write a text, naming it.
    """
    there: dict[tuple[Row, Row], int] = {}
    tables = []
    asked = [(context, text) for one in contrasts for context in one.contexts for text in one.continuations]
    found = _encoded(asked, tokenizer)
    for start in range(0, len(found), 4):
        table = tuple(
            there.setdefault((one.context_ids, one.continuation_ids), len(there)) for one in found[start : start + 4]
        )
        tables.append(cast("tuple[int, int, int, int]", table))
    return EncodedContrasts(contrasts=tuple(contrasts), texts=tuple(there), tables=tuple(tables))


def encode_texts(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Expected:
    """Tokenize whole texts, of which each token is expected.

    Raises
    ------
    UsageError
        If the tokenizer cannot write a text, naming it.
    """
    found = _encoded([("", text) for text in texts], tokenizer)
    rows = tuple((*one.context_ids, *one.continuation_ids) for one in found)
    places = tuple((row, at) for row, ids in enumerate(rows) for at in range(len(ids) - 1))
    return Expected(rows=rows, places=places)


def encode_contexts(pairs: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerBase) -> Expected:
    """Tokenize contexts, each with one of its continuations; read is what is expected first after the context.

    Raises
    ------
    UsageError
        If the tokenizer cannot write a text, naming it.
    """
    rows = tuple(dict.fromkeys(one.context_ids for one in _encoded(pairs, tokenizer)))
    return Expected(rows=rows, places=tuple((row, len(ids) - 1) for row, ids in enumerate(rows)))


def encode_pairs(pairs: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerBase) -> tuple[tuple[Row, Row], ...]:
    """Tokenize contexts with continuations, for :func:`settled_logprobs`.

    Raises
    ------
    UsageError
        If the tokenizer cannot write a text, naming it.
    """
    return tuple((one.context_ids, one.continuation_ids) for one in _encoded(pairs, tokenizer))


def contrast_d(model: Any, batch: EncodedContrasts) -> Tensor:  # PeftModel or PreTrainedModel: two unrelated types
    """Return d of each contrast, in nats; a gradient goes through it.

    Parameters
    ----------
    model : of transformers or peft
        Causal.
    batch : EncodedContrasts

    Returns
    -------
    Tensor
        d = [log p(first given A) - log p(second given A)] - [log p(first given B) - log p(second given B)] by teacher
        forcing over the tokens of the continuations; shape [n].
    """
    return measured(model, batch).d


def contrast_y(d: Tensor) -> Tensor:
    """Return Yule's Y = tanh(d / 4), in (-1, 1): 0 is parity."""
    return torch.tanh(d / 4)


def measured(model: Any, batch: EncodedContrasts) -> Measured:  # as above
    """Return d of each contrast and the slots of their cells, from one pass through the model."""
    plan = _planned(batch.texts)
    logits = logits_at(model, plan.rows, plan.places)
    places = [[plan.context_ends[context] for context in contexts] for contexts in _contexts(batch)]
    return Measured(d=_d(_scored(logits, plan, len(batch.texts)), batch), slots=_slots(logits, places))


def slots(model: Any, batch: EncodedContrasts) -> Slots:  # as above
    """Return the slots of :class:`Measured` alone, for which no continuation is computed."""
    contexts = _contexts(batch)
    rows = list(dict.fromkeys(context for one in contexts for context in one))
    logits = logits_at(model, rows, [(row, len(context) - 1) for row, context in enumerate(rows)])
    return _slots(logits, [[rows.index(context) for context in one] for one in contexts])


def settled_d(model: Any, batch: EncodedContrasts, *, at_once: int = AT_ONCE) -> Tensor:  # as above
    """Return d of each contrast without a gradient, `at_once` texts in a pass."""
    return _d(settled_logprobs(model, batch.texts, at_once=at_once), batch)


def settled_logprobs(model: Any, texts: Sequence[tuple[Row, Row]], *, at_once: int = AT_ONCE) -> Tensor:  # as above
    """Return the log-probability of each continuation after its context, without a gradient, in nats."""
    order = sorted(range(len(texts)), key=lambda text: texts[text])
    found = torch.empty(len(texts), device=model.device)
    with torch.no_grad():
        for start in range(0, len(order), at_once):
            chosen = order[start : start + at_once]
            plan = _planned([texts[text] for text in chosen])
            found[chosen] = _scored(logits_at(model, plan.rows, plan.places), plan, len(chosen))
    return found


def expected_logprobs(model: Any, expected: Expected) -> Tensor:  # as above
    """Return the log-probabilities of all tokens at each place, in nats; shape [places, vocabulary]."""
    return torch.log_softmax(logits_at(model, expected.rows, expected.places), dim=-1)


def expected_nll(model: Any, expected: Expected) -> Tensor:  # as above
    """Return the mean negative log-probability of the tokens that do follow at the places, in nats."""
    logits = logits_at(model, expected.rows, expected.places)
    next_tokens = torch.tensor([expected.rows[row][at + 1] for row, at in expected.places], device=logits.device)
    return torch.nn.functional.cross_entropy(logits, next_tokens)


def kl_nats(reference: Tensor, found: Tensor) -> Tensor:
    """Return the divergence of what is found from the reference, of each row of log-probabilities, in nats.

    Examples
    --------
    >>> half = torch.tensor([[0.5, 0.5]]).log()
    >>> round(float(kl_nats(half, torch.tensor([[0.25, 0.75]]).log())[0]), 4)
    0.1438
    """
    return (reference.exp() * (reference - found)).sum(dim=-1)


@contextmanager
def as_reference(model: PeftModel) -> Iterator[None]:
    """Within it the model is its own reference: the adapter is off, and nothing is learned.

    What peft's own context does, less the state of every layer that it gathers first: a sixth of a training on tiny
    models.
    """
    tuner: Any = model.base_model  # a tuner of peft; torch types attributes of modules as Module
    layer: Any = next(one for one in model.modules() if isinstance(one, BaseTunerLayer))  # as above
    with torch.no_grad():
        if layer.disable_adapters:  # within another such context, which puts it on again
            yield
            return
        tuner.disable_adapter_layers()
        try:
            yield
        finally:
            tuner.enable_adapter_layers()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Rows to compute, places to read, and for each token of a continuation: its text, its place, its id."""

    rows: tuple[Row, ...]
    places: tuple[Place, ...]
    texts: tuple[int, ...]
    at: tuple[int, ...]
    tokens: tuple[int, ...]
    context_ends: dict[Row, int]


def _planned(texts: Sequence[tuple[Row, Row]]) -> _Plan:
    """Plan to read once what several texts have before the same tokens, longest first: a beginning needs no row."""
    rows: list[Row] = []
    known: dict[Row, int] = {}
    places: list[Place] = []
    at: list[tuple[int, int, int]] = []
    for text in sorted(range(len(texts)), key=lambda one: -len(texts[one][0] + texts[one][1])):
        context, continuation = texts[text]
        # The last token is only expected: nothing is read after it.
        whole = (*context, *continuation)[:-1]
        earlier = [whole[: len(context) + number] for number in range(len(continuation))]
        unread = [before for before in earlier if before not in known]
        if unread:
            rows.append(whole)
        for before in unread:
            known[before] = len(places)
            places.append((len(rows) - 1, len(before) - 1))
        at.extend((text, known[before], token) for before, token in zip(earlier, continuation, strict=True))
    of_texts, of_places, tokens = zip(*at, strict=True)
    ends = {context: known[context] for context, _ in texts}
    return _Plan(rows=tuple(rows), places=tuple(places), texts=of_texts, at=of_places, tokens=tokens, context_ends=ends)


def _scored(logits: Tensor, plan: _Plan, n_texts: int) -> Tensor:
    """Return the log-probability of each continuation; shape [texts]."""
    at, tokens, texts = (torch.tensor(one, device=logits.device) for one in (plan.at, plan.tokens, plan.texts))
    of_tokens = logits[at, tokens] - torch.logsumexp(logits, dim=-1)[at]
    return torch.zeros(n_texts, device=logits.device).index_add(0, texts, of_tokens)


def _d(scored: Tensor, batch: EncodedContrasts) -> Tensor:
    four = scored[torch.tensor(batch.tables, device=scored.device)]
    return (four[:, 0] - four[:, 1]) - (four[:, 2] - four[:, 3])


def _contexts(batch: EncodedContrasts) -> list[list[Row]]:
    """Return the contexts of each cell, cells in the order in which they come first."""
    found: dict[str, dict[Row, None]] = {}
    for contrast, table in zip(batch.contrasts, batch.tables, strict=True):
        found.setdefault(contrast.cell, {}).update(dict.fromkeys(batch.texts[text][0] for text in table))
    return [list(contexts) for contexts in found.values()]


def _slots(logits: Tensor, places: Sequence[Sequence[int]]) -> Slots:
    """Return the distributions at some places, and the mean of each list of them."""
    each = torch.log_softmax(logits[[one for several in places for one in several]], dim=-1)
    ends = list(accumulate(len(several) for several in places))
    parts = [each[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    means = torch.stack([torch.logsumexp(part, dim=0) - math.log(len(part)) for part in parts])
    return Slots(means=means, each=each)


def _encoded(pairs: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerBase) -> list[Encoded]:
    requests = [
        Request(
            key=request_key(context, text, templated=False),
            context=context,
            continuation=text,
            templated=False,
            item_id="",
            part="",
            framing_id=PLAIN.framing_id,
        )
        for context, text in pairs
    ]
    found = encode_all(tokenizer, list({one.key: one for one in requests}.values()))
    encoded = []
    for request in requests:
        one = found[request.key]
        if not isinstance(one, Encoded):
            raise UsageError(
                f"the text {in_short([request.context + request.continuation])} cannot be trained on: {one.reason}.",
                fix="Leave it out, or write it otherwise.",
            )
        encoded.append(one)
    return encoded
