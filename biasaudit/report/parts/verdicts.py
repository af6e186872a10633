"""What changed in a probe: the verdicts that the answer rests on with their picture, then every other comparison."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.report.charts.charts import NARROW, WIDE, reduction_chart, reduction_finding
from biasaudit.report.charts.overview import is_drawn
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.part import Part
from biasaudit.report.parts.verdict_rows import ComparisonRow, Row, Rows, comparison_row, gathered
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.words.contrasts import EXPLAINED, title_of
from biasaudit.report.words.facts import counted
from biasaudit.report.words.wording import ARMS, clean, in_words
from biasaudit.types import Contrast

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from biasaudit.report.section import Source

SHOWN: Final = (Contrast.WEIGHTS_PLAIN.value, Contrast.TEMPLATE_TUNED.value, Contrast.AS_DEPLOYED.value)
"""Contrasts that come before the others, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The comparisons of one probe between two models or ways of asking.

    Attributes
    ----------
    tuned : str
        The checkpoint; empty where there is but one.
    title, explained : str
    n_changed : str
        How many of them changed, in words.
    first_arm, second_arm : str
        Heads of their columns.
    rows : tuple of ComparisonRow
    picture : Picture or None
    """

    tuned: str
    title: str
    explained: str
    n_changed: str
    first_arm: str
    second_arm: str
    rows: tuple[ComparisonRow, ...]
    picture: Picture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The comparisons that the answer is about, by checkpoint, and the others, which are folded."""

    leading: tuple[Compared, ...]
    others: tuple[Compared, ...]


def verdicts(source: Source) -> dict[str, Verdicts]:
    """Return probe -> what changed in it, of every probe that was compared.

    Parameters
    ----------
    source : Source
    """
    comparisons = source.audit.comparisons
    among = gathered(source.audit, level=source.level)
    headline = source.audit.headlines[0] if source.audit.headlines else None
    pairs = compared_pairs(comparisons)
    leading = [(tuned, contrast) for tuned, contrast in pairs if headline and contrast == headline.contrast]
    # The answer is about the last checkpoint: the others come after it.
    leading.sort(key=lambda pair: headline is not None and pair[0] != headline.tuned)
    others = [pair for pair in pairs if pair not in leading]
    several = len({tuned for tuned, _ in pairs}) > 1
    found: dict[str, Verdicts] = {}
    for probe in dict.fromkeys(where[2] for where in among.graded):
        own = comparisons[comparisons["probe"] == probe]
        found[probe] = Verdicts(
            leading=tuple(
                _compared(among, own, pair, probe=probe, several=several, drawn=True)
                for pair in leading
                if (*pair, probe) in among.graded
            ),
            others=tuple(
                _compared(among, own, pair, probe=probe, several=several, drawn=False)
                for pair in others
                if (*pair, probe) in among.graded
            ),
        )
    return found


def compared_pairs(comparisons: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the checkpoints and contrasts of an audit, as (tuned, contrast), in the order of the page."""
    there = dict.fromkeys(zip(comparisons["tuned"].map(str), comparisons["contrast"].map(str), strict=True))
    known = [*SHOWN, *(value.value for value in Contrast if value.value not in SHOWN)]
    order = [*known, *sorted({contrast for _, contrast in there} - set(known))]
    return sorted(there, key=lambda pair: (order.index(pair[1]), pair[0]))


def _compared(
    among: Rows, own: pd.DataFrame, pair: tuple[str, str], *, probe: str, several: bool, drawn: bool
) -> Compared:
    tuned, contrast = pair
    rows = among.graded[tuned, contrast, probe]
    first_arm, second_arm = ARMS.get(contrast, ("first side", "second side"))
    return Compared(
        tuned=clean(tuned) if several else "",
        title=title_of(contrast),
        explained=EXPLAINED.get(contrast, ""),
        n_changed=_n_changed(rows, contrast=contrast),
        first_arm=first_arm,
        second_arm=second_arm,
        rows=tuple(comparison_row(row, among) for row in rows),
        picture=_picture(own, pair, probe=probe) if drawn and any(is_drawn(row) for row in rows) else None,
    )


def _n_changed(rows: Sequence[Row], *, contrast: str) -> str:
    """Say how many comparisons changed; where a probe has no feature of its own, of the pooled row."""
    if contrast == Contrast.INTERACTION.value:
        return "described, not judged"
    told = [row for row in rows if row["declared"]] or rows
    changed = Counter(str(row["verdict"]) for row in told if str(row["verdict"]) in CHANGED)
    of = counted(len(told), "comparison", "comparisons")
    return f"{changed.total()} of {of} changed ({in_words(changed)})" if changed else f"no change shown in {of}"


def _picture(own: pd.DataFrame, pair: tuple[str, str], *, probe: str) -> Picture:
    tuned, contrast = pair
    # Its name stands above it.
    wide, narrow = (
        reduction_chart(own, contrast=contrast, tuned=tuned, names={probe: ""}, width=width) for width in (WIDE, NARROW)
    )
    return picture(wide, narrow, alt=reduction_finding(own, contrast=contrast, tuned=tuned).description)


PART: Final = Part(
    name="verdicts",
    title="What changed",
    template="parts/verdicts.html.jinja",
    views=verdicts,
    prints=True,
)
