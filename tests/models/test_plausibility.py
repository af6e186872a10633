from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from biasaudit.models import ModelShelf, ResponseCache, locate, parse_reference, plausibility
from biasaudit.models.backends.local_model import LocalModel
from biasaudit.models.likelihood import NOT_A_NUMBER
from biasaudit.types import Failed, Response, Scored

UNKNOWN = 99


def scored(*logprobs: float, ids: tuple[int, ...] | None = None) -> Scored:
    return Scored(key="", token_ids=ids or tuple(range(len(logprobs))), token_logprobs_nats=logprobs)


def figures(*pairs: tuple[Response, Response]) -> plausibility.Figures:
    return plausibility.figures([one for pair in pairs for one in pair], unknown_id=UNKNOWN)


def test_shuffled_sentences_are_the_ordinary_words_in_another_order() -> None:
    """Nothing else differs: neither words, nor how often, nor the full stop; no pair of neighbours is left."""
    pairs = plausibility.sentences()
    assert len(pairs) == len({first for first, _ in pairs}) == 20
    for first, second in pairs:
        ordinary, shuffled = ([word.strip(",.") for word in text.lower().split()] for text in (first, second))
        assert sorted(ordinary) == sorted(shuffled)
        assert not set(itertools.pairwise(ordinary)) & set(itertools.pairwise(shuffled))
        assert first[0].isupper()
        assert second[0].isupper()
        assert first.endswith(".")
        assert second.endswith(".")


def test_the_sentences_name_no_group() -> None:
    """A model that was tuned away from group words must not fail a check of whether it works."""
    words = {word.strip(",.").lower() for first, _ in plausibility.sentences() for word in first.split()}
    assert not words & {
        "she",
        "he",
        "her",
        "his",
        "they",
        "man",
        "woman",
        "men",
        "women",
        "boy",
        "girl",
        "old",
        "young",
    }
    assert not words & {"black", "white", "muslim", "christian", "jewish", "gay", "disabled"}


def test_the_figures_are_means_over_tokens_and_sentences() -> None:
    """Two sentences: tokens -1 -1 against -3 -3, and -2 -2 -2 -2 against -3 -3 -3 -3.

    Per token: (-2 - 8) / 6 and (-6 - 12) / 6. Differences of the sentences 2 and 1: mean 1.5, and the standard error
    of two numbers that differ by 1 is 0.5.
    """
    found = figures((scored(-1, -1), scored(-3, -3)), (scored(-2, -2, -2, -2), scored(-3, -3, -3, -3)))
    assert found.ordinary_nats == pytest.approx(-10 / 6)
    assert found.shuffled_nats == pytest.approx(-3.0)
    assert found.difference_nats == pytest.approx(1.5)
    assert found.error_nats == pytest.approx(0.5)
    assert (found.n_likelier, found.n_sentences, found.n_tokens, found.unknown_share) == (2, 2, 6, 0.0)
    assert plausibility.judged(found).verdict == "plausible"  # with the bounds off, which is how other tests run


@pytest.mark.usefixtures("plausible_only")
@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((1.0, 1.0, 1.0, 1.0), "plausible"),
        ((0.11, 0.11, 0.11, 0.11), "plausible"),
        ((0.09, 0.09, 0.09, 0.09), "implausible"),
        ((0.0, 0.0, 0.0, 0.0), "implausible"),
        ((-4.0, -4.0, -4.0, -4.0), "implausible"),
        # Mean 1, standard error 1.22: large random weights vary so.
        ((4.0, -1.0, 2.0, -1.0), "implausible"),
    ],
)
def test_shuffled_words_as_likely_as_sentences_are_implausible(differences: tuple[float, ...], verdict: str) -> None:
    pairs = [(scored(-5.0), scored(-5.0 - difference)) for difference in differences]
    assert plausibility.judged(figures(*pairs)).verdict == verdict


@pytest.mark.usefixtures("plausible_only")
@pytest.mark.parametrize(("worse", "verdict"), [(1.9, "plausible"), (2.1, "implausible"), (-3.0, "plausible")])
def test_a_model_over_two_nats_worse_than_its_base_is_implausible(worse: float, verdict: str) -> None:
    base = figures((scored(-4.0), scored(-9.0)), (scored(-4.0), scored(-9.0)))
    tuned = figures((scored(-4.0 - worse), scored(-20.0)), (scored(-4.0 - worse), scored(-20.0)))
    assert plausibility.judged(tuned, base).verdict == verdict
    assert plausibility.judged(tuned).verdict == "plausible"


@pytest.mark.usefixtures("plausible_only")
def test_another_way_of_splitting_words_is_no_difference_to_the_base() -> None:
    """The sentences have the same probability, in half as many tokens: per own token it would look 4 nats worse."""
    base = figures((scored(-4.0, -4.0), scored(-9.0, -9.0)), (scored(-4.0, -4.0), scored(-9.0, -9.0)))
    tuned = figures((scored(-8.0), scored(-18.0)), (scored(-8.0), scored(-18.0)))
    assert plausibility.judged(tuned, base).verdict == "plausible"


def test_what_is_no_number_is_implausible_whatever_the_bounds() -> None:
    broken = Failed(key="", reason=NOT_A_NUMBER)
    found = figures((scored(-1.0), broken), (scored(-1.0), scored(-2.0)))
    good = figures((scored(-1.0), scored(-2.0)), (scored(-1.0), scored(-2.0)))
    for base in (None, good):
        judged = plausibility.judged(found, base)
        assert judged.verdict == "implausible"
        assert "1 of 4 texts" in judged.reasons[0]
    assert found.ordinary_nats is None
    assert plausibility.judged(good, found).verdict == "plausible"


@pytest.mark.usefixtures("plausible_only")
def test_a_tokenizer_that_does_not_know_the_words_is_not_judged() -> None:
    """2 of 4 tokens are unknown: that random weights and trained ones give the same is then no wonder."""
    words = (scored(-1.0, -1.0, ids=(1, UNKNOWN)), scored(-1.0, -1.0, ids=(UNKNOWN, 1)))
    judged = plausibility.judged(figures(words, words))
    assert judged.verdict == "not judged"
    assert "50%" in judged.reasons[0]


def test_a_text_that_cannot_be_asked_leaves_the_model_unjudged() -> None:
    judged = plausibility.judged(figures((scored(-1.0), Failed(key="", reason="two beginning tokens"))))
    assert judged.verdict == "not judged"
    assert "two beginning tokens" in judged.reasons[0]


def test_equal_log_probabilities_are_found_and_others_are_not() -> None:
    one = [scored(-1.0, -2.0)]
    assert plausibility.equal(one, [scored(-1.0, -2.000001)])
    assert not plausibility.equal(one, [scored(-1.0, -2.0001)])
    assert not plausibility.equal(one, [scored(-1.0, -2.0, ids=(5, 6))])
    assert not plausibility.equal(one, [Failed(key="", reason="")])


def test_what_is_asked_is_what_a_plain_forward_gives(models: Path, tmp_path: Path) -> None:
    """One forward of a freshly loaded model a sentence, by hand; asked again, the cache has every answer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    located = locate(parse_reference(str(models / "base")))
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        model = LocalModel(loaded=ModelShelf().open(located), cache=cache)
        found = plausibility.asked(model)
        assert model.scoring is not None
        again = plausibility.asked(model)
    assert again == found
    assert model.scoring is None
    plain, tokenizer = (
        AutoModelForCausalLM.from_pretrained(models / "base"),
        AutoTokenizer.from_pretrained(models / "base"),
    )
    texts = [text for pair in plausibility.sentences() for text in pair]
    for text, response in list(zip(texts, found, strict=True))[:6]:
        ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
        with torch.inference_mode():
            logprobs = torch.log_softmax(plain(torch.tensor([ids])).logits.double(), dim=-1)[0]
        expected = [float(logprobs[place, token]) for place, token in enumerate(ids[1:])]
        assert isinstance(response, Scored)
        assert list(response.token_logprobs_nats) == pytest.approx(expected, abs=1e-4)
    ordinary = found[::2]
    tokens = sum(len(one.token_ids) for one in ordinary if isinstance(one, Scored))
    total = math.fsum(one.logprob_nats for one in ordinary if isinstance(one, Scored))
    assert plausibility.figures(found, unknown_id=None).ordinary_nats == pytest.approx(total / tokens)
