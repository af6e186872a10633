"""Notices of the first screen on whether the checkpoints work at all, and whether they are two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biasaudit.report.words.wording import clean


def told_of_checkpoints(recorded: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    """Return what was told of the checkpoints before anything was scored.

    Parameters
    ----------
    recorded : mapping
        The manifest as JSON values; keys may be absent.

    Examples
    --------
    >>> told_of_checkpoints({"told": ["tuned is the same files as base."]})
    ('tuned is the same files as base.',)
    >>> told_of_checkpoints({})
    ()
    """
    return tuple(clean(said, limit=600) for said in recorded.get("told") or ())
