from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from biasaudit import stats
from biasaudit.stats.groups.permutation import p_value, permuted_labels
from biasaudit.stats.two_sample import TwoSampleResult, _Fold, _fold_auc
from biasaudit.types import Status

WORDS = [f"word{number}" for number in range(40)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def texts(
    seed: int, *, share: float, n_clusters: int = 8, per_cluster: int = 6, groups: str = "ab", constant: bool = False
) -> tuple[list[str], list[str], list[int]]:
    """Random words; texts of group b hold "pretty" with probability `share`. Clusters hold a word of their own."""
    draw = rng(seed)
    said, who, where = [], [], []
    for cluster in range(n_clusters):
        for number in range(per_cluster):
            group = groups[(cluster if constant else number) % len(groups)]
            words = [*draw.choice(WORDS, 4), f"template{cluster}"]
            if group == "b" and draw.random() < share:
                words.append("pretty")
            said.append(" ".join(words))
            who.append(group)
            where.append(cluster)
    return said, who, where


def test_a_word_that_one_group_has_tells_the_groups_apart() -> None:
    """ "pretty" in every text about b and in none about a: held-out texts are nearly all ranked rightly."""
    result = stats.two_sample_test(*texts(1, share=1.0, per_cluster=10), rng=rng(), n_permutations=19)
    assert result.status is Status.OK
    assert result.auc is not None
    assert result.auc > 0.8
    assert result.p_value == 1 / 20
    assert result.expected_auc == pytest.approx(0.5, abs=0.1)
    assert (result.n_texts, result.n_clusters, result.n_groups) == (80, 8, 2)


@pytest.mark.slow
def test_texts_that_do_not_differ_are_rarely_told_apart() -> None:
    """Level 1 in 10 with 9 permutations: at most 0.1 + 3 * sqrt(0.1 * 0.9 / 60) = 0.216 of 60 samples."""
    found = [
        stats.two_sample_test(*texts(seed, share=0.0, constant=seed % 2 == 0), rng=rng(seed), n_permutations=9).p_value
        for seed in range(60)
    ]
    assert np.mean([p is not None and p <= 0.1 for p in found]) <= 0.216


def test_whole_clusters_of_one_group_are_permuted_as_wholes() -> None:
    """Every cluster has a word of its own. Permuted one by one, texts would look told apart by it."""
    said, who, where = texts(4, share=0.0, n_clusters=10, constant=True)
    result = stats.two_sample_test(said, who, where, rng=rng(), n_permutations=19)
    assert result.p_value is not None
    assert result.p_value > 0.05


def test_three_groups_and_characters() -> None:
    result = stats.two_sample_test(
        *texts(2, share=1.0, groups="abc", per_cluster=9), rng=rng(), n_permutations=9, features="characters"
    )
    assert result.n_groups == 3
    assert result.auc is not None
    assert result.auc > 0.55
    assert result.p_value == 0.1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (([], [], []), Status.NOT_MEASURED),
        ((["x y", "z"] * 5, ["a"] * 10, range(10)), Status.NOT_MEASURED),
        ((["x y", "z"] * 5, ["a", "b"] * 5, [1, 2, 3, 4, 4] * 2), Status.TOO_FEW_CLUSTERS),
        ((["", "  "] * 5, ["a", "b"] * 5, [1, 2, 3, 4, 5] * 2), Status.NOT_ESTIMABLE),
    ],
)
def test_what_was_not_measured_has_no_number(arguments: tuple[list[str], list[str], list[int]], status: Status) -> None:
    result = stats.two_sample_test(*arguments, rng=rng(), n_permutations=9)
    assert (result.status, result.auc, result.p_value, result.expected_auc) == (status, None, None, None)


def test_one_text_of_the_other_group_leaves_folds_out() -> None:
    """The fold that tests it has nothing to learn it from, and the others nothing to test: no fold has both."""
    result = stats.two_sample_test(
        [f"same words {number}" for number in range(10)], ["a"] * 9 + ["b"], range(10), rng=rng(), n_permutations=9
    )
    assert result.status is Status.NOT_ESTIMABLE


def test_permutations_without_both_sides_count_as_guessing() -> None:
    """Two clusters of b among six: where both fall into one fold, nothing can be learned or tested."""
    said = [f"{'pretty' if cluster < 2 else 'plain'} words" for cluster in range(6) for _ in range(2)]
    result = stats.two_sample_test(
        said, ["b"] * 4 + ["a"] * 8, np.repeat(np.arange(6), 2).tolist(), rng=rng(1), n_folds=3, n_permutations=30
    )
    assert result.status is Status.OK
    assert result.auc == 1.0
    assert result.expected_auc is not None
    assert 0.3 < result.expected_auc < 0.9


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="one of each for each text"):
        stats.two_sample_test(["x"], ["a", "b"], [1], rng=rng())


def test_a_result_that_contradicts_itself_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="all of its numbers or none"):
        TwoSampleResult(status=Status.OK, auc=0.5)
    with pytest.raises(ValueError, match="all of its numbers or none"):
        TwoSampleResult(status=Status.NOT_MEASURED, auc=0.5)


def test_the_same_seed_gives_the_same_result() -> None:
    first, second = (stats.two_sample_test(*texts(1, share=0.3), rng=rng(5), n_permutations=5) for _ in range(2))
    assert first == second


def test_the_auc_is_scikit_learns() -> None:
    """Ties included: 30 scores of five values."""
    draw = rng(0)
    features = draw.integers(0, 5, (60, 1)).astype(float)
    member = draw.random(60) < features[:, 0] / 5
    train, test = np.arange(30), np.arange(30, 60)
    fold = _Fold(train=train, test=test, train_features=features[train], test_features=features[test])
    # One feature with a positive weight: the score's order is the feature's.
    assert _fold_auc(fold, member) == pytest.approx(roc_auc_score(member[test], features[test][:, 0]))


@pytest.mark.slow
def test_two_hundred_texts_take_seconds() -> None:
    start = time.perf_counter()
    stats.two_sample_test(*texts(1, share=0.3, n_clusters=20, per_cluster=10), rng=rng())
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("She is her own.", ["she", "HER"], "[group] is [group] own."),
        ("The woman's womanhood", ["woman"], "The [group]'s womanhood"),
        ("black women and black men", ["black", "black women"], "[group] and [group] men"),
        ("C++ and C and (x)", ["c++", "(x)"], "[group] and C and [group]"),
        ("a.c abc", ["a.c"], "[group] abc"),
        ("man\u0303ana owner", ["ma\u00f1ana"], "[group] owner"),
        (r"\1 \g<0> she", ["she"], r"\1 \g<0> [group]"),
        ("nothing to mask", [], "nothing to mask"),
        ("", ["she"], ""),
    ],
)
def test_masking_by_hand(text: str, words: list[str], expected: str) -> None:
    assert stats.masked([text], words) == [expected]


def test_a_placeholder_means_itself() -> None:
    assert stats.masked(["she"], ["she"], placeholder=r"\1\g<x>") == [r"\1\g<x>"]


def test_a_blank_word_is_refused() -> None:
    with pytest.raises(ValueError, match="blank"):
        stats.masked(["x"], ["she", " "])


@settings(max_examples=25, deadline=None)
@given(st.text(), st.lists(st.text(min_size=1).filter(lambda word: bool(word.strip())), max_size=5))
def test_masking_takes_any_text(text: str, words: list[str]) -> None:
    once = stats.masked([text], words, placeholder="\N{BULLET}")
    assert len(once) == 1


def test_hostile_text_is_masked_in_no_time() -> None:
    """A pattern with nested repeats would take years here."""
    start = time.perf_counter()
    stats.masked(["a" * 200_000 + "!"], ["(a+)+$", "aaaa", "a" * 500])
    assert time.perf_counter() - start < 5


def test_labels_change_places_within_clusters_only() -> None:
    """Cluster 0 holds 0, 0, 1: three arrangements, each in a third of 3,000 draws. 1 and 2 swap as wholes."""
    labels, clusters = np.array([0, 0, 1, 2, 2, 1]), np.array([0, 0, 0, 1, 1, 2])
    seen = Counter(
        tuple(drawn.tolist()) for drawn in permuted_labels(labels, clusters, rng=rng(), n_permutations=3_000)
    )
    assert set(seen) == {
        (*within, *whole) for within in ((0, 0, 1), (0, 1, 0), (1, 0, 0)) for whole in ((2, 2, 1), (1, 1, 2))
    }
    assert all(400 < count < 600 for count in seen.values())


def test_the_p_value_counts_the_data_itself() -> None:
    """(1 + 2) / (1 + 4); a tie by rounding counts as reached."""
    assert p_value(0.3, np.array([0.1, 0.1 + 0.2, 0.5, 0.0])) == pytest.approx(3 / 5)
    assert p_value(0.30000000000000004, np.array([0.3])) == 1.0
