"""One file a classifier of texts: to add one, write its file and name it in :data:`CLASSIFIERS`.

None is shipped yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from biasaudit.classifiers.border import classified_by
from biasaudit.classifiers.classifier import Classifier, Confusion, LabelScores, MeasuredError, Unscored
from biasaudit.errors import UsageError

__all__ = ["CLASSIFIERS", "Classifier", "Confusion", "LabelScores", "MeasuredError", "Unscored", "classified"]

CLASSIFIERS: Final[Mapping[str, Classifier]] = {}


def classified(texts: Sequence[str], name: str, *, language: str) -> tuple[LabelScores | Unscored, ...]:
    """Return what a classifier says of texts, checked.

    Parameters
    ----------
    texts : sequence of str
    name : str
        A name in :data:`CLASSIFIERS`.
    language : str
        Of the texts, as on a probe's card: ``fr``, or with a region, ``fr-CA``.

    Returns
    -------
    tuple of LabelScores or Unscored
        One for each text, in order. What has no score has a reason and no number: a text without a word in it, one in a
        language that the classifier does not read, one that it could not score.

    Raises
    ------
    UsageError
        If there is no such classifier.
    ClassifierError
        If it gave other than one result for each text, other labels, or a score that is not in [0, 1].
    """
    if name not in CLASSIFIERS:
        known = ", ".join(CLASSIFIERS)
        raise UsageError(
            f"there is no classifier {name!r}.",
            fix=f"Classifiers: {known}." if known else "None is shipped yet: docs/classifiers.md says how to add one.",
        )
    return classified_by(CLASSIFIERS[name], texts, language=language)
