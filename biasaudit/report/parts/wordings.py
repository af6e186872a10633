"""How much hangs on the wording: the index and the competence of a probe in each of its wordings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from biasaudit.analysis.wordings import is_given_wording, wordings_frame
from biasaudit.report.charts.chart_parts import NARROW
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.wording_chart import (
    Mark,
    families_chart,
    families_finding,
    measured_wordings,
    reading,
    wordings_by_feature,
)
from biasaudit.report.part import Part
from biasaudit.report.parts.wording_sentences import ONE_ONLY, change, leans
from biasaudit.report.section import Source
from biasaudit.report.words.arm_columns import NO_COLUMNS, Arm, ArmColumns, arm_columns, framing_in_words
from biasaudit.report.words.facts import counted, listed
from biasaudit.report.words.same_wordings import all_alike, same_wordings, with_same_as_one
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
from biasaudit.types.competence import is_above_chance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

ROWS_AT_MOST: Final = 300
"""Wordings, over all features, that a probe's table shows."""

_BASE: Final = "base"

Row = dict[str, Any]  # Any: cells of a pandas row


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingRow:
    """One wording: an estimate for each column."""

    wording: str
    size: str
    estimates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingBlock:
    """The wordings of one feature, or of competence, after what they come to in each column."""

    title: str
    summary: tuple[str, ...]
    rows: tuple[WordingRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingChart:
    """The chart of one tuned checkpoint, which is named if there are several."""

    tuned: str
    reading: str
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class FramingSentences:
    """What came of the wordings in one framing, which is named if there are several."""

    framing: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wordings:
    """One probe by wording; of one that was asked in a single wording, `only_one` says so and all else is empty.

    Attributes
    ----------
    only_one : str
    said : tuple of FramingSentences
    charts : tuple of WordingChart
    same : str
        Which wordings are one, for they have the same values.
    competence : str
    is_given_wording : bool
        Whether intervals hold for their sentence frame only.
    columns : ArmColumns
    blocks : tuple of WordingBlock
    left_out : str
    """

    only_one: str = ""
    said: tuple[FramingSentences, ...] = ()
    charts: tuple[WordingChart, ...] = ()
    same: str = ""
    competence: str = ""
    is_given_wording: bool = False
    columns: ArmColumns = NO_COLUMNS
    blocks: tuple[WordingBlock, ...] = ()
    left_out: str = ""


def wordings(source: Source) -> dict[str, Wordings]:
    """Return probe -> how much hangs on the wording, of every probe with an index by wording.

    Parameters
    ----------
    source : Source
    """
    families = source.audit.families
    there = sorted({str(probe) for probe in families.loc[families["metric"] == "index", "probe"]})
    return {
        probe: _view(families, probe, level=source.level)
        if wordings_by_feature(families, probe=probe)
        else Wordings(only_one=ONE_ONLY)
        for probe in there
    }


def _view(families: pd.DataFrame, probe: str, *, level: str) -> Wordings:
    rows = records(with_same_as_one(families, probe=probe).query("probe == @probe"))
    columns = arm_columns(_arm(row) for row in rows)
    framings = list(dict.fromkeys(framing for _, framing in columns.arms))
    checkpoints = list(dict.fromkeys(checkpoint for checkpoint, _ in columns.arms))
    tuned_ones = [checkpoint for checkpoint in checkpoints if checkpoint != _BASE]
    kept, left_out = _first_rows(_blocks(families, probe, rows, columns.arms))
    charts = [_chart(families, probe, tuned, framings, level=level) for tuned in tuned_ones]
    drawn = tuple(chart for chart in charts if chart is not None)
    return Wordings(
        said=_said(families, probe, framings, tuned_ones),
        charts=drawn if len(tuned_ones) > 1 else tuple(replace(chart, tuned="") for chart in drawn),
        same=_same(families, probe),
        competence=_competence([row for row in rows if row["metric"] == "competence"], columns, framings[0]),
        is_given_wording=any(is_given_wording(row) for row in rows if row["metric"] == "index"),
        columns=columns,
        blocks=kept,
        left_out=left_out,
    )


def _said(
    families: pd.DataFrame, probe: str, framings: Sequence[str], tuned_ones: Sequence[str]
) -> tuple[FramingSentences, ...]:
    """Say what came of the wordings in each framing; once, where it is the same in all."""
    said = {framing: _sentences(families, probe, framing, tuned_ones) for framing in framings}
    if len(set(said.values())) == 1:
        return (FramingSentences(framing="", sentences=said[framings[0]]),)
    return tuple(
        FramingSentences(framing=clean(framing_in_words(framing)), sentences=sentences)
        for framing, sentences in said.items()
    )


def _sentences(families: pd.DataFrame, probe: str, framing: str, tuned_ones: Sequence[str]) -> tuple[str, ...]:
    """Say which way the wordings lean, and for each tuned checkpoint whether they moved alike."""
    by_feature = wordings_by_feature(families, probe=probe)
    measured: dict[str, list[Mark]] = {_BASE: []}
    for tuned in tuned_ones:
        marks = measured_wordings(families, probe=probe, tuned=tuned, framing=framing)
        measured[_BASE] = [mark for mark in marks if mark.arm == _BASE]
        measured[tuned] = [mark for mark in marks if mark.arm != _BASE]
    if not any(measured.values()):
        tuned = tuned_ones[0] if tuned_ones else ""
        return (f"{families_finding(families, probe=probe, tuned=tuned, framing=framing).title}.",)
    moved = (change(measured[_BASE], measured[tuned], tuned) for tuned in tuned_ones)
    return tuple(said for said in (leans(measured, by_feature), *moved) if said)


def _same(families: pd.DataFrame, probe: str) -> str:
    if all_alike(families, probe=probe):
        return "Every wording gives the same values: what the model answers does not hang on which of them is asked."
    same = same_wordings(families, probe=probe)
    if not same:
        return ""
    named = clean("; ".join(same), limit=TEXT_LIMIT)
    return (
        f"Wordings with the same values throughout are counted and shown once: {named}. What the model answers does "
        "not hang on which of them is asked."
    )


def _chart(
    families: pd.DataFrame, probe: str, tuned: str, framings: Sequence[str], *, level: str
) -> WordingChart | None:
    """Draw the wordings in the first framing; None where none was measured, which the sentences say."""
    framing = framings[0]
    if not measured_wordings(families, probe=probe, tuned=tuned, framing=framing):
        return None
    wide = families_chart(families, probe=probe, tuned=tuned, framing=framing)
    narrow = families_chart(families, probe=probe, tuned=tuned, framing=framing, width=NARROW)
    finding = families_finding(families, probe=probe, tuned=tuned, framing=framing)
    of = framing_in_words(framing)
    drawn_of = f"{of[:1].upper()}{clean(of[1:])}. " if len(framings) > 1 else ""
    return WordingChart(
        tuned=clean(tuned),
        reading=drawn_of + reading(families, probe=probe, level=level),
        picture=picture(wide, narrow, alt=finding.description),
    )


def _blocks(families: pd.DataFrame, probe: str, rows: Sequence[Row], arms: Sequence[Arm]) -> list[WordingBlock]:
    same = same_wordings(families, probe=probe)
    of_all = wordings_frame(families)
    spreads = records(of_all[of_all["probe"] == probe])
    features = wordings_by_feature(families, probe=probe)
    competence = [row for row in rows if row["metric"] == "competence"]
    blocks = [_index_block(feature, rows, spreads, arms, same=same) for feature in features]
    return [*blocks, _competence_block(competence, arms)] if competence else blocks


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
        title="Competence: plain items right",
        summary=tuple(f"above chance: {_above([row for row in rows if _arm(row) == arm])}" for arm in arms),
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
        f"{number(row['lowest'])} to {number(row['highest'])}, SD {number(row['wording_sd'])}{over}; clearly with "
        f"{n_with:,}, against {n_against:,} of {len(measured):,}{asked}"
    )


def _above(rows: Sequence[Row]) -> str:
    """Say in how many of the wordings that have a number competence is shown to be above chance."""
    lows = [low for row in rows if row["status"] == "ok" and (low := present(row["ci_low"])) is not None]
    return f"{sum(map(is_above_chance, lows)):,} of {len(lows):,}" if lows else "none with a number"


def _competence(rows: Sequence[Row], columns: ArmColumns, framing: str) -> str:
    """Say how many wordings are read; empty where the probe has no items for that, which stands elsewhere."""
    if not rows:
        return ""
    arms = [arm for arm in columns.arms if arm[1] == framing]
    said = [f"{_above([row for row in rows if _arm(row) == arm])} in {clean(arm[0])}" for arm in arms]
    own = [row for row in rows if row["framing"] == framing]
    families = {str(row["family"]) for row in own}
    without = families - {str(row["family"]) for row in own if row["status"] == "ok"}
    of_all = f"{len(without):,} of {counted(len(families), 'wording', 'wordings')}"
    few = f" Too few items for a number: {of_all}." if without else ""
    of = f" ({clean(framing_in_words(framing))})" if columns.framings else ""
    return f"Wordings whose plain items are read better than by guessing: {listed(said)}{of}.{few}"


def _first_rows(blocks: Sequence[WordingBlock]) -> tuple[tuple[WordingBlock, ...], str]:
    """Return the blocks with as many rows as a page can bear, and what is said of the others."""
    kept, room = [], ROWS_AT_MOST
    for block in blocks:
        kept.append(replace(block, rows=block.rows[:room]))
        room -= len(kept[-1].rows)
    n_left_out = sum(len(block.rows) for block in blocks) - (ROWS_AT_MOST - room)
    return tuple(kept), f"{count(n_left_out)} further rows are in families.parquet" if n_left_out else ""


PART: Final = Part(
    name="wordings",
    title="How much hangs on the wording",
    template="parts/wordings.html.jinja",
    views=wordings,
)
