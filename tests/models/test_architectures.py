from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.models import LoadedModel, ModelShelf, locate, parse_reference
from tests.models.architectures import ARCHITECTURES, NOT_BUILT, perturb, save_architecture
from tests.models.test_engine import TEXTS, values

FAST = ("bart", "bloom", "falcon", "gemma3_text", "gpt2", "llama", "mixtral", "qwen2", "roberta")
"""One of each way to place words and to attend; the others are slow only because they are many."""


def by_fresh_model(folder: Path, loaded: LoadedModel) -> list[float]:
    """A model that nothing was done to, loaded by transformers alone; one plain forward a text."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    found = []
    for one in TEXTS:
        context = loaded.tokenizer(one.context)["input_ids"] if one.context else [0]
        whole = [*context, *loaded.tokenizer(one.continuation)["input_ids"]]
        with torch.inference_mode():
            logprobs = model(input_ids=torch.tensor([whole]), use_cache=False).logits[0].double().log_softmax(-1)
        found.append(sum(float(logprobs[place - 1, whole[place]]) for place in range(len(context), len(whole))))
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in FAST else pytest.mark.slow) for kind in ARCHITECTURES]
)
def test_base_tuned_and_base_again_are_scored_as_freshly_loaded(tmp_path: Path, kind: str) -> None:
    """On one shelf, in packs or padded as the engine chooses; each value within 1e-5 nats of one plain forward."""
    base = save_architecture(tmp_path / "base", kind, ARCHITECTURES[kind])
    tuned = perturb(base, tmp_path / "tuned")
    shelf = ModelShelf(dtype="float32")
    seen = []
    for folder in (base, tuned, base):
        loaded = shelf.open(locate(parse_reference(str(folder))))
        found = values(loaded, TEXTS)
        assert found == pytest.approx(by_fresh_model(folder, loaded), abs=1e-5, rel=0)
        seen.append(found)
    assert seen[0] == seen[2]
    assert seen[0] != pytest.approx(seen[1], abs=1e-2)


def test_every_causal_type_of_transformers_is_built_or_says_why_not() -> None:
    """A new version of the library brings new types; none is skipped in silence."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    listed = [kind for kinds in NOT_BUILT.values() for kind in kinds]
    assert len(listed) == len(set(listed))
    assert not set(listed) & set(ARCHITECTURES)
    assert {*listed, *ARCHITECTURES} == set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert len(ARCHITECTURES) >= 60
