"""What the page opens with: the answer's picture, the counts that filter it, notes, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts.overview import SAYS_NOTHING, Mark, OverviewProbe, OverviewRow, is_drawn, overview
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.words.crossed import crossed, grown
from biasaudit.report.words.facts import counted, first_sentence, mapping
from biasaudit.report.words.lean_size import how_large
from biasaudit.report.words.places import cell_places
from biasaudit.report.words.wording import VERDICT_SYMBOLS, as_carried, clean, in_words, records, verdict_class
from biasaudit.types import Verdict

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord, Headline

    Rows = Sequence[Mapping[str, Any]]  # Any: cells of pandas rows

MOST_NOTES: Final = 3
"""Notes that stand by themselves; of more, the others are folded together."""

_ALWAYS: Final = (Verdict.REDUCED.value, Verdict.INCREASED.value)
"""Verdicts that are counted where there are none, too: they are what was asked."""
_LIST: Final = "probes"
_NAME_LIMIT: Final = 60
_WHOSE: Final = {"first": "the base's", "second": "the tuned model's"}
_FEW_NAMES: Final = 2
"""Probes that are named in a line."""
_FEW_ROWS: Final = 12
"""Rows up to which each can be taller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Cells with one verdict; `filters` where the picture can show them alone, else `href` leads to them."""

    verdict: str
    css_class: str
    symbol: str
    n_cells: str
    filters: bool
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnMark:
    """One arm of a row, as CSS percentages."""

    value: str
    low: str
    width: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRow:
    """One row of the picture; `href` leads to its numbers."""

    href: str
    feature: str
    first: DrawnMark
    second: DrawnMark
    link: str
    link_width: str
    verdict: str
    css_class: str
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnProbe:
    """The rows of one probe."""

    name: str
    rows: tuple[DrawnRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTick:
    """A round lean on the scale; one that is drawn on a phone too is `kept`."""

    css_class: str
    at: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnOverview:
    """The picture; `absent` says what it leaves out, `more` how many rows are folded, `size` how tall rows can be."""

    size: str
    first_arm: str
    second_arm: str
    probes: tuple[DrawnProbe, ...]
    further: tuple[DrawnProbe, ...]
    more: str
    absent: str
    ticks: tuple[DrawnTick, ...]
    zero: str
    margin_left: str
    margin_width: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note: its first sentence, and what else it says."""

    first: str
    rest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The first screen beside its answer.

    Attributes
    ----------
    n_compared : str
        How many cells there are, by the name that they have here.
    n_readable : str
    rests_on : str
        How many comparisons the answer is about, and what came of them.
    tiles : tuple of Tile
    picture : DrawnOverview or None
    how_large : str
    crossed : str
        In how many comparisons the lean changed sides, and in which.
    grown : str
        In which it grew while others shrank: the bias may have moved there.
    notes, more_notes : tuple of Note
    n_more_notes : str
    elsewhere : str
        How many changes there are in other contrasts.
    unsaid : str
        What could not be read or measured.
    """

    n_compared: str
    n_readable: str
    rests_on: str
    tiles: tuple[Tile, ...]
    picture: DrawnOverview | None
    how_large: str
    crossed: str
    grown: str
    notes: tuple[Note, ...]
    more_notes: tuple[Note, ...]
    n_more_notes: str
    elsewhere: str
    unsaid: str


def opening(
    audit: AuditRecord,
    recorded: Mapping[str, Any],  # Any: JSON values
    names: Mapping[str, str],
    *,
    cells: Rows,
    warnings: Sequence[str],
) -> Opening:
    """Gather what stands beside the answer.

    Parameters
    ----------
    audit : AuditRecord
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    names : mapping
        Probe -> name to show.
    cells : sequence of mapping
        The declared cells that the answer is about, in their graded form.
    warnings : sequence of str
    """
    headline = audit.headlines[0] if audit.headlines else None
    readable = [row for row in cells if is_drawn(row)]
    notes = tuple(_note(said) for said in warnings)
    return Opening(
        n_compared=counted(headline.n_cells if headline else 0, "comparison", "comparisons"),
        n_readable=str(len(readable)),
        rests_on=_rests_on(headline, len(readable)),
        tiles=_tiles(headline, {str(row["verdict"]) for row in readable}),
        picture=_drawn(audit, headline, names) if headline else None,
        crossed=crossed(readable, names),
        grown=grown(readable, names),
        how_large=_how_large(readable, mapping(recorded.get("probes")), names),
        notes=notes[:MOST_NOTES],
        more_notes=notes[MOST_NOTES:],
        n_more_notes=counted(max(len(notes) - MOST_NOTES, 0), "more note", "more notes"),
        elsewhere=_elsewhere(audit, headline),
        unsaid=_unsaid(headline, cells, names),
    )


def _tiles(headline: Headline | None, drawn: set[str]) -> tuple[Tile, ...]:
    counts = headline.counts if headline else {}
    order = [*VERDICT_SYMBOLS, *sorted(set(counts) - set(VERDICT_SYMBOLS))]
    return tuple(
        Tile(
            verdict=clean(verdict),
            css_class=verdict_class(verdict),
            symbol=VERDICT_SYMBOLS.get(verdict, "•"),
            n_cells=str(counts.get(verdict, 0)),
            filters=verdict in drawn and verdict in VERDICT_SYMBOLS,
            href="unsaid" if verdict in SAYS_NOTHING else _LIST,
        )
        for verdict in order
        if counts.get(verdict) or verdict in _ALWAYS
    )


def _drawn(audit: AuditRecord, headline: Headline, names: Mapping[str, str]) -> DrawnOverview | None:
    picture = overview(audit.comparisons, tuned=headline.tuned, contrast=headline.contrast)
    if picture is None:
        return None
    cells = cell_places(audit.comparisons)

    def probes(shown: Sequence[OverviewProbe]) -> tuple[DrawnProbe, ...]:
        return tuple(
            DrawnProbe(
                name=names.get(probe.probe, clean(probe.probe)),
                rows=tuple(
                    _row(row, href=cells[headline.tuned, headline.contrast, probe.probe, row.feature])
                    for row in probe.rows
                ),
            )
            for probe in shown
        )

    band = picture.margin
    n_absent = picture.n_cells - picture.n_rows - picture.n_further
    return DrawnOverview(
        size="few" if picture.n_rows <= _FEW_ROWS else "many",
        first_arm=picture.first_arm,
        second_arm=picture.second_arm,
        probes=probes(picture.probes),
        further=probes(picture.further),
        more=f"{picture.n_further} more" if picture.n_further else "",
        absent=f"{n_absent} of {picture.n_cells}" if n_absent else "",
        ticks=tuple(
            DrawnTick(
                css_class="kept" if tick.at == picture.zero or tick is picture.ticks[-1] else "other",
                at=_css(tick.at),
                said=tick.said,
            )
            for tick in picture.ticks
        ),
        zero=_css(picture.zero),
        margin_left=_css(band[0]) if band else "",
        margin_width=_css(band[1] - band[0]) if band else "",
    )


def _row(row: OverviewRow, *, href: str) -> DrawnRow:
    return DrawnRow(
        href=href,
        feature=clean(row.feature),
        first=_mark(row.first),
        second=_mark(row.second),
        link=_css(min(row.first.value, row.second.value)),
        link_width=_css(abs(row.second.value - row.first.value)),
        verdict=clean(row.verdict).removesuffix(" the stereotype"),
        css_class=verdict_class(row.verdict),
        symbol=VERDICT_SYMBOLS.get(row.verdict, "•"),
    )


def _mark(mark: Mark) -> DrawnMark:
    return DrawnMark(value=_css(mark.value), low=_css(mark.low), width=_css(mark.high - mark.low), said=mark.said)


def _css(share: float) -> str:
    return f"{100 * share:.2f}%"


def _note(said: str) -> Note:
    first = first_sentence(said)
    return Note(first=first, rest=said[len(first) :].strip() if said.startswith(first) else said)


def _how_large(readable: Rows, probes: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Say what the largest lean means of those of which something short is right, if it is more than the margin."""
    leans = [(float(row[f"{arm}_value"]), arm, row) for row in readable for arm in _WHOSE]
    for lean, arm, row in sorted(leans, key=lambda one: -abs(one[0])):
        probe = str(row["probe"])
        said = how_large(str(mapping(probes.get(probe)).get("kind")), lean)
        if said and abs(lean) > float(row["margin"]):
            where = ", ".join(clean(name, limit=_NAME_LIMIT) for name in (names.get(probe, probe), row["feature"]))
            shown = as_carried(lean, float(row[f"{arm}_ci_low"]), float(row[f"{arm}_ci_high"]))
            return f"{_WHOSE[arm]} {shown} in {where}, means: {said}."
    return ""


def _elsewhere(audit: AuditRecord, headline: Headline | None) -> str:
    if headline is None:
        return ""
    rows = audit.comparisons
    changed = records(rows[rows["declared"] & (rows["metric"] == "graded") & rows["verdict"].isin(CHANGED)])
    leading = (headline.tuned, headline.contrast)
    n_changed = sum(1 for row in changed if (str(row["tuned"]), str(row["contrast"])) != leading)
    if not n_changed:
        return ""
    verb = "was" if n_changed == 1 else "were"
    return f"{counted(n_changed, 'change', 'changes')} {verb} found between other models or ways of asking"


def _rests_on(headline: Headline | None, n_readable: int) -> str:
    """Say how many comparisons the answer is about, and what came of them; empty where there is none."""
    if headline is None or not n_readable:
        return ""
    counts = {verdict: n for verdict, n in headline.counts.items() if verdict not in SAYS_NOTHING}
    n_cells = counted(headline.n_cells, "comparison", "comparisons")
    of = f"all {n_cells}" if n_readable == headline.n_cells > 1 else f"the {n_readable} of {n_cells} that can be read"
    return f"Over {of}: {in_words(counts)}."


def _unsaid(headline: Headline | None, cells: Rows, names: Mapping[str, str]) -> str:
    counts = headline.counts if headline else {}
    there = {verdict: counts[verdict] for verdict in VERDICT_SYMBOLS if verdict in SAYS_NOTHING and counts.get(verdict)}
    n_cells = counted(headline.n_cells if headline else 0, "comparison", "comparisons")
    of = f"{sum(there.values())} of {n_cells} ({in_words(there)}{_of_probes(cells, names)}); " if there else ""
    return f"{of}what the model writes; other groups, languages and uses"


def _of_probes(cells: Rows, names: Mapping[str, str]) -> str:
    """Name the probes of which something could not be read or measured; of many, the first and how many more."""
    unread = dict.fromkeys(str(row["probe"]) for row in cells if str(row["verdict"]) in SAYS_NOTHING)
    shown = [clean(names.get(probe, probe), limit=_NAME_LIMIT) for probe in list(unread)[:_FEW_NAMES]]
    more = len(unread) - len(shown)
    return f": {', '.join(shown)}" + (f" and {counted(more, 'more probe', 'more probes')}" if more else "")
