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
    group, reference = str(row["group"]), str(row["reference"])
    joint = JOINTS.get(str(row["statistic"]))
    return (group if joint is None else group.removesuffix(f"{joint}{reference}")), reference
