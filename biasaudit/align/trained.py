"""What a training taught, in a form that an audit can compare its probes with: the training card's ``trained``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from biasaudit.probes.skeletons import masked_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedWords:
    """What was trained on, as contrasts of groups and words in templates.

    Attributes
    ----------
    features : tuple of str
        Sensitive features.
    groups : tuple of str
        What named the groups: ``the woman``.
    words : tuple of str
        What was said of them: ``a welder``.
    templates : tuple of str
        SHA-256 of each template with its slots masked, so that the card gives away no text.
    held : tuple of str
        Sensitive features whose contrasts were held where the base has them: in the training, though not to be changed.
    """

    features: tuple[str, ...]
    groups: tuple[str, ...]
    words: tuple[str, ...]
    templates: tuple[str, ...]
    held: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values, as on the card."""
        return {name: list(values) for name, values in asdict(self).items()}


def trained_words(
    *, features: Iterable[str], groups: Iterable[str], words: Iterable[str], templates: Iterable[str]
) -> TrainedWords:
    """Return what the training card says of contrasts, each list sorted and without what is there twice.

    Parameters
    ----------
    features, groups, words : iterable of str
    templates : iterable of str
        With ``{group}`` and ``{word}`` where these stood; of both splits, since what decides when to stop is seen too.

    Examples
    --------
    >>> given = trained_words(
    ...     features=["gender"], groups=["the woman", "the man"], words=["a welder"], templates=["{group} is {word}."]
    ... )
    >>> given.groups, len(given.templates)
    (('the man', 'the woman'), 1)
    """
    return TrainedWords(
        features=tuple(sorted(set(features))),
        groups=tuple(sorted(set(groups))),
        words=tuple(sorted(set(words))),
        templates=tuple(sorted({masked_sha256(text) for text in templates})),
    )
