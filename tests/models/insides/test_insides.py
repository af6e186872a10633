"""Layers and paths of tiny models of several architectures, held against the model's own numbers and against captum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biasaudit.errors import PartsError
from biasaudit.framing import request_key
from biasaudit.models.insides.gradients import path_attributions
from biasaudit.models.insides.places import places_of
from biasaudit.models.insides.states import layer_states, lens_log_odds
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.types import Request
from tests.explanations.planted import loaded
from tests.models.architectures import ARCHITECTURES, save_architecture

KINDS = ("llama", "gemma3_text", "gpt2", "qwen3")
SILENT = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


def table(contexts: tuple[str, str], continuations: tuple[str, str]) -> list[Request]:
    """Return the four cells of a table."""
    return [
        Request(
            key=request_key(context, continuation, templated=False),
            context=context,
            continuation=continuation,
            templated=False,
            item_id="i",
            part=f"{number}|{side}",
            framing_id="plain",
        )
        for side, context in zip("AB", contexts, strict=True)
        for number, continuation in enumerate(continuations, start=1)
    ]


TABLES = [
    table(("the cat sat", "the dog sat"), (" on mat", " in mat")),
    table(("one boat", "one goat"), (" red", " tin")),
    table(("a word", "a long word"), (" one", " two")),
]
"""Bytes are tokens: three of one word differ in the first, one in the second, and the third differs in length."""


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> LoadedModel:
    return loaded(save_architecture(tmp_path / "m", request.param, ARCHITECTURES[request.param]))


@pytest.fixture
def llama(tmp_path: Path) -> LoadedModel:
    return loaded(save_architecture(tmp_path / "m", "llama", ARCHITECTURES["llama"]))


def n_hooks(model: LoadedModel) -> int:
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks) for one in model.causal_model.modules())


@SILENT
def test_the_last_layer_says_what_the_model_says(model: LoadedModel) -> None:
    """Also under a tokenizer of bytes, where continuations share their first token: the space."""
    found = layer_states(model, TABLES)
    assert found.read == (0, 1, 2)
    assert found.names == ("embeddings", "block 0", "block 1")
    lens = lens_log_odds(model, found.states, found.targets)
    np.testing.assert_allclose(lens[-1], found.log_odds, atol=1e-5)
    assert np.abs(lens[0] - lens[-1]).max() > 1e-2
    # By a plain call: the two cells of a context share all tokens up to where the continuations part.
    for at, cells in enumerate(TABLES):
        place = places_of(model, [cells])[0]
        assert not isinstance(place, str)
        for side, row in enumerate(place.rows):
            one, other = (model.continuation_logprobs([(row, (token,))])[0][0] for token in place.targets)
            assert found.log_odds[side, at] == pytest.approx(one - other, abs=1e-5)
    assert n_hooks(model) == 0


@SILENT
def test_attributions_along_a_path_sum_to_the_difference(model: LoadedModel) -> None:
    """Of models of random weights, which bend more than trained ones."""
    found = path_attributions(model, TABLES, n_steps=16, most_steps=1024)
    assert found.read == (0, 1)
    assert found.left_out == ("the contexts are not as many tokens",)
    states = layer_states(model, TABLES[:2])
    for at, path in enumerate(found.paths):
        a, b = path.log_odds
        assert (a, b) == pytest.approx(tuple(states.log_odds[:, at]), abs=1e-5)
        assert path.error <= 1e-3 * max(abs(a - b), 0.1) or path.n_steps == 1024
        assert path.error < 1e-2
    assert found.paths[1].tokens == (("b", "g"),)
    assert n_hooks(model) == 0


def test_more_steps_miss_less(llama: LoadedModel) -> None:
    errors = [path_attributions(llama, TABLES[:1], n_steps=n, most_steps=n).paths[0].error for n in (2, 256)]
    assert errors[1] < errors[0] / 4


def test_attributions_are_those_of_captum(llama: LoadedModel) -> None:
    """The same baseline, the same points: another author's program."""
    attr = pytest.importorskip("captum.attr")
    import torch

    (place,) = places_of(llama, TABLES[:1])
    assert not isinstance(place, str)
    ours = path_attributions(llama, TABLES[:1], n_steps=32, most_steps=32).paths[0]
    layer = llama.causal_model.get_input_embeddings()
    a, b = (layer(torch.tensor([row])).detach() for row in place.rows)

    def log_odds(embedded: Any) -> Any:
        logits = llama.model(inputs_embeds=embedded, use_cache=False).logits[:, -1]
        return logits[:, place.targets[0]] - logits[:, place.targets[1]]

    theirs = attr.IntegratedGradients(log_odds).attribute(a, baselines=b, n_steps=32, method="riemann_middle")
    summed = theirs[0].sum(dim=1).numpy()
    differing = [at for at, (one, other) in enumerate(zip(*place.rows, strict=True)) if one != other]
    np.testing.assert_allclose(ours.attributions, summed[differing], atol=1e-5)
    assert len(differing) > 1


def test_a_place_that_contexts_share_stands_in_no_path(llama: LoadedModel) -> None:
    apart = table(("she saw her", "the saw the"), (" one", " two"))
    none = table(("a", "a"), (" one", " two"))
    found = path_attributions(llama, [apart, none])
    assert found.paths == ()
    assert set(found.left_out) == {"the contexts do not differ in one run of tokens"}


def test_continuations_that_do_not_part_are_left_out_with_the_reason(llama: LoadedModel) -> None:
    tables = [table(("a b", "a c"), (" on", " only")), TABLES[0]]
    found = layer_states(llama, tables)
    assert (found.read, found.left_out) == ((1,), ("one continuation begins with the other",))
    none = layer_states(llama, tables[:1])
    assert none.states.shape[:3] == (3, 2, 0)
    assert lens_log_odds(llama, none.states, none.targets).shape == (3, 2, 0)


def test_texts_that_are_too_long_are_left_out(llama: LoadedModel) -> None:
    llama.max_length = 8
    assert layer_states(llama, TABLES[:1]).left_out == ("longer than the model reads",)


@SILENT
@pytest.mark.parametrize(("kind", "caps"), [("gemma2", True), ("granite", True), ("cohere", True), ("opt", False)])
def test_logits_that_are_changed_after_the_head_are_noticed(tmp_path: Path, kind: str, *, caps: bool) -> None:
    """A cap or a scale stands in a model's own code, not in its head: the last layer tells."""
    model = loaded(save_architecture(tmp_path / "m", kind, ARCHITECTURES[kind]))
    found = layer_states(model, TABLES)
    apart = np.abs(lens_log_odds(model, found.states, found.targets)[-1] - found.log_odds).max()
    assert bool(apart > 1e-4) is caps


def test_states_that_do_not_fit_a_head_are_refused(llama: LoadedModel) -> None:
    found = layer_states(llama, TABLES)
    with pytest.raises(PartsError, match="do not run by themselves"):
        lens_log_odds(llama, found.states[..., :-1], found.targets)


def test_a_hook_is_gone_after_a_failure(llama: LoadedModel) -> None:
    """A model goes on answering afterwards."""
    before = n_hooks(llama)
    head = llama.causal_model.lm_head
    try:
        llama.causal_model.lm_head = None
        with pytest.raises(TypeError):
            path_attributions(llama, TABLES[:1])
        with pytest.raises((TypeError, PartsError)):
            layer_states(llama, TABLES[:1])
    finally:
        llama.causal_model.lm_head = head
    assert n_hooks(llama) == before
