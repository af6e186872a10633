"""What comes back from a classifier: checked for every text, whoever wrote it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from biasaudit.classifiers.classifier import Classifier, LabelScores, Unscored
from biasaudit.errors import ClassifierError
from biasaudit.languages import find_language


def classified_by(classifier: Classifier, texts: Sequence[str], *, language: str) -> tuple[LabelScores | Unscored, ...]:
    """Return what a classifier says of texts; it is given those alone that can have a score.

    Parameters
    ----------
    classifier : Classifier
    texts : sequence of str
    language : str
        Of the texts.

    Raises
    ------
    ClassifierError
        With the classifier, the place of the text, what was found and what was expected.
    """
    known = find_language(language)
    if (language.lower().partition("-")[0] if known is None else known.code) not in classifier.languages:
        reason = f"{classifier.name} reads {', '.join(classifier.languages)}, and the language is {language}"
        return tuple(Unscored(reason=reason) for _ in texts)
    asked = [number for number, text in enumerate(texts) if text.strip()]
    found = classifier.scores([texts[number] for number in asked]) if asked else ()
    if len(found) != len(asked):
        raise ClassifierError(classifier.name, None, f"{len(found)} results", f"{len(asked)}, one for each text")
    by_number = dict(zip(asked, found, strict=True))
    blank = Unscored(reason="the text is blank")
    return tuple(_checked(classifier, number, by_number.get(number, blank)) for number in range(len(texts)))


def _checked(classifier: Classifier, number: int, found: LabelScores | Unscored) -> LabelScores | Unscored:
    if isinstance(found, Unscored):
        return found
    if not isinstance(found, Mapping):
        raise ClassifierError(classifier.name, number, f"a {type(found).__name__}", "scores by label, or Unscored")
    if set(found) != set(classifier.labels):
        labels = ", ".join(map(str, found)) or "none"
        raise ClassifierError(classifier.name, number, f"the labels {labels}", ", ".join(classifier.labels))
    for label in classifier.labels:
        score = found[label]
        if not isinstance(score, int | float) or isinstance(score, bool):
            raise ClassifierError(classifier.name, number, f"{label} is {score!r}", "a number in [0, 1]")
        if not (math.isfinite(score) and 0 <= score <= 1):
            raise ClassifierError(classifier.name, number, f"{label} is {score}", "a number in [0, 1]")
    return {label: float(found[label]) for label in classifier.labels}
