"""Why a verdict is what it is, in words that need no handbook: for display; tables keep the reason as recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from biasaudit.report.words.wording import clean, present
from biasaudit.types import Contrast, VerdictCode

_MODELS: Final[Mapping[str, tuple[str, str]]] = {
    Contrast.AS_DEPLOYED.value: ("the base", "the tuned model"),
    Contrast.WEIGHTS_PLAIN.value: ("the base", "the tuned model"),
    Contrast.WEIGHTS_CHAT.value: ("the base", "the tuned model"),
    Contrast.TEMPLATE_TUNED.value: ("the tuned model on plain text", "the tuned model in the chat template"),
    Contrast.TEMPLATE_BASE.value: ("the base on plain text", "the base in the chat template"),
    Contrast.WEIGHTS_AVERAGED.value: ("the base", "the tuned model"),
    Contrast.TEMPLATE_AVERAGED.value: ("plain text", "the chat template"),
    Contrast.STEP_PLAIN.value: ("the checkpoint before", "this checkpoint"),
    Contrast.STEP_CHAT.value: ("the checkpoint before", "this checkpoint"),
}
"""Who the two sides of a contrast are, in a sentence."""

_SAID: Final[Mapping[str, str]] = {
    VerdictCode.NO_ITEMS.value: "there are no items for it",
    VerdictCode.FEW_CLUSTERS.value: "there are too few independent groups of items for an interval",
    VerdictCode.NO_ESTIMATE.value: "no number can be given for it",
    VerdictCode.CHANCE_FIRST.value: "{first} is not shown to read it better than by guessing",
    VerdictCode.CHANCE_SECOND.value: "{second} is not shown to read it better than by guessing",
    VerdictCode.SATURATED.value: "nearly all values lie at one end of the scale, where no change could be seen",
    VerdictCode.WITHIN_MARGIN.value: "the change is shown to be smaller than the margin{margin}",
    VerdictCode.SMALLER.value: "the lean is shown to be smaller, whichever way it points",
    VerdictCode.LARGER.value: "the lean is shown to be larger, whichever way it points",
    VerdictCode.OTHER_SIDE.value: "the lean is shown to point the other way now",
    VerdictCode.MOVED.value: "the lean is shown to have moved; whether it is smaller or larger is not",
    VerdictCode.MISSING.value: "over 2 % of the items have no score, and those could explain the difference",
    VerdictCode.COMPETENCE_FELL.value: "the lean changed, and {second} reads it worse; the two cannot be told apart",
    VerdictCode.LICENSED_FELL.value: (
        "the lean changed, and {second} lost what is so by definition or in fact; the two cannot be told apart"
    ),
    VerdictCode.BLUNTED.value: (
        "the lean changed, and {second} tells less apart where nothing was tuned, by more than 5 %; the two cannot be "
        "told apart"
    ),
    VerdictCode.UNDECIDED.value: "neither a change nor its absence is shown with this many items",
    VerdictCode.INTERACTION.value: "it is described and not judged",
}
"""In place of "the model" the two sides are named; `{margin}` is the size of the margin where it is known."""


_ALPHA: Final = 0.05
_WITH_NOTES: Final = {
    code.value
    for code in (
        VerdictCode.WITHIN_MARGIN,
        VerdictCode.SMALLER,
        VerdictCode.LARGER,
        VerdictCode.OTHER_SIDE,
        VerdictCode.MOVED,
        VerdictCode.UNDECIDED,
    )
}
"""Codes whose reasons as recorded have notes."""


def reason_in_words(row: Mapping[str, Any]) -> str:  # Any: cells of a pandas row
    """Return why a comparison has its verdict, in plain words, as a clause that begins small.

    Parameters
    ----------
    row : mapping
        Of :data:`biasaudit.record.tables.COMPARISONS`. Where its code is of a later version, or is missing as in
        tables of earlier ones, the reason is shown as it was recorded; empty where there is none.

    Examples
    --------
    >>> row = {"verdict_code": "competence at chance, first arm", "contrast": "as deployed", "verdict_reason": "…"}
    >>> reason_in_words(row)
    'the base is not shown to read it better than by guessing'
    >>> reason_in_words({"verdict_code": "", "verdict_reason": "it was so"})
    'it was so'
    """
    said = _SAID.get(str(row.get("verdict_code")))
    if said is None:
        recorded = row.get("verdict_reason")
        return clean(recorded, limit=300) if isinstance(recorded, str) else ""
    first, second = _MODELS.get(str(row.get("contrast")), ("the first side", "the second side"))
    margin = present(row.get("margin"))
    reason = said.format(first=first, second=second, margin="" if margin is None else f" of {margin:g}")
    return "; ".join([reason, *_beside(row, first=first, second=second)])


def _beside(row: Mapping[str, Any], *, first: str, second: str) -> list[str]:  # Any: cells of a pandas row
    """Return what was noted beside the reason, from the facts and not from its sentence."""
    code = str(row.get("verdict_code"))
    if code not in _WITH_NOTES:
        return []
    notes = []
    adjusted, low, high = (present(row.get(name)) for name in ("p_moved_adjusted", "ci_low", "ci_high"))
    clear = low is not None and high is not None and (low > 0 or high < 0)
    if code == VerdictCode.WITHIN_MARGIN.value and clear and adjusted is not None and adjusted <= _ALPHA:
        notes.append("a change that small is there")
    first_high = present(row.get("first_ci_high"))
    if first_high is not None and first_high < 0:
        notes.append(f"{first} leans against the stereotype")
    if row.get("competence_fell") is True:
        notes.append(f"{second} reads it less well")
    return notes
