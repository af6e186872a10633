"""Somebody who tries: what words that a search found bring out, on the half that it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasaudit.record.perturbed_facts import Perturbed, perturbed_of
from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding, domain
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.row_chart import Mark, Panel, Row, base_arm, rows_chart, tuned_arms
from biasaudit.report.section import Section, Source
from biasaudit.report.words.searched import search_finding, search_rows
from biasaudit.report.words.wording import NOT_MEASURED, chart_label, clean, in_row, number, present, verdict_class
from biasaudit.types import Checkpoint
from biasaudit.types.search import AGAINST, GUIDED

if TYPE_CHECKING:
    import altair as alt

Records = Sequence[Mapping[str, Any]]  # Any: pandas cells

_SHOWN = (
    ("plain", "as it is"),
    ("found", "found by the search"),
    ("random", "best at random"),
    ("against", "found against"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRow:
    """One checkpoint asked after the words that were found for one.

    Attributes
    ----------
    name : str
        Which was searched, which is asked, and of what.
    verdict, css_class, why : str
    plain, found, random, against : str
        Index with its interval, of the half that no search saw.
    gain, excess, one_sided : str
    """

    name: str
    verdict: str
    css_class: str
    why: str
    plain: str
    found: str
    random: str
    against: str
    gain: str
    excess: str
    one_sided: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    """What one search found, and its value where it chose: no evidence.

    Attributes
    ----------
    search : str
        Checkpoint, method and direction.
    text : str
    n_queries : str
    searched, new_wordings, new_words : str
        Index without these words and with them: of the items searched on, of other wordings, of other words.
    """

    search: str
    text: str
    n_queries: str
    searched: str
    new_wordings: str
    new_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSection:
    """All searches; `crossed` says whether words were held out from them, too."""

    finding: str
    crossed: bool
    n_queries: str
    rows: tuple[SearchRow, ...]
    found: tuple[FoundRow, ...]
    pictures: tuple[Picture, ...]


def _view(source: Source) -> SearchSection | None:
    facts = perturbed_of(source.audit.manifest.perturbed)
    rows = search_rows(source.audit)
    if facts is None or not rows:
        return None
    return SearchSection(
        finding=search_finding(rows),
        crossed=any(one.new_words is not None for one in facts.found.values()),
        n_queries=f"{max(int(row['n_queries']) for row in rows):,}",
        rows=tuple(_row(source, row) for row in rows),
        found=_found(facts),
        pictures=_pictures(source, rows),
    )


def _row(source: Source, row: Mapping[str, Any]) -> SearchRow:  # Any: pandas cells
    searched, checkpoint = clean(row["searched"]), clean(row["checkpoint"])
    who = f"{checkpoint}, searched" if searched == checkpoint else f"{checkpoint}, after what was found for {searched}"
    return SearchRow(
        name=f"{who}: {_cell(source, row)}",
        verdict=str(row["verdict"]),
        css_class=verdict_class(str(row["verdict"])),
        why=clean(row["reason"], limit=300),
        **{name: in_row(row, name) for name in ("plain", "found", "random", "against", "gain", "excess", "one_sided")},
    )


def _cell(source: Source, row: Mapping[str, Any]) -> str:  # Any: pandas cells
    return f"{source.names.get(str(row['probe']), clean(row['probe']))}, {clean(row['feature'])}"


def _found(facts: Perturbed) -> tuple[FoundRow, ...]:
    return tuple(
        FoundRow(
            search=f"{clean(one.checkpoint)}, {'searched' if one.method == GUIDED else 'drawn at random'}, "
            f"{'against' if one.direction == AGAINST else 'with'} the stereotype",
            text=clean(one.text, limit=500),
            n_queries=f"{one.n_queries:,}",
            searched=_both(one.searched_plain, one.searched),
            new_wordings=_both(one.new_wordings_plain, one.new_wordings),
            new_words=_both(one.new_words_plain, one.new_words),
        )
        for one in facts.found.values()
    )


def _both(plain: float | None, after: float | None) -> str:
    return NOT_MEASURED if plain is None or after is None else f"{number(plain)} → {number(after)}"


def _pictures(source: Source, rows: Records) -> tuple[Picture, ...]:
    """Return the picture of the first cell: base and tuned, each after what was found for it."""
    own = [row for row in rows if row["searched"] == row["checkpoint"]]
    same = [row for row in own if (row["probe"], row["feature"]) == (own[0]["probe"], own[0]["feature"])]
    sides = [row for row in same if row["checkpoint"] == Checkpoint.BASE.value]
    sides += [row for row in same if row["checkpoint"] != Checkpoint.BASE.value][:1]
    if not sides:
        return ()
    finding = Finding(
        title=chart_label(_cell(source, same[0]), limit=70),
        description=(
            "Dot chart of the lean of base (open circle) and tuned model (filled diamond), each as it is, after the "
            "words that the search found for it, after the best drawn at random, and after those found against the "
            "stereotype. The table holds the same numbers."
        ),
    )
    wide, narrow = (_chart(sides, finding, width=width) for width in (WIDE, NARROW))
    return (picture(wide, narrow, alt=finding.description),)


def _chart(sides: Records, finding: Finding, *, width: int) -> alt.VConcatChart:
    marks = [
        Mark(
            row=at,
            arm="base" if side["checkpoint"] == Checkpoint.BASE.value else "tuned",
            value=value,
            low=low,
            high=high,
        )
        for at, (name, _) in enumerate(_SHOWN)
        for side in sides
        if (value := present(side[name])) is not None
        and (low := present(side[f"{name}_ci_low"])) is not None
        and (high := present(side[f"{name}_ci_high"])) is not None
    ]
    low, high = domain([end for mark in marks for end in (mark.low, mark.high)])
    title = "Lean (0: none)" if width < WIDE else "Lean: 0 is none, above it is with the stereotype"
    panel = Panel(title=title, marks=tuple(marks), ends=(low, high), guides=(0.0,))
    labels = [Row(label=label) for _, label in _SHOWN]
    return rows_chart(labels, [panel], (base_arm("base"), *tuned_arms(("tuned",))), finding, width=width, joined=True)


SECTION = Section(name="searches", title="Somebody who tries", template="searches.html.jinja", view=_view)
