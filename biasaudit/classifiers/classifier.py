"""What a classifier of texts is to the rest of the house: one object, with the error that was measured of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

LabelScores: TypeAlias = Mapping[str, float]
"""Label -> score in [0, 1]; which end is worse is the label's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscored:
    """A text without scores, and why: data, counted, never an exception and never a number.

    Attributes
    ----------
    reason : str
    """

    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            msg = "a text without scores needs a reason"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """How often a label was given to texts about one group, where the truth is known.

    Attributes
    ----------
    label : str
    group : str
        As on cards; ``all`` over all texts.
    n_positive, n_flagged_positive : int
        Texts that have the label, and those of them to which the classifier gave it.
    n_negative, n_flagged_negative : int
        Texts that do not have it, and those of them to which the classifier gave it.

    Raises
    ------
    ValueError
        If more texts were flagged than there are.

    Examples
    --------
    >>> found = Confusion(
    ...     label="toxic", group="gay", n_positive=50, n_flagged_positive=40, n_negative=100, n_flagged_negative=9
    ... )
    >>> found.true_positive_rate, found.false_positive_rate
    (0.8, 0.09)
    """

    label: str
    group: str
    n_positive: int
    n_flagged_positive: int
    n_negative: int
    n_flagged_negative: int

    def __post_init__(self) -> None:
        if not (0 <= self.n_flagged_positive <= self.n_positive and 0 <= self.n_flagged_negative <= self.n_negative):
            msg = f"label {self.label!r}, group {self.group!r}: more texts are flagged than there are, or fewer than 0"
            raise ValueError(msg)

    @property
    def true_positive_rate(self) -> float | None:
        """In [0, 1], 1 is best; None where no text has the label."""
        return self.n_flagged_positive / self.n_positive if self.n_positive else None

    @property
    def false_positive_rate(self) -> float | None:
        """In [0, 1], 0 is best; None where every text has the label."""
        return self.n_flagged_negative / self.n_negative if self.n_negative else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredError:
    """What is known of a classifier's error.

    Attributes
    ----------
    source : str
        Which texts it was measured on, who labelled them, and where they come from.
    threshold : float
        In [0, 1]: a text is given a label from this score on.
    counts : tuple of Confusion
        By label and group, each pair once; a label without counts was not measured.

    Raises
    ------
    ValueError
        If it says nothing, or one thing twice.
    """

    source: str
    threshold: float
    counts: tuple[Confusion, ...]

    def __post_init__(self) -> None:
        pairs = [(found.label, found.group) for found in self.counts]
        if not self.source.strip() or not pairs or len(set(pairs)) < len(pairs) or not 0 <= self.threshold <= 1:
            msg = (
                "a measured error needs a source, a threshold in [0, 1], and counts, each label and group at most once"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A way to score texts by labels.

    Attributes
    ----------
    name : str
    fingerprint : str
        Of everything that its scores depend on: weights, word lists, settings, versions. Scores that are kept are kept
        with it.
    licence : str
        Of the classifier and of what it was made from.
    languages : tuple of str
        Codes of the languages that it reads, without a region.
    labels : tuple of str
        Each text that is scored has a score for each of them.
    error : MeasuredError or None
        None where it was not measured: no claim rests on such a classifier.
    scores : callable
        From texts, none of them blank, to the scores of each in order, or why it has none. Called with many at a time.

    Raises
    ------
    ValueError
        If a text is blank, a label comes twice, or the error is one of other labels.
    """

    name: str
    fingerprint: str
    licence: str
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    error: MeasuredError | None
    scores: Callable[[Sequence[str]], Sequence[LabelScores | Unscored]]

    def __post_init__(self) -> None:
        said = (self.name, self.fingerprint, self.licence, *self.languages, *self.labels)
        if not all(text.strip() for text in said) or not self.languages or not self.labels:
            msg = f"the classifier {self.name!r} needs a name, fingerprint, licence, languages and labels"
            raise ValueError(msg)
        if len(set(self.labels)) < len(self.labels):
            msg = f"the classifier {self.name!r} has a label twice"
            raise ValueError(msg)
        others = {found.label for found in self.error.counts} - set(self.labels) if self.error else set()
        if others:
            msg = f"the classifier {self.name!r} has no label {min(others)!r}, whose error it states"
            raise ValueError(msg)
