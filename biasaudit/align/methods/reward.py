"""Tuning by reward: continuations of the model's own, and a reward whose gradient is that of a squared disparity."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from biasaudit.align.card import CardWords, TrainingCard
from biasaudit.align.contrasts import Contrasts, read_contrasts
from biasaudit.align.disparity_reward import FEWEST
from biasaudit.align.method import Base, Given, Job, Material, Method, Trained
from biasaudit.align.methods.prompt_sets import PromptSet, Wanted, drawn, encoded_sets, in_turn, of_contrast
from biasaudit.align.settings import Settings, above_zero, at_least_one, described, require
from biasaudit.align.trained import trained_words
from biasaudit.errors import UsageError

if TYPE_CHECKING:
    from transformers import Trainer

    from biasaudit.align.disparity import Expected

Continuations = Literal["own", "slot"]
Estimator = Literal["grpo", "rloo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardSettings(Settings):
    """Settings of tuning by reward; :mod:`biasaudit.align.disparity_reward` derives the reward.

    AdamW without weight decay, gradients clipped at norm 1, continuations drawn at temperature 1, in float32 unless
    `dtype` says otherwise: trl's own defaults (bfloat16, a learning rate of 1e-6, no divergence, rewards divided by
    their deviation) are not taken.

    Attributes
    ----------
    features : str
        Sensitive features of the contrasts, with commas between; empty takes all.
    contrasts : str or None
        File of contrasts; None takes ours.
    strength : float
        What a squared disparity of 1 costs, in units of quality; above 0.
    beta : float
        What a nat of divergence from the base costs; above 0, since nothing else keeps the model a model.
    n_steps : int
        Updates.
    sets_per_update, licensed_per_update : int
        Disparity sets, and pairs of licensed prompts, of one update.
    num_generations : int
        Continuations of a set, half of each of its two prompts; even, 4 or more.
    neutral_per_update : int
        Neutral sentences of one update, on which the model is held to its base.
    anchor : float
        What a nat of divergence costs there, beside the mean over the texts of what each one's tokens sum up to.
    learning_rate : float
        Its highest value; it falls linearly to 0.
    warmup_fraction : float
    continuations : {"own", "slot"}
        What is drawn: the model's own continuations, or one of the set's two words by their probabilities, which never
        says neither.
    estimator : {"grpo", "rloo"}
        trl's trainer. Both have the same gradient here; RLOO takes the divergence off the reward of a whole
        continuation, GRPO adds it to the loss of each token.
    micro_batch_size : int or None
        Texts of one backward pass; None takes those of one set. The update is the same up to rounding.

    Raises
    ------
    UsageError
        If a value lies outside of its range.
    """

    features: str = field(default="", metadata=described("Features to tune on, with commas between; default all."))
    contrasts: str | None = field(
        default=None, metadata=described("File of contrasts in YAML; default ours.", matters=False)
    )
    strength: float = field(default=4.0, metadata=described("What a squared disparity of 1 costs."))
    beta: float = field(default=0.1, metadata=described("What a nat of divergence from the base costs; above 0."))
    n_steps: int = field(default=200, metadata=described("Updates.", option="steps"))
    sets_per_update: int = field(default=4, metadata=described("Disparity sets of one update."))
    licensed_per_update: int = field(default=2, metadata=described("Pairs of licensed prompts of one update."))
    num_generations: int = field(default=16, metadata=described("Continuations of a set: even, 4 or more."))
    neutral_per_update: int = field(default=4, metadata=described("Neutral sentences of one update, held to the base."))
    anchor: float = field(default=1.0, metadata=described("What a nat of divergence on them costs."))
    learning_rate: float = field(default=3e-4, metadata=described("Its highest value."))
    warmup_fraction: float = field(default=0.03, metadata=described("Share of the updates in which it rises."))
    continuations: Continuations = field(
        default="slot", metadata=described("slot: one of the set's two words; own: as the model goes on.")
    )
    estimator: Estimator = field(default="grpo", metadata=described("grpo or rloo."))
    micro_batch_size: int | None = field(
        default=None,
        metadata=described(
            "Texts computed at once: fewer need less memory; default those of a set.", matters=False, eases=True
        ),
    )

    def __post_init__(self) -> None:
        for name in ("n_steps", "sets_per_update"):
            at_least_one(name, getattr(self, name))
        for name in ("strength", "learning_rate"):
            above_zero(name, getattr(self, name))
        if not self.beta > 0:
            raise UsageError(
                f"beta is {self.beta!r}; expected more than 0: with nothing that holds it to the base, the cheapest "
                "way to a high reward is to say the same few words after everything.",
                fix="Give a value such as 0.1, or leave it out.",
            )
        for name in ("licensed_per_update", "neutral_per_update", "anchor"):
            require(name, getattr(self, name), "0 or more", holds=getattr(self, name) >= 0)
        require("warmup_fraction", self.warmup_fraction, "at least 0 and below 1", holds=0 <= self.warmup_fraction < 1)
        require("continuations", self.continuations, "own or slot", holds=self.continuations in {"own", "slot"})
        require("estimator", self.estimator, "grpo or rloo", holds=self.estimator in {"grpo", "rloo"})
        if self.num_generations < FEWEST or self.num_generations % 2:
            raise UsageError(
                f"num_generations is {self.num_generations}; expected an even number from {FEWEST}: a set has two "
                "prompts. With 2 continuations both get the reward -s_1 s_2, their advantages are exactly 0, and "
                "nothing is ever learned.",
                fix="Give 4 or more, or leave it out.",
            )
        # A class with slots is made twice, so that super() knows another one.
        Settings.__post_init__(self)
        whole = self.rows_at_once >= 1 and self.n_rows % self.rows_at_once == 0
        require("micro_batch_size", self.micro_batch_size, f"a divisor of {self.n_rows} texts", holds=whole)

    @property
    def n_rows(self) -> int:
        """Texts that one update computes."""
        return (self.sets_per_update + self.licensed_per_update) * self.rows_each

    @property
    def rows_each(self) -> int:
        """Texts of a set: where only its two words are drawn after its two prompts, there are four."""
        return 4 if self.continuations == "slot" else self.num_generations

    @property
    def rows_at_once(self) -> int:
        """Texts of one backward pass."""
        return self.rows_each if self.micro_batch_size is None else self.micro_batch_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The sets that are trained on, each once, and which of them each update takes."""

    sets: tuple[PromptSet, ...]
    order: tuple[tuple[int, ...], ...]
    longest: int
    neutral: Expected
    neutral_order: tuple[tuple[int, ...], ...]


def _read(data: Path | None, settings: RewardSettings) -> Given[Contrasts]:
    if data is not None:
        raise UsageError(
            f"the method 'reward' reads no data beside contrasts; found --data {data}.",
            fix="Name a file of contrasts with --contrasts, and leave --data out.",
        )
    file = None if settings.contrasts is None else Path(settings.contrasts).expanduser()
    found = read_contrasts(file)
    wanted = [one.strip() for one in settings.features.split(",") if one.strip()]
    taken = found.of(wanted) if wanted else found
    if settings.licensed_per_update and len(taken.licensed) < 2:
        raise UsageError(
            f"{found.name}: there are {len(taken.licensed)} licensed contrasts of {', '.join(taken.features)}; "
            "expected 2 or more: what must be kept is rewarded beside what must go.",
            fix="Add some, or give --licensed-per-update 0.",
        )
    if settings.neutral_per_update and not taken.neutral:
        raise UsageError(
            f"{found.name}: there is no neutral sentence to hold the model to its base on.",
            fix="Add some, or give --neutral-per-update 0.",
        )
    groups = {(one.a, one.b) for *_, one, _ in taken.sets("train")}
    return Given(
        content=taken,
        identity={"contrasts_sha256": found.sha256},
        licence=found.licence,
        lines=tuple(replace(line, source=found.name) for line in taken.lines()),
        trained=trained_words(
            features=taken.features,
            groups=[word for pair in groups for word in pair],
            words=[word for *_, one in taken.sets("train") for word in (one.first, one.second)],
            templates=[template.text.replace("{word_bare}", "{word}") for template in taken.templates],
        ),
    )


def _prepare(given: Given[Contrasts], base: Base, settings: RewardSettings) -> Material[Planned]:
    from biasaudit.align.disparity import encode_texts  # noqa: PLC0415  # imports torch

    rng = np.random.default_rng(settings.seed)
    contrasts = given.content
    tables = list(drawn(contrasts, settings.n_steps * settings.sets_per_update, rng))
    kept = list(in_turn(contrasts.licensed, 2 * settings.n_steps * settings.licensed_per_update, rng))
    wanted = [of_contrast(one, slots=settings.continuations == "slot") for one in tables]
    wanted += [
        Wanted(
            licensed=True,
            contexts=(one.context, other.context),
            continuations=((one.first, one.second), (other.first, other.second)),
            options=((one.first, one.second), (other.first, other.second)),
        )
        for one, other in zip(kept[::2], kept[1::2], strict=True)
    ]
    places = {one: number for number, one in enumerate(dict.fromkeys(wanted))}
    sets, n_long = encoded_sets(tuple(places), base.tokenizer, settings.max_length_tokens)
    if n_long:
        raise UsageError(
            f"{n_long} sets of {contrasts.name} are longer than {settings.max_length_tokens} tokens.",
            fix="Give a larger --max-length.",
        )
    first, last = settings.sets_per_update, settings.licensed_per_update
    order = tuple(
        tuple(
            places[one]
            for one in (
                *wanted[step * first : (step + 1) * first],
                *wanted[len(tables) + step * last : len(tables) + (step + 1) * last],
            )
        )
        for step in range(settings.n_steps)
    )
    n_neutral = settings.neutral_per_update
    neutral = tuple(in_turn(range(len(contrasts.neutral)), settings.n_steps * n_neutral, rng))
    # One token more than the longest word: that it ends where it should is seen in what follows.
    longest = max(len(ids) for one in sets for prompt in one.prompts for ids in prompt.option_ids) + 1
    facts = {
        "file": contrasts.name,
        "features": ", ".join(contrasts.features),
        "n_sets": sum(not one.licensed for one in sets),
        "n_licensed": len(set(kept)),
        "n_cells": len({(feature, template.id) for feature, template, *_ in tables}),
    }
    planned = Planned(
        sets=sets,
        order=order,
        longest=longest,
        neutral=encode_texts(contrasts.neutral, base.tokenizer),
        neutral_order=tuple(neutral[step * n_neutral : (step + 1) * n_neutral] for step in range(settings.n_steps)),
    )
    return Material(rows=planned, facts=facts)


def _train(job: Job[RewardSettings, Planned]) -> Trained:
    from biasaudit.align.methods.policy import (  # noqa: PLC0415  # imports torch and trl
        Updates,
        curves_of,
        policy_trainer,
        refuse_unchanged,
    )
    from biasaudit.align.training import run_trainer  # noqa: PLC0415  # as above

    settings, planned = job.settings, job.rows
    updates = Updates(
        order=planned.order,
        n_each=settings.num_generations,
        rows_each=settings.rows_each,
        rows_at_once=settings.rows_at_once,
        strength=settings.strength,
        beta=settings.beta,
        learning_rate=settings.learning_rate,
        warmup_fraction=settings.warmup_fraction,
        slots=settings.continuations == "slot",
        longest=planned.longest,
        estimator=settings.estimator,
        neutral=planned.neutral,
        neutral_order=planned.neutral_order,
        anchor=settings.anchor,
    )
    made: list[Trainer] = []

    def make() -> Trainer:
        made.append(policy_trainer(job, planned.sets, updates))
        return made[0]

    trained = run_trainer(make, job, unit="of the objective")
    curves = curves_of(made[0].state.log_history)
    refuse_unchanged(trained, curves)
    return replace(trained, curves=curves, facts={"texts of an update": settings.n_rows})


def _data_rows(card: TrainingCard) -> dict[str, object]:
    used = card.instructions
    return {
        "file": used["file"],
        "sha256": card.identity["contrasts_sha256"],
        "licence": used["licence"],
        "features": used["features"],
        "disparity sets": used["n_sets"],
        "templates, by feature": used["n_cells"],
        "licensed prompts": used["n_licensed"],
    }


def _told(card: TrainingCard) -> tuple[str, ...]:
    used = card.instructions
    lines = [f"{used['n_sets']} disparity sets of {used['features']}, {used['n_licensed']} licensed prompts."]
    said = {
        "squared_disparity": "Squared disparity of the sets",
        "chose": "Share of continuations with one of the two words",
        "licensed": "Quality of the licensed prompts",
        "kl": "Divergence from the base, of the continuations",
        "neutral_kl": "Divergence from the base, of neutral text",
    }
    for name, words in said.items():
        points = [value for _, value in card.curves.get(name, ())]
        if points:
            n = max(1, len(points) // 10)
            lines.append(
                f"{words}: {sum(points[:n]) / n:.3f} in the first tenth, {sum(points[-n:]) / n:.3f} in the last."
            )
    return tuple(lines)


REWARD: Final = Method(
    name="reward",
    summary="Tune an adapter by a reward on its own continuations (GRPO or RLOO).",
    recipe="reward-2",
    settings=RewardSettings,
    data="Not read: contrasts are named with --contrasts.",
    read=_read,
    prepare=_prepare,
    train=_train,
    says=CardWords(
        title="a reward that falls with the squared disparity of its continuations",
        data="Contrasts",
        data_rows=_data_rows,
        training="The reward of a continuation is its quality less `strength` times its score (1 the first pairing, -1 "
        "the other, 0 neither) times the mean score of the others of its set.",
        of_loss="as the trainer's objective, which is near 0 whatever is learned; the reward is below.",
    ),
    told=_told,
    needs_data=False,
    needs_template=False,
)
