"""The differentiable disparity is the audit's own, and the anchors are zero where nothing was learned."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from biasaudit.align.contrasts.cells import Contrast
from biasaudit.align.disparity import (
    EncodedContrasts,
    as_reference,
    contrast_d,
    contrast_y,
    encode_contexts,
    encode_contrasts,
    encode_texts,
    expected_logprobs,
    expected_nll,
    kl_nats,
    measured,
    settled_d,
    slots,
)
from biasaudit.align.settings import Settings
from biasaudit.align.training import adapted
from biasaudit.errors import UsageError
from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.local.loaded import LoadedModel
from tests.tiny import save_adapter

CONTRASTS = (
    Contrast(cell="works", contexts=("the woman is", "the man is"), continuations=(" a nurse.", " a pilot.")),
    Contrast(cell="works", contexts=("the woman is", "the man is"), continuations=(" a nurse.", " old.")),
    Contrast(cell="asks", contexts=("ask the nurse what", "ask the pilot what"), continuations=(" she says", " he")),
)


@pytest.fixture(scope="module")
def loaded(base: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A tiny random model with a random adapter."""
    adapter = tmp_path_factory.mktemp("adapter")
    save_adapter(base, adapter)
    return ModelShelf(device="cpu").open(locate(parse_reference(f"{base}+{adapter}")))


@pytest.fixture(scope="module")
def batch(loaded: LoadedModel) -> EncodedContrasts:
    return encode_contrasts(CONTRASTS, loaded.tokenizer)


def by_hand(loaded: LoadedModel, contrast: Contrast) -> float:
    """One text at a time, as an audit scores it."""
    scored = []
    for context in contrast.contexts:
        for text in contrast.continuations:
            ids = loaded.tokenizer(context, add_special_tokens=False)["input_ids"]
            more = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
            scored.append(math.fsum(loaded.continuation_logprobs([(tuple(ids), tuple(more))])[0]))
    return (scored[0] - scored[1]) - (scored[2] - scored[3])


def test_d_is_that_of_single_texts_scored_as_an_audit_scores_them(loaded: LoadedModel, batch: EncodedContrasts) -> None:
    expected = [by_hand(loaded, one) for one in CONTRASTS]
    assert max(map(abs, expected)) > 0.1
    assert contrast_d(loaded.model, batch).tolist() == pytest.approx(expected, abs=1e-4)
    assert settled_d(loaded.model, batch, at_once=3).tolist() == pytest.approx(expected, abs=1e-4)


def test_texts_that_contrasts_share_are_computed_once_and_picked_ones_alone(batch: EncodedContrasts) -> None:
    """The second contrast brings two texts of its own; its picture alone has four."""
    assert [len(batch.texts), len(batch)] == [10, 3]
    picked = batch.picked([2, 1])
    assert [len(picked.texts), picked.cells] == [8, ("asks", "works")]
    assert len(batch.picked([1]).texts) == 4


def test_picked_contrasts_have_the_d_that_they_have_among_all(loaded: LoadedModel, batch: EncodedContrasts) -> None:
    whole = settled_d(loaded.model, batch).tolist()
    assert settled_d(loaded.model, batch.picked([2, 0])).tolist() == pytest.approx([whole[2], whole[0]], abs=1e-5)


def test_swapped_groups_swap_the_sign(loaded: LoadedModel) -> None:
    one = CONTRASTS[0]
    swapped = Contrast(cell=one.cell, contexts=one.contexts[::-1], continuations=one.continuations)
    d = settled_d(loaded.model, encode_contrasts([one, swapped], loaded.tokenizer)).tolist()
    assert d[0] == pytest.approx(-d[1], abs=1e-5)


def test_y_is_the_scale_of_the_audits() -> None:
    """d of 4 atanh(1/2) = 2 log 3 is one half."""
    assert contrast_y(torch.tensor([0.0, 2 * math.log(3), -2 * math.log(3)])).tolist() == pytest.approx([0, 0.5, -0.5])


def test_a_gradient_step_against_y_makes_it_smaller(base: Path) -> None:
    fresh = ModelShelf(device="cpu").open(locate(parse_reference(str(base))))
    model = adapted(fresh, Settings(device="cpu"))
    batch = encode_contrasts(CONTRASTS, fresh.tokenizer)
    loss = contrast_y(contrast_d(model, batch)).abs().mean()
    before = loss.item()
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=1e-3)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert contrast_y(settled_d(model, batch)).abs().mean().item() < before
    with as_reference(model):
        assert contrast_y(contrast_d(model, batch)).abs().mean().item() == pytest.approx(before, abs=1e-6)
        # A look within a look: when the inner one ends, the adapter is still off.
        with as_reference(model):
            assert contrast_y(contrast_d(model, batch)).abs().mean().item() == pytest.approx(before, abs=1e-6)
        assert contrast_y(contrast_d(model, batch)).abs().mean().item() == pytest.approx(before, abs=1e-6)
    assert contrast_y(settled_d(model, batch)).abs().mean().item() < before
    assert all(weight.requires_grad for name, weight in model.named_parameters() if "lora_" in name)


def test_slots_are_the_mean_over_the_contexts_of_a_cell(loaded: LoadedModel, batch: EncodedContrasts) -> None:
    """One row a cell, each a distribution: here the mean of two."""
    found = measured(loaded.model, batch).slots
    pairs = [(context, " a") for context in CONTRASTS[0].contexts]
    two = expected_logprobs(loaded.model, encode_contexts(pairs, loaded.tokenizer)).exp()
    assert found.means.shape == (2, two.shape[1])
    torch.testing.assert_close(slots(loaded.model, batch).means, found.means)
    torch.testing.assert_close(found.means[0].exp(), two.mean(dim=0))
    torch.testing.assert_close(found.means.exp().sum(dim=1), torch.ones(2))


def test_every_token_of_a_whole_text_is_expected(loaded: LoadedModel) -> None:
    text = "the cat is old."
    expected = encode_texts([text, "no"], loaded.tokenizer)
    ids = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    assert expected.rows[0] == (0, *ids)
    alone = expected.picked([0])
    assert alone.places == tuple((0, at) for at in range(len(ids)))
    found = expected_logprobs(loaded.model, alone)
    given = loaded.continuation_logprobs([((0,), tuple(ids))])[0]
    assert [found[at, token].item() for at, token in enumerate(ids)] == pytest.approx(given, abs=1e-4)
    assert expected_nll(loaded.model, alone).item() == pytest.approx(-sum(given) / len(given), abs=1e-4)


def test_a_model_that_learned_nothing_is_at_no_distance_from_its_reference(base: Path) -> None:
    fresh = ModelShelf(device="cpu").open(locate(parse_reference(str(base))))
    model = adapted(fresh, Settings(device="cpu"))
    expected = encode_texts(["the cat is old."], fresh.tokenizer)
    with as_reference(model):
        reference = expected_logprobs(model, expected)
    assert kl_nats(reference, expected_logprobs(model, expected)).abs().max().item() < 1e-6
    assert not reference.requires_grad


def test_a_text_that_cannot_be_written_is_named(loaded: LoadedModel) -> None:
    broken = Contrast(cell="c", contexts=("a", "b"), continuations=("", " x"))
    with pytest.raises(UsageError, match=r"the text a cannot be trained on: empty continuation\."):
        encode_contrasts([broken], loaded.tokenizer)
