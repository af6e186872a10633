"""The headline in words: one name and one sentence for the page, its other forms, and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.analysis.headlines import FEW_SCORED, NONE_LEFT
from biasaudit.report.words.facts import counted
from biasaudit.report.words.wording import clean, number
from biasaudit.stats.headline import WEAK
from biasaudit.types import Contrast, Estimate, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.record.audit_record import Headline

SHARE: Final = "share of the inherited lean that is gone"
"""The headline's quantity, by its one name."""

_LEADS: Final = {
    Contrast.AS_DEPLOYED.value: "As deployed",
    Contrast.WEIGHTS_PLAIN.value: "On plain text",
    Contrast.WEIGHTS_CHAT.value: "In the chat template",
}
_OF_WEIGHTS: Final = {Contrast.WEIGHTS_PLAIN.value, Contrast.WEIGHTS_CHAT.value}
_SAYS_NOTHING: Final = {Verdict.NOT_INTERPRETABLE.value, Verdict.NOT_MEASURED.value}
_ONLY_NAME: Final = "tuned"
"""The tuned checkpoint's name where there is one and nobody named it."""
_NAME_LIMIT: Final = 40

_FINE: Final = 2.0
"""Percentage points of an interval from which whole percents carry what it says."""
_LEAST: Final = 0.1
_ROUNDING: Final = 1e-9
"""By which a share that is wholly gone may miss 1."""


def sentence(headline: Headline, *, related: bool) -> str:
    r"""Answer the page's question for one contrast, in one sentence.

    Parameters
    ----------
    headline : Headline
    related : bool
        Whether the tuned checkpoint can descend from the base; if not, it is not called tuned from it.
    """
    lead, relative = _lead(headline.contrast), headline.relative_reduction
    if relative.status is not Status.OK:
        status = clean(relative.status.value)
        where = f"{lead[:1].lower()}{lead[1:]}"
        return f"{status[:1].upper()}{status[1:]} {where}: {_why_none(headline)}. No number is given."
    return f"{lead}, {_said(headline, related=related)}."


def brief(relative: Estimate) -> str:
    r"""Return how the size of the lean differs from the base's, or the status and why there is none.

    Examples
    --------
    >>> brief(Estimate(status=Status.NOT_ESTIMABLE, method="no cell is interpretable"))
    'not estimable: no cell is interpretable'
    >>> brief(Estimate(status=Status.OK, value=-0.07, ci_low=-0.22, ci_high=0.04, unit="relative"))
    '7\xa0% more (between 4\xa0% less and 22\xa0% more)'
    """
    if relative.status is not Status.OK:
        return clean(relative.status.value) + (f": {clean(relative.method, limit=300)}" if relative.method else "")
    value, low, high = numbers(relative)
    if _all_gone(low, high):
        return "no lean left"
    if low >= 1:
        return f"the other way, {_turned(value, low, high)}"
    return f"{_one(value, decimals_of(low, high))} ({_between(low, high)})"


def brief_of(headline: Headline) -> str:
    """Return what :func:`brief` says of a headline, and what it leaves out; without a number, the reason in words."""
    relative = headline.relative_reduction
    if relative.status is not Status.OK:
        return f"{clean(relative.status.value)}: {_why_none(headline)}"
    return "; ".join(said for said in (brief(relative), left_out(headline)) if said)


def best_estimate(relative: Estimate) -> str:
    r"""Return what an estimate says beside its bounds; empty where there is no number.

    Examples
    --------
    >>> best_estimate(Estimate(status=Status.OK, value=-0.07, ci_low=-0.22, ci_high=0.04, unit="relative"))
    'Best estimate: 7\xa0% more lean'
    """
    if relative.status is not Status.OK:
        return ""
    value, low, high = numbers(relative)
    decimals = decimals_of(low, high)
    if _all_gone(low, high):
        return "Best estimate: no lean left"
    best = f"the other way, {rounded(value - 1, decimals)} of its size" if low >= 1 else f"{_one(value, decimals)} lean"
    return f"Best estimate: {best}"


def left_out(headline: Headline) -> str:
    """Say how many comparisons the share leaves out, and why; empty where it leaves out none.

    Every number of comparisons is of the same ones that the verdicts are counted over.
    """
    n_left_out = sum(headline.left_out.values())
    if not n_left_out:
        return ""
    verb = "is" if n_left_out == 1 else "are"
    of = counted(headline.n_cells, "comparison", "comparisons")
    return f"{n_left_out} of {of} {verb} left out of the share ({_reasons(headline.left_out)})."


def beside(headline: Headline, headlines: Sequence[Headline], *, related: bool) -> str:
    """Return the sentence of the next contrast of the same checkpoint; empty where there is none."""
    others = [other for other in headlines if other.tuned == headline.tuned and other.contrast != headline.contrast]
    if not others:
        return ""
    return sentence(others[0], related=related)


def beside_of(headline: Headline, headlines: Sequence[Headline]) -> str:
    """Return what :func:`beside` is about, where that has a name."""
    others = [other for other in headlines if other.tuned == headline.tuned and other.contrast != headline.contrast]
    return "The weights alone" if others and others[0].contrast in _OF_WEIGHTS else ""


def numbers(estimate: Estimate) -> tuple[float, float, float]:
    """Return value and bounds of an estimate with status ok.

    Raises
    ------
    ValueError
        If one is missing.
    """
    if estimate.value is None or estimate.ci_low is None or estimate.ci_high is None:
        msg = "an estimate with status ok has a value and both bounds"
        raise ValueError(msg)
    return estimate.value, estimate.ci_low, estimate.ci_high


def decimals_of(low: float, high: float) -> int:
    """Return how many decimals of a percentage an interval carries: none, once it is two percents wide.

    Coarser than :func:`biasaudit.report.words.rounding.decimals_carried`: these stand in sentences.

    Examples
    --------
    >>> decimals_of(-0.22, 0.04), decimals_of(0.050, 0.058)
    (0, 1)
    """
    return 0 if 100 * abs(high - low) >= _FINE else 1


def rounded(share: float, decimals: int = 0) -> str:
    r"""Return the size of a share in percent; what is not 0 is not shown as 0, nor what is not all as all.

    Examples
    --------
    >>> rounded(-0.0697), rounded(0.004), rounded(0.0002), rounded(0.9997), rounded(0)
    ('7\xa0%', '0.4\xa0%', 'under 0.1\xa0%', 'over 99.9\xa0%', '0\xa0%')
    """
    size = 100 * abs(share)
    for places in (decimals, 1):
        shown = round(size, places)
        if (shown != 0 or size == 0) and (shown != 100 or size == 100):
            return f"{number(size, decimals=places)}\u00a0%"
    return f"under {_LEAST}\u00a0%" if size < 1 else f"over {100 - _LEAST}\u00a0%"


def _lead(contrast: str) -> str:
    return _LEADS.get(contrast, f"In “{clean(contrast)}”")


def _who(headline: Headline, *, related: bool) -> str:
    who = "the tuned model" if related else "the second model"
    return who if headline.tuned == _ONLY_NAME else f"{who}, {clean(headline.tuned, limit=_NAME_LIMIT)},"


def _said(headline: Headline, *, related: bool) -> str:
    value, low, high = numbers(headline.relative_reduction)
    decimals, who = decimals_of(low, high), _who(headline, related=related)
    if _all_gone(low, high):
        return f"{who} no longer leans"
    if low >= 1:
        return f"{who} leans the other way, {_turned(value, low, high)}"
    if low <= 0 <= high:
        n_alike = _all_unchanged(headline.counts)
        if n_alike:
            where = "in the one comparison" if n_alike == 1 else f"in each of {n_alike} comparisons"
            return f"{who} leans as much as the base, to within the margin {where} (in sum, {_between(low, high)})"
        return f"no overall change is shown: {who} leans {_between(low, high)} than the base"
    said = f"{who} leans {_one(value, decimals)} than the base ({_between(low, high)})"
    # A bound of all is where the rest may lie on either side.
    return said if high < 1 else f"{said}; to which side the rest leans is not clear everywhere"


def _all_unchanged(counts: Mapping[str, int]) -> int:
    """Return how many cells there are that can be read, if every one of them is unchanged; else 0."""
    there = {verdict: n for verdict, n in counts.items() if n and verdict not in _SAYS_NOTHING}
    return sum(there.values()) if set(there) == {Verdict.UNCHANGED.value} else 0


def _one(share: float, decimals: int) -> str:
    """Say a share that is gone: less lean, or more where it is below 0."""
    return f"{rounded(share, decimals)} {'less' if share >= 0 else 'more'}"


def _between(low: float, high: float) -> str:
    r"""Say the bounds of a share that is gone, without a minus sign and the smaller change first on one side.

    Examples
    --------
    >>> _between(0.05, 0.196), _between(-0.19, -0.06), _between(-0.22, 0.04)
    ('between 5\xa0% and 20\xa0% less', 'between 6\xa0% and 19\xa0% more', 'between 4\xa0% less and 22\xa0% more')
    """
    decimals = decimals_of(low, high)
    if low <= 0 <= high:
        return f"between {_one(high, decimals)} and {rounded(low, decimals)} more"
    near, far = sorted((abs(low), abs(high)))
    return f"between {rounded(near, decimals)} and {rounded(far, decimals)} {'less' if low > 0 else 'more'}"


def _all_gone(low: float, high: float) -> bool:
    return abs(low - 1) < _ROUNDING and abs(high - 1) < _ROUNDING


def _turned(value: float, low: float, high: float) -> str:
    decimals = decimals_of(low, high)
    size, least, most = (rounded(share - 1, decimals) for share in (value, low, high))
    return f"with {size} of the size of the base's lean (between {least} and {most})"


def _why_none(headline: Headline) -> str:
    why = headline.relative_reduction.method
    if why == WEAK:
        grown = headline.counts.get(Verdict.INCREASED.value, 0)
        more = f"; {grown} of {counted(headline.n_cells, 'comparison', 'comparisons')} increased" if grown else ""
        return f"the base leans too little for a share of it to say anything{more}"
    if why.startswith(NONE_LEFT):
        what = "counts towards a share" if set(headline.left_out) - _SAYS_NOTHING else "can be read"
        return f"no comparison {what} ({_reasons(headline.left_out)})" if headline.left_out else "nothing to read"
    if why == FEW_SCORED:
        return "under half of what one of the models was asked could be scored"
    return clean(why, limit=300) or "there is no estimate"


def _reasons(left: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {clean(reason)}" for reason, count in left.items())
