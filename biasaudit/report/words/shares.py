"""The headline in words: one name and one sentence for the page, its other forms, and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.report.words.facts import counted
from biasaudit.report.words.wording import clean, percent, percent_with_interval
from biasaudit.types import Contrast, Estimate, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biasaudit.record.audit_record import Headline

SHARE: Final = "share of the inherited lean that is gone"
"""The headline's quantity, by its one name."""

_LEADS: Final = {
    Contrast.AS_DEPLOYED.value: "As deployed",
    Contrast.WEIGHTS_PLAIN.value: "The weights alone, on plain text",
    Contrast.WEIGHTS_CHAT.value: "The weights, in the chat template",
}


def sentence(headline: Headline, *, related: bool) -> str:
    """Answer the page's question for one contrast, in one sentence.

    Parameters
    ----------
    headline : Headline
    related : bool
        Whether the tuned checkpoint can descend from the base; if not, nothing is put down to tuning.
    """
    return f"{_lead(headline.contrast)}: {_said(headline.relative_reduction, related=related)}"


def brief(relative: Estimate) -> str:
    """Return the share with its interval, or its status and why there is none.

    Examples
    --------
    >>> brief(Estimate(status=Status.NOT_ESTIMABLE, method="no cell is interpretable"))
    'not estimable: no cell is interpretable'
    """
    if relative.status is not Status.OK:
        return clean(relative.status.value) + (f": {clean(relative.method, limit=300)}" if relative.method else "")
    value, low, high = numbers(relative)
    if low >= 1:
        return f"leans the other way, with {_turned(value, low, high)} of its size"
    return percent_with_interval(value, low, high)


def left_out(headline: Headline) -> str:
    """Say how many cells the share leaves out, and why; empty where it leaves out none.

    Every number of cells is of the same cells that the verdicts are counted over.
    """
    n_left_out = sum(headline.left_out.values())
    if not n_left_out:
        return ""
    why = ", ".join(f"{count} {clean(reason)}" for reason, count in headline.left_out.items())
    verb = "is" if n_left_out == 1 else "are"
    return f"{n_left_out} of {counted(headline.n_cells, 'cell', 'cells')} {verb} left out of the share ({why})."


def beside(headline: Headline, headlines: Sequence[Headline], *, related: bool) -> str:
    """Return the sentence of the next contrast of the same checkpoint; empty where there is none."""
    others = [other for other in headlines if other.tuned == headline.tuned and other.contrast != headline.contrast]
    return sentence(others[0], related=related) if others else ""


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


def _lead(contrast: str) -> str:
    return _LEADS.get(contrast, clean(contrast[:1].upper() + contrast[1:]))


def _said(relative: Estimate, *, related: bool) -> str:
    if relative.status is not Status.OK:
        why = clean(relative.method, limit=300) or clean(relative.status.value)
        lead = "not measured" if relative.status is Status.NOT_MEASURED else "not estimable"
        return f"{lead}, {why}. No number is given for the {SHARE}."
    value, low, high = numbers(relative)
    level = f"{percent(relative.level, decimals=0)} interval"
    lean = "inherited lean" if related else "base's lean"
    if low >= 1:
        whose = "instruction tuning left a lean" if related else "the second checkpoint has a lean"
        return f"{whose} that goes the other way, with {_turned(value, low, high, level)} of the {lean}'s size."
    if low <= 0 <= high:
        best = f"{percent(value)} of the {lean} is gone" if value >= 0 else f"the {lean} grew by {percent(-value)}"
        return f"no overall change is shown. Best estimate: {best} ({level}: {_either_way(low, high)})."
    if value < 0:
        grown = f"{percent(-value)} ({level} {percent(-high)} to {percent(-low)})"
        if related:
            return f"instruction tuning did not reduce it: the inherited lean grew by {grown}."
        return f"the second checkpoint leans more than the base, by {grown} of the base's lean."
    shown = f"{percent(value)} ({level} {percent(low)} to {percent(high)})"
    said = (
        f"instruction tuning removed {shown} of the inherited lean."
        if related
        else (f"the second checkpoint lacks {shown} of the base's lean.")
    )
    return said if high < 1 else f"{said} On which side of parity the rest lies is not clear in every cell."


def _turned(value: float, low: float, high: float, level: str = "") -> str:
    bounds = f"{percent(low - 1)} to {percent(high - 1)}"
    return f"{percent(value - 1)} ({f'{level} ' if level else ''}{bounds})"


def _either_way(low: float, high: float) -> str:
    r"""Say bounds on either side of 0 without a minus sign: a share that is gone below 0 is a lean that grew.

    Examples
    --------
    >>> _either_way(-0.034, 0.056)
    'from 3.4\xa0% more to 5.6\xa0% less lean'
    """
    return f"from {percent(-low)} more to {percent(high)} less lean"
