"""The index by wording: how fragile a cell's number is, and the competence of every wording beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from biasaudit.analysis.wordings import is_given_wording, wordings_frame
from biasaudit.report.charts.chart_parts import NARROW
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.wording_chart import (
    families_chart,
    families_finding,
    measured_wordings,
    reading,
    wordings_by_feature,
)
from biasaudit.report.section import Section, Source
from biasaudit.report.words.facts import counted
from biasaudit.report.words.order import in_order
from biasaudit.report.words.same_wordings import same_wordings, with_same_as_one
from biasaudit.report.words.wording import (
    NOT_MEASURED,
    TEXT_LIMIT,
    clean,
    count,
    estimate_text,
    number,
    present,
    records,
)
from biasaudit.stats.verdict import COMPETENCE_CHANCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.record.audit_record import AuditRecord

ROWS_AT_MOST: Final = 300
"""Wordings, over all features, that a probe's table shows."""

Row = dict[str, Any]  # Any: cells of a pandas row
Arm = tuple[str, str]
"""Checkpoint and framing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingRow:
    """One wording: an estimate for each arm."""

    wording: str
    size: str
    estimates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingBlock:
    """The wordings of one feature, or of competence, after what they come to in each arm."""

    title: str
    summary: tuple[str, ...]
    rows: tuple[WordingRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingChart:
    """The chart of one tuned checkpoint, which is named if there are several; none where no wording was measured."""

    tuned: str
    finding: str
    reading: str
    picture: Picture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeWordings:
    """One probe by wording."""

    probe: str
    framing: str
    charts: tuple[WordingChart, ...]
    same: str
    competence: str
    is_given_wording: bool
    arms: tuple[str, ...]
    blocks: tuple[WordingBlock, ...]
    left_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wordings:
    """The section: the probes with two wordings or more, and the names of those without."""

    probes: tuple[ProbeWordings, ...]
    of_one_wording: str


def wordings(audit: AuditRecord, names: Mapping[str, str], *, level: str) -> Wordings:
    """Return every probe that has a feature in two wordings or more.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    level : str
        Level of the intervals, as it is shown.
    """
    families = audit.families
    there = in_order((str(probe) for probe in families.loc[families["metric"] == "index", "probe"]), audit.comparisons)
    several = [probe for probe in there if wordings_by_feature(families, probe=probe)]
    single = [names.get(probe, clean(probe)) for probe in there if probe not in several]
    return Wordings(
        probes=tuple(_probe_wordings(audit, probe, names.get(probe, clean(probe)), level=level) for probe in several),
        of_one_wording="; ".join(single),
    )


def _probe_wordings(audit: AuditRecord, probe: str, name: str, *, level: str) -> ProbeWordings:
    families = audit.families
    same = same_wordings(families, probe=probe)
    rows = records(with_same_as_one(families, probe=probe).query("probe == @probe"))
    arms = sorted({(str(row["checkpoint"]), str(row["framing"])) for row in rows}, key=_arm_order)
    framing = arms[0][1]
    competence = [row for row in rows if row["metric"] == "competence"]
    shown = wordings_by_feature(families, probe=probe)
    spreads_of = wordings_frame(families)
    spreads = records(spreads_of[spreads_of["probe"] == probe])
    blocks = [_index_block(feature, rows, spreads, arms, same=same) for feature in shown]
    if competence:
        blocks.append(_competence_block(competence, arms))
    kept, left_out = _first_rows(blocks)
    tuned_ones = tuple(dict.fromkeys(checkpoint for checkpoint, _ in arms if checkpoint != "base"))
    charts = tuple(_chart(audit, probe, tuned, framing, level=level) for tuned in tuned_ones)
    return ProbeWordings(
        probe=name,
        framing=clean(framing),
        charts=charts if len(charts) > 1 else tuple(replace(chart, tuned="") for chart in charts),
        same=clean("; ".join(same), limit=TEXT_LIMIT),
        competence=_competence(competence, arms, framing),
        is_given_wording=any(is_given_wording(row) for row in rows if row["metric"] == "index"),
        arms=tuple(clean(f"{checkpoint}, {of}") for checkpoint, of in arms),
        blocks=kept,
        left_out=left_out,
    )


def _arm_order(arm: Arm) -> tuple[bool, str, bool, int, str]:
    checkpoint, framing = arm
    return framing != "plain", framing, checkpoint != "base", len(checkpoint), checkpoint


def _chart(audit: AuditRecord, probe: str, tuned: str, framing: str, *, level: str) -> WordingChart:
    families = audit.families
    finding = families_finding(families, probe=probe, tuned=tuned, framing=framing)
    drawn = None
    if measured_wordings(families, probe=probe, tuned=tuned, framing=framing):
        wide = families_chart(families, probe=probe, tuned=tuned, framing=framing)
        narrow = families_chart(families, probe=probe, tuned=tuned, framing=framing, width=NARROW)
        drawn = picture(wide, narrow, alt=finding.description)
    return WordingChart(
        tuned=clean(tuned),
        finding=finding.title,
        reading=reading(families, probe=probe, level=level),
        picture=drawn,
    )


def _index_block(
    feature: str,
    rows: Sequence[Row],
    spreads: Sequence[Row],
    arms: Sequence[Arm],
    *,
    same: Mapping[str, Sequence[str]],
) -> WordingBlock:
    own = [row for row in rows if row["metric"] == "index" and row["feature"] == feature]
    by_arm = {
        _arm(row): _spread(row, [one for one in own if _arm(one) == _arm(row)])
        for row in spreads
        if row["feature"] == feature
    }
    return WordingBlock(
        title=clean(feature),
        summary=tuple(by_arm.get(arm, NOT_MEASURED) for arm in arms),
        rows=_wording_rows(own, arms, same=same),
    )


def _competence_block(rows: Sequence[Row], arms: Sequence[Arm]) -> WordingBlock:
    return WordingBlock(
        title="Competence: sense over nonsense, all features",
        summary=tuple(_above([row for row in rows if _arm(row) == arm]) for arm in arms),
        rows=_wording_rows(rows, arms, same={}),
    )


def _wording_rows(
    rows: Sequence[Row], arms: Sequence[Arm], *, same: Mapping[str, Sequence[str]]
) -> tuple[WordingRow, ...]:
    by_family: dict[str, dict[Arm, Row]] = {}
    for row in rows:
        by_family.setdefault(str(row["family"]), {})[_arm(row)] = row
    return tuple(
        WordingRow(
            wording=clean(family),
            size=_size(list(of_family.values())) + (" each, same values" if family in same else ""),
            estimates=tuple(estimate_text(of_family[arm]) if arm in of_family else NOT_MEASURED for arm in arms),
        )
        for family, of_family in sorted(by_family.items())
    )


def _arm(row: Row) -> Arm:
    return str(row["checkpoint"]), str(row["framing"])


def _size(rows: Sequence[Row]) -> str:
    clusters = max(int(row["n_clusters"]) for row in rows)
    unit = "units" if any(is_given_wording(row) for row in rows) else "clusters"
    return f"{count(rows[0]['n_asked'])} items, {count(clusters)} {unit}"


def _spread(row: Row, own: Sequence[Row]) -> str:
    """Say how far the wordings of a cell spread; those with the same values are one in the counts, not in the SD."""
    if row["status"] != "ok":
        return clean(row["status"])
    measured = [one for one in own if one["status"] == "ok"]
    n_with = sum((present(one["ci_low"]) or 0) > 0 for one in measured)
    n_against = sum((present(one["ci_high"]) or 0) < 0 for one in measured)
    over = "" if len(own) == row["n_families"] else f" over {count(row['n_measured'])} as asked"
    asked = "" if len(measured) == len(own) else f", {len(own):,} asked"
    return (
        f"SD {number(row['wording_sd'])}{over}, {number(row['lowest'])} to {number(row['highest'])}; clearly with "
        f"{n_with:,}, against {n_against:,} of {len(measured):,}{asked}"
    )


def _above(rows: Sequence[Row]) -> str:
    """Say in how many of the wordings that have a number competence is shown to be above chance."""
    lows = [low for row in rows if row["status"] == "ok" and (low := present(row["ci_low"])) is not None]
    if not lows:
        return "no number"
    return f"above chance in {sum(low > COMPETENCE_CHANCE for low in lows):,} of {len(lows):,}"


def _competence(rows: Sequence[Row], arms: Sequence[Arm], framing: str) -> str:
    if not rows:
        return "Competence was not measured: the probe has no items of sense against nonsense."
    by_arm = {
        checkpoint: [row for row in rows if _arm(row) == (checkpoint, of)] for checkpoint, of in arms if of == framing
    }
    families = {str(row["family"]) for own in by_arm.values() for row in own}
    said = "; ".join(f"{clean(checkpoint)}, {_above(own)}" for checkpoint, own in by_arm.items())
    without = families - {str(row["family"]) for own in by_arm.values() for row in own if row["status"] == "ok"}
    of_all = f"{len(without):,} of {counted(len(families), 'wording', 'wordings')}"
    few = f" Without a number, for too few items: {of_all}." if without else ""
    return f"Competence by wording: {said}.{few}"


def _first_rows(blocks: Sequence[WordingBlock]) -> tuple[tuple[WordingBlock, ...], str]:
    """Return the blocks with as many rows as a page can bear, and what is said of the others."""
    kept, room = [], ROWS_AT_MOST
    for block in blocks:
        kept.append(replace(block, rows=block.rows[:room]))
        room -= len(kept[-1].rows)
    n_left_out = sum(len(block.rows) for block in blocks) - (ROWS_AT_MOST - room)
    return tuple(kept), f"{count(n_left_out)} further rows are in families.parquet" if n_left_out else ""


def _view(source: Source) -> Wordings | None:
    found = wordings(source.audit, source.names, level=source.level)
    return found if found.probes or found.of_one_wording else None


def _has_link(shown: Wordings) -> bool:
    return bool(shown.probes)


SECTION: Final = Section(
    name="wordings", title="Wordings", template="wordings.html.jinja", view=_view, has_link=_has_link
)
