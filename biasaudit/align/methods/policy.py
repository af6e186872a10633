"""Trainers of a policy by reward, over disparity sets: trl's GRPO and RLOO, in our order and with our advantages.

Imports torch and trl; imported itself when a training begins.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar, cast

import safetensors.torch
import torch
from datasets import Dataset
from torch.utils.data import Sampler
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.rloo_config import RLOOConfig
from trl.trainer.rloo_trainer import RLOOTrainer

from biasaudit.align.disparity import Expected, as_reference, expected_logprobs, kl_nats
from biasaudit.align.disparity_reward import Judged
from biasaudit.align.methods.prompt_sets import Prompt, PromptSet
from biasaudit.align.training import SavesTheAdapter, arguments, lora
from biasaudit.errors import TuningError

if TYPE_CHECKING:
    from transformers import Trainer

    from biasaudit.align.method import Job, Trained

Value = TypeVar("Value")
Estimator: TypeAlias = Literal["grpo", "rloo"]
CURVES: Final = ("reward", "squared_disparity", "s_mean", "chose", "credited", "licensed", "kl", "neutral_kl")
"""What is told of each update beside the loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """How sets become updates.

    Attributes
    ----------
    order : tuple of tuple of int
        Sets of each update.
    n_each : int
        Continuations drawn of a set, half of each prompt.
    rows_each : int
        Texts of a set that are computed: `n_each`, or the four that there are where only the options are drawn.
    rows_at_once : int
        Texts of one backward pass.
    strength, beta, learning_rate, warmup_fraction : float
    slots : bool
        Whether continuations are drawn among the two options alone.
    longest : int
        Most tokens of a continuation.
    estimator : {"grpo", "rloo"}
    neutral : Expected
        Sentences on which the model is held to its base.
    neutral_order : tuple of tuple of int
        Those of each update.
    anchor : float
        What a nat of divergence costs there, as a mean over their tokens.
    """

    order: tuple[tuple[int, ...], ...]
    n_each: int
    rows_each: int
    rows_at_once: int
    strength: float
    beta: float
    learning_rate: float
    warmup_fraction: float
    slots: bool
    longest: int
    estimator: Estimator
    neutral: Expected
    neutral_order: tuple[tuple[int, ...], ...]
    anchor: float


def policy_trainer(job: Job[Any, Any], sets: Sequence[PromptSet], updates: Updates) -> Trainer:  # whatever it trains on
    """Return a trainer that sees the sets of a job in the order of the updates."""
    rollouts = _Rollouts(sets, updates)
    kind = {"grpo": _GroupTrainer, "rloo": _LeaveOneOutTrainer}[updates.estimator]
    trainer = kind(
        model=job.loaded.model,
        args=_arguments(job, updates),
        reward_funcs=rollouts.rewards,
        train_dataset=Dataset.from_dict(
            {
                "prompt": [prompt.context for one in sets for prompt in one.prompts],
                "row": list(range(2 * len(sets))),
            }
        ),
        processing_class=job.loaded.tokenizer,
        peft_config=lora(job.settings),
    )
    trainer.rollouts = rollouts
    return cast("Trainer", trainer)


def _arguments(job: Job[Any, Any], updates: Updates) -> GRPOConfig | RLOOConfig:  # as above
    n_rows = len(updates.order[0]) * updates.rows_each
    n_steps = len(updates.order)
    said = {
        **arguments(job.settings, job.work, n_steps=n_steps, device=job.loaded.device),
        "per_device_train_batch_size": updates.rows_at_once,
        "gradient_accumulation_steps": n_rows // updates.rows_at_once,
        # All continuations of an update are made and judged together: no set is split.
        "steps_per_generation": n_rows // updates.rows_at_once,
        # trl's groups are ours: a set, not a prompt.
        "num_generations": updates.rows_each,
        "num_iterations": 1,
        "max_completion_length": updates.longest,
        # trl's default, 1e-6, moves no adapter.
        "learning_rate": updates.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": math.ceil(updates.warmup_fraction * n_steps),
        "optim": "adamw_torch",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "beta": updates.beta,
        # The model itself, not a sharper one.
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "repetition_penalty": 1.0,
        "remove_unused_columns": False,
        "shuffle_dataset": False,
        "use_vllm": False,
        "log_completions": False,
    }
    if updates.estimator == "rloo":
        return RLOOConfig(**said, normalize_advantages=False)
    # Divided by the deviation of a set's rewards, as by default, a set near parity would be pushed as hard as any.
    # A continuation's step is the sum over its tokens: a mean would make short ones count for more.
    return GRPOConfig(**said, scale_rewards="none", loss_type="dr_grpo", use_bias_correction_kl=not updates.slots)


class _Rollouts:
    """The sets of a training, and what was made of their continuations last."""

    def __init__(self, sets: Sequence[PromptSet], updates: Updates) -> None:
        self.updates = updates
        self.prompts = tuple(prompt for one in sets for prompt in one.prompts)
        self.ids_of = {prompt.context: list(prompt.context_ids) for prompt in self.prompts}
        self.now: tuple[int, ...] = ()
        """Prompts of the texts that are being made."""
        self.drawn: list[int] = []
        """How often each of them was drawn, where only the options are."""
        self.advantages: list[float] = []
        self._sets = sets

    def rewards(self, *, completions: list[str], row: list[int], log_metric: Any, **_: object) -> list[float]:  # trl's
        """Judge the continuations of one update; trl calls this with all of them."""
        strength, slots = self.updates.strength, self.updates.slots
        judged, rewards, self.advantages = [], [], []
        for start, at, sides in self.blocks(row):
            choices = self._sets[at].read(sides, completions[start : start + len(sides)])
            times = self.drawn[start : start + len(sides)] if slots else [1] * len(sides)
            found = self._sets[at].judged(_repeated(sides, times), _repeated(choices, times))
            judged.append((self._sets[at], found))
            rewards += _per_text(found.rewards(strength), times)
            self.advantages += _per_text(found.advantages(strength), times)
        for name, values in _told(judged, strength).items():
            log_metric(name, sum(values) / len(values))
        return rewards

    def blocks(self, rows: Sequence[int]) -> Iterator[tuple[int, int, list[int]]]:
        """Yield where each set begins among the continuations, which it is, and which prompt each continues.

        Raises
        ------
        RuntimeError
            If a set is not whole: its mean would be taken over something else.
        """
        n_each = self.updates.rows_each
        for start in range(0, len(rows), n_each):
            block = rows[start : start + n_each]
            sides = [row % 2 for row in block]
            if len({row // 2 for row in block}) != 1 or (sides.count(0), sides.count(1)) != (n_each // 2,) * 2:
                msg = f"a disparity set is not whole in its batch: prompts {block}"
                raise RuntimeError(msg)
            yield start, block[0] // 2, sides

    def order(self) -> list[int]:
        """Return the prompt of each continuation; an update's as often as it is taken in pieces."""
        n_each, half = self.updates.rows_each, self.updates.rows_each // 2
        return [
            row
            for update in self.updates.order
            for _ in range(len(update) * n_each // self.updates.rows_at_once)
            for at in update
            for row in [2 * at] * half + [2 * at + 1] * half
        ]


def _repeated(several: Sequence[Value], times: Sequence[int]) -> list[Value]:
    return [one for one, n in zip(several, times, strict=True) for _ in range(n)]


def _per_text(values: Sequence[float], times: Sequence[int]) -> list[float]:
    """Add up what the drawings of each text have, so that the mean over the texts is that over the drawings."""
    ends = [sum(times[: number + 1]) for number in range(len(times))]
    share = len(times) / len(values)
    return [share * sum(values[end - n : end]) for end, n in zip(ends, times, strict=True)]


def _told(judged: Sequence[tuple[PromptSet, Judged]], strength: float) -> Mapping[str, list[float]]:
    found: dict[str, list[float]] = {}
    for of, one in judged:
        if of.licensed:
            found.setdefault("licensed", []).extend(one.q)
        else:
            found.setdefault("squared_disparity", []).append(one.squared_disparity)
            found.setdefault("s_mean", []).extend(one.s)
            found.setdefault("chose", []).extend(abs(s) for s in one.s)
            found.setdefault("credited", []).extend(float(value != 0) for value in one.advantages(strength))
    return found


class _InOrder(Sampler[int]):
    def __init__(self, order: Sequence[int]) -> None:
        self._order = order

    def __iter__(self) -> Iterator[int]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)


class _OverSets(SavesTheAdapter):
    """What both trainers do otherwise than trl: our order, our tokens, our advantages, and the options if asked."""

    rollouts: _Rollouts

    def _get_train_sampler(self, dataset: Sized | None = None) -> Sampler[int]:  # noqa: ARG002  # trl's signature
        return _InOrder(self.rollouts.order())

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:  # trl's
        return [list(self.rollouts.ids_of[prompt]) for prompt in prompts], None, {}

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:  # trl's
        """Put our advantages in place of what trl makes of the rewards; what it made of the divergence stays."""
        self.rollouts.now = tuple(one["row"] for one in inputs)
        found: dict[str, Any] = super()._generate_and_score_completions(inputs)  # type: ignore[misc]  # trl's
        ours = torch.tensor(self.rollouts.advantages, device=found["advantages"].device)
        found["advantages"] = ours + self._of_divergence(found)
        return found

    def compute_loss(self, model: torch.nn.Module, inputs: dict[str, Any], *rest: Any, **more: Any) -> Any:  # trl's
        """Add the divergence on neutral text, once in an update, to trl's own loss."""
        loss = self._of_texts() * super().compute_loss(model, inputs, *rest, **more)  # type: ignore[misc]  # trl's
        updates, step = self.rollouts.updates, self.state.global_step  # type: ignore[attr-defined]  # transformers'
        picked = updates.neutral_order[step] if updates.neutral_order else ()
        if not picked or self._step % self.args.steps_per_generation:  # type: ignore[attr-defined]  # trl's
            return loss
        texts = updates.neutral.picked(picked)
        with as_reference(self.adapted):
            reference = expected_logprobs(self.adapted, texts)
        divergence = kl_nats(reference, expected_logprobs(self.adapted, texts)).mean()
        self._metrics["train"]["neutral_kl"].append(divergence.item())  # type: ignore[attr-defined]  # trl's
        # What trl has not divided by the pieces of an update, transformers divides: the weight is that of the update.
        pieces = 1 if self.loss_is_scaled_for_ga else self.current_gradient_accumulation_steps  # type: ignore[attr-defined]
        return loss + pieces * updates.anchor * divergence

    def _get_per_token_logps_and_entropies(self, *rest: Any, **more: Any) -> Any:  # trl's
        """Count the positions of a text from its own beginning: trl fills up before it, and says so to no model."""
        backbone = cast("torch.nn.Module", self.adapted.get_base_model().base_model)
        handle = backbone.register_forward_pre_hook(_from_its_beginning, with_kwargs=True)
        try:
            return super()._get_per_token_logps_and_entropies(*rest, **more)  # type: ignore[misc]  # trl's
        finally:
            handle.remove()

    def _of_texts(self) -> int:
        """Return what makes trl's loss the mean over texts of what is summed over the tokens of each."""
        return 1

    def _of_divergence(self, found: dict[str, Any]) -> torch.Tensor | float:  # trl's
        """Return the part of trl's advantages that is not of the rewards."""
        raise NotImplementedError

    def _among_options(self) -> list[list[int]]:
        """Draw among each prompt's two options, by their probabilities with the sum made 1; each text comes once.

        An option that is not drawn has no part in the rewards, and is held to the base all the same.
        """
        rows, half = self.rollouts.now, self.rollouts.updates.n_each // 2
        shares = torch.softmax(self._option_logprobs([self.rollouts.prompts[row] for row in rows[::2]]), dim=1)
        picks = torch.multinomial(shares, half, replacement=True)
        self.rollouts.drawn = [int((of == option).sum()) for of in picks for option in (0, 1)]
        return [list(ids) for row in rows[::2] for ids in self.rollouts.prompts[row].option_ids]

    def _option_logprobs(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return the log-probabilities of both options of each prompt, in nats; shape [prompts, 2]."""
        texts = [(prompt.context_ids, ids) for prompt in prompts for ids in prompt.option_ids]
        before, after = (max(len(text[part]) for text in texts) for part in (0, 1))
        ids = torch.zeros((len(texts), before + after), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for number, (context, option) in enumerate(texts):
            start, end = before - len(context), before + len(option)
            ids[number, start:end] = torch.tensor([*context, *option])
            mask[number, start:end] = 1
        device = self.adapted.device
        with torch.no_grad():
            logprobs = self._get_per_token_logps_and_entropies(
                self.model, ids.to(device), mask.to(device), after, batch_size=self.rollouts.updates.rows_at_once
            )[0]
        return cast("torch.Tensor", (logprobs.float() * mask[:, -after:].to(device)).sum(dim=1).view(-1, 2).cpu())


class _GroupTrainer(_OverSets, GRPOTrainer):  # type: ignore[misc]  # trl has no types
    """GRPO: the divergence is in the loss, so that nothing but the rewards is in trl's advantages."""

    def _generate_single_turn(self, prompt_ids: list[list[int]], *rest: Any, **more: Any) -> Any:  # trl's
        if self.rollouts.updates.slots:
            return self._among_options(), None
        return super()._generate_single_turn(prompt_ids, *rest, **more)  # type: ignore[no-untyped-call]  # trl's

    def _of_divergence(self, found: dict[str, Any]) -> float:  # noqa: ARG002  # as of RLOO
        return 0.0

    def _of_texts(self) -> int:
        # Divided by it, a text's sum would weigh the less the longer any word of the training is.
        return self.rollouts.updates.longest


class _LeaveOneOutTrainer(_OverSets, RLOOTrainer):  # type: ignore[misc]  # as above
    """RLOO: the divergence is taken off the rewards, so that it is what is left of trl's advantages."""

    def _generate_single_turn(self, prompt_ids: list[list[int]], *rest: Any, **more: Any) -> Any:  # trl's
        if self.rollouts.updates.slots:
            return self._among_options()
        return super()._generate_single_turn(prompt_ids, *rest, **more)  # type: ignore[no-untyped-call]  # trl's

    def _calculate_rewards(self, *rest: Any, **more: Any) -> torch.Tensor:  # trl's
        """Keep the rewards, to take them off trl's advantages, which are linear in them."""
        self._rewards: torch.Tensor = super()._calculate_rewards(*rest, **more)
        return cast("torch.Tensor", self._rewards)

    def _of_divergence(self, found: dict[str, Any]) -> torch.Tensor:
        grouped = self._rewards[:, 0].view(-1, self.rollouts.updates.rows_each)
        n_others = grouped.shape[1] - 1
        baselines = (grouped.sum(dim=1, keepdim=True) - grouped) / n_others
        return torch.as_tensor(found["advantages"] - (grouped - baselines).flatten())


def _from_its_beginning(
    backbone: torch.nn.Module,
    given: tuple[Any, ...],
    named: dict[str, Any],  # whatever a model takes
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give positions to a batch that is filled up before its texts, where the model takes any."""
    mask = named.get("attention_mask")
    if mask is None or mask.dim() != 2 or "position_ids" not in inspect.signature(backbone.forward).parameters:
        return given, named
    return given, {**named, "position_ids": (mask.cumsum(dim=1) - 1).clamp(min=0)}


def curves_of(history: Sequence[Mapping[str, Any]]) -> dict[str, tuple[tuple[int, float], ...]]:  # trl's log
    """Return what a trainer logged of each update, by the names of :data:`CURVES`."""
    found = {
        name: tuple(
            (int(one["step"]), float(one[name])) for one in history if one.get(name) is not None and "loss" in one
        )
        for name in CURVES
    }
    return {name: points for name, points in found.items() if points}


def refuse_unchanged(trained: Trained, curves: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    """Refuse an adapter that changes nothing, or that nothing of the disparity went into.

    One half of each change of an adapter is 0 until a gradient comes; but rounding makes one of what holds it to its
    base, so that the advantages are asked too.

    Raises
    ------
    TuningError
    """
    weights = safetensors.torch.load(trained.weights)
    changed = any(bool(tensor.any()) for name, tensor in weights.items() if "lora_B" in name)
    credited = any(share for _, share in curves.get("credited", ()))
    if changed and credited:
        return
    chose = [share for _, share in curves.get("chose", ())]
    share = sum(chose) / len(chose) if chose else 0.0
    found = (
        "no continuation of a disparity set ever had an advantage" if changed else "no weight of the adapter changed"
    )
    raise TuningError(
        f"in {len(trained.loss_nats)} updates {found}: {100 * share:.1f} % of the continuations chose one of the two "
        "words of their set.",
        fix="Delete the output folder, and train again with --continuations slot, or with more --num-generations.",
    )
