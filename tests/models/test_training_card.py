"""A training card is a foreign file: believed where it names the weights beside it, and else nothing is known."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biasaudit.models.local.embedded import TUNED, adapter_folder
from biasaudit.models.training_card import NO_CARD, Compared, Contrasts, read_training
from tests.cards import save_card

SHA = "a" * 64
OVERLAP = {"occupations": {"sha256": SHA, "containment": 0.25, "words": ["Nurse", "she"]}}
TRAINED = {"features": ["gender"], "groups": ["the woman"], "words": ["a welder"], "templates": [SHA]}


def test_it_says_what_was_trained(tmp_path: Path) -> None:
    found = read_training(save_card(tmp_path, overlap=OVERLAP, trained=TRAINED, method="constraint"))
    assert (found.unknown, found.damaged, found.method) == ("", False, "constraint")
    assert found.compared == {
        "occupations": Compared(sha256=SHA, containment=0.25, words=frozenset({"nurse", "she"})),
    }
    assert found.contrasts == Contrasts(
        features=frozenset({"gender"}),
        held=frozenset(),
        groups=("the woman",),
        words=("a welder",),
        templates=frozenset({SHA}),
    )


def test_features_that_were_held_are_named_beside_those_that_were_tuned(tmp_path: Path) -> None:
    found = read_training(save_card(tmp_path, trained={**TRAINED, "held": ["age", "religion"]}, method="constraint"))
    assert found.contrasts is not None
    assert (found.contrasts.features, found.contrasts.held) == (frozenset({"gender"}), frozenset({"age", "religion"}))


def test_no_folder_and_no_card_are_no_damage(tmp_path: Path) -> None:
    assert read_training(None) == read_training(tmp_path) == NO_CARD
    assert not NO_CARD.damaged


def test_the_card_of_the_shipped_instruction_tuned_adapter_is_its_own_and_says_nothing_of_probes() -> None:
    """It was made before data were compared with probes: what it does not say is not made up."""
    found = read_training(adapter_folder(TUNED))
    assert (found.unknown, found.compared, found.contrasts) == ("", {}, None)


def test_a_card_of_other_weights_is_not_believed(tmp_path: Path) -> None:
    """Trained anew by something else, or copied: the card beside it is not about these weights."""
    folder = save_card(tmp_path, overlap=OVERLAP)
    (folder / "adapter_model.safetensors").write_bytes(b"others")
    found = read_training(folder)
    assert found.damaged
    assert found.unknown.startswith(
        "its training card cannot be used: training_card.json is of another adapter: it names adapter_model.safetensors"
    )
    assert found.compared == {}


def replaced(folder: Path, content: str | bytes) -> None:
    path = folder / "training_card.json"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def linked(folder: Path) -> None:
    path = folder / "training_card.json"
    path.unlink()
    path.symlink_to(folder / "nowhere")


def piped(folder: Path) -> None:
    path = folder / "training_card.json"
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: replaced(folder, "{"), "is no JSON"),
        (lambda folder: replaced(folder, "[" * 100_000), "is no JSON: 'it is nested too deeply'"),
        (lambda folder: replaced(folder, '{"method": "a", "method": "b"}'), "is given twice"),
        (lambda folder: replaced(folder, "[]"), "holds list; expected an object"),
        (lambda folder: replaced(folder, b"\xff\xfe{"), "is not UTF-8 text"),
        (lambda folder: replaced(folder, "{}"), "has schema version None; expected 1"),
        (lambda folder: replaced(folder, '{"schema_version": true}'), "has schema version True; expected 1"),
        (lambda folder: replaced(folder, '{"schema_version": 1}'), "has no field 'files'"),
        (linked, "there is no such file"),
        (piped, "cannot be read: it is a pipe"),
    ],
    ids=["broken", "deep", "twice", "list", "utf-16", "empty", "true", "bare", "link", "pipe"],
)
def test_a_file_that_is_no_card_is_told_in_one_sentence_without_a_path(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    """What is told stands in the manifest and on the page: no path of this machine, no text without end."""
    folder = save_card(tmp_path / "adapter", overlap=OVERLAP)
    damage(folder)
    found = read_training(folder)
    assert found.damaged
    assert said in found.unknown
    assert str(tmp_path) not in found.unknown
    assert "\n" not in found.unknown
    assert len(found.unknown) < 300


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": 7}, "method holds 7; expected a text"),
        ({"method": "x" * 10_000}, "method holds 'xxx"),
        ({"instructions": None}, "instructions holds None; expected an object"),
        ({"overlap": []}, "overlap holds []; expected an object"),
        ({"overlap": {"p": {"containment": 0.5, "words": []}}}, "has no field 'sha256'"),
        ({"overlap": {"p": {**OVERLAP["occupations"], "containment": 1.5}}}, "expected a number from 0 to 1"),
        ({"overlap": {"p": {**OVERLAP["occupations"], "containment": float("nan")}}}, "expected a number from 0 to 1"),
        ({"overlap": {"p": {**OVERLAP["occupations"], "containment": True}}}, "expected a number from 0 to 1"),
        ({"overlap": {"p": {**OVERLAP["occupations"], "words": "nurse"}}}, "words holds 'nurse'; expected a list"),
        ({"trained": {**TRAINED, "templates": ["{group} works"]}}, "expected a SHA-256"),
        ({"trained": {**TRAINED, "words": ["\x1b[2J", 3]}}, "words holds 3; expected a text"),
        ({"trained": {"features": []}}, "has no field 'templates'"),
        ({"trained": {**TRAINED, "features": [f"f{number}" for number in range(101)]}}, "has 101 features"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_a_field_of_another_form_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    folder = save_card(tmp_path / "adapter", **changes)
    found = read_training(folder)
    assert found.damaged
    assert said in found.unknown
    assert (found.compared, found.contrasts) == ({}, None)
    json.dumps(found.unknown)
