"""Each verdict in one clause of plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from biasaudit.report.words.contrasts import sides_of
from biasaudit.types import Verdict, VerdictCode

CLAUSES: Final[Mapping[str, str]] = {
    Verdict.REDUCED: "{second} leans less than {first}",
    Verdict.INCREASED: "{second} leans more than {first}",
    Verdict.UNCHANGED: "the lean moved, if at all, by less than the margin",
    Verdict.REVERSED: "the lean lies on the other side now",
    Verdict.SHIFTED_WITH: "the lean moved towards the stereotype; whether it grew is not shown",
    Verdict.SHIFTED_AGAINST: "the lean moved away from the stereotype; whether it shrank is not shown",
    Verdict.INCONCLUSIVE: "neither a change nor its absence is shown",
    Verdict.NOT_INTERPRETABLE: "something else than the lean can explain the numbers",
    Verdict.NOT_MEASURED: "there is no number",
    VerdictCode.NO_ITEMS: "no item was scored on both sides",
    VerdictCode.FEW_CLUSTERS: "too few independent items for a number",
    VerdictCode.NO_ESTIMATE: "no number can be estimated from these items",
    VerdictCode.CHANCE_FIRST: "{first} is not shown to do better than a guess on plain items of this probe",
    VerdictCode.CHANCE_SECOND: "{second} is not shown to do better than a guess on plain items of this probe",
    VerdictCode.SATURATED: "nearly all items lie at one end of the scale, where no change can be told",
    VerdictCode.MISSING: "the items without a score could explain the difference",
    VerdictCode.COMPETENCE_FELL: "the lean changed, and competence fell with it",
    VerdictCode.LICENSED_FELL: "the lean changed, and what a good model keeps fell with it",
    VerdictCode.BLUNTED: "the lean changed, and all differences became smaller with it, by more than 5 %",
    VerdictCode.INTERACTION: "described, and not judged",
}
"""By what decided the verdict, where that says more, else by the verdict; `first` and `second` are the two sides."""


def clause(row: Mapping[str, Any]) -> str:  # Any: cells of a pandas row
    """Return what the verdict on a row of the comparisons says; empty for a verdict that is not known.

    Parameters
    ----------
    row : mapping
        See :data:`biasaudit.record.tables.COMPARISONS`.

    Examples
    --------
    >>> clause({"contrast": "as deployed", "verdict": "increased", "verdict_code": "larger"})
    'the tuned model leans more than the base'
    >>> clause({"contrast": "as deployed", "verdict": "not measured", "verdict_code": "too few clusters"})
    'too few independent items for a number'
    """
    found = CLAUSES.get(str(row.get("verdict_code")), CLAUSES.get(str(row["verdict"]), ""))
    first, second = sides_of(str(row["contrast"]))
    return found.format(first=first, second=second)
