"""What methods share that tune on contrasts and hold on to the base: settings, data, what the card says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from biasaudit.align.card import NOT_STATED, TrainingCard
from biasaudit.align.contrasts import Contrasts, Licensed, read_contrasts
from biasaudit.align.contrasts.cells import Cell, cells_of, control_cells, trained_on
from biasaudit.align.examples import Example, counted, learned_from
from biasaudit.align.instructions import InstructionFile, read_instructions
from biasaudit.align.method import Base, Given, Material
from biasaudit.align.overlap import Line
from biasaudit.align.settings import Settings, above_zero, at_least_one, described, require
from biasaudit.errors import ContrastsError

_HELD_OUT: Final = 4
_MEASURED: Final = 16
"""Every fourth neutral sentence, and so many at most, is kept from training, to be measured on."""
_KEEPS: Final = ("keep_neutral", "keep_licensed", "keep_others", "keep_controls", "keep_slot", "keep_rest")
_FEWEST: Final = 2
"""Development cells: an upper bound needs two."""


class Outcome(StrEnum):
    """How a training on contrasts ended."""

    MET = "met"
    """The development templates meet the bound."""
    INFEASIBLE = "infeasible"
    """They do not, after all updates that were asked for."""
    HELD = "held before"
    """They did in the base, and no update asked for a change: the adapter changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredSettings(Settings):
    """Settings of every method that tunes on contrasts and holds on to the base.

    Attributes
    ----------
    max_disparity : float
        In (0, 1]: largest disparity of a cell on the scale of the audits, |tanh(d / 4)|. 1 asks for nothing.
    slack : float
        A training goes on where |B| of the development templates is below the bound by more than this: to take more
        than was asked for costs as well.
    features : str or None
        Names of sensitive features with commas between; None takes all that the contrasts have.
    contrasts : str or None
        File of contrasts; None takes ours.
    n_steps : int
        Most updates. Without data of its own a training ends when the development templates meet the bound.
    cells_per_step, word_pairs : int
        Templates of one update, and pairs of words in each, with one pair of groups.
    learning_rate : float
        After ten updates in which it rises.
    keep_neutral, keep_licensed, keep_others, keep_controls, keep_slot, keep_rest : float
        Weights of the divergence from the base, in nats: on neutral text, on what is licensed, after contexts of
        features that are not tuned, after contexts about no group, of the slot's mean over the groups, and after each
        context by itself. The last one gives back what no bound asks for.
    check_every : int
        Updates between two looks at the development templates.
    batch_size : int
        Records of instructions in an update, where there are any.
    lora_rank, lora_alpha, max_length_tokens, seed, checkpoint_every_steps, dtype, device, trust_remote_code
        As of every method: :class:`biasaudit.align.settings.Settings`.

    Raises
    ------
    UsageError
        If a value lies outside of its range.
    """

    max_disparity: float = field(
        default=0.05, metadata=described("Largest disparity of a cell, above 0; 1 asks for nothing.")
    )
    slack: float = field(
        default=0.05,
        metadata=described("A training goes on where the bound is met by more than this: that costs, unasked."),
    )
    features: str | None = field(
        default=None, metadata=described("Sensitive features with commas between; default all of the contrasts.")
    )
    contrasts: str | None = field(
        default=None, metadata=described("File of contrasts in YAML; default ours.", matters=False)
    )
    n_steps: int = field(default=100, metadata=described("Most updates.", option="steps"))
    cells_per_step: int = field(default=4, metadata=described("Templates of one update.", eases=True))
    word_pairs: int = field(default=2, metadata=described("Pairs of words in each template of an update.", eases=True))
    learning_rate: float = field(default=1e-3, metadata=described("After ten updates in which it rises."))
    keep_neutral: float = field(default=4.0, metadata=described("Weight of the divergence on neutral text."))
    keep_licensed: float = field(default=20.0, metadata=described("Weight of the divergence on what is licensed."))
    keep_others: float = field(
        default=20.0,
        metadata=described("Weight of the divergence on contrasts of the features that are not tuned."),
    )
    keep_controls: float = field(
        default=20.0, metadata=described("Weight of the divergence after contexts that name no group.")
    )
    keep_slot: float = field(default=4.0, metadata=described("Weight of the divergence of the slot's mean."))
    keep_rest: float = field(
        default=0.5,
        metadata=described("Weight of the divergence after each context: it gives back what no bound asks for."),
    )
    check_every: int = field(default=10, metadata=described("Updates between two looks at development templates."))
    batch_size: int = field(default=4, metadata=described("Records of instructions in an update."))

    def __post_init__(self) -> None:
        for name in ("n_steps", "cells_per_step", "word_pairs", "check_every", "batch_size"):
            at_least_one(name, getattr(self, name))
        require("max_disparity", self.max_disparity, "above 0 and at most 1", holds=0 < self.max_disparity <= 1)
        above_zero("learning_rate", self.learning_rate)
        for name in (*_KEEPS, "slack"):
            require(name, getattr(self, name), "0 or more", holds=0 <= getattr(self, name) < float("inf"))
        # A class with slots is made twice, so that super() knows another one.
        Settings.__post_init__(self)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of features, or None for all."""
        if self.features is None:
            return None
        return tuple(name for part in self.features.split(",") if (name := part.strip()))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredData:
    """What is read: contrasts of the features asked for, cells of the others, and instructions where there are any."""

    contrasts: Contrasts
    others: tuple[Cell, ...]
    instructions: InstructionFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredRows:
    """What is trained on.

    Attributes
    ----------
    cells, development : tuple of Cell
        Of the two splits, which share no template and no word.
    others : tuple of Cell
        Of features that are not tuned, which are to tell as much apart as before.
    controls : tuple of Cell
        About no group, likewise.
    licensed : tuple of Licensed
    neutral, held_out : tuple of str
        Sentences to be kept, and those on which it is measured whether they were.
    examples : tuple of Example
        Of instructions; empty where there are none.
    """

    cells: tuple[Cell, ...]
    development: tuple[Cell, ...]
    others: tuple[Cell, ...]
    controls: tuple[Cell, ...]
    licensed: tuple[Licensed, ...]
    neutral: tuple[str, ...]
    held_out: tuple[str, ...]
    examples: tuple[Example, ...]


def read(data: Path | None, settings: AnchoredSettings) -> Given[AnchoredData]:
    """Read contrasts, and instructions where they are given.

    Raises
    ------
    ContrastsError, InstructionError
        With the first thing that is wrong.
    UsageError
        If there are no contrasts of a feature.
    """
    file = None if settings.contrasts is None else Path(settings.contrasts).expanduser()
    whole = read_contrasts(file)
    found = whole if settings.feature_names is None else whole.of(settings.feature_names)
    instructions = None if data is None else read_instructions(data)
    _refuse_too_few(found)
    lines = [replace(line, source=found.name) for line in whole.lines()]
    lines += [] if instructions is None else _lines(instructions)
    identity: dict[str, object] = {"contrasts_sha256": found.sha256, "features": list(found.features)}
    if instructions is not None:
        identity["instructions_sha256"] = instructions.sha256
    return Given(
        content=AnchoredData(contrasts=found, others=_others(whole, found), instructions=instructions),
        identity=identity,
        # Of what is learned by heart; that of the contrasts is beside it.
        licence=found.licence if instructions is None else instructions.licence,
        lines=tuple(lines),
        # Whatever is not tuned is held where it was, so that it is in the training all the same.
        trained=replace(
            trained_on(whole),
            features=tuple(sorted(found.features)),
            held=tuple(sorted(set(whole.features) - set(found.features))),
        ),
    )


def _others(whole: Contrasts, found: Contrasts) -> tuple[Cell, ...]:
    features = [one for one in whole.features if one not in found.features]
    return cells_of(whole.of(features), "train") if features else ()


def _lines(instructions: InstructionFile) -> Sequence[Line]:
    return [
        Line(number=one.line, text=text, source=instructions.name)
        for one in instructions.instructions
        for text in (one.prompt, one.response)
        if text
    ]


def _refuse_too_few(found: Contrasts) -> None:
    n_cells = len(cells_of(found, "development"))
    if n_cells < _FEWEST:
        raise ContrastsError(
            f"{found.name}: {n_cells} templates have split development and words of it; expected {_FEWEST} or more, "
            "by which it is seen when the bound is met.",
            fix="Give some templates and words `split: development`; docs/tuning.md shows the form of the file.",
        )
    if len(found.neutral) < _HELD_OUT:
        raise ContrastsError(
            f"{found.name}: {len(found.neutral)} neutral sentences; expected {_HELD_OUT} or more, which are kept as "
            "they are.",
            fix="Write sentences about nobody under `neutral:`; docs/tuning.md shows the form of the file.",
        )


def prepare(given: Given[AnchoredData], base: Base, settings: AnchoredSettings) -> Material[AnchoredRows]:
    """Return what is trained on.

    Raises
    ------
    ChatTemplateError
        If there are instructions and no template, or one that cannot be used.
    InstructionError
        If no record can be used.
    """
    found, instructions = given.content.contrasts, given.content.instructions
    controls = control_cells(found)
    facts: dict[str, object] = {
        "file": found.name,
        "licence of the contrasts": found.licence or NOT_STATED,
        "features": list(found.features),
        "n_templates": len({one.template.id for one in cells_of(found, "train")}),
        "n_development_templates": len({one.template.id for one in cells_of(found, "development")}),
        "n_word_pairs": len(found.words),
        "n_licensed": len(found.licensed),
        "n_neutral": len(found.neutral),
        "n_templates_of_others": len({one.template.id for one in given.content.others}),
        "n_templates_of_controls": len({one.template.id for one in controls}),
    }
    examples: tuple[Example, ...] = ()
    ending = None
    if instructions is not None:
        learned = learned_from(instructions, base, max_length_tokens=settings.max_length_tokens)
        ending, examples = learned.end_of_turn, learned.examples
        facts |= {"instructions": instructions.name, "instructions_read": learned.counts}
    held_out = found.neutral[::_HELD_OUT][:_MEASURED]
    rows = AnchoredRows(
        cells=cells_of(found, "train"),
        development=cells_of(found, "development"),
        others=given.content.others,
        controls=controls,
        licensed=found.licensed,
        neutral=tuple(one for one in found.neutral if one not in held_out),
        held_out=held_out,
        examples=examples,
    )
    return Material(rows=rows, facts=facts, end_of_turn=ending)


def data_rows(card: TrainingCard) -> dict[str, object]:
    """Return the rows of the model card on what was trained on."""
    used = card.instructions
    of_contrasts = used.get("licence of the contrasts", NOT_STATED)
    if "instructions" not in used and of_contrasts == NOT_STATED:
        # Of a file that names none it may be named in the call; that of ours is known.
        of_contrasts = used["licence"]
    rows: dict[str, object] = {
        "file": used["file"],
        "sha256": card.identity["contrasts_sha256"],
        "licence": of_contrasts,
        "features": ", ".join(used["features"]),
        "templates": f"{used['n_templates']}, and {used['n_development_templates']} to see when to stop",
        "pairs of words": used["n_word_pairs"],
        "licensed contrasts that are kept": used["n_licensed"],
        "templates of other features that are kept": used.get("n_templates_of_others", 0),
        "templates about no group that are kept": used.get("n_templates_of_controls", 0),
        "neutral sentences that are kept": used["n_neutral"],
    }
    if "instructions" in used:
        rows["instructions"] = f"{used['instructions']}: {counted(used['instructions_read'])}"
        rows["licence of the instructions"] = used["licence"]
    return rows


def told(card: TrainingCard) -> tuple[str, ...]:
    """Return what is printed when the adapter is finished: whether the bound is met, and what it cost."""
    facts: Mapping[str, Any] = card.facts
    asked = f"at most {facts['largest disparity allowed']} on {facts['development cells']} development cells"
    found = (
        f"|B| {facts['development |B|, base']} to {facts['development |B|']}, upper bound {facts['upper bound of it']}"
    )
    # Cards of before do not say it: theirs is the last.
    update = facts.get("update of the adapter", card.n_steps)
    which = f" The adapter is that of update {update}, the best that was seen." if update != card.n_steps else ""
    said = {
        Outcome.MET: f"Met after {update} updates: {found}; asked for {asked}.{which}",
        Outcome.INFEASIBLE: f"Infeasible in {card.n_steps} updates: {found}; asked for {asked}.{which} The adapter is "
        "written all the same; give more --steps, a larger --max-disparity, or smaller weights of what is kept.",
        Outcome.HELD: f"Held before: {found}; asked for {asked}. The adapter changes nothing.",
    }
    neutral = f"{facts['held-out neutral loss, base']} to {facts['held-out neutral loss']} nats per token"
    kept = f"; licensed: {facts['licensed, base']} to {facts['licensed']}" if facts["licensed"] is not None else ""
    read = card.instructions.get("instructions_read")
    lines = said[Outcome(facts["outcome"])], f"Held-out neutral text: {neutral}{kept}."
    return (*lines, f"Instructions: {counted(read)}") if read else lines
