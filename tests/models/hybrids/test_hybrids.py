"""Hybrids of two checkpoints, held against models made anew whose weights were put together by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from biasaudit.errors import PartsError
from biasaudit.models.backend import Settings
from biasaudit.models.backends.local import LOCAL
from biasaudit.models.backends.local_model import LocalModel
from biasaudit.models.hybrids.exchange import HybridPair
from biasaudit.models.hybrids.parts import EMBEDDINGS, HEAD, parts_of, tried_ids
from biasaudit.models.local.loading import ModelShelf, locate
from biasaudit.models.reference import parse_reference
from biasaudit.types.depth import FROM_ABOVE, FROM_BELOW, Hybrid
from tests.models.adapter_kinds import LORA, save_kind
from tests.models.architectures import ARCHITECTURES, perturb, save_architecture
from tests.tiny import save_adapter, save_model

if TYPE_CHECKING:
    import torch

    from biasaudit.models.local.loaded import LoadedModel

COMMON = ("gemma3_text", "gpt2", "llama", "mistral", "phi3", "qwen3")


def opened(reference: str) -> LoadedModel:
    return ModelShelf(device="cpu").open(locate(parse_reference(reference)))


def logits(model: Any) -> torch.Tensor:  # PreTrainedModel or PeftModel
    import torch

    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=tried_ids(model), use_cache=False).logits
    return found


def put_together(pair: HybridPair, base: str, tuned: str, hybrid: Hybrid) -> torch.Tensor:
    """Return the logits of a fresh base into which the tuned checkpoint's tensors were copied, part by part."""
    import torch

    model: Any = opened(base).causal_model  # PreTrainedModel; torch types attributes of modules as Module
    other: Any = opened(tuned).causal_model  # as above
    # A head that is tied to the embeddings has a tensor of its own in a hybrid.
    head, old = model.get_output_embeddings(), model.get_input_embeddings()
    if head is not None and head.weight is old.weight:
        head.weight = torch.nn.Parameter(head.weight.detach().clone())
    with torch.no_grad():
        for number in hybrid.tuned(pair.n_parts):
            for name in pair.parts[number].modules:
                mine, theirs = model.get_submodule(name), other.get_submodule(name)
                for (_, to), (_, from_) in zip(mine.named_parameters(), theirs.named_parameters(), strict=True):
                    to.copy_(from_)
                for (_, to), (_, from_) in zip(mine.named_buffers(), theirs.named_buffers(), strict=True):
                    to.copy_(from_)
    return logits(model)


def hybrids(n_parts: int) -> Iterator[Hybrid]:
    for order in (FROM_BELOW, FROM_ABOVE):
        for number in range(n_parts + 1):
            yield Hybrid(order=order, n_parts=number)


@pytest.mark.parametrize(
    "kind",
    [*COMMON, *(pytest.param(kind, marks=pytest.mark.slow) for kind in ARCHITECTURES if kind not in COMMON)],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_every_hybrid_is_the_model_that_its_weights_make(tmp_path: Path, kind: str) -> None:
    """Nothing exchanged is the base and everything is the tuned checkpoint, bit for bit; whatever the architecture."""
    import torch

    base = str(save_architecture(tmp_path / "base", kind, ARCHITECTURES[kind]))
    tuned = str(perturb(Path(base), tmp_path / "tuned"))
    first, second = opened(base), opened(tuned)
    before, ends = logits(first.model), {0: logits(first.model), 1: logits(second.model)}
    pair = HybridPair(first, second)
    assert [part.name for part in pair.parts][:: len(pair.parts) - 1] == [EMBEDDINGS, HEAD]
    for hybrid in hybrids(pair.n_parts):
        with pair.opened(hybrid) as found:
            mine = logits(found.model)
        n_tuned = len(hybrid.tuned(pair.n_parts))
        if n_tuned in (0, pair.n_parts):
            assert torch.equal(mine, ends[int(n_tuned > 0)])
        assert torch.equal(mine, put_together(pair, base, tuned, hybrid)), hybrid
    assert torch.equal(logits(first.model), before)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_an_adapter_is_exchanged_block_by_block_and_shares_the_weights_of_its_base(tmp_path: Path) -> None:
    """One set of weights: what the adapter does not touch is the very tensor of the base."""
    import torch

    save_model(tmp_path / "base", seed=0)
    save_adapter(tmp_path / "base", tmp_path / "adapter")
    first = ModelShelf(device="cpu")
    base = first.open(locate(parse_reference(str(tmp_path / "base"))))
    before = logits(base.model)
    tuned = first.beside().open(locate(parse_reference(f"{tmp_path / 'base'}+{tmp_path / 'adapter'}")))
    pair = HybridPair(base, tuned)
    weights = {id(one) for one in base.causal_model.parameters()}
    own = [name for name, one in tuned.causal_model.named_parameters() if id(one) not in weights]
    assert own
    assert all("lora_" in name for name in own)
    # Neither embeddings nor head have an adapter: of hybrids that differ in these alone, one is asked.
    assert pair.of_tuned(Hybrid(order=FROM_BELOW, n_parts=1)) == frozenset()
    assert pair.of_tuned(Hybrid(order=FROM_BELOW, n_parts=2)) == frozenset({1})
    with pair.opened(Hybrid(order=FROM_ABOVE, n_parts=1)) as found:
        assert torch.equal(logits(found.model), logits(tuned.model))
        assert found.fingerprint == tuned.fingerprint
    assert torch.equal(logits(base.model), before)


def test_each_hybrid_has_a_fingerprint_of_its_own_and_the_ends_those_of_the_checkpoints(tmp_path: Path) -> None:
    """Answers are kept by fingerprint: two hybrids with one would be given each other's."""
    base = save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"])
    pair = HybridPair(opened(str(base)), opened(str(perturb(base, tmp_path / "tuned"))))
    found: dict[str, set[frozenset[int]]] = {}
    for hybrid in hybrids(pair.n_parts):
        with pair.opened(hybrid) as loaded:
            found.setdefault(loaded.fingerprint.weights, set()).add(pair.of_tuned(hybrid))
    assert len(found) == 2 * pair.n_parts
    assert all(len(several) == 1 for several in found.values())


def test_blocks_that_share_weights_are_refused_by_name(tmp_path: Path) -> None:
    base = opened(str(save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"])))
    model: Any = base.causal_model  # as above
    model.model.layers[1].mlp = model.model.layers[0].mlp
    with pytest.raises(PartsError, match=r"LlamaForCausalLM.*'model.layers.0' and 'model.layers.1' share weights"):
        parts_of(model, "mine")


def test_weights_of_the_model_itself_are_refused_by_name(tmp_path: Path) -> None:
    """They are in no module that could be exchanged: every hybrid would have the base's."""
    import torch

    base = opened(str(save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"])))
    model: Any = base.causal_model  # as above
    model.model.register_parameter("gate", torch.nn.Parameter(torch.ones(3)))
    with pytest.raises(PartsError, match=r"'mine' \(LlamaForCausalLM\).*the weights gate of 'model'"):
        parts_of(model, "mine")


def test_a_model_without_a_list_of_blocks_is_refused_by_name(tmp_path: Path) -> None:
    base = opened(str(save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"])))
    model: Any = base.causal_model  # as above
    model.config.num_hidden_layers = 5
    with pytest.raises(PartsError, match="no list of 5 blocks"):
        parts_of(model, "mine")


def test_checkpoints_that_turn_positions_otherwise_are_refused(tmp_path: Path) -> None:
    """What is of no part differs, so that no hybrid would be the tuned checkpoint."""
    base = save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"])
    tuned = perturb(base, tmp_path / "tuned")
    config = (tuned / "config.json").read_text(encoding="utf-8")
    (tuned / "config.json").write_text(config.replace("10000.0", "50.0"), encoding="utf-8")
    with pytest.raises(PartsError, match="something outside the parts"):
        HybridPair(opened(str(base)), opened(str(tuned)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["plain", "PiSSA", "all biases", "saved embeddings"])
@pytest.mark.parametrize("base_kind", ["llama", "gpt2"])
def test_an_adapter_that_writes_into_its_base_changes_no_base(tmp_path: Path, base_kind: str, kind: str) -> None:
    """Some kinds do, when they are put on: hybrids of a base that was changed are of no pair that anybody audited."""
    import torch

    base = save_architecture(tmp_path / "base", base_kind, ARCHITECTURES[base_kind])
    save_kind("LORA", base, tmp_path / "adapter", **LORA[kind])
    references = {"base": str(base), "tuned": f"{base}+{tmp_path / 'adapter'}"}
    wanted = {name: logits(opened(reference).model) for name, reference in references.items()}
    ready = LOCAL.locate(references, Settings(device="cpu"), lambda _: None).prepared()
    assert ready.exchange is not None
    with ready.exchange("tuned", lambda _: None) as exchange:
        n_parts = len(exchange.parts)
        for n_tuned, name in ((0, "base"), (n_parts, "tuned")):
            with exchange.opened(Hybrid(order=FROM_BELOW, n_parts=n_tuned)) as backend:
                assert isinstance(backend, LocalModel)
                assert torch.equal(logits(backend.loaded.model), wanted[name])


def test_parts_that_differ_in_what_no_tensor_holds_are_exchanged(tmp_path: Path) -> None:
    """The scale of an adapter stands in its configuration: the tensors of both are the same."""
    import torch

    save_model(tmp_path / "base", seed=0)
    save_adapter(tmp_path / "base", tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    config = tmp_path / "other" / "adapter_config.json"
    settings = json.loads(config.read_text(encoding="utf-8"))
    settings["lora_alpha"] *= 3
    config.write_text(json.dumps(settings), encoding="utf-8")
    one, other = (f"{tmp_path / 'base'}+{tmp_path / name}" for name in ("one", "other"))
    pair = HybridPair(opened(one), opened(other))
    assert pair.exchanged == frozenset(range(pair.n_parts))
    with pair.opened(Hybrid(order=FROM_BELOW, n_parts=2)) as found:
        between = logits(found.model)
    assert not torch.equal(between, logits(opened(one).model))
    assert not torch.equal(between, logits(opened(other).model))
