from __future__ import annotations

import math

import pytest

from biasaudit import kinds
from biasaudit.kinds import choice
from biasaudit.types import AssociationTexts, Failed, PairTexts, ProbeItem, Response, Role, Scored

PAIR = frozenset({"first", "second"})
TABLE = frozenset({"1|A", "2|A", "1|B", "2|B"})


def scored(*nats: float) -> Scored:
    return Scored(key="k", token_ids=tuple(range(len(nats))), token_logprobs_nats=nats)


def table(a1: float, a2: float, b1: float, b2: float) -> dict[str, Response]:
    return {"1|A": scored(a1), "2|A": scored(a2), "1|B": scored(b1), "2|B": scored(b2)}


def test_a_pair_is_the_difference_of_whole_sentences_and_of_means_per_token() -> None:
    """-6 over 3 tokens against -5 over 1: the sum prefers the second, the mean per token the first."""
    value = kinds.item_value(PAIR, {"first": scored(-1, -2, -3), "second": scored(-5)})
    assert value.d_nats == -1
    assert value.d_per_token_nats == 3
    assert value.sign == -1
    assert value.graded == pytest.approx(math.tanh(-0.25))


def test_a_tie_is_neither_side() -> None:
    assert kinds.item_value(PAIR, {"first": scored(-2), "second": scored(-2)}).sign == 0


def test_an_association_is_a_log_odds_ratio_in_which_word_frequency_cancels() -> None:
    plain = kinds.item_value(TABLE, table(-1, -3, -2, -2))
    rarer_second_word = kinds.item_value(TABLE, table(-1, -8, -2, -7))
    assert plain.d_nats == 2
    assert rarer_second_word.d_nats == 2


def test_swapping_the_groups_flips_the_sign() -> None:
    assert kinds.item_value(TABLE, table(-2, -2, -1, -3)).d_nats == -2


def test_yules_y_is_tanh_of_a_quarter_of_the_log_odds_ratio() -> None:
    """Odds ratio 9: Y = (3 - 1) / (3 + 1) = 0.5."""
    graded = kinds.item_value(TABLE, table(math.log(9), 0, 0, 0)).graded
    assert graded == pytest.approx(0.5)


@pytest.mark.parametrize("parts", [PAIR, TABLE])
def test_a_failed_or_absent_part_leaves_the_item_unscored(parts: frozenset[str]) -> None:
    responses: dict[str, Response] = dict.fromkeys(parts, scored(-1.0))
    responses[min(parts)] = Failed(key="k", reason="too long")
    failed = kinds.item_value(parts, responses)
    absent = kinds.item_value(parts, {})
    assert not failed.ok
    assert (absent.d_nats, absent.sign, absent.graded) == (None, None, None)


def test_items_ask_for_what_their_texts_hold() -> None:
    texts = AssociationTexts(contexts=("she is", "he is"), continuations=(" x", " y"), group_in_context=True)
    for content, n_prompts in ((texts, 4), (PairTexts(context="", first="a", second="b"), 2)):
        item = ProbeItem(item_id="i", cluster_id="c", feature="f", groups=(), role=Role.BIAS, family="c", texts=content)
        assert len(kinds.prompts(item)) == n_prompts


def test_a_pair_asks_for_both_texts_after_the_same_context() -> None:
    texts = PairTexts(context="We met.", first=" She slept.", second=" He slept.")
    first, second = kinds.prompts(item_with(texts))
    assert (first.part, first.context, first.continuation) == ("first", "We met.", " She slept.")
    assert (second.part, second.context, second.continuation) == ("second", "We met.", " He slept.")


def test_an_association_asks_for_every_cell_of_its_table() -> None:
    texts = AssociationTexts(
        contexts=("The woman", "The man"), continuations=(" nursed", " built"), group_in_context=True
    )
    asked = [(one.part, one.context, one.continuation) for one in kinds.prompts(item_with(texts))]
    assert asked == [
        ("1|A", "The woman", " nursed"),
        ("2|A", "The woman", " built"),
        ("1|B", "The man", " nursed"),
        ("2|B", "The man", " built"),
    ]


def item_with(texts: PairTexts | AssociationTexts) -> ProbeItem:
    return ProbeItem(item_id="i", cluster_id="c", feature="gender", groups=(), role=Role.BIAS, family="f", texts=texts)


@pytest.mark.parametrize(
    ("nats", "side"),
    [
        ({"biased": -1.0, "counter": -5.0, "unknown": -5.0}, 1.0),
        ({"biased": -5.0, "counter": -1.0, "unknown": -5.0}, -1.0),
        ({"biased": -2.0, "counter": -5.0, "unknown": -1.0}, 0.0),
        ({"biased": -1.0, "counter": -1.0, "unknown": -5.0}, 0.0),
    ],
)
@pytest.mark.parametrize("correct", ["biased", "counter"])
def test_competence_of_a_choice_counts_persons_and_unknown_is_neither(
    nats: dict[str, float], side: float, correct: str
) -> None:
    """Unknown used to count as wrong, so that a cautious model read "at chance" with 40 % right and none wrong."""
    responses = {part: Scored(key="", token_ids=(0,), token_logprobs_nats=(value,)) for part, value in nats.items()}
    found = choice.item_value(responses, list(nats), correct=correct)
    turned = 1 if correct == "biased" else -1
    assert found.sign == turned * side
    assert str(found.sign) != "-0.0"
    assert found.d_nats == pytest.approx(turned * (nats["biased"] - nats["counter"]))
    shares = choice.probabilities(responses, list(nats))
    assert shares is not None
    assert found.graded == pytest.approx(turned * (shares[choice.Option.BIASED] - shares[choice.Option.COUNTER]))
