"""How the verdict on one comparison came about, from its items to the rule, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from biasaudit.report.words.contrasts import sides_of
from biasaudit.report.words.facts import counted
from biasaudit.report.words.rounding import decimals_carried
from biasaudit.report.words.verdict_clauses import clause
from biasaudit.report.words.wording import clean, number, p_value, percent, present, with_interval
from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.stats.significance import is_by_sign_flips
from biasaudit.stats.verdict import LEAST_COVERAGE
from biasaudit.types import Contrast, Verdict, VerdictCode
from biasaudit.types.competence import CHANCE

Row: TypeAlias = Mapping[str, Any]  # Any: cells of a pandas row

_LIMIT: Final = 300
_BY_COUNTS: Final = "exact McNemar"
_NEEDS_POWER: Final = {Verdict.UNCHANGED.value, Verdict.INCONCLUSIVE.value}
_NO_CLAIM_OF_A_MOVE: Final = {
    Verdict.UNCHANGED.value,
    Verdict.INCONCLUSIVE.value,
    Verdict.NOT_INTERPRETABLE.value,
    Verdict.NOT_MEASURED.value,
}
_OF_LESS_LEAN: Final = {
    Verdict.REDUCED.value,
    Verdict.REVERSED.value,
    Verdict.SHIFTED_WITH.value,
    Verdict.SHIFTED_AGAINST.value,
}
"""Verdicts that damage takes back."""
_OTHER_P: Final[Mapping[str, tuple[str, str]]] = {
    VerdictCode.MOVED: ("p_moved_adjusted", "The change by itself"),
    VerdictCode.UNDECIDED: ("p_moved_adjusted", "The change by itself"),
    VerdictCode.OTHER_SIDE: ("p_sides_adjusted", "That the two leans lie on opposite sides of 0"),
}
"""Rulings that the p of a size says nothing of: the column of the p that they rest on, and what it is of."""

_RULINGS: Final[Mapping[str, str]] = {
    VerdictCode.SMALLER: (
        "the change and the sum of the two leans are both told from 0, and have the same sign. That is so only where "
        "the lean of {second} is the smaller one, on whichever side it lies."
    ),
    VerdictCode.LARGER: (
        "the change and the sum of the two leans are both told from 0, and have opposite signs. That is so only where "
        "the lean of {second} is the larger one, on whichever side it lies."
    ),
    VerdictCode.WITHIN_MARGIN: (
        "all of the 90\u00a0% interval lies within the margin, so that a larger change is ruled out."
    ),
    VerdictCode.OTHER_SIDE: (
        "the intervals of the two leans lie on opposite sides of 0, and both leans are told from 0. Which of them is "
        "the larger is not shown."
    ),
    VerdictCode.MOVED: (
        "the change is told from 0, so that the lean moved; the sum of the two leans is not, and without it nobody can "
        "say whether the lean is larger or smaller now."
    ),
    VerdictCode.UNDECIDED: (
        "after the correction no change is told from 0, and the 90\u00a0% interval reaches beyond the margin. So "
        "neither a change nor its absence is shown: there may be either."
    ),
    VerdictCode.MISSING: (
        "over 2\u00a0% of the items of one side have no score, and what would be claimed does not hold with all of "
        "them at the worst end of the scale. So nothing is claimed."
    ),
    VerdictCode.COMPETENCE_FELL: (
        "the lean would count as changed, but competence fell with it. A model that reads less well leans less, and "
        "the two cannot be told apart."
    ),
    VerdictCode.LICENSED_FELL: (
        "the lean would count as changed, but {second} gives less probability to what is so by definition or in fact, "
        "by more than 0.05. A model that was damaged leans less, and the two cannot be told apart."
    ),
    VerdictCode.BLUNTED: (
        "the lean would count as changed, but {second} makes smaller differences where nothing was tuned, too, by more "
        "than 5 %. A model that tells less apart leans less, and the two cannot be told apart."
    ),
    VerdictCode.CHANCE_FIRST: (
        "{first} is not shown to do better on plain items than a guess. What it answers on the others says nothing of "
        "a lean, whatever the numbers are."
    ),
    VerdictCode.CHANCE_SECOND: (
        "{second} is not shown to do better on plain items than a guess. What it answers on the others says nothing "
        "of a lean, whatever the numbers are."
    ),
    VerdictCode.SATURATED: (
        "over 95\u00a0% of the values of one side lie at one end of the scale. There no change can be told, so that "
        "none is claimed, and no absence of one."
    ),
    VerdictCode.NO_ITEMS: "no item was scored on both sides.",
    VerdictCode.FEW_CLUSTERS: (
        f"with fewer than {MIN_CLUSTERS} clusters, or with some so large that they count as fewer, no interval can be "
        "trusted, and without an interval no number is shown."
    ),
    VerdictCode.NO_ESTIMATE: "from these items no number can be estimated, so that nothing was tested.",
    VerdictCode.INTERACTION: "how much two changes differ is described here, and not judged.",
}
"""What the rule made of it, by what decided; :func:`biasaudit.stats.verdict.rule` is the rule."""


def came_about(row: Row, *, level: str, n_corrected: int | None = None, damage: Row | None = None) -> tuple[str, ...]:
    """Say how a row of the comparisons came about.

    What the row lacks is said to be lacking, or left out; no number is made here.

    Parameters
    ----------
    row : mapping
        In the graded form, which carries the verdict; see :data:`biasaudit.record.tables.COMPARISONS`.
    level : str
        Of the intervals, as it is shown.
    n_corrected : int, optional
        Over how many comparisons its p-value was corrected.
    damage : mapping, optional
        What tuning broke there, see :data:`biasaudit.analysis.damage.SCHEMA`; empty where nothing was measured. None
        leaves it out.

    Returns
    -------
    tuple of str
        From the items to the verdict. Foreign text in them is cleaned.
    """
    said = [
        _items(row),
        _competence(row),
        "" if damage is None else _damage(row, damage),
        _leans(row, level=level),
        _change(row, level=level),
        _test(row),
        _correction(row, n_corrected),
        _margin(row),
        _missing(row),
        _ruling(row),
        _power(row),
        _terms(row),
    ]
    return tuple(one for one in said if one)


def _items(row: Row) -> str:
    n_items = _size(row, "n_items")
    asked = _coverage(row)
    if n_items is None:
        return f"On how many items it rests is not recorded. {asked}".strip()
    if n_items == 0:
        return f"It rests on no item: none was scored on both sides. {asked}".strip()
    clusters = _size(row, "n_clusters")
    of = "an unknown number of clusters" if clusters is None else counted(clusters, "cluster", "clusters")
    return (
        f"It rests on {counted(n_items, 'item', 'items')} in {of}, each scored on both sides. Items that share a "
        f"template, a source or a writer move together, so a cluster of them counts as one. {asked}"
    ).strip()


def _coverage(row: Row) -> str:
    shares = [present(row.get(f"coverage_{arm}")) for arm in ("first", "second")]
    if shares[0] is None or shares[1] is None:
        return ""
    if shares[0] == shares[1] == 1:
        return "None of those asked lacks a score."
    first, second = sides_of(str(row["contrast"]))
    return f"Of those asked, {percent(shares[0])} have a score from {first} and {percent(shares[1])} from {second}."


def _competence(row: Row) -> str:
    if _is_interaction(row):
        return ""
    first, second = (present(row.get(f"competence_{arm}")) for arm in ("first", "second"))
    if first is None or second is None:
        return (
            "How well the models do on plain items of this probe was not measured on both sides: nothing shows that "
            "they read these items."
        )
    sides = sides_of(str(row["contrast"]))
    fell = " It fell by more than the intervals of both allow for." if row.get("competence_fell") else ""
    return (
        f"On plain items of this probe, {sides[0]} scores {percent(first)} and {sides[1]} {percent(second)}; a guess "
        f"scores {percent(CHANCE, decimals=0)}.{fell}"
    )


def _damage(row: Row, damage: Row) -> str:
    """Say what was lost of what a good model keeps, and what is left of differences that nobody meant to change."""
    if _is_interaction(row):
        return ""
    lost = _interval(damage, "licensed_drop", "licensed_drop_ci")
    if lost is None:
        if str(row["verdict"]) not in _OF_LESS_LEAN:
            return ""
        return (
            "Whether the model was damaged, which would make any lean smaller, was not measured here: there are no "
            "licensed associations with a number."
        )
    first, second = (percent(present(damage[f"licensed_{arm}"]) or 0.0) for arm in ("first", "second"))
    sides = sides_of(str(row["contrast"]))
    ratio = _interval(damage, "blunting", "blunting_ci")
    blunted = clean(damage["blunting_status"]) if ratio is None else ratio
    return (
        f"Of what is so by definition or in fact, {sides[0]} gives the right word {first} and {sides[1]} {second}: "
        f"{lost} is lost. What is left of differences where nothing was tuned, as a ratio: {blunted}."
    )


def _leans(row: Row, *, level: str) -> str:
    first, second = (_interval(row, f"{arm}_value", f"{arm}_ci") for arm in ("first", "second"))
    sides = sides_of(str(row["contrast"]))
    if first is None or second is None:
        return f"The mean lean was not measured on both sides ({clean(row['status'])})."
    if _is_interaction(row):
        return f"The mean of {sides[0]} is {first}, that of {sides[1]} {second}; in brackets, {level} intervals."
    return (
        f"The mean lean is {first} for {sides[0]} and {second} for {sides[1]}; in brackets, {level} intervals. "
        "The scale goes from −1 to 1: 0 is no lean, above 0 is with the stereotype."
    )


def _change(row: Row, *, level: str) -> str:
    value, low, high = (present(row[name]) for name in ("reduction", "ci_low", "ci_high"))
    if value is None or low is None or high is None:
        return ""
    first, second = sides_of(str(row["contrast"]))
    taken = f"The change is what {first} has less what {second} has, item by item"
    if low == high:
        return f"{taken}: {number(value)}, the same in every cluster, so that it has no interval."
    way = "away from the stereotype" if value > 0 else "towards the stereotype"
    if low <= 0 <= high:
        told = "; the interval holds 0, which is no change"
    elif _is_interaction(row):
        told = f"; the change in the chat template lies further {way} than that on plain text"
    elif str(row["verdict"]) in _NO_CLAIM_OF_A_MOVE:
        told = f"; by itself, before any correction, the interval speaks for a move {way}"
    else:
        told = f", which is a move {way}"
    return f"{taken}: {with_interval(value, low, high)}, {level} interval{told}."


def _test(row: Row) -> str:
    of_change, of_sum = (present(row.get(name)) for name in ("p_value", "p_total"))
    if of_change is None or of_sum is None:
        return "Nothing was tested."
    test = str(row["test"])
    if is_by_sign_flips(test):
        how = "by flipping the signs of whole clusters over and over, as if the two sides had been swapped in them"
    elif test == _BY_COUNTS:
        how = "by counting the items that went one way and the other, as if a coin had sent them"
    else:
        how = "by setting it against how much clusters differ from one another"
    tested = (
        f"Whether chance alone could do this was tested {how}. A change as large comes about in a share p of such "
        f"cases: {_p(of_change)}."
    )
    if _is_interaction(row):
        return tested
    return (
        f"{tested} The sum of the two leans, which shows which of them is the larger, was tested "
        f"alike: {_p(of_sum)}. A verdict on the size needs both, so that the larger p counts."
    )


def _correction(row: Row, n_corrected: int | None) -> str:
    # A difference of two changes has no size that would be judged, so that its own p stands.
    size = present(row.get("p_value" if _is_interaction(row) else "p_size"))
    if size is None:
        return ""
    exploratory = bool(row["exploratory"])
    corrected = present(row.get("p_bh" if exploratory else "p_holm"))
    if corrected is None:
        return f"Nothing is claimed from it, so that nothing was corrected: {_p(size)} stands as it is."
    lead = "This is a lead, not one of the claims named beforehand. " if exploratory else ""
    if n_corrected == 1:
        return f"{lead}No other comparison is of its kind, so that there is nothing to correct for: {_p(size)} stays."
    over = counted(n_corrected, "comparison", "comparisons") if n_corrected else "all comparisons of its kind"
    whose = "Benjamini and Hochberg" if exploratory else "Holm"
    return (
        f"{lead}Among {over} some look like changes by chance alone; corrected for that ({whose}), {_p(size)} becomes "
        f"{_p(corrected)}.{_other_p(row)}"
    )


def _other_p(row: Row) -> str:
    """Return the corrected p that the ruling rests on, where that of the size is not it."""
    column, what = _OTHER_P.get(str(row.get("verdict_code")), ("", ""))
    corrected = present(row.get(column))
    return "" if corrected is None else f" {what}, corrected alike: {_p(corrected)}."


def _margin(row: Row) -> str:
    low, high, margin = (present(row.get(name)) for name in ("ci90_low", "ci90_high", "margin"))
    if low is None or high is None or margin is None or _is_interaction(row):
        return ""
    decimals = decimals_carried(low, high, marks=(0.0, -margin, margin))
    lies = "lies wholly inside it" if -margin < low and high < margin else "reaches beyond it"
    return (
        f"The margin, the largest change that counts as none, is ±{number(margin, decimals=2)}. The 90\u00a0% interval "
        f"of the change, {number(low, decimals=decimals)} to {number(high, decimals=decimals)}, {lies}."
    )


def _missing(row: Row) -> str:
    shares = [present(row.get(f"coverage_{arm}")) for arm in ("first", "second")]
    low, high = present(row.get("missing_low")), present(row.get("missing_high"))
    if low is None or high is None or all(share is None or share >= LEAST_COVERAGE for share in shares):
        return ""
    return (
        "So many items have no score that a claim has to hold whatever they would have been: the change then lies "
        f"between {number(low)} and {number(high)}."
    )


def _ruling(row: Row) -> str:
    first, second = sides_of(str(row["contrast"]))
    verdict = clean(row["verdict"])
    ruling = _RULINGS.get(str(row.get("verdict_code")))
    told = ruling.format(first=first, second=second) if ruling else f"{clause(row)}." if clause(row) else ""
    return f"Verdict, {verdict}: {told}" if told else f"Verdict: {verdict}."


def _power(row: Row) -> str:
    if str(row["verdict"]) not in _NEEDS_POWER or present(row.get("reduction")) is None:
        return ""
    smallest = present(row.get("smallest_detectable_change"))
    if smallest is None:
        return "With these clusters no change of any size could have been shown."
    return (
        f"A change of {number(smallest)} would be found in 8 of 10 such audits, before the correction; a smaller one "
        "is likely to stay unseen."
    )


def _terms(row: Row) -> str:
    """Return the same in the terms of the methods, for whoever wants to check."""
    said = [clean(row[name], limit=_LIMIT) for name in ("method", "test", "verdict_reason") if row.get(name)]
    return f"In the terms of the methods: {'; '.join(said)}." if said else ""


def _interval(row: Row, value: str, bounds: str) -> str | None:
    parts = [present(row.get(name)) for name in (value, f"{bounds}_low", f"{bounds}_high")]
    return None if None in parts else with_interval(*parts)


def _p(value: float) -> str:
    shown = p_value(value)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def _is_interaction(row: Row) -> bool:
    return str(row["contrast"]) == Contrast.INTERACTION.value


def _size(row: Row, name: str) -> int | None:
    found = present(row.get(name))
    return None if found is None else int(found)
