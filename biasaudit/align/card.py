"""The training card: what was done, for machines as JSON and for people as Markdown."""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeAlias

SCHEMA_VERSION: Final = 1
NOT_STATED: Final = "not stated"

_ROWS_OF_CURVE: Final = 12
_NOT_MEASURED: Final = (
    "It exists so that the base can be compared with this adapter on it. What the tuning did to the model's social "
    "bias is not measured here: run `biasaudit audit BASE BASE+ADAPTER`."
)
_ONLY_WHERE_GIVEN: Final = ("facts", "curves", "checkpoints")
Curve: TypeAlias = tuple[tuple[int, float], ...]
"""Update, from 1, and a value."""

_MARKDOWN: Final = {ord(letter): f"&#{ord(letter)};" for letter in "\\`*_[]()!|~#@:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCard:
    """What a training did.

    Attributes
    ----------
    method : str
        Its name: ``sft``.
    identity : mapping
        Everything that the adapter depends on: hashes of the base's weights and tokenizer, of the
        file of instructions and the chat template, and the settings that matter.
    settings : mapping
        All fields of the method's settings.
    base : mapping
        name, revision, architecture, n_parameters.
    instructions : mapping
        What was trained on: licence, and what the method says of its data; of ``sft``: file (its name),
        n_records, n_used, n_without_response, n_too_long.
    end_of_turn : str or None
        The text that the model learned to stop with; None where the method teaches none.
    target_modules : tuple of str
        Layers that the adapter changes.
    n_weights : int
        Of the adapter.
    n_steps : int
        Updates.
    loss_nats : tuple of (int, float)
        Update, from 1, and mean loss of its tokens before it, in nats per token.
    facts : mapping
        What else the method says of its training; in the file only where there is something.
    curves : mapping
        Further curves by name, as `loss_nats`; in the file only where there is one.
    seconds : float
        Time of training on the wall clock, without what interruptions cost.
    libraries : mapping
        Versions.
    files : mapping
        File beside the card -> sha256.
    checkpoints : mapping
        Of what was kept on the way, in the file only where something was: file and sha256, and by update steps and
        learning_rates (mean since the one before). The adapter is whole without that file.
    """

    method: str
    identity: Mapping[str, object]
    settings: Mapping[str, object]
    base: Mapping[str, Any]  # JSON
    instructions: Mapping[str, Any]  # JSON
    end_of_turn: str | None
    target_modules: tuple[str, ...]
    n_weights: int
    n_steps: int
    loss_nats: tuple[tuple[int, float], ...]
    seconds: float
    libraries: Mapping[str, str]
    files: Mapping[str, str]
    facts: Mapping[str, object] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    checkpoints: Mapping[str, Any] = field(default_factory=dict)  # JSON

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``training_card.json``."""
        content = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return {name: value for name, value in content.items() if value or name not in _ONLY_WHERE_GIVEN}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> TrainingCard:
        """Return the card whose :meth:`as_dict` is `content`."""
        fields = {name: value for name, value in content.items() if name != "schema_version"}
        return cls(
            **{
                **fields,
                "target_modules": tuple(fields["target_modules"]),
                "loss_nats": _curve_of(fields["loss_nats"]),
                "curves": {name: _curve_of(curve) for name, curve in fields.get("curves", {}).items()},
            }
        )


def _curve_of(points: Sequence[Sequence[Any]]) -> Curve:  # of a file
    return tuple((step, value) for step, value in points)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardWords:
    """What a model card says of the method.

    Attributes
    ----------
    title : str
        What the adapter was made by.
    data : str
        The heading over what was trained on.
    data_rows : callable
        From the card to the rows of its table.
    training : str
        A sentence on what the loss is taken on.
    of_loss : str
        The unit of the loss, and what it says.
    """

    title: str
    data: str
    data_rows: Callable[[TrainingCard], Mapping[str, object]]
    training: str
    of_loss: str


def to_markdown(card: TrainingCard, says: CardWords) -> str:
    """Return the model card, ``README.md``.

    Parameters
    ----------
    card : TrainingCard
        `files` may be empty: the model card is one of them.
    says : CardWords
        Of the card's method.

    Returns
    -------
    str
        Texts from the call and from files act neither as Markdown nor as HTML.
    """
    identity = card.identity
    parts = [
        _front_matter(card),
        f"# A LoRA adapter on {_escaped(card.base['name'])}",
        "",
        f"Made by {says.title} (`{card.method}`) with biasaudit.",
        "",
        _NOT_MEASURED,
        "",
        "The base's licence and terms hold for this adapter too.",
        "",
        "## Base",
        "",
        *_table(
            {
                "name": card.base["name"],
                "revision": card.base["revision"] or NOT_STATED,
                "architecture": card.base["architecture"],
                "weights": f"{card.base['n_parameters']:,}",
                "hash of the weights": identity["base_weights"],
                "hash of the tokenizer": identity["tokenizer_sha256"],
            }
        ),
        f"## {says.data}",
        "",
        *_table(says.data_rows(card)),
        "## Training",
        "",
        says.training,
        "",
        *_table(
            {
                **card.settings,
                "updates": card.n_steps,
                "weights of the adapter": f"{card.n_weights:,}, saved in bfloat16",
                "changed layers": ", ".join(card.target_modules),
                **({} if card.end_of_turn is None else {"end of turn": card.end_of_turn}),
                **card.facts,
                "hash of the chat template": identity["chat_template_sha256"],
                "time": f"{card.seconds:,.0f} s",
            }
        ),
        *_loss(card.loss_nats, says),
        *(line for name, curve in card.curves.items() for line in (f"## {_escaped(name)}", "", *_curve(curve, name))),
        "## Versions",
        "",
        *_table(dict(card.libraries)),
    ]
    return "\n".join(parts)


def _front_matter(card: TrainingCard) -> str:
    lines = ["---", "library_name: peft", "pipeline_tag: text-generation"]
    if card.base["on_hub"]:
        # JSON is YAML.
        lines.append(f"base_model: {json.dumps(card.base['name'])}")
    return "\n".join([*lines, "---"])


def _table(rows: Mapping[str, object]) -> list[str]:
    body = [f"| {_escaped(name)} | {_escaped(value)} |" for name, value in rows.items()]
    return ["| | |", "|---|---|", *body, ""]


def _loss(loss_nats: Curve, says: CardWords) -> list[str]:
    if not loss_nats:
        return []
    first, last = loss_nats[0], loss_nats[-1]
    said = f"From {first[1]:.3f} at update {first[0]} to {last[1]:.3f} at update {last[0]}, {says.of_loss}"
    return ["## Loss", "", said, "", *_curve(loss_nats, "loss")]


def _curve(points: Curve, name: str) -> list[str]:
    """Return means over stretches of a curve, because the value of one update says little."""
    width = -(-len(points) // _ROWS_OF_CURVE)
    rows = [f"| updates | mean {_escaped(name)} |", "|---|---|"]
    for start in range(0, len(points), width):
        stretch = points[start : start + width]
        mean = sum(value for _, value in stretch) / len(stretch)
        rows.append(f"| {stretch[0][0]} to {stretch[-1][0]} | {mean:.3f} |")
    return [*rows, ""]


def _escaped(value: object) -> str:
    printable = "".join(
        " " if unicodedata.category(letter)[0] == "C" or unicodedata.category(letter) in {"Zl", "Zp"} else letter
        for letter in str(value)
    )
    # Ours last: html.escape would escape the ampersands of the entities.
    return html.escape(printable, quote=False).translate(_MARKDOWN)
