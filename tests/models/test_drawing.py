"""Texts drawn from a real model: what comes is what its probabilities say, whatever is asked beside it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from biasaudit.framing import PLAIN, Prompt, framed
from biasaudit.models.backend import Backend, Settings
from biasaudit.models.backends import way_of
from biasaudit.types import Generation, Sampling, Scored, Written
from tests.models.drawn_cells import answerer, cells, covered

_OPTIONS = {"yes": (" yes", " Yes"), "no": (" no", " No")}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learned in seconds."""
    return answerer(tmp_path_factory.mktemp("answerer"), seed=0)


@pytest.fixture
def backend(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """Opened, with a cache of its own."""
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path))
    prepared = way_of(str(model)).locate({"base": str(model)}, Settings(), lambda _: None).prepared()
    with prepared.opened(lambda _: None) as opened:
        yield opened("base")


def _generation(case: int, sampling: Sampling) -> Generation:
    prompt = Prompt(part="drawn", context=f"case {case} grant", continuation="", options=_OPTIONS)
    found = framed(prompt, item_id=str(case), framing=PLAIN, chat=None, sampling=sampling)
    assert isinstance(found, Generation)
    return found


def _texts(backend: Backend, request: Generation) -> tuple[str, ...]:
    [found] = backend.respond([request])
    assert isinstance(found, Written)
    return found.texts


def test_first_words_come_as_often_as_their_probabilities_say(backend: Backend) -> None:
    """2,000 draws of one word against the log-probabilities of the same words: within 4 standard errors each."""
    drawn = Counter(_texts(backend, _generation(7, Sampling(n=2_000, max_tokens=1))))
    words = ("yes", "Yes", "no", "No")
    prompts = [Prompt(part=word, context="case 7 grant", continuation=f" {word}") for word in words]
    scored = list(backend.respond([framed(one, item_id="7", framing=PLAIN, chat=None) for one in prompts]))
    assert sum(drawn[word] for word in words) > 1_900
    for word, one in zip(words, scored, strict=True):
        assert isinstance(one, Scored)
        share = math.exp(one.logprob_nats)
        assert abs(drawn[word] / 2_000 - share) < 4 * math.sqrt(share * (1 - share) / 2_000)


def test_draws_do_not_depend_on_what_is_asked_before_them_and_differ_by_seed(backend: Backend) -> None:
    """Each request has a generator of its own: an audit that goes on draws what it would have drawn."""
    sampling = Sampling(n=8, max_tokens=4)
    one, other = _generation(3, sampling), _generation(4, sampling)
    together = [found.texts for found in backend.respond([other, one]) if isinstance(found, Written)]
    fresh = replace(one, key=one.key)
    assert _texts(backend, fresh) == together[1]
    assert _texts(backend, _generation(3, Sampling(n=8, max_tokens=4, seed=1))) != together[1]


def test_the_cache_knows_what_was_written_and_under_which_settings(backend: Backend) -> None:
    """A second asking computes nothing; another number of draws is another request."""
    computed: list[int] = []
    request = _generation(5, Sampling(n=4, max_tokens=2))
    first = list(backend.respond([request], on_progress=lambda _, n_tokens: computed.append(n_tokens)))
    again = list(backend.respond([request], on_progress=lambda _, n_tokens: computed.append(n_tokens)))
    assert first == again
    assert sum(computed[:2]) > 0
    assert computed[2:] == [0]
    assert len(_texts(backend, _generation(5, Sampling(n=5, max_tokens=2)))) == 5


def test_without_temperature_the_likeliest_text_is_written_each_time(backend: Backend) -> None:
    """The same for every draw, and the top of a narrow nucleus is the same word."""
    greedy = _texts(backend, _generation(9, Sampling(n=3, max_tokens=3, temperature=0)))
    assert len(set(greedy)) == 1
    narrow = _texts(backend, _generation(9, Sampling(n=20, max_tokens=3, top_p=1e-6)))
    assert set(narrow) == set(greedy)


def test_a_text_ends_where_the_model_ends_it(backend: Backend) -> None:
    """Of these cases every text is two words at most; a longer one would have gone over the end."""
    texts = _texts(backend, _generation(1, Sampling(n=50, max_tokens=8)))
    assert max(len(text.split()) for text in texts) <= 4
    assert min(len(text.split()) for text in texts) < 4


def test_generations_and_likelihoods_are_answered_in_the_order_in_which_they_are_asked(backend: Backend) -> None:
    """Mixed in one call, each has its own answer."""
    drawn = _generation(2, Sampling(n=2, max_tokens=1))
    prompt = Prompt(part="yes", context="case 2 grant", continuation=" yes")
    scored = framed(prompt, item_id="2", framing=PLAIN, chat=None)
    found = list(backend.respond([scored, drawn, scored]))
    assert [type(one) for one in found] == [Scored, Written, Scored]
    assert [one.key for one in found] == [scored.key, drawn.key, scored.key]


@pytest.mark.slow
def test_the_interval_of_drawn_answers_covers_the_exact_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """220 cells, 40 draws each: 95 % of them give or take 3 standard errors."""
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path / "cache"))
    held = covered(tmp_path, [1], n=40)
    assert 0.90 <= sum(held) / len(held) <= 0.99


def test_a_case_is_asked_by_the_same_tokens_in_both_ways(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn follows what a likelihood is read after: the exact shares are those of a plain forward."""
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path))
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    fresh = AutoModelForCausalLM.from_pretrained(model)
    exact, _, _ = cells(model, Sampling(n=1, max_tokens=1))[12]
    # This tokenizer puts no beginning before a text that has a context.
    ids = torch.tensor([tokenizer("case 12 grant")["input_ids"]])
    with torch.no_grad():
        shares = fresh(ids).logits[0, -1].softmax(-1)
    yes, no = (
        float(sum(shares[tokenizer.convert_tokens_to_ids(one)] for one in pair))
        for pair in (("yes", "Yes"), ("no", "No"))
    )
    assert math.isclose(exact, yes / (yes + no), rel_tol=1e-4)
