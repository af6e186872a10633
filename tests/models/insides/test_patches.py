"""Activations that are put in, held against plain forwards, an oracle and a model made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from biasaudit.errors import PartsError
from biasaudit.models.insides.patches import Patcher
from biasaudit.models.local.loading import ModelShelf, locate
from biasaudit.models.reference import parse_reference
from biasaudit.types.components import Component, ComponentKind, Patch, Place, Swap, swapped
from tests.models.architectures import ARCHITECTURES, save_architecture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.models.local.loaded import LoadedModel

COMMON = ("gemma3_text", "gpt2", "llama", "mistral", "phi3", "qwen3")
NOTHING = Patch(components=frozenset())
MLP = Component(kind=ComponentKind.MLP, place=Place.WORD, block=0)
HEAD = Component(kind=ComponentKind.HEAD, place=Place.WORD, block=0, head=1)


def opened(reference: str) -> LoadedModel:
    return ModelShelf(device="cpu").open(locate(parse_reference(reference)))


def swaps(seed: int = 0, *, n: int = 3, first: tuple[int, ...] = (9,), second: tuple[int, ...] = (11, 4)) -> list[Swap]:
    """Return contexts of six tokens that differ in the third, each way round."""
    draws = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        one = draws.integers(3, 40, 6).tolist()
        other = [*one[:2], (one[2] + 5) % 40 + 3, *one[3:]]
        for to, donor in ((one, other), (other, one)):
            swap = swapped(to, donor, first, second)
            assert swap is not None
            found.append(swap)
    return found


def read(loaded: LoadedModel, contexts: Sequence[tuple[int, ...]], swap: Swap) -> NDArray[np.float64]:
    """Return the odds after contexts, by plain forwards of one text each."""
    import torch

    found = []
    for context in contexts:
        total = 0.0
        for continuation, sign in ((swap.first, 1.0), (swap.second, -1.0)):
            whole = torch.tensor([[*context, *continuation]])
            with torch.inference_mode():
                logprobs = loaded.model(input_ids=whole, use_cache=False).logits.double().log_softmax(dim=2)[0]
            total += sign * sum(
                float(logprobs[at - 1, whole[0, at]]) for at in range(len(context), len(context) + len(continuation))
            )
        found.append(total)
    return np.array(found)


@pytest.mark.parametrize("kind", COMMON)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_nothing_changes_nothing_and_everything_gives_the_other_side(tmp_path: Path, kind: str) -> None:
    loaded = opened(str(save_architecture(tmp_path / "base", kind, ARCHITECTURES[kind])))
    patcher = Patcher(loaded)
    asked = swaps()
    own = Patch(components=frozenset({patcher.components[-1]}))
    selfsame = [swapped_to_itself(swap) for swap in asked]
    nothing, everything = patcher.odds(asked, [NOTHING, Patch(components=frozenset(patcher.components))])
    np.testing.assert_allclose(nothing, read(loaded, [swap.to for swap in asked], asked[0]), atol=1e-4)
    np.testing.assert_allclose(everything, read(loaded, [swap.donor for swap in asked], asked[0]), atol=1e-4)
    # Its own activations, put in at one place or at all: bit for bit.
    everywhere = Patch(components=frozenset(patcher.components))
    for found in patcher.odds(selfsame, [NOTHING, own, everywhere]):
        np.testing.assert_array_equal(found, nothing)
    assert np.abs(everything - nothing).min() > 1e-3


def swapped_to_itself(swap: Swap) -> Swap:
    return Swap(to=swap.to, donor=swap.to, first=swap.first, second=swap.second, begins=swap.begins, ends=swap.ends)


@pytest.mark.parametrize("kind", COMMON)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_slopes_are_what_a_small_step_does(tmp_path: Path, kind: str) -> None:
    """Of two checkpoints a hair's breadth apart, what putting a component in does is its slope."""
    import torch

    base = opened(str(save_architecture(tmp_path / "base", kind, ARCHITECTURES[kind])))
    near = opened(str(tmp_path / "base"))
    base.model.double(), near.model.double()
    draws = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in near.model.parameters():
            weight.add_(1e-4 * torch.randn(weight.shape, generator=draws, dtype=weight.dtype))
    patcher = Patcher(base, near)
    asked = [swapped_to_itself(swap) for swap in swaps(n=2)]
    slopes = patcher.slopes(asked)
    before, *after = patcher.odds(asked, [NOTHING, *(Patch(components=frozenset({one})) for one in patcher.components)])
    exact = np.stack(after, axis=1) - before[:, None]
    assert np.abs(exact).max() > 1e-7
    np.testing.assert_allclose(slopes, exact, atol=0.02 * np.abs(exact).max())


def test_a_random_direction_is_as_far_away_and_the_same_by_its_seed(tmp_path: Path) -> None:
    loaded = opened(str(save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"])))
    patcher = Patcher(loaded)
    unit = Patch(components=frozenset({MLP}), random=True)
    one, again, other = (patcher.odds(swaps(), [NOTHING, unit], seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-6


def test_only_the_components_that_are_named_are_put_in_and_only_where(tmp_path: Path) -> None:
    """Two checkpoints that differ in one block's MLP alone: that component brings all of it, every other nothing."""
    import torch

    folder = save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"])
    base, other = opened(str(folder)), opened(str(folder))
    with torch.no_grad():
        other.causal_model.get_submodule("model.layers.1.mlp").down_proj.weight.mul_(2.0)  # type: ignore[operator, union-attr]
    patcher = Patcher(other, base)
    asked = [swapped_to_itself(swap) for swap in swaps()]
    of_block = [one for one in patcher.components if one.block == 1 and one.kind is ComponentKind.MLP]
    rest = [one for one in patcher.components if one not in of_block]
    before, alone, others = patcher.odds(
        asked,
        [NOTHING, Patch(components=frozenset(of_block)), Patch(components=frozenset(rest))],
    )
    at_base = read(base, [swap.to for swap in asked], asked[0])
    # Continuations are read by the other checkpoint: with one token to read they play no part.
    single = [swapped_to_itself(one) for one in swaps(second=(11,))]
    with_one_token = patcher.odds(single, [Patch(components=frozenset(of_block))])[0]
    np.testing.assert_allclose(with_one_token, read(base, [swap.to for swap in single], single[0]), atol=1e-5)
    np.testing.assert_allclose(others, before, atol=1e-6)
    assert np.abs(alone - before).max() > 1e-3
    assert np.abs(at_base - before).max() > 1e-3


def test_models_whose_heads_cannot_be_told_apart_are_refused_by_name(tmp_path: Path) -> None:
    """OPT's feed-forward layers belong to the block itself."""
    loaded = opened(str(save_architecture(tmp_path / "opt", "opt", ARCHITECTURES["opt"])))
    with pytest.raises(
        PartsError, match=r"heads and MLPs of .*opt.* cannot be told apart: .* no modules that are its MLP"
    ):
        Patcher(loaded)


def test_checkpoints_of_other_shapes_are_refused(tmp_path: Path) -> None:
    one = opened(str(save_architecture(tmp_path / "one", "llama", ARCHITECTURES["llama"])))
    sizes: dict[str, Any] = {**ARCHITECTURES["llama"], "num_hidden_layers": 3}
    other = opened(str(save_architecture(tmp_path / "other", "llama", sizes)))
    with pytest.raises(PartsError, match="are not those of"):
        Patcher(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in ARCHITECTURES if kind not in COMMON])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_every_other_architecture_is_right_or_refused_by_name(tmp_path: Path, kind: str) -> None:
    """Whatever it is built like: with everything put in it gives the other side, or it is refused."""
    loaded = opened(str(save_architecture(tmp_path / "base", kind, ARCHITECTURES[kind])))
    found = everything_put_in(loaded, swaps())
    if isinstance(found, str):
        assert type(loaded.causal_model).__name__ in found or "something else carries" in found
    else:
        np.testing.assert_allclose(found, read(loaded, [swap.donor for swap in swaps()], swaps()[0]), atol=5e-3)


def everything_put_in(loaded: LoadedModel, asked: Sequence[Swap]) -> NDArray[np.float64] | str:
    """Return the odds with everything put in, or the message of a model that is refused."""
    try:
        patcher = Patcher(loaded)
        return np.asarray(patcher.odds(asked, [Patch(components=frozenset(patcher.components))])[0])
    except PartsError as exc:
        return str(exc)


def test_oracle(tmp_path: Path) -> None:
    """TransformerLens puts the same activations in, and gets the same odds."""
    lens = pytest.importorskip("transformer_lens.model_bridge", reason="needs the extra `oracles`")
    import torch

    folder = save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"])
    loaded = opened(str(folder))
    patcher = Patcher(loaded)
    theirs = lens.TransformerBridge.boot_transformers(
        "llama", hf_model=opened(str(folder)).model, tokenizer=loaded.tokenizer
    )
    asked = swaps(second=(11,))
    components = [one for one in patcher.components if one.place is Place.WORD and one.block >= 0]
    ours = patcher.odds(asked, [Patch(components=frozenset({one})) for one in components])
    donors, texts = (torch.tensor([getattr(swap, side) for swap in asked]) for side in ("donor", "to"))
    _, cache = theirs.run_with_cache(donors)
    for component, found in zip(components, ours, strict=True):
        logits = theirs.run_with_hooks(texts, fwd_hooks=[_hook(component, cache)])[:, -1]
        expected = (logits[:, 9] - logits[:, 11]).detach().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)


def _hook(component: Component, cache: Any) -> tuple[str, Any]:  # of TransformerLens
    name = f"blocks.{component.block}." + ("hook_mlp_out" if component.kind is ComponentKind.MLP else "attn.hook_z")

    def put(found: Any, hook: Any) -> Any:  # tensors
        del hook
        changed = found.clone()
        if component.kind is ComponentKind.MLP:
            changed[:, 2] = cache[name][:, 2]
        else:
            changed[:, 2, component.head] = cache[name][:, 2, component.head]
        return changed

    return name, put


def test_texts_of_other_lengths_beside_it_change_nothing(tmp_path: Path) -> None:
    """Contexts and continuations of several lengths go through the model together, padded."""
    patcher = Patcher(opened(str(save_architecture(tmp_path / "base", "llama", ARCHITECTURES["llama"]))))
    short = swapped((5, 6, 7), (5, 9, 7), (9,), (11, 4, 12))
    assert short is not None
    several = [*swaps(), short]
    units = [Patch(components=frozenset({one})) for one in (HEAD, MLP)]
    alone = np.concatenate([patcher.odds([swap], [NOTHING, *units]) for swap in several], axis=1)
    np.testing.assert_allclose(patcher.odds(several, [NOTHING, *units]), alone, atol=1e-5)
    slopes = np.concatenate([patcher.slopes([swap]) for swap in several])
    np.testing.assert_allclose(patcher.slopes(several), slopes, atol=1e-5)
    assert min(np.abs(one - alone[0]).max() for one in alone[1:]) > 1e-5


@pytest.mark.parametrize("kind", COMMON)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_what_heads_write_is_of_the_projection_that_they_write_through(tmp_path: Path, kind: str) -> None:
    """Where only the projections behind the heads differ, the heads of the base bring all of the change."""
    import torch

    folder = save_architecture(tmp_path / "base", kind, ARCHITECTURES[kind])
    base, other = opened(str(folder)), opened(str(folder))
    named = dict(other.causal_model.named_parameters())
    draws = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in named.items():
            if "o_proj.weight" in name or "attn.c_proj.weight" in name:
                weight.add_(0.5 * weight.std() * torch.randn(weight.shape, generator=draws))
    patcher = Patcher(other, base)
    asked = [swapped_to_itself(swap) for swap in swaps(second=(11,))]
    heads = frozenset(one for one in patcher.components if one.kind is ComponentKind.HEAD)
    before, of_heads, everything = patcher.odds(
        asked, [NOTHING, Patch(components=heads), Patch(components=frozenset(patcher.components))]
    )
    wanted = read(base, [swap.to for swap in asked], asked[0])
    assert np.abs(wanted - before).max() > 1e-2
    np.testing.assert_allclose(of_heads, wanted, atol=1e-4)
    np.testing.assert_allclose(everything, wanted, atol=1e-4)
    of_first = [at for at, one in enumerate(patcher.components) if one.block == 0 and one.kind is ComponentKind.HEAD]
    assert np.abs(patcher.slopes(asked)[:, of_first]).max() > 1e-3
