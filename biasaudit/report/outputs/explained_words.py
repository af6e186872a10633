"""What the words of the contexts do, as a page shows it: a picture of the strongest, and all in a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.explanations.words import ALL, EXCHANGED, LEFT_OUT, PATH, SAME_SIDE, SIZE
from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.words_chart import WordMarks, words_chart
from biasaudit.report.words.wording import (
    NOT_MEASURED,
    chart_label,
    clean,
    number,
    present,
    records,
    with_interval,
)

if TYPE_CHECKING:
    from biasaudit.explanations.words import FoundWords

Row = Mapping[str, Any]  # Any: pandas cells
_SHOWN: Final = 16
"""Words of the picture."""
_SAID: Final = {
    EXCHANGED: "Exchanged for the other group's or side's: d",
    SIZE: "The same, its mean size",
    SAME_SIDE: "Exchanged for others of their own side: mean size of the change",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WordRow:
    """One word of one wording, or what stands for several."""

    wording: str
    place: str
    word: str
    base: str
    tuned: str
    n_items: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureWords:
    """One feature.

    Attributes
    ----------
    feature : str
    picture : Picture
        Of the words with the largest effect in either checkpoint.
    shown, n_words : str
        How many these are, and of how many.
    exchanged : tuple of WordRow
        What exchanging the words does in which the contexts differ, over all wordings.
    words : tuple of WordRow
        Each word left out, in the order of the contexts.
    by_wording : tuple of WordRow
        As `exchanged`, wording by wording.
    paths : tuple of WordRow
        Shares of single tokens.
    """

    feature: str
    picture: Picture | None
    shown: str
    n_words: str
    exchanged: tuple[WordRow, ...]
    words: tuple[WordRow, ...]
    by_wording: tuple[WordRow, ...]
    paths: tuple[WordRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsView:
    """What the page shows of words.

    Attributes
    ----------
    status : str
        ``ok``, or why nothing was measured.
    level : str
    sample : str
        How many items were asked.
    path_notes : tuple of str
        Of each checkpoint: how many paths, how exact, and what has none.
    features : tuple of FeatureWords
    """

    status: str
    level: str
    sample: str
    path_notes: tuple[str, ...]
    features: tuple[FeatureWords, ...]


def words_view(found: FoundWords, *, level: str) -> WordsView:
    """Gather what is shown.

    Parameters
    ----------
    found : FoundWords
    level : str
        Of the intervals, such as ``95%``.
    """
    facts = found.facts
    if facts["status"] != "ok":
        return WordsView(status=clean(facts["status"], limit=300), level=level, sample="", path_notes=(), features=())
    rows = records(found.table)
    features = list(dict.fromkeys(row["feature"] for row in rows))
    return WordsView(
        status="ok",
        level=level,
        sample=_sample(facts),
        path_notes=tuple(_path_note(name, one) for name, one in facts["paths"].items()),
        features=tuple(_feature(name, [row for row in rows if row["feature"] == name]) for name in features),
    )


def _sample(facts: Mapping[str, Any]) -> str:  # Any: JSON values
    asked = f"{facts['n_items']:,} of {facts['n_there']:,} items, {facts['n_wordings']:,} wordings"
    unscored = [f"{clean(name)} did not score {count:,}" for name, count in facts["n_unscored"].items() if count]
    return f"{asked}; {', '.join(unscored)}" if unscored else asked


def _path_note(name: str, facts: Mapping[str, Any]) -> str:  # Any: JSON values
    error = present(facts["largest_error_nats"])
    missed = NOT_MEASURED if error is None else f"{error:.1g} nats"
    left_out = "; ".join(f"{count:,} left out: {clean(why, limit=200)}" for why, count in facts["left_out"].items())
    counts = f"{facts['n_items']:,} items, up to {facts['most_steps']:,} points"
    said = f"{clean(name)}: {counts}, sums miss d by up to {missed}"
    return f"{said}; {left_out}" if left_out else said


Pair = dict[str, Row]
"""Rows of one word by arm: base and tuned."""


def _feature(name: str, rows: Sequence[Row]) -> FeatureWords:
    pairs: dict[tuple[str, str, int, str], Pair] = defaultdict(dict)
    for row in rows:
        key = (row["evidence"], row["wording"], row["place"], row["word"])
        pairs[key]["base" if row["checkpoint"] == "base" else "tuned"] = row

    def of(evidence: str, *, pooled: bool | None = None) -> list[tuple[str, Pair]]:
        return [
            (key[0], pair)
            for key, pair in sorted(pairs.items(), key=lambda one: one[0][1:])
            if key[0] == evidence and pooled in {None, key[1] == ALL}
        ]

    left_out = [pair for _, pair in of(LEFT_OUT)]
    measured = [pair for pair in left_out if _marks(pair).base is not None or _marks(pair).tuned is not None]
    strongest = sorted(measured, key=_size, reverse=True)[:_SHOWN]
    finding = Finding(
        title=chart_label(f"{name}: words that carry it", limit=70),
        description=(
            "Dot chart with one row for each word of a context: how far d falls when the word is left out, in the base "
            "(open circle) and the tuned checkpoint (filled diamond), with intervals. The table holds the same numbers."
        ),
    )
    marks = [_marks(pair) for pair in strongest]
    wide, narrow = (words_chart(marks, finding, width=width) for width in (WIDE, NARROW))
    kinds = (EXCHANGED, SIZE, SAME_SIDE)
    return FeatureWords(
        feature=clean(name),
        picture=picture(wide, narrow, alt=finding.description) if marks else None,
        shown=f"{len(strongest):,}",
        n_words=f"{len(left_out):,}",
        exchanged=tuple(_row(pair, word=_SAID[kind]) for one in kinds for kind, pair in of(one, pooled=True)),
        words=tuple(_row(pair) for pair in left_out),
        by_wording=tuple(_row(pair, word=_SAID[kind]) for one in kinds for kind, pair in of(one, pooled=False)),
        paths=tuple(_row(pair) for _, pair in of(PATH)),
    )


def _size(pair: Pair) -> float:
    """Return the larger effect of a word in size, of those that were measured."""
    return max((abs(effect) for row in pair.values() if (effect := present(row["effect"])) is not None), default=-1.0)


def _marks(pair: Pair) -> WordMarks:
    some = next(iter(pair.values()))
    label = f"{some['word']} ({some['wording']})"
    return WordMarks(label=label, base=_three(pair.get("base")), tuned=_three(pair.get("tuned")))


def _three(row: Row | None) -> tuple[float, float, float] | None:
    if row is None:
        return None
    value, low, high = (present(row[name]) for name in ("effect", "effect_ci_low", "effect_ci_high"))
    return None if value is None or low is None or high is None else (value, low, high)


def _row(pair: Pair, *, word: str | None = None) -> WordRow:
    some = next(iter(pair.values()))
    counts = sorted({int(row["n_items"]) for row in pair.values()})
    return WordRow(
        wording="all wordings" if some["wording"] == ALL else clean(some["wording"]),
        place=number(some["place"] + 1, decimals=0),
        word=word or clean(some["word"]),
        base=_said(pair.get("base")),
        tuned=_said(pair.get("tuned")),
        n_items=" / ".join(f"{count:,}" for count in counts),
    )


def _said(row: Row | None) -> str:
    found = _three(row)
    return NOT_MEASURED if found is None else with_interval(*found)
