"""What the package ships as `demo:tuned` and `demo:aligned`: whole, small, known, and with its terms."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

from biasaudit.audits.exposed import exposed
from biasaudit.models.local.embedded import ADAPTERS, ALIGNED, SHA256, adapter_folder
from biasaudit.models.training_card import read_training
from biasaudit.probes import Probe, load_probe, suite_of
from biasaudit.record.exposure_facts import CardExposure

ROOT = Path(__file__).resolve().parents[2]
EITHER = pytest.mark.parametrize("reference", ADAPTERS)


@EITHER
def test_the_adapter_is_the_one_that_its_card_describes(reference: str) -> None:
    folder = adapter_folder(reference)
    card = json.loads((folder / "training_card.json").read_text(encoding="utf-8"))
    assert card["identity"]["base_weights"] == f"sha256:{SHA256}"
    assert {"adapter_model.safetensors", "adapter_config.json", "chat_template.jinja"} <= set(card["files"])
    for name, sha256 in card["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256, name


@EITHER
def test_the_adapter_is_small_and_in_bfloat16(reference: str) -> None:
    path = adapter_folder(reference) / "adapter_model.safetensors"
    assert path.stat().st_size <= 5_000_000
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"BF16"}


@EITHER
def test_the_notice_of_the_bases_licence_travels_with_it(reference: str) -> None:
    notice = (adapter_folder(reference) / "NOTICE").read_text(encoding="utf-8")
    assert "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms" in notice
    assert "They are not the files" in notice


def test_the_wheel_names_the_notices_of_all_and_leaves_no_adapter_out() -> None:
    """What is in the package's folder is in the wheel, unless git ignores it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    notices = [name for name in project["project"]["license-files"] if name.endswith("NOTICE")]
    assert sorted(notices) == sorted(f"biasaudit/models/{folder}/NOTICE" for folder in ADAPTERS.values())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["biasaudit"]
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert not {"adapter", "*adapter*", "*.safetensors", "training_card.json", "*.jinja"} & set(ignored)


def test_the_two_are_not_the_same_adapter() -> None:
    """Nor is one on top of the other: each is on the base alone."""
    weights = {(adapter_folder(reference) / "adapter_model.safetensors").read_bytes() for reference in ADAPTERS}
    assert len(weights) == len(ADAPTERS)


def test_both_cards_can_be_used_and_name_methods_that_differ() -> None:
    """The demo names its stages by them."""
    trainings = [read_training(adapter_folder(reference)) for reference in ADAPTERS]
    assert [(training.unknown, training.damaged) for training in trainings] == [("", False)] * len(ADAPTERS)
    assert len({training.method for training in trainings}) == len(ADAPTERS)


@pytest.fixture(scope="module")
def asked() -> tuple[dict[str, Probe], dict[str, CardExposure]]:
    """The parts of probes that the demo asks, and what both cards say of them."""
    probes = {name: chosen.of(load_probe(name)) for name, chosen in suite_of("demo").probes.items()}
    trainings = {reference: read_training(adapter_folder(reference)) for reference in ADAPTERS}
    return probes, exposed(trainings, list(probes.values()), tuned=list(ADAPTERS))


def test_of_every_probe_of_the_demo_it_is_known_whether_the_aligned_one_trained_on_it(
    asked: tuple[dict[str, Probe], dict[str, CardExposure]],
) -> None:
    """An adapter trained before a probe was changed would be unknown: then it has to be trained, or compared, anew."""
    probes, cards = asked
    said = cards[ALIGNED].probes
    assert {name: said[name].unknown for name in probes} == dict.fromkeys(probes, "")


def test_the_aligned_one_was_trained_on_no_template_of_the_demo_and_on_gender_at_least(
    asked: tuple[dict[str, Probe], dict[str, CardExposure]],
) -> None:
    """A change is then one that holds where it was not trained."""
    probes, cards = asked
    assert not any(cards[ALIGNED].probes[name].has_template for name in probes)
    contrasts = read_training(adapter_folder(ALIGNED)).contrasts
    assert contrasts is not None
    assert "gender" in contrasts.features
