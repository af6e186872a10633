"""Checkpoints whose checksums say what they are: a reference such as demo:base tells a reader nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from biasaudit.models.hashes import sha256_of
from biasaudit.models.local.adapter_config import CONFIG, WEIGHTS
from biasaudit.models.local.embedded import ALIGNED, SHA256, adapter_folder
from biasaudit.models.training_card import CARD, read_training
from biasaudit.report.words.facts import mapping
from biasaudit.report.words.wording import clean, count, present

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO_WEIGHTS: Final = f"sha256:{SHA256}"
DEMO_ADAPTER: Final = "sha256:98a27982343a3a64b76dfc18dbe8b2f31d3ce643c2d04db0bccd8fc3f3121bc8"

_WEIGHTS: Final[Mapping[str, str]] = {
    DEMO_WEIGHTS: "Gemma 3 270M, pretrained, quantised to 4 bits (GGUF, Q4_K_M)",
}
_ADAPTERS: Final[Mapping[str, str]] = {
    DEMO_ADAPTER: "the demo adapter of biasaudit (LoRA); this is not Google's instruction-tuned Gemma",
}
_TUNING: Final[Mapping[str, str]] = {
    DEMO_ADAPTER: "supervised instruction tuning of a LoRA adapter (rank 8): 2 epochs over 1,215 instructions from "
    "self-instruct and T0/P3, by the biasaudit project; demonstration only",
}


def known_models(fingerprints: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    """Say in words what the checkpoints are; those that are not known by their checksums are left out.

    Parameters
    ----------
    fingerprints : mapping
        Checkpoint -> fingerprint, as in the manifest.

    Examples
    --------
    >>> known_models({"base": {"weights": DEMO_WEIGHTS}})
    ('base: Gemma 3 270M, pretrained, quantised to 4 bits (GGUF, Q4_K_M)',)
    >>> known_models({"base": {"weights": "sha256:00"}})
    ()
    """
    return tuple(f"{clean(name)}: {said}" for name, said in _in_words(fingerprints))


def _in_words(fingerprints: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # Any: JSON values
    base = mapping(fingerprints.get("base")).get("weights")
    for name, found in fingerprints.items():
        weights, adapter = (mapping(found).get(part) for part in ("weights", "adapter"))
        model = _WEIGHTS.get(str(weights))
        put_on = _adapter(str(adapter)) if adapter else None
        if model is None or (adapter and put_on is None):
            continue
        if adapter:
            model = "the same weights" if name != "base" and weights == base else model
            model = f"{model} with {put_on}"
        yield str(name), model


def model_sizes(fingerprints: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    """Return architecture and number of parameters of each checkpoint; once, where all are alike."""
    said = {
        str(name): f"{clean(found['architecture'])}, {_size(found.get('n_parameters'))}"
        for name, fingerprint in fingerprints.items()
        if (found := mapping(fingerprint)).get("architecture")
    }
    if len(set(said.values())) == 1:
        return tuple(dict.fromkeys(said.values()))
    return tuple(f"{clean(name)}: {size}" for name, size in said.items())


def _size(n_parameters: object) -> str:
    return "size not recorded" if n_parameters is None else f"{count(n_parameters)} parameters"


def tunings(fingerprints: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    """Say how each tuned checkpoint was made, as far as an audit can know: it sees weights, not their training.

    Examples
    --------
    >>> tunings({"base": {}, "tuned": {"adapter": None}})
    ('all weights may differ from the base; method and data are not recorded',)
    """
    tuned = {str(name): mapping(found).get("adapter") for name, found in fingerprints.items() if name != "base"}
    said = {name: _tuning(adapter) for name, adapter in tuned.items()}
    if len(said) == 1:
        return tuple(said.values())
    return tuple(f"{clean(name)}: {how}" for name, how in said.items())


def _tuning(adapter: object) -> str:
    if not adapter:
        return "all weights may differ from the base; method and data are not recorded"
    if adapter == _aligned_sha256():
        return _tuning_of_aligned()
    return _TUNING.get(str(adapter), "an adapter on the base's weights; method and data are not recorded")


def _adapter(sha256: str) -> str | None:
    if sha256 == _aligned_sha256():
        return "the aligned demo adapter of biasaudit (LoRA); this is not Google's instruction-tuned Gemma"
    return _ADAPTERS.get(sha256)


@cache
def _aligned_sha256() -> str | None:
    """Return the hash of the aligned adapter as it comes with this package; None where it was taken out."""
    files = [adapter_folder(ALIGNED) / name for name in (WEIGHTS, CONFIG)]
    return f"sha256:{sha256_of(files)}" if all(file.is_file() for file in files) else None


@cache
def _tuning_of_aligned() -> str:
    """Say how it was made, by its own card, so that the words go with the adapter that is shipped."""
    training = read_training(adapter_folder(ALIGNED))
    method = f"the method {training.method} of biasaudit" if training.method else "a method that is not recorded"
    features = (
        "" if training.contrasts is None else f" over contrasts of {', '.join(sorted(training.contrasts.features))}"
    )
    asked, left = (_fact(name) for name in ("largest disparity allowed", "development |B|"))
    bound = (
        "" if asked is None or left is None else f"; of {asked:g} allowed, {left:.2f} was left where it was measured"
    )
    return f"a LoRA adapter tuned with {method}{features}{bound}, by the biasaudit project; demonstration only"


def _fact(name: str) -> float | None:
    """Return a number of the aligned adapter's card; None where it has none."""
    card = json.loads((adapter_folder(ALIGNED) / CARD).read_text(encoding="utf-8"))
    return present(mapping(card.get("facts")).get(name))
