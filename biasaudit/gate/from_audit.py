"""A first policy, from what an audit measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.errors import EvidenceError
from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.first_rules import FirstAudit, FirstCell, FirstRow, measured, quoted
from biasaudit.types import Contrast

if TYPE_CHECKING:
    import pandas as pd

_ALL: Final = "all"
_BASE: Final = "base"
_CONTRASTS: Final = (Contrast.AS_DEPLOYED, Contrast.WEIGHTS_PLAIN, Contrast.WEIGHTS_CHAT)
_LAST: Final = {Contrast.WEIGHTS_CHAT.value}
"""Taken where an audit has none of them."""

_HEAD: Final = """\
# Written by `biasaudit init` from one audit. Every limit below is what that audit measured: the end of the tuned
# model's interval that is further from 0, rounded outward to 0.01, on the graded index, which the report shows. It
# holds either way: a lean against the stereotype is a lean. Such a limit says "no worse than this model was"; it is no
# standard, and says nothing of what is acceptable. Decide for each cell what you want to hold, lower the limit, and
# say why.
# A limit is kept only if the whole interval keeps it; what is not measured is inconclusive (exit code 3).
"""


def policy_text(*, estimates: pd.DataFrame, comparisons: pd.DataFrame, source: str) -> str:
    """Write a policy that an audit itself keeps wherever it measured.

    For each cell the rules that criteria write of a cell, and then those that they write of all. Of several tuned
    checkpoints the loosest sets the limit, because a rule holds for each of them.

    Parameters
    ----------
    estimates, comparisons : DataFrame
        See :mod:`biasaudit.record.tables`.
    source : str
        What the limits come from, in words; goes into a comment.

    Returns
    -------
    str
        YAML with comments.

    Raises
    ------
    EvidenceError
        If no tuned checkpoint has a cell that was measured.
    """
    levels = [row for row in _records(estimates) if row["metric"] == "graded" and row["checkpoint"] != _BASE]
    framing = "chat" if any(row["framing"] == "chat" for row in levels) else "plain"
    changes = [row for row in _records(comparisons) if row["metric"] == "graded"]
    contrast = next(one.value for one in _CONTRASTS if one.value in {row["contrast"] for row in changes} | _LAST)
    changes = [row for row in changes if row["contrast"] == contrast]
    cells = _cells([row for row in levels if row["framing"] == framing], changes)
    if not any(measured(cell.levels) for cell in cells):
        raise EvidenceError(
            "the audit has no measured cell of a tuned model to take a limit from.",
            fix="Run an audit with more clusters, or write the limits yourself.",
        )
    lines = [_HEAD.rstrip(), f"# Source: {quoted(source)}", "version: 1", "rules:"]
    first = FirstAudit(cells=tuple(cells), changes=tuple(changes), framing=framing, contrast=contrast)
    of_cells = [one.rule_of_cell for one in CRITERIA.values() if one.rule_of_cell is not None]
    lines += [line for cell in cells for rule_of in of_cells for line in rule_of(cell, first)]
    of_all = [one.rule_of_audit for one in CRITERIA.values() if one.rule_of_audit is not None]
    lines += [line for rule_of in of_all for line in rule_of(first)]
    return "\n".join([*lines, ""])


def _cells(levels: list[FirstRow], changes: list[FirstRow]) -> list[FirstCell]:
    features: dict[str, set[str]] = {}
    for row in levels:
        features.setdefault(row["probe"], set()).add(row["feature"])

    def of(rows: list[FirstRow], probe: str, feature: str) -> tuple[FirstRow, ...]:
        return tuple(row for row in rows if (row["probe"], row["feature"]) == (probe, feature))

    return [
        FirstCell(probe=probe, feature=feature, levels=of(levels, probe, feature), changes=of(changes, probe, feature))
        for probe in sorted(features)
        # The pooled row is a cell only where there is no other, as in the policy's own rules.
        for feature in sorted(features[probe] - {_ALL}) or [_ALL]
    ]


def _records(frame: pd.DataFrame) -> list[FirstRow]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
