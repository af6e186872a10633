"""Whether texts about different groups can be told apart once the groups' words are masked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.stats.groups.brought import labels, same_rows
from biasaudit.stats.groups.permutation import p_value, permuted_labels
from biasaudit.types import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

PLACEHOLDER: Final = "[group]"
FOLDS: Final = 5
PERMUTATIONS: Final = 199

Features = Literal["words", "characters"]
_VECTORIZER: Final[dict[Features, dict[str, Any]]] = {  # Any: scikit-learn's arguments
    "words": {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 4)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSampleResult:
    """How well held-out texts are assigned to their groups.

    Attributes
    ----------
    status : Status
        Anything but ``ok`` carries no number.
    auc : float or None
        In [0, 1]; 0.5 is what guessing gives, 1 tells every text from every text of another group.
        With more than two groups, the mean over groups of one against the rest.
    p_value : float or None
        One-sided, by permuted labels.
    expected_auc : float or None
        Mean over permuted labels: what texts without a difference would show.
    n_texts, n_clusters, n_groups, n_permutations : int
    method : str
        In words; the reason where there is no number.

    Raises
    ------
    ValueError
        If status and numbers contradict each other.
    """

    status: Status
    auc: float | None = None
    p_value: float | None = None
    expected_auc: float | None = None
    n_texts: int = 0
    n_clusters: int = 0
    n_groups: int = 0
    n_permutations: int = 0
    method: str = ""

    def __post_init__(self) -> None:
        numbers = (self.auc, self.p_value, self.expected_auc)
        if (self.status is Status.OK) != all(number is not None for number in numbers) or (
            self.status is not Status.OK and any(number is not None for number in numbers)
        ):
            msg = f"a result with status {self.status.value!r} has all of its numbers or none, found {numbers}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fold:
    """Vectorised once: the permutations change the labels only."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    train_features: Any  # a sparse matrix of scipy's, whose classes have no common type
    test_features: Any


def masked(texts: Iterable[str], words: Iterable[str], *, placeholder: str = PLACEHOLDER) -> list[str]:
    """Return the texts with whole words replaced, in upper or lower case.

    Texts and words are brought to one Unicode form (NFC) first, so that an accent written apart
    does not hide a word. Of words that begin alike, the longest is taken.

    Parameters
    ----------
    texts, words : iterable of str
        A word may hold spaces and any signs; they mean themselves.
    placeholder : str

    Raises
    ------
    ValueError
        If a word is blank: it would be found everywhere.

    Examples
    --------
    >>> masked(["She said the woman's womanhood."], ["she", "woman"])
    ["[group] said the [group]'s womanhood."]
    """
    composed = sorted({unicodedata.normalize("NFC", word.strip()) for word in words}, key=len, reverse=True)
    if "" in composed:
        msg = "a word to mask is blank; leave it out"
        raise ValueError(msg)
    normal = [unicodedata.normalize("NFC", text) for text in texts]
    if not composed:
        return normal
    # Not \b: a word that begins or ends with a sign has no boundary of that kind.
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, composed))})(?!\w)", re.IGNORECASE)
    return [pattern.sub(lambda _: placeholder, text) for text in normal]


def two_sample_test(
    texts: Sequence[str],
    groups: Sequence[object],
    clusters: Sequence[object],
    *,
    rng: np.random.Generator,
    features: Features = "words",
    n_permutations: int = PERMUTATIONS,
    n_folds: int = FOLDS,
) -> TwoSampleResult:
    """Test whether a classifier can tell the groups' texts apart.

    TF-IDF and logistic regression, trained without the clusters that it is tested on. Labels are
    permuted within clusters that hold several groups, and over whole clusters elsewhere; the folds
    do not depend on them, so the p-value, (1 + number as large) / (1 + permutations), is exact.

    Parameters
    ----------
    texts : sequence of str
        With the words that name the groups masked: see :func:`masked`.
    groups, clusters : sequence, each of length n_texts
        Texts of one cluster share a prompt template.
    rng : numpy.random.Generator
    features : {"words", "characters"}
        Words and pairs of words, or two to four characters within words.
    n_permutations, n_folds : int

    Returns
    -------
    TwoSampleResult
        ``not measured`` without two groups, ``too few clusters`` under 5 of them,
        ``not estimable`` where no fold has words in common or both sides of a group.

    Raises
    ------
    ValueError
        If the lengths differ, Series have other rows, or a label or a text is missing.

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, section 3.
    """
    rows = same_rows({"texts": texts, "groups": groups, "clusters": clusters})
    texts = labels("texts", rows["texts"]).tolist()
    if not len(texts) == len(groups) == len(clusters):
        msg = f"{len(texts)} texts, {len(groups)} groups, {len(clusters)} clusters; give one of each for each text"
        raise ValueError(msg)
    names, of_text = np.unique(labels("groups", rows["groups"]), return_inverse=True)
    cluster_names, cluster_index = np.unique(labels("clusters", rows["clusters"]), return_inverse=True)
    counts = {"n_texts": len(texts), "n_clusters": len(cluster_names), "n_groups": len(names)}
    if len(names) < 2:
        return TwoSampleResult(status=Status.NOT_MEASURED, method="needs texts of two groups", **counts)
    if len(cluster_names) < MIN_CLUSTERS:
        method = f"needs {MIN_CLUSTERS} clusters"
        return TwoSampleResult(status=Status.TOO_FEW_CLUSTERS, method=method, **counts)
    folds = list(_folds(texts, cluster_index, n_folds=n_folds, features=features, rng=rng))
    observed = _auc(folds, of_text, len(names))
    if observed is None:
        method = "no fold has texts with features and both sides of a group"
        return TwoSampleResult(status=Status.NOT_ESTIMABLE, method=method, **counts)
    drawn = permuted_labels(of_text, cluster_index, rng=rng, n_permutations=n_permutations)
    permuted = np.array([_or_guessing(_auc(folds, each, len(names))) for each in drawn])
    return TwoSampleResult(
        status=Status.OK,
        auc=observed,
        p_value=p_value(observed, permuted),
        expected_auc=float(permuted.mean()),
        n_permutations=n_permutations,
        method=f"TF-IDF of {features}, logistic regression, {len(folds)} folds of clusters",
        **counts,
    )


def _folds(
    texts: Sequence[str], clusters: NDArray[np.intp], *, n_folds: int, features: Features, rng: np.random.Generator
) -> Iterator[_Fold]:
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  # slow to import
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415  # slow to import

    splitter = GroupKFold(
        n_splits=min(n_folds, int(clusters.max()) + 1), shuffle=True, random_state=int(rng.integers(2**31))
    )
    for train, test in splitter.split(texts, groups=clusters):
        vectorizer = TfidfVectorizer(**_VECTORIZER[features], sublinear_tf=True)
        try:
            train_features = vectorizer.fit_transform([texts[row] for row in train])
        except ValueError:  # an empty vocabulary: texts without a single word
            continue
        yield _Fold(
            train=train,
            test=test,
            train_features=train_features,
            test_features=vectorizer.transform([texts[row] for row in test]),
        )


def _auc(folds: Sequence[_Fold], labels: NDArray[np.intp], n_groups: int) -> float | None:
    """Return the mean AUC over groups and folds that have both sides, or None."""
    # One group against the other is the same question asked twice.
    asked = range(1, 2) if n_groups == 2 else range(n_groups)
    found = [_fold_auc(fold, labels == group) for fold in folds for group in asked]
    measured = [auc for auc in found if auc is not None]
    return float(np.mean(measured)) if measured else None


def _fold_auc(fold: _Fold, member: NDArray[np.bool_]) -> float | None:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # slow to import

    train, test = member[fold.train], member[fold.test]
    if train.all() or test.all() or not train.any() or not test.any():
        return None
    model = LogisticRegression(solver="liblinear", class_weight="balanced").fit(fold.train_features, train)
    # By ranks of the scores: scikit-learn's own checks take longer than the fit, a thousand times over.
    from scipy.stats import rankdata  # noqa: PLC0415  # half a second to import

    ranks = rankdata(fold.test_features @ model.coef_.ravel())
    n_members = int(test.sum())
    above = float(ranks[test].sum()) - n_members * (n_members + 1) / 2
    return above / (n_members * (len(test) - n_members))


def _or_guessing(auc: float | None) -> float:
    """Return what guessing gives where permuted clusters leave no fold with both sides."""
    return 0.5 if auc is None else auc
