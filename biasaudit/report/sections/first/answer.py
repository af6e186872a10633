"""The answer to the page's question: one sentence with its interval, and the interval on a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.sections.first.share_picture import SharePicture, share_picture
from biasaudit.report.words.contrasts import EXPLAINED
from biasaudit.report.words.facts import counted
from biasaudit.report.words.shares import SHARE, beside, beside_of, best_estimate, brief, left_out, numbers, sentence
from biasaudit.report.words.wording import ARMS, clean, count, present
from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    from biasaudit.record.audit_record import Headline

    Rows = Sequence[Mapping[str, Any]]  # Any: cells of pandas rows


_CROWDED: Final = 0.75
"""Of the line, from where "as before" leaves no room for "all gone"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The headline's interval on a line; positions are CSS percentages, `end` is said where there is room."""

    end: str
    zero: str
    one: str
    low: str
    width: str
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One sentence, its best estimate, the next contrast's beside it, whether it is a number, what it rests on.

    ``siblings``: the sentence of every other tuned checkpoint that was made from the base too, and from no other.
    """

    sentence: str
    estimate: str
    beside_of: str
    beside: str
    measured: bool
    basis: tuple[str, ...]
    strip: Strip | None
    picture: SharePicture | None
    siblings: tuple[str, ...] = ()

    @property
    def sibling_of(self) -> str:
        """What stands before the sentence of a sibling."""
        return "The other tuned model" if len(self.siblings) == 1 else "Another tuned model"


def answer(headlines: Sequence[Headline], cells: Rows, *, related: bool) -> Answer:
    """Answer the page's question in one sentence, for the first headline, with the next contrast beside it.

    Parameters
    ----------
    headlines : sequence of Headline
        The first is the one to quote.
    cells : sequence of mapping
        The declared cells that it is about, in their graded form.
    related : bool
        Whether the tuned checkpoint can descend from the base; if not, nothing is put down to tuning.
    """
    if not headlines:
        return Answer(
            sentence="Not measured: nothing was compared.",
            estimate="",
            beside_of="",
            beside="",
            measured=False,
            basis=(),
            strip=None,
            picture=None,
        )
    headline = headlines[0]
    relative = headline.relative_reduction
    measured = relative.status is Status.OK
    return Answer(
        sentence=sentence(headline, related=related),
        estimate=best_estimate(relative),
        beside_of=beside_of(headline, headlines),
        beside=beside(headline, headlines, related=related),
        measured=measured,
        basis=_basis(headline, cells),
        strip=_strip(relative) if measured else None,
        picture=share_picture(relative),
    )


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
    """Say how many comparisons lean clearly, which way, and how many the share leaves out."""
    first, _ = ARMS.get(headline.contrast, ("first", "second"))
    clear = [row for row in cells if row["inherited_bias"]]
    n_with = sum(1 for row in clear if (present(row["first_value"]) or 0.0) > 0)
    lean = "leans" if len(clear) == 1 else "lean"
    said = (
        f"{len(clear)} of {counted(len(cells), 'comparison', 'comparisons')} {lean} clearly to begin with ({first}): "
        f"{n_with} with the stereotype, {len(clear) - n_with} against it."
    )
    return f"{said} {left_out(headline)}".strip()


def _strip(relative: Estimate) -> Strip:
    value, low, high = numbers(relative)
    start, end = min(-0.25, low), max(1.0, high)

    def place(position: float) -> str:
        return f"{100 * (position - start) / (end - start):.2f}%"

    return Strip(
        # Where a lean grew several times over, the two marks lie on one another.
        end="all gone" if (0.0 - start) / (end - start) < _CROWDED else "",
        zero=place(0.0),
        one=place(1.0),
        low=place(low),
        width=f"{100 * (high - low) / (end - start):.2f}%",
        value=place(value),
        label=f"{SHARE[:1].upper()}{SHARE[1:]}, on a line: the model leans {brief(relative)} than the base",
    )
