"""The updates of methods that tune on contrasts and hold on to the base. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict

from biasaudit.align.anchor import Anchor
from biasaudit.align.anchored import AnchoredRows, AnchoredSettings, Outcome
from biasaudit.align.card import Curve
from biasaudit.align.contrasts.cells import Cell, settled
from biasaudit.align.development import Development, Look
from biasaudit.align.disparity import (
    EncodedContrasts,
    Expected,
    Slots,
    as_reference,
    encode_contexts,
    encode_texts,
    expected_nll,
    kl_nats,
    slots,
)
from biasaudit.align.examples import Example
from biasaudit.align.method import Job, Trained
from biasaudit.align.training import Stateful, run_loop, telling_why
from biasaudit.errors import TuningError

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor

_RISES: Final = 10
"""Updates in which the learning rate rises."""
_BETAS: Final = (0.8, 0.99)
"""Of AdamW: with longer memories the updates go on for long after the bound is met."""
_NORM: Final = 1.0
"""To which gradients are clipped."""
_NEUTRAL: Final = 2
_LICENSED: Final = 40
_OTHERS: Final = 16
_CONTROLS: Final = 16
"""Sentences, licensed contexts, contexts of features that are not tuned, and those about no group, of one update."""
_FILLED: Final = 2
"""Pairs of groups, and of words, in each template that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What a method adds to the loss of one update.

    Attributes
    ----------
    batch : EncodedContrasts
        What it is taken on.
    loss : Tensor
    slots : Slots
        Of the batch.
    active : bool
        Whether it asks for a change: as long as none did, the adapter stays as it began.
    noted : mapping
        Values for the curves of the card, by name.
    then : callable
        Called when the update is done.
    """

    batch: EncodedContrasts
    loss: Tensor
    slots: Slots
    active: bool = True
    noted: Mapping[str, float] = field(default_factory=dict)
    then: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Best:
    """The look with the lowest upper bound, the last of them, and what the adapter's weights were."""

    step: int
    look: Look
    adapter: Mapping[str, Tensor]


def run_anchored(
    job: Job[Any, AnchoredRows],  # whatever the method's settings
    model: PeftModel,
    term: Callable[[int], Term],
    *,
    states: Mapping[str, Stateful] | None = None,
    looked: Callable[[Look], None] = lambda _: None,
    development: Development | None = None,
) -> Trained:
    """Run updates until the development templates meet the bound, or for as many as are asked for.

    Where the last look does not meet it, the adapter of the look with the lowest upper bound is given back.

    Parameters
    ----------
    job : Job
        Its settings are made from :class:`biasaudit.align.anchored.AnchoredSettings`.
    model : PeftModel
        From :func:`biasaudit.align.training.adapted`.
    term : callable
        From the update's number, from 1, to what the method adds to its loss.
    states : mapping, optional
        What else changes from update to update, by name.
    looked : callable
        Given each look at the development templates.
    development : Development, optional
        What is looked at; None looks at the job's development templates as they are.

    Raises
    ------
    TuningError
        If the training breaks off: no space or memory is left, or the loss is no number.
    """
    with telling_why(job.settings):
        loop = _Loop(job, model, term, looked, development)
        kept: dict[str, Stateful] = {"optimizer": loop.optimizer, "loop": loop, **(states or {})}
        done = run_loop(
            job, model, loop.update, n_steps=job.settings.n_steps, states=kept, stop=loop.stop, ended=loop.ended
        )
        return replace(done, facts=loop.facts(len(done.loss_nats)), curves=loop.curves())


class _Loop:
    """The updates. Kept in checkpoints: the curves, whether anything moved, the last look, and the best one's adapter.

    The loss is the method's term, the loss of instructions where there are any, and divergences from the base (the
    adapter off): of the slots' means, and on all that is kept.
    """

    def __init__(
        self,
        job: Job[Any, AnchoredRows],  # as above
        model: PeftModel,
        term: Callable[[int], Term],
        looked: Callable[[Look], None],
        development: Development | None,
    ) -> None:
        settings: AnchoredSettings = job.settings
        tokenizer, rows = job.loaded.tokenizer, job.rows
        self._settings, self._model, self._rows = settings, model, rows
        self._term, self._looked = term, looked
        licensed = encode_contexts([(one.context, one.first) for one in rows.licensed], tokenizer)
        self._neutral, self._licensed, self._others_kept, self._controls = (
            Anchor(model, kept)
            for kept in (
                encode_texts(rows.neutral, tokenizer),
                licensed,
                *(
                    encode_contexts(_contexts_of(cells, settings.seed), tokenizer)
                    for cells in (rows.others, rows.controls)
                ),
            )
        )
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(self._weights, lr=settings.learning_rate, betas=_BETAS, weight_decay=0.0)
        self._development = development or Development(model, tokenizer, rows, seed=settings.seed)
        self._last = self._development.base
        self._best: _Best | None = None
        self._given_back: int | None = None
        self._moved = False
        self._curves: dict[str, list[tuple[int, float]]] = {}

    def update(self, step: int) -> float:
        """Do one update and return its loss before it; look at the development templates when it is time."""
        settings = self._settings
        term = self._term(step)
        with as_reference(self._model):
            reference = slots(self._model, term.batch)
        means = kl_nats(reference.means, term.slots.means).mean()
        each = kl_nats(reference.each, term.slots.each).mean()
        loss = term.loss + settings.keep_slot * means + settings.keep_rest * each
        total, noted = loss.item(), {**term.noted, "slot KL": means.item(), "context KL": each.item()}
        if term.active or self._moved or self._rows.examples:
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            for name, weight, more in self._others(step):
                (weight * more).backward()  # type: ignore[no-untyped-call]
                noted[name] = more.item()
                total += weight * more.item()
            self._take(step)
        term.then()
        for name, value in noted.items():
            self._note(step, name, value)
        if step % settings.check_every == 0 or step == settings.n_steps:
            self._last = _measured(self._development.look(), step)
            self._looked(self._last)
            if self._best is None or self._last.bound <= self._best.look.bound:
                self._best = _Best(step=step, look=self._last, adapter=_copied(self._model))
            self._note(step, "development |B|", self._last.size)
            self._note(step, "development bound", self._last.bound)
        return total

    def _others(self, step: int) -> Iterator[tuple[str, float, Tensor]]:
        """Yield one after the other, so that the graph of each is gone before the next is made."""
        settings = self._settings
        rng = np.random.default_rng([settings.seed, 4, step])
        if self._rows.examples:
            chosen = rng.permutation(len(self._rows.examples))[: settings.batch_size]
            yield "task", 1.0, expected_nll(self._model, _responses([self._rows.examples[int(one)] for one in chosen]))
        anchors = (
            ("neutral KL", settings.keep_neutral, self._neutral, _NEUTRAL),
            ("licensed KL", settings.keep_licensed, self._licensed, _LICENSED),
            ("others KL", settings.keep_others, self._others_kept, _OTHERS),
            ("controls KL", settings.keep_controls, self._controls, _CONTROLS),
        )
        for name, weight, anchor, at_once in anchors:
            if not anchor.is_empty:
                yield name, weight, anchor.distance(rng, at_once=at_once)

    def _take(self, step: int) -> None:
        torch.nn.utils.clip_grad_norm_(self._weights, _NORM)
        for group in self.optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * min(1.0, step / _RISES)
        self.optimizer.step()
        self._moved = True

    def _note(self, step: int, name: str, value: float) -> None:
        self._curves.setdefault(name, []).append((step, value))

    def stop(self) -> bool:
        """Whether the bound is met by no more than is needed, and nothing else is to be learned."""
        needed = not self._moved or self._last.size >= self._settings.max_disparity - self._settings.slack
        return self._is_met and needed and not self._rows.examples

    @property
    def _is_met(self) -> bool:
        return self._last.bound <= self._settings.max_disparity

    def ended(self) -> None:
        """Give back the adapter of the best look where the last one does not meet the bound.

        It is looked at once more: the openings that it is attacked with may have become worse since.
        """
        if self._is_met or self._best is None or self._best.look.bound >= self._last.bound:
            return
        now = _copied(self._model)
        set_peft_model_state_dict(self._model, self._best.adapter)
        look = self._development.look()
        if look.bound < self._last.bound:
            self._last, self._given_back = look, self._best.step
        else:
            set_peft_model_state_dict(self._model, now)

    def facts(self, n_steps: int) -> dict[str, object]:
        """Return what the card says: whether the bound is met, and what it cost."""
        base, now = self._development.base, self._last
        before, after = self._development.base_cost, self._development.cost()
        outcome = Outcome.INFEASIBLE
        if self._is_met:
            outcome = Outcome.MET if self._moved else Outcome.HELD
        found = {
            "outcome": outcome.value,
            "update of the adapter": n_steps if self._given_back is None else self._given_back,
            "largest disparity allowed": self._settings.max_disparity,
            "development cells": self._development.n_cells,
            "development |B|, base": base.size,
            "development |B|": now.size,
            "upper bound of it, base": base.bound,
            "upper bound of it": now.bound,
            "held-out neutral loss, base": before.neutral_nats,
            "held-out neutral loss": after.neutral_nats,
            "licensed, base": before.licensed,
            "licensed": after.licensed,
        }
        return {name: round(one, 4) if isinstance(one, float) else one for name, one in found.items()}

    def curves(self) -> dict[str, Curve]:
        """Return the curves of the card."""
        return {name: tuple(curve) for name, curve in self._curves.items()}

    def state_dict(self) -> dict[str, Any]:  # numbers
        """Return what is to be kept."""
        best = self._best and {
            "step": self._best.step,
            "look": asdict(self._best.look),
            "adapter": dict(self._best.adapter),
        }
        return {"moved": self._moved, "last": asdict(self._last), "best": best, "curves": self._curves}

    def load_state_dict(self, state: dict[str, Any], /) -> None:  # as above
        """Take up what was kept."""
        self._moved, self._last = bool(state["moved"]), Look(**state["last"])
        best = state["best"]
        self._best = best and _Best(step=int(best["step"]), look=Look(**best["look"]), adapter=best["adapter"])
        self._curves = {name: [(int(at), float(one)) for at, one in curve] for name, curve in state["curves"].items()}


def _copied(model: PeftModel) -> dict[str, Tensor]:
    """Return the adapter's weights as they are now, out of the way of a model on a graphics card."""
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: weight.detach().to("cpu", copy=True) for name, weight in weights.items()}


def _measured(look: Look, step: int) -> Look:
    """Return what was seen, before a checkpoint is made of it.

    Raises
    ------
    TuningError
        If it is no number: the loss of the last update was taken before it.
    """
    if not (math.isfinite(look.size) and math.isfinite(look.bound)):
        raise TuningError(
            f"after step {step} the development templates give no number: the training diverged.",
            fix="Delete the output folder, and train again with a lower --learning-rate.",
        )
    return look


def _contexts_of(cells: Sequence[Cell], seed: int) -> list[tuple[str, str]]:
    """Return contexts of what is not tuned, each with a continuation."""
    found = settled(cells, seed=seed, n_groups=_FILLED, n_words=_FILLED)
    return [(context, one.continuations[0]) for one in found for context in one.contexts]


def _responses(examples: Sequence[Example]) -> Expected:
    """Return where the tokens of responses are expected."""
    return Expected(
        rows=tuple(one.token_ids for one in examples),
        places=tuple(
            (row, at)
            for row, one in enumerate(examples)
            for at in range(one.n_prompt_tokens - 1, len(one.token_ids) - 1)
        ),
    )
