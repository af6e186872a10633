"""The training card: what was done, for machines as JSON and for people as Markdown."""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

SCHEMA_VERSION: Final = 1
NOT_STATED: Final = "not stated"

_ROWS_OF_CURVE: Final = 12
_NOT_MEASURED: Final = (
    "It exists so that the base can be compared with this adapter on it. What the tuning did to the model's social "
    "bias is not measured here: run `biasaudit audit BASE BASE+ADAPTER`."
)
_OF_LOSS: Final = "It says how well these responses were learned, and nothing about answers to other prompts."
_MARKDOWN: Final = {ord(letter): f"&#{ord(letter)};" for letter in "\\`*_[]()!|~#@:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCard:
    """What a training did.

    Attributes
    ----------
    method : str
        ``sft``.
    identity : mapping
        Everything that the adapter depends on: hashes of the base's weights and tokenizer, of the
        file of instructions and the chat template, and the settings that matter.
    settings : mapping
        All fields of the method's settings.
    base : mapping
        name, revision, architecture, n_parameters.
    instructions : mapping
        file (its name), licence, n_records, n_used, n_without_response, n_too_long.
    end_of_turn : str
        The text that the model learned to stop with.
    target_modules : tuple of str
        Layers that the adapter changes.
    n_weights : int
        Of the adapter.
    n_steps : int
        Updates.
    loss_nats : tuple of (int, float)
        Update, from 1, and mean loss of its tokens before it, in nats per token.
    seconds : float
        Time of training on the wall clock, without what interruptions cost.
    libraries : mapping
        Versions.
    files : mapping
        File beside the card -> sha256.
    """

    method: str
    identity: Mapping[str, object]
    settings: Mapping[str, object]
    base: Mapping[str, Any]  # JSON
    instructions: Mapping[str, Any]  # JSON
    end_of_turn: str
    target_modules: tuple[str, ...]
    n_weights: int
    n_steps: int
    loss_nats: tuple[tuple[int, float], ...]
    seconds: float
    libraries: Mapping[str, str]
    files: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``training_card.json``."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> TrainingCard:
        """Return the card whose :meth:`as_dict` is `content`."""
        fields = {name: value for name, value in content.items() if name != "schema_version"}
        return cls(
            **{
                **fields,
                "target_modules": tuple(fields["target_modules"]),
                "loss_nats": tuple((step, loss) for step, loss in fields["loss_nats"]),
            }
        )


def to_markdown(card: TrainingCard) -> str:
    """Return the model card, ``README.md``.

    Parameters
    ----------
    card : TrainingCard
        `files` may be empty: the model card is one of them.

    Returns
    -------
    str
        Texts from the call and from files act neither as Markdown nor as HTML.
    """
    identity, used = card.identity, card.instructions
    first, last = card.loss_nats[0], card.loss_nats[-1]
    parts = [
        _front_matter(card),
        f"# A LoRA adapter on {_escaped(card.base['name'])}",
        "",
        f"Made by supervised instruction tuning (`{card.method}`) with biasaudit.",
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
        "## Instructions",
        "",
        *_table(
            {
                "file": used["file"],
                "sha256": identity["instructions_sha256"],
                "licence": used["licence"],
                "records": used["n_records"],
                "used": used["n_used"],
                "left out: no response": used["n_without_response"],
                "left out: too long": used["n_too_long"],
            }
        ),
        "## Training",
        "",
        "The loss is taken on the response and its end of turn only, as a mean over the tokens of an update.",
        "",
        *_table(
            {
                **card.settings,
                "updates": card.n_steps,
                "weights of the adapter": f"{card.n_weights:,}, saved in bfloat16",
                "changed layers": ", ".join(card.target_modules),
                "end of turn": card.end_of_turn,
                "hash of the chat template": identity["chat_template_sha256"],
                "time": f"{card.seconds:,.0f} s",
            }
        ),
        "## Loss",
        "",
        f"From {first[1]:.3f} at update {first[0]} to {last[1]:.3f} at update {last[0]}, in nats per token. {_OF_LOSS}",
        "",
        *_curve(card.loss_nats),
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


def _curve(loss_nats: Sequence[tuple[int, float]]) -> list[str]:
    """Return means over stretches of the curve, because the loss of one update says little."""
    width = -(-len(loss_nats) // _ROWS_OF_CURVE)
    rows = ["| updates | mean loss |", "|---|---|"]
    for start in range(0, len(loss_nats), width):
        stretch = loss_nats[start : start + width]
        mean = sum(loss for _, loss in stretch) / len(stretch)
        rows.append(f"| {stretch[0][0]} to {stretch[-1][0]} | {mean:.3f} |")
    return [*rows, ""]


def _escaped(value: object) -> str:
    printable = "".join(
        " " if unicodedata.category(letter)[0] == "C" or unicodedata.category(letter) in {"Zl", "Zp"} else letter
        for letter in str(value)
    )
    # Ours last: html.escape would escape the ampersands of the entities.
    return html.escape(printable, quote=False).translate(_MARKDOWN)
