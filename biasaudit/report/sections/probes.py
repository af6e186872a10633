"""Probe by probe: all that was measured with one probe stands in one section, folded to what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.record.siblings import told_headlines
from biasaudit.report.part import Part
from biasaudit.report.probe_parts import PARTS
from biasaudit.report.section import Entry, Section, Source
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.sections.first.guards import failed_control, guards
from biasaudit.report.sections.outcome import State, in_order_of_page, probes_in_order, state_of
from biasaudit.report.words.asks import asked_by_probe
from biasaudit.report.words.facts import counted, listed
from biasaudit.report.words.places import part_place, probe_places
from biasaudit.report.words.reasons import reason_in_words
from biasaudit.report.words.wording import VERDICT_SYMBOLS, as_carried, clean, number, present, records, verdict_class
from biasaudit.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

    Rows = Sequence[Mapping[str, Any]]  # Any: cells of pandas rows

_NAMED: Final = 3
"""Cells that are named in a line; of more, the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A verdict, and how many cells have it."""

    verdict: str
    css_class: str
    symbol: str
    n_cells: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPart:
    """A part that has something to show: `view` is what its template shows."""

    part: Part
    place: str
    view: object


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSection:
    """One probe.

    Attributes
    ----------
    place : str
        The id of its section, from which those of its parts are made.
    name : str
    state : State
    chips : tuple of Chip
        Verdicts of the contrast that the answer is about.
    asks : str
        What it asks, in one line; empty where its card is not recorded.
    finding : str
        What came of it, in one sentence; of a probe that is not interpretable, the reason.
    warning : str
        That its negative control failed, where something of it can be read; else empty.
    parts : tuple of ShownPart
    """

    place: str
    name: str
    state: State
    chips: tuple[Chip, ...]
    asks: str
    finding: str
    warning: str
    parts: tuple[ShownPart, ...]

    def place_of(self, part: str) -> str:
        """Return the id of a part, to link to; empty where this probe has no such part."""
        return next((one.place for one in self.parts if one.part.name == part), "")

    @property
    def is_read(self) -> bool:
        """Whether some comparison of it can be interpreted: of the others, one line stands open."""
        return self.state is not State.UNREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class StateGroup:
    """The probes of which the same came."""

    state: State
    n_probes: str
    probes: tuple[ProbeSection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """All probes, those that changed first.

    Attributes
    ----------
    groups : tuple of StateGroup
    finds : tuple of (str, str)
        Place and name of the probes in whose items the script of the page finds.
    """

    groups: tuple[StateGroup, ...]
    finds: tuple[tuple[str, str], ...]


def probes(source: Source) -> Probes | None:
    """Gather the section of every probe.

    Parameters
    ----------
    source : Source
    """
    places = probe_places(source.names)
    asked = asked_by_probe(source.recorded)
    views = {name: part.views(source) for name, part in PARTS.items()}
    cells = leading_cells(source.audit)
    # Of siblings the states are those of the one that leads.
    whose = f"{clean(source.audit.headlines[0].tuned)}: " if len(told_headlines(source.audit)) > 1 else ""
    failed = {part.key: failed_control(part) for part in guards(source.audit, source.names)}
    compared = set(source.audit.comparisons["probe"].map(str))
    found = [
        ProbeSection(
            place=places[probe],
            name=source.names[probe],
            state=state_of(own),
            chips=_chips(own),
            asks=asked.get(probe, ""),
            finding=whose + _finding(own, is_compared=probe in compared),
            warning="" if state_of(own) is State.UNREAD else failed[probe],
            parts=tuple(
                ShownPart(part=part, place=part_place(places[probe], name), view=views[name][probe])
                for name, part in PARTS.items()
                if probe in views[name]
            ),
        )
        for probe in dict.fromkeys([*probes_in_order(cells), *sorted(source.names)])
        for own in [[row for row in cells if str(row["probe"]) == probe]]
    ]
    groups = tuple(
        StateGroup(state=state, n_probes=counted(len(own), "probe", "probes"), probes=tuple(own))
        for state in State
        if (own := [one for one in found if one.state is state])
    )
    finds = tuple(
        (probe.place, probe.name)
        for probe in sorted((probe for group in groups for probe in group.probes), key=lambda probe: probe.name)
        if any(one.part.has_script(one.view) for one in probe.parts)
    )
    return Probes(groups=groups, finds=finds) if groups else None


def leading_cells(audit: AuditRecord) -> Rows:
    """Return the declared cells, in their graded form, of the contrast and the checkpoint that the answer is about."""
    if not audit.headlines:
        return []
    leading = audit.headlines[0]
    rows: pd.DataFrame = audit.comparisons
    rows = rows[rows["declared"] & (rows["metric"] == "graded")]
    return records(rows[(rows["contrast"] == leading.contrast) & (rows["tuned"] == leading.tuned)])


def _chips(cells: Rows) -> tuple[Chip, ...]:
    counts = Counter(str(row["verdict"]) for row in cells)
    order = [*VERDICT_SYMBOLS, *sorted(set(counts) - set(VERDICT_SYMBOLS))]
    return tuple(
        Chip(
            verdict=clean(verdict),
            css_class=verdict_class(verdict),
            symbol=VERDICT_SYMBOLS.get(verdict, "•"),
            n_cells=str(counts[verdict]),
        )
        for verdict in order
        if counts[verdict]
    )


def _finding(cells: Rows, *, is_compared: bool) -> str:
    """Say what came of a probe, the largest move first."""
    if not cells:
        # One that declares no feature has the pooled row alone, and other contrasts may stand without an answer.
        return "The answer is about no comparison of it." if is_compared else "It was not compared."
    state = state_of(cells)
    if state is State.UNREAD:
        said = "; ".join(dict.fromkeys(why for row in cells if (why := reason_in_words(row))))
        return f"{said[0].upper()}{said[1:]}." if said else "It was not measured."
    told = {
        State.CHANGED: set(CHANGED),
        State.UNDECIDED: {Verdict.INCONCLUSIVE.value},
        State.UNCHANGED: {Verdict.UNCHANGED.value},
    }[state]
    own = [row for row in in_order_of_page(cells) if str(row["verdict"]) in told]
    if state is State.CHANGED:
        named = listed([_moved(row) for row in own[:_NAMED]])
        more = f", and {len(own) - _NAMED} more" if len(own) > _NAMED else ""
        return f"{named[0].upper()}{named[1:]}{more}."
    if state is State.UNDECIDED:
        return f"Neither a change nor its absence is shown in {listed_features(own)}."
    margin = number(float(own[0]["margin"]), decimals=2)
    if len(own) == len(cells):
        return f"No lean moved by more than the margin of {margin}."
    # Of the others nothing was found: they may have moved.
    return f"Only {listed_features(own)} can be read: no lean moved there by more than the margin of {margin}."


def listed_features(cells: Rows) -> str:
    """Return the features of cells in words; of many, the first and how many more."""
    features = list(dict.fromkeys(clean(row["feature"]) for row in cells))
    if len(features) <= _NAMED + 1:
        return listed(features)
    return f"{', '.join(features[:_NAMED])} and {len(features) - _NAMED} more"


def _moved(row: Mapping[str, Any]) -> str:  # Any: cells of a pandas row
    said = f"{clean(row['feature'])} {clean(row['verdict'])}"
    levels = [
        tuple(present(row[f"{arm}_{part}"]) for part in ("value", "ci_low", "ci_high")) for arm in ("first", "second")
    ]
    first, second = (
        None if None in level else as_carried(*(end for end in level if end is not None)) for level in levels
    )
    # A verdict without its numbers is of a damaged table.
    return said if first is None or second is None else f"{said}, from {first} to {second}"


def _has_script(shown: Probes) -> bool:
    return bool(shown.finds)


def _entries(shown: Probes) -> tuple[Entry, ...]:
    return tuple(
        Entry(place=one.place, title=one.name, under=group.state) for group in shown.groups for one in group.probes
    )


SECTION: Final = Section(
    name="probes",
    title="Probe by probe",
    template="probes.html.jinja",
    view=probes,
    has_script=_has_script,
    entries=_entries,
)
