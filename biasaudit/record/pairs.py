"""The group and the reference of a row of the disparities, some of which are written as a pair: ``woman - man``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

JOINTS: Final[Mapping[str, str]] = {
    "difference": " - ",
    "selection_rate_ratio": " / ",
    "false_positive_rate_difference": " - ",
    "true_positive_rate_difference": " - ",
}
"""Statistic of a group against the reference -> what stands between the two in the column ``group``."""


def pair_of(group: str, reference: str, *, statistic: str = "difference") -> str:
    """Return what the column ``group`` has of a group that is set against the reference.

    Parameters
    ----------
    group, reference : str
    statistic : str
        One of `JOINTS`.

    Examples
    --------
    >>> pair_of("woman", "man"), pair_of("woman", "man", statistic="selection_rate_ratio")
    ('woman - man', 'woman / man')
    """
    return f"{group}{JOINTS[statistic]}{reference}"


def in_pair(text: str, *, reference: str, statistic: str = "difference") -> tuple[str, str]:
    """Return the group and the reference of a text that :func:`pair_of` wrote.

    Parameters
    ----------
    text : str
    reference : str
        Of the column of that name. The text alone does not tell where a group's own name has the joint in it.
    statistic : str
        One of `JOINTS`.

    Returns
    -------
    (str, str)
        The whole text as the group where it does not end with the reference, as in a table from elsewhere.

    Examples
    --------
    >>> in_pair("non - binary - man", reference="man")
    ('non - binary', 'man')
    """
    return text.removesuffix(f"{JOINTS[statistic]}{reference}"), reference


def group_and_reference(row: Mapping[str, Any]) -> tuple[str, str]:  # Any: cells of several types
    """Return the group that a row is of, alone, and what it is set against.

    Parameters
    ----------
    row : mapping
        With statistic, group and reference; see :data:`biasaudit.record.tables.DISPARITIES`.

    Returns
    -------
    (str, str)
        The reference is empty where there is none; of attributes it holds a share.

    Examples
    --------
    >>> group_and_reference({"statistic": "difference", "group": "woman - man", "reference": "man"})
    ('woman', 'man')
    >>> group_and_reference({"statistic": "impact_ratio", "group": "woman", "reference": "man"})
    ('woman', 'man')
    """
    group, reference, statistic = str(row["group"]), str(row["reference"]), str(row["statistic"])
    return in_pair(group, reference=reference, statistic=statistic) if statistic in JOINTS else (group, reference)
