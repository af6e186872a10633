"""The answer to the page's question: one sentence with its interval, and the interval on a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasaudit.report.cells import EXPLAINED
from biasaudit.report.facts import counted
from biasaudit.report.wording import ARMS, clean, count, percent, percent_with_interval, present
from biasaudit.types import Estimate, Status, Verdict

if TYPE_CHECKING:
    from biasaudit.audits.result import Headline

    Rows = Sequence[Mapping[str, Any]]  # Any: cells of pandas rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The headline's interval on a line; positions are CSS percentages."""

    zero: str
    one: str
    low: str
    width: str
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One sentence, whether it holds a number, and what it rests on."""

    sentence: str
    measured: bool
    basis: tuple[str, ...]
    strip: Strip | None


def answer(headline: Headline | None, cells: Rows, *, related: bool) -> Answer:
    """Answer the page's question in one sentence.

    Parameters
    ----------
    headline : Headline or None
    cells : sequence of mapping
        The declared cells that it is about, in their graded form.
    related : bool
        Whether the tuned checkpoint can descend from the base; if not, nothing is put down to tuning.
    """
    if headline is None:
        return Answer(sentence="Not measured: no contrast was compared.", measured=False, basis=(), strip=None)
    relative, basis = headline.relative_reduction, _basis(headline, cells)
    if relative.status is not Status.OK:
        why = clean(relative.method, limit=300) or clean(relative.status.value)
        lead = "Not measured" if relative.status is Status.NOT_MEASURED else "Not estimable"
        return Answer(
            sentence=f"{lead}: {why}. No number is given for the share of the inherited lean that is gone.",
            measured=False,
            basis=basis,
            strip=None,
        )
    return Answer(sentence=_sentence(relative, related=related), measured=True, basis=basis, strip=_strip(relative))


def _basis(headline: Headline, cells: Rows) -> tuple[str, ...]:
    relative = headline.relative_reduction
    explained = EXPLAINED.get(headline.contrast, "")
    contrast = clean(headline.contrast)
    return (
        f"{contrast[:1].upper()}{contrast[1:]}, checkpoint {clean(headline.tuned)}. {explained}".strip(),
        (
            f"{count(relative.n_items)} items in {count(relative.n_clusters)} clusters of shared wording or source. "
            f"{_leaning(headline, cells)}"
        ),
    )


def _leaning(headline: Headline, cells: Rows) -> str:
    """Say how many cells lean clearly, which way, and that none was left out for what else is known of it."""
    first, _ = ARMS.get(headline.contrast, ("first arm", "second arm"))
    clear = [row for row in cells if row["inherited_bias"]]
    n_with = sum(1 for row in clear if (present(row["first_value"]) or 0.0) > 0)
    unreadable = [row for row in cells if str(row["verdict"]) == Verdict.NOT_INTERPRETABLE.value]
    n_both = sum(1 for row in unreadable if row["inherited_bias"])
    lean = "leans" if len(clear) == 1 else "lean"
    said = (
        f"{len(clear)} of {counted(len(cells), 'cell', 'cells')} {lean} clearly to begin with ({first}): {n_with} "
        f"with the stereotype, {len(clear) - n_with} against it."
    )
    if not unreadable or headline.relative_reduction.status is not Status.OK:
        return said
    also = (
        f"{counted(len(unreadable), 'cell', 'cells')} that {'is' if len(unreadable) == 1 else 'are'} not interpretable"
    )
    return f"{said} The share also counts the {also}, {n_both} of them with a clear lean."


def _sentence(relative: Estimate, *, related: bool) -> str:
    value, low, high = numbers(relative)
    level = f"{percent(relative.level, decimals=0)} interval"
    shown = f"{percent(value)} ({level} {percent(low)} to {percent(high)})"
    if low <= 0 <= high:
        lean = "inherited lean" if related else "base's lean"
        best = f"{percent(value)} of the {lean} is gone" if value >= 0 else f"the {lean} grew by {percent(-value)}"
        return f"No overall change is shown. Best estimate: {best} ({level}: {_either_way(low, high)})."
    if value < 0:
        grown = f"{percent(-value)} ({level} {percent(-high)} to {percent(-low)})"
        if related:
            return f"Instruction tuning did not reduce it: the inherited lean grew by {grown}."
        return f"The second checkpoint leans more than the base, by {grown} of the base's lean."
    if related:
        return f"Instruction tuning removed {shown} of the inherited lean."
    return f"The second checkpoint lacks {shown} of the base's lean."


def _either_way(low: float, high: float) -> str:
    r"""Say bounds on either side of 0 without a minus sign: a share that is gone below 0 is a lean that grew.

    Examples
    --------
    >>> _either_way(-0.034, 0.056)
    'from 3.4\xa0% more to 5.6\xa0% less lean'
    """
    return f"from {percent(-low)} more to {percent(high)} less lean"


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


def _strip(relative: Estimate) -> Strip:
    value, low, high = numbers(relative)
    start, end = min(-0.25, low), max(1.0, high)

    def place(position: float) -> str:
        return f"{100 * (position - start) / (end - start):.2f}%"

    return Strip(
        zero=place(0.0),
        one=place(1.0),
        low=place(low),
        width=f"{100 * (high - low) / (end - start):.2f}%",
        value=place(value),
        label=f"Share of the inherited lean that is gone: {percent_with_interval(value, low, high)}; below 0 it grew",
    )
