"""The verdicts of an audit on standard output: the rows of the report's first picture, and its answer below them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len

from biasaudit.cli import terminal
from biasaudit.record.siblings import told_headlines
from biasaudit.types import Contrast, Verdict
from biasaudit.visible import visible_line

if TYPE_CHECKING:
    from biasaudit.facade import Audit
    from biasaudit.record.audit_record import Headline

    Row = Mapping[str, Any]  # Any: cells of a pandas row

_UNREADABLE: Final = frozenset({Verdict.NOT_INTERPRETABLE.value, Verdict.NOT_MEASURED.value})
"""Comparisons of which nothing can be said: counted with their reason, without a row."""

_SIDES: Final = {
    Contrast.AS_DEPLOYED.value: "base on plain text, tuned in its chat template",
    Contrast.WEIGHTS_PLAIN.value: "both on plain text",
    Contrast.WEIGHTS_CHAT.value: "both in the chat template",
}

_LEGEND: Final = (
    "Index: + leans with the stereotype, 0 is parity. Change: base minus tuned, + is less with the stereotype."
)

_GAP: Final = 2
"""Spaces between columns, and before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column of the table; `least` is the level of detail from which it is shown."""

    heading: str
    cell: Callable[[Row], str]
    least: int = 0
    most: int = 9
    right: bool = True


def print_verdicts(audit: Audit) -> None:
    """Print what came of each comparison that the answer is about, and the answer below; of siblings, for each.

    In a terminal that is wide enough this is a table, with as much in it as fits; in a narrow one and in a pipe each
    comparison has lines of its own. A word or a number is never broken.
    """
    if not audit.headlines:
        terminal.say("Not measured: nothing was compared.")
        return
    shown = told_headlines(audit)
    is_any_readable = any(_readable(audit, headline) for headline in shown)
    for headline in shown:
        is_last = headline is shown[-1]
        _print_answer(audit, headline, with_legend=is_last and is_any_readable)
        if not is_last:
            terminal.say()
    if said := _under_perturbations(audit):
        terminal.say(_wrapped(terminal.spelled(said), terminal.width()))
    if others := _others(audit, shown):
        terminal.say(_wrapped(terminal.spelled(others), terminal.width()))


def _readable(audit: Audit, headline: Headline) -> list[Row]:
    return [row for row in _cells(audit, headline) if row["verdict"] not in _UNREADABLE]


def _print_answer(audit: Audit, headline: Headline, *, with_legend: bool) -> None:
    width = terminal.width()
    cells, readable = _cells(audit, headline), _readable(audit, headline)
    for said in _title(headline):
        terminal.say(_wrapped(said, width))
    if readable:
        terminal.say(
            "\n".join(_table(readable, _confidence(headline), width) or _lines(readable, _confidence(headline), width))
        )
    for said in _unreadable(cells):
        terminal.say(_wrapped(said, width))
    if with_legend:
        terminal.say(_wrapped(_LEGEND, width))
    terminal.say()
    for said in _answer(audit, headline, readable):
        terminal.say(_wrapped(said, width))


def _cells(audit: Audit, headline: Headline) -> list[Row]:
    """Return the declared cells that the headline is about, in the order of the page."""
    from biasaudit.report.sections.outcome import in_order_of_page
    from biasaudit.report.words.wording import records

    table = audit.comparisons
    rows = records(
        table[
            (table["tuned"] == headline.tuned)
            & (table["contrast"] == headline.contrast)
            & (table["metric"] == "graded")
            & table["declared"]
        ]
    )
    return in_order_of_page(rows)


def _title(headline: Headline) -> list[str]:
    from biasaudit.report.words.facts import counted
    from biasaudit.report.words.wording import in_words

    sides = f": {_SIDES[headline.contrast]}" if headline.contrast in _SIDES else ""
    exploratory = " (exploratory)" if headline.exploratory else ""
    cells = counted(headline.n_cells, "comparison", "comparisons")
    return [
        f"{visible_line(headline.tuned)}, {visible_line(headline.contrast)}{sides}{exploratory}",
        f"{cells}: {visible_line(in_words(headline.counts))}",
    ]


def _columns(level: str) -> tuple[_Column, ...]:
    return (
        _Column(heading="verdict", cell=_verdict, right=False),
        _Column(heading="feature", cell=lambda row: visible_line(str(row["feature"])), right=False),
        _Column(heading="base", cell=lambda row: _level(row, "first"), most=1),
        _Column(heading="base", cell=lambda row: _level_with_interval(row, "first"), least=2),
        _Column(heading="tuned", cell=lambda row: _level(row, "second"), most=1),
        _Column(heading="tuned", cell=lambda row: _level_with_interval(row, "second"), least=2),
        _Column(heading=f"change ({level} interval)", cell=_change),
        _Column(heading="items", cell=lambda row: f"{row['n_items']:,}", least=1),
        _Column(heading="p of |B|, corrected", cell=_corrected, least=3),
    )


def _table(rows: Sequence[Row], level: str, width: int | None) -> list[str]:
    """Lay out the table with as many columns as fit; nothing where not even the fewest do."""
    for detail in (3, 2, 1, 0):
        columns = [column for column in _columns(level) if column.least <= detail <= column.most]
        laid_out = [[column.heading for column in columns], *([column.cell(row) for column in columns] for row in rows)]
        widths = [max(map(cell_len, texts)) for texts in zip(*laid_out, strict=True)]
        if width is not None and sum(widths) + _GAP * len(widths) <= width:
            heading, *lines = [
                "".join(
                    " " * _GAP + _padded(text, size, right=column.right)
                    for text, size, column in zip(texts, widths, columns, strict=True)
                ).rstrip()
                for texts in laid_out
            ]
            return [heading, *_by_probe(rows, [[line] for line in lines])]
    return []


def _lines(rows: Sequence[Row], level: str, width: int | None) -> list[str]:
    """Give each comparison a line of its own, broken between its parts where the terminal is narrow."""
    parts = [
        (
            f"{_verdict(row)}, {visible_line(str(row['feature']))}:",
            f"base {_level(row, 'first')},",
            f"tuned {_level(row, 'second')},",
            f"change {_change(row)}",
        )
        for row in rows
    ]
    heading = _wrapped(f"verdict, feature: base, tuned, change with its {level} interval", width)
    return [heading, *_by_probe(rows, [_filled(of_cell, width) for of_cell in parts])]


def _by_probe(rows: Sequence[Row], lines: Sequence[Sequence[str]]) -> list[str]:
    found: list[str] = []
    for probe, group in groupby(zip(rows, lines, strict=True), key=lambda pair: str(pair[0]["probe"])):
        found += [visible_line(probe), *(line for _, of_cell in group for line in of_cell)]
    return found


def _filled(parts: Sequence[str], width: int | None) -> list[str]:
    lines = [" " * _GAP + parts[0]]
    for part in parts[1:]:
        if width is None or cell_len(f"{lines[-1]} {part}") <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(" " * 2 * _GAP + part)
    return lines


def _padded(text: str, size: int, *, right: bool) -> str:
    room = " " * (size - cell_len(text))
    return room + text if right else text + room


def _wrapped(text: str, width: int | None) -> str:
    if width is None:
        return text
    return textwrap.fill(text, width=width, break_long_words=False, break_on_hyphens=False)


def _verdict(row: Row) -> str:
    from biasaudit.report.words.wording import VERDICT_SYMBOLS

    verdict = str(row["verdict"])
    sign = terminal.spelled(VERDICT_SYMBOLS.get(verdict, "•"))
    return f"{sign} {visible_line(verdict.removesuffix(' the stereotype'))}"


def _level(row: Row, arm: str) -> str:
    """Return the index of one model alone, with the decimals that it has beside its interval."""
    value, *bounds = _numbers(row, f"{arm}_value", f"{arm}_ci_low", f"{arm}_ci_high")
    return _signed(value, *bounds)[0]


def _level_with_interval(row: Row, arm: str) -> str:
    return _with_interval(row, _numbers(row, f"{arm}_value", f"{arm}_ci_low", f"{arm}_ci_high"))


def _change(row: Row) -> str:
    from biasaudit.report.words.rounding import change_marks

    value, low, high = _numbers(row, "reduction", "ci_low", "ci_high")
    if row["status"] == "ok" and value == low == high:
        return f"{_signed(value, low, high)[0]} in every cluster"  # an interval of no width would say certain
    return _with_interval(row, (value, low, high), marks=change_marks(row))


def _numbers(row: Row, *names: str) -> tuple[float | None, ...]:
    from biasaudit.report.words.wording import present

    return tuple(present(row[name]) for name in names)


def _with_interval(row: Row, found: tuple[float | None, ...], *, marks: Sequence[float] = (0.0,)) -> str:
    value, low, high = _signed(*found, marks=marks)
    return visible_line(str(row["status"])) if value == "-" else f"{value} ({low} to {high})"


def _signed(
    value: float | None, low: float | None, high: float | None, *, marks: Sequence[float] = (0.0,)
) -> tuple[str, str, str]:
    """Return a number and its bounds with their signs, rounded to what the interval carries; else dashes."""
    from biasaudit.report.words.rounding import decimals_carried

    if value is None or low is None or high is None:
        return "-", "-", "-"
    decimals = decimals_carried(low, high, marks=marks)
    shown = [f"{part:+.{decimals}f}" for part in (value, low, high)]
    first, second, third = (text if float(text) else text[1:] for text in shown)
    return first, second, third


def _corrected(row: Row) -> str:
    from biasaudit.report.words.wording import p_value, present

    return terminal.spelled(p_value(present(row["p_bh"] if row["exploratory"] else row["p_holm"])))


def _confidence(headline: Headline) -> str:
    return f"{100 * headline.relative_reduction.level:g} %"


def _unreadable(cells: Sequence[Row]) -> list[str]:
    """Count the comparisons of which nothing can be said, a line for each reason."""
    from biasaudit.report.words.facts import counted
    from biasaudit.report.words.reasons import reason_in_words

    found: dict[tuple[str, str], list[str]] = {}
    for row in cells:
        if row["verdict"] in _UNREADABLE:
            found.setdefault((str(row["verdict"]), visible_line(reason_in_words(row))), []).append(
                visible_line(str(row["probe"]))
            )
    lines = []
    for (verdict, why), probes in found.items():
        by_probe = ", ".join(f"{probe}\u00a0{probes.count(probe)}" for probe in dict.fromkeys(probes))
        lines.append(
            terminal.spelled(f"{counted(len(probes), 'comparison', 'comparisons')} {verdict} ({by_probe}): {why}.")
        )
    return lines


def _answer(audit: Audit, headline: Headline, readable: Sequence[Row]) -> list[str]:
    """Say the headline in its one sentence, and what it leaves out."""
    from biasaudit.record.engine_fact import of_different_engines
    from biasaudit.record.lineage_fact import of_different_lineage
    from biasaudit.report.words.crossed import crossed
    from biasaudit.report.words.exposures import exposures, summary
    from biasaudit.report.words.shares import left_out, sentence

    related = headline.tuned not in of_different_lineage(audit.manifest.lineage)
    engines = of_different_engines(audit.manifest.fingerprints)
    said = [sentence(headline, related=related and headline.tuned not in engines)]
    if on_the_other_side := crossed(readable):
        said.append(on_the_other_side)
    if not related:
        said.append("The second model cannot descend from the base: no difference is an effect of tuning.")
    if headline.tuned in engines:
        how = visible_line(engines[headline.tuned])
        said.append(f"The two models were computed in different ways ({how}): no difference is an effect of tuning.")
    # The others are counted above; where there is no share, its reason names them.
    if set(headline.left_out) - _UNREADABLE and headline.relative_reduction.status == "ok":
        said.append(left_out(headline))
    if by_training := summary(exposures(audit), headline.tuned):
        said.append(by_training)
    return [terminal.spelled(part) for part in said]


def _under_perturbations(audit: Audit) -> str:
    """Say what came of the reductions under perturbations; nothing of an audit without."""
    from biasaudit.report.view import probe_names
    from biasaudit.report.words.robust import robustness_said

    return robustness_said(audit, probe_names(audit, audit.manifest.as_dict()))


def _others(audit: Audit, shown: Sequence[Headline]) -> str:
    """Say what else the report has; nothing where there is nothing else."""
    of_each = len(shown) > 1
    several = not of_each and len({other.tuned for other in audit.headlines}) > 1
    others = dict.fromkeys(
        f"{f'{visible_line(other.tuned)}, ' if several else ''}{visible_line(other.contrast)}"
        f"{' (exploratory)' if other.exploratory else ''}"
        for other in audit.headlines
        if other not in shown
    )
    return f"The report also has{', of each' if of_each else ''}: {'; '.join(others)}." if others else ""
