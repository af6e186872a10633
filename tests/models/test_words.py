"""Words of a tokenizer, and what each would do before a text, against a plain forward of a freshly loaded model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from biasaudit.framing import request_key
from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.engine.slopes import nearest_words, word_slopes
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.models.text.words import as_word, given_words, single_words
from biasaudit.types import Request
from biasaudit.types.search import Word
from tests.align import world


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model of the tiny world after a few updates: enough that no gradient is 0."""
    return world.save_base(tmp_path_factory.mktemp("words") / "base", steps=20)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> LoadedModel:
    return ModelShelf(device="cpu").open(locate(parse_reference(str(folder))))


def requests(prefix: str) -> list[Request]:
    """Return continuations of one token and of several, of contexts that differ in length."""
    pairs = [
        ("The nurse said that", " she was tired ."),
        ("The nurse said that", " he was tired ."),
        ("The pilot", " smiled"),
        ("The pilot", " said"),
        ("Today she serves them as a", " nurse"),
    ]
    return [
        Request(
            key=request_key(f"{prefix} {context}", continuation, templated=False),
            context=f"{prefix} {context}",
            continuation=continuation,
            templated=False,
            item_id=str(number),
            part="",
            framing_id="plain",
        )
        for number, (context, continuation) in enumerate(pairs)
    ]


def weighted(
    folder: Path, asked: Sequence[Request], weights: dict[str, float], place: int, shift: torch.Tensor
) -> float:
    """Return the weighted log-probability with an embedding shifted, one text at a time, in double precision."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    # What the tokenizer puts before a text by itself.
    begins = tokenizer("")["input_ids"]
    total = 0.0
    for one in asked:
        context = tokenizer(one.context, add_special_tokens=False)["input_ids"]
        whole = tokenizer(one.context + one.continuation, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            embedded = model.get_input_embeddings()(torch.tensor([[*begins, *whole]])).clone()
            embedded[0, len(begins) + place] += shift
            logprobs = model(inputs_embeds=embedded).logits[0].log_softmax(-1)
        for at in range(len(context), len(whole)):
            total += weights[one.key] * logprobs[len(begins) + at - 1, whole[at]].item()
    return total


def test_a_slope_is_what_a_plain_forward_of_a_fresh_model_gains(folder: Path, loaded: LoadedModel) -> None:
    """By central differences along the way from one word's embedding to the other's, in both places.

    In steps that are not smaller, since the model's norms are of single precision whatever its weights are.
    """
    prefix = given_words(loaded.tokenizer, ["often", "perhaps"])
    words = given_words(loaded.tokenizer, ["often", "today", "work", "is"])
    asked = requests("often perhaps")
    weights = {one.key: weight for one, weight in zip(asked, (1.0, -1.0, 0.5, 0.25, -2.0), strict=True)}
    found = word_slopes(loaded, asked, weights, prefix=prefix, words=words)
    assert found is not None
    assert found.shape == (2, len(words))
    table = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).get_input_embeddings().weight
    assert isinstance(table, torch.Tensor)
    table = table.detach()
    for place, own in enumerate(prefix):
        for number, word in enumerate(words):
            way = table[word.later_id] - table[own.later_id]
            up, down = (weighted(folder, asked, weights, place, step * way) for step in (3e-3, -3e-3))
            assert found[place, number] == pytest.approx((up - down) / 6e-3, abs=3e-4)
    # A word in its own place changes nothing; others do.
    assert found[0, 0] == 0.0
    assert np.abs(found[:, 1:]).min() > 1e-6


def test_a_prefix_that_does_not_stand_in_the_texts_has_no_slope(loaded: LoadedModel) -> None:
    """What the tokens do not show is not guessed."""
    asked = requests("often perhaps")
    prefix = given_words(loaded.tokenizer, ["perhaps", "often"])
    assert word_slopes(loaded, asked, {one.key: 1.0 for one in asked}, prefix=prefix, words=prefix) is None


def test_slopes_change_nothing_that_is_scored(loaded: LoadedModel) -> None:
    """The hook is taken off again."""
    row = [(tuple(loaded.tokenizer("the nurse said", add_special_tokens=False)["input_ids"]), (5,))]
    before = loaded.continuation_logprobs(row)
    asked = requests("often perhaps")
    prefix = given_words(loaded.tokenizer, ["often", "perhaps"])
    word_slopes(loaded, asked, {one.key: 1.0 for one in asked}, prefix=prefix, words=prefix)
    assert loaded.continuation_logprobs(row) == before


def test_words_are_single_tokens_in_small_letters(loaded: LoadedModel) -> None:
    """Special tokens, signs, capitals and unknown words are none."""
    found = single_words(loaded.tokenizer, at_most=10_000)
    texts = [word.text for word in found]
    assert {"nurse", "said", "that"} <= set(texts)
    assert all(text.isalpha() and text.islower() and len(text) > 2 for text in texts)
    assert [word.later_id for word in found] == sorted(word.later_id for word in found)
    assert single_words(loaded.tokenizer, at_most=3) == found[:3]
    assert as_word(loaded.tokenizer, "kettle") is None
    assert as_word(loaded.tokenizer, "nurse said") is None
    assert given_words(loaded.tokenizer, ["kettle", "nurse", "nurse"]) == (as_word(loaded.tokenizer, "nurse"),)


def test_near_words_are_those_of_the_nearest_embeddings(loaded: LoadedModel) -> None:
    """A word is nearest to itself; of none so many, there are none."""
    words = single_words(loaded.tokenizer, at_most=10_000)
    nurse = Word(text="nurse", first_id=0, later_id=next(one.later_id for one in words if one.text == "nurse"))
    assert nearest_words(loaded, words, [nurse], each=1) == {"nurse"}
    assert len(nearest_words(loaded, words, [nurse], each=5)) == 5
    assert nearest_words(loaded, words, [nurse], each=0) == nearest_words(loaded, words, [], each=5) == frozenset()
