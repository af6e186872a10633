"""The tables of docs/alignment.md, from what was measured: `python -m tests.alignment` writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Final

from biasaudit.align.transfer import Transfer, from_json
from biasaudit.align.transfer.rows import COLLATERAL, Row
from biasaudit.report.charts.dose_chart import Dose, dose_chart
from biasaudit.report.charts.pictures import svg
from biasaudit.types import Status, Verdict
from tests.alignment.attacked import Attacked
from tests.alignment.opened import Opened
from tests.validation.table import written

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "alignment.md"
PICTURE: Final = ROOT / "docs" / "images" / "dose.svg"
MEASURED: Final = Path(__file__).resolve().parent / "measured"
DOSES: Final = "doses.json"
ATTACKED: Final = "attacked.json"
OPENED: Final = "opened.json"

MOST_DROP: Final = 0.05
"""Of licensed associations, in share."""
MOST_PERPLEXITY: Final = 0.03
"""Worse on neutral text, as a share of the base's perplexity."""
NEUTRAL: Final = "neutral text of the contrasts"
ORDINARY: Final = "ordinary sentences, in no training"
_NEAR: Final = 0.06
"""An index as near to what was allowed meets it."""
_HEADLINE: Final = ("occupations", "gender")
_OF_ADAPTERS: Final = (
    "adapter",
    "method",
    "features trained",
    "minutes",
    "`occupations`: base",
    "tuned",
    "verdict",
    "licensed lost at most",
    "neutral text, perplexity",
    "ordinary sentences, perplexity",
    "within bounds",
)
_NONE: Final = "Nothing was measured yet."
_NOTABLE: Final = (
    Verdict.INCREASED.value,
    Verdict.REVERSED.value,
    Verdict.SHIFTED_WITH.value,
    Verdict.SHIFTED_AGAINST.value,
    Verdict.NOT_INTERPRETABLE.value,
)
Measured = Mapping[str, Transfer]
"""Name of an adapter -> its transfer table."""


def measured(folder: Path = MEASURED) -> dict[str, Transfer]:
    """Return what was measured of every adapter, by name."""
    paths = sorted(path for path in folder.glob("*.json") if path.name not in {DOSES, ATTACKED, OPENED})
    return {path.stem: from_json(path.read_text(encoding="utf-8")) for path in paths}


def doses(folder: Path = MEASURED) -> list[Dose]:
    """Return the trainings of the dose curve."""
    path = folder / DOSES
    return [Dose(**one) for one in json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []


def saved_doses(found: Iterable[Dose], folder: Path = MEASURED) -> None:
    """Keep the trainings of the dose curve."""
    (folder / DOSES).write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")


def attacked(folder: Path = MEASURED) -> list[Attacked]:
    """Return the trainings under attack."""
    path = folder / ATTACKED
    return [Attacked(**one) for one in json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []


def saved_attacked(found: Iterable[Attacked], folder: Path = MEASURED) -> None:
    """Keep the trainings under attack."""
    (folder / ATTACKED).write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")


def opened(folder: Path = MEASURED) -> list[Opened]:
    """Return the audits after openings."""
    path = folder / OPENED
    return [Opened(**one) for one in json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []


def saved_opened(found: Iterable[Opened], folder: Path = MEASURED) -> None:
    """Keep the audits after openings."""
    (folder / OPENED).write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")


def rendered(
    page: str,
    found: Measured,
    curve: Sequence[Dose],
    under_attack: Sequence[Attacked],
    after_openings: Sequence[Opened],
) -> str:
    """Return the page with every table in its place."""
    for name, table in (
        ("adapters", adapters_table(found)),
        ("transfer-plain", transfer_table(found, framing="plain")),
        ("transfer-chat", transfer_table(found, framing="chat")),
        ("collateral", collateral_table(found)),
        ("failures", failures(found)),
        ("doses", dose_table(curve)),
        ("attacked", attacked_table(under_attack)),
        ("opened", opened_table(after_openings)),
    ):
        page = written(page, name, table)
    return page


def picture(curve: Sequence[Dose]) -> str:
    """Return the dose curve as SVG."""
    return svg(dose_chart(curve, title="Less lean, and what it cost")) + "\n"


def adapters_table(found: Measured) -> str:
    """Return one line an adapter: what was trained, how long, what came of the probe that leads, and what it cost."""
    if not found:
        return _NONE
    lines = [
        f"| {' | '.join(_OF_ADAPTERS)} |",
        f"|{'---|' * len(_OF_ADAPTERS)}",
    ]
    for name, one in found.items():
        facts = one.facts
        row = next(iter(_leading(one)), None)
        trained = facts["trained_features"]
        seconds = facts.get("training_seconds")
        cells = (
            name,
            facts.get("method") or "unknown",
            "unknown" if trained is None else ", ".join(trained),
            "" if seconds is None else f"{seconds / 60:.1f}",
            *(("", "", "not measured") if row is None else (_index(row.base), _index(row.tuned), row.verdict)),
            _share(most_drop(one)),
            _percent(perplexity_change(one, NEUTRAL)),
            _percent(perplexity_change(one, ORDINARY)),
            within_bounds(one),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def within_bounds(one: Transfer) -> str:
    """Say whether the leading probe is reduced at no more than the accepted cost; what was not measured is no yes."""
    verdicts = [row.verdict for row in _leading(one)]
    drop, worse = most_drop(one), perplexity_change(one, NEUTRAL)
    if not verdicts or drop is None or worse is None:
        return "not measured"
    return "yes" if verdicts == ["reduced"] and drop <= MOST_DROP and worse <= MOST_PERPLEXITY else "no"


def most_drop(one: Transfer) -> float | None:
    """Return the largest loss of licensed associations of any probe and feature on plain text, in share."""
    found = [
        row.difference
        for row in _plain(one)
        if row.what.endswith("licensed associations") and row.difference is not None
    ]
    return max(found, default=None)


def perplexity_change(one: Transfer, what: str) -> float | None:
    """Return the perplexity of the tuned model over that of the base, less 1, on one set of texts."""
    found = [row.difference for row in _plain(one) if row.what == what and row.difference is not None]
    return math.exp(-found[0]) - 1 if found else None


def one_of_each_method(found: Measured) -> dict[str, Transfer]:
    """Return the first adapter of every method, in the order of their names."""
    chosen: dict[object, str] = {}
    for name, one in found.items():
        chosen.setdefault(one.facts.get("method"), name)
    return {name: found[name] for name in chosen.values()}


def transfer_table(found: Measured, *, framing: str) -> str:
    """Return every index of a framing: the base, then of the first adapter of each method its change and verdict."""
    return _side_by_side(found, lambda row: row.framing == framing and row.kind != COLLATERAL)


def collateral_table(found: Measured) -> str:
    """Return what should have stayed: the base, then of the first adapter of each method what was lost."""
    return _side_by_side(found, lambda row: row.kind == COLLATERAL)


def _side_by_side(found: Measured, wanted: Callable[[Row], bool]) -> str:
    shown = one_of_each_method(found)
    keys: dict[tuple[str, str, str, str], Row] = {}
    cells: dict[str, dict[tuple[str, str, str, str], Row]] = {}
    for name, one in shown.items():
        for row in one.rows:
            if wanted(row):
                key = (row.framing, row.what, row.feature, row.measure)
                keys.setdefault(key, row)
                cells.setdefault(name, {})[key] = row
    if not keys:
        return _NONE
    lines = [
        f"| asked | feature | items (clusters) | base | {' | '.join(shown)} |",
        f"|---|---|---|---|{'---|' * len(shown)}",
    ]
    for key, first in keys.items():
        unit = "" if first.measure == "index" else f", {first.measure}"
        in_chat = " (chat)" if first.kind == COLLATERAL and first.framing == "chat" else ""
        of_each = [_change(cells.get(name, {}).get(key)) for name in shown]
        about = (f"{first.what}{in_chat}{unit}", first.feature, f"{first.n_items:,} ({first.n_clusters:,})")
        lines.append(f"| {' | '.join([*about, _index(first.base), *of_each])} |")
    return "\n".join(lines)


def _change(row: Row | None) -> str:
    """Return what came of one row: index after, change with its interval, share gone, verdict."""
    if row is None:
        return "not asked"
    if row.status != Status.OK.value:
        return row.status
    interval = f"({_signed(row.ci_low)} to {_signed(row.ci_high)})"
    if row.measure == "ratio":
        return f"{_index(row.difference)} ({_index(row.ci_low)} to {_index(row.ci_high)})"
    said = f"{_index(row.tuned)}; {_signed(row.difference)} {interval}"
    if row.kind == COLLATERAL:
        return said
    gone = "" if row.gone is None else f", {row.gone:.0%} gone"
    trained = "" if row.trained != "not trained" else ", not trained"
    return f"{said}{gone}: **{row.verdict}**{trained}"


def failures(found: Measured) -> str:
    """Return, for every adapter, each cell whose lean grew, changed sides, moved or cannot be read, and each cost."""
    lines = []
    for name, one in found.items():
        told = [_told(row) for row in one.rows if row.verdict in _NOTABLE]
        told += [
            f"{row.what}, {row.feature or 'all'}: lost {_share(row.difference)}"
            for row in one.rows
            if row.what.endswith("licensed associations") and (row.difference or 0.0) > MOST_DROP
        ]
        worse = perplexity_change(one, NEUTRAL)
        if worse is not None and worse > MOST_PERPLEXITY:
            told.append(f"{NEUTRAL}: perplexity {_percent(worse)}")
        left = [row for row in one.rows if row.trained == "trained" and row.verdict in {"unchanged", "inconclusive"}]
        told += [_told(row) for row in left]
        lines.append(f"- `{name}`: {'; '.join(told) if told else 'none of these'}.")
    return "\n".join(lines) if lines else _NONE


def _told(row: Row) -> str:
    where = f"{row.what}, {row.feature}" + (", chat" if row.framing == "chat" else "")
    numbers = "" if row.base is None or row.tuned is None else f" ({_index(row.base)} to {_index(row.tuned)})"
    return f"{where}: {row.verdict}{numbers}"


def dose_table(curve: Sequence[Dose]) -> str:
    """Return the dose curve as a table, one line a dose."""
    if not curve:
        return _NONE
    lines = [
        (
            "| allowed (epsilon) | trainings | index of the base | held-out index, median (range) | within 0.06 "
            "| neutral text, perplexity, worst | licensed lost, median (most) | processor seconds, median (most) |"
        ),
        f"|{'---|' * 8}",
    ]
    for epsilon in sorted({one.epsilon for one in curve}):
        several = [one for one in curve if one.epsilon == epsilon]
        near = sum(abs(one.index - epsilon) <= _NEAR for one in several)
        lost = [one.licensed_drop for one in several if one.licensed_drop is not None]
        seconds = [one.processor_seconds for one in several if one.processor_seconds is not None]
        cells = (
            f"{epsilon:g}",
            f"{len(several)}",
            _range([one.base for one in several]),
            _median_range([one.index for one in several]),
            f"{near} of {len(several)}",
            _percent(max(one.perplexity_change for one in several)),
            f"{_signed(median(lost))} ({_signed(max(lost))})" if lost else "not measured",
            f"{median(seconds):.1f} ({max(seconds):.1f})" if seconds else "not measured",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def attacked_table(found: Sequence[Attacked]) -> str:
    """Return the trainings under attack as a table, one line a base."""
    if not found:
        return _NONE
    lines = [
        (
            "| seed | base: plain | after the worst opening | `constraint`: plain | after the worst opening "
            "| licensed lost | `adversarial`: plain | after the worst opening | licensed lost |"
        ),
        f"|{'---|' * 9}",
    ]
    for seed in sorted({one.seed for one in found}):
        by_method = {one.method: one for one in found if one.seed == seed}
        base = next(iter(by_method.values()))
        cells = [f"{seed}", _index(base.base_plain), _index(base.base_attacked)]
        for method in ("constraint", "adversarial"):
            one = by_method[method]
            cells += [_index(one.plain), _index(one.attacked), _signed(one.base_licensed - one.licensed)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def opened_table(found: Sequence[Opened]) -> str:
    """Return the index of each model after each opening, and the verdict against the base after the same."""
    if not found:
        return _NONE
    names = list(dict.fromkeys(one.model for one in found))
    lines = [f"| opening | {' | '.join(names)} |", f"|{'---|' * (len(names) + 1)}"]
    for opening in dict.fromkeys(one.opening for one in found):
        cells = [f"“{opening}”" if opening else "none"]
        for name in names:
            [one] = [row for row in found if (row.opening, row.model) == (opening, name)]
            size = "not estimable"
            if one.index is not None:
                size = f"{_index(one.index)} ({_index(one.ci_low)} to {_index(one.ci_high)})"
            cells.append(f"{size}: **{one.verdict}**" if one.verdict else size)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _range(values: Sequence[float]) -> str:
    return f"{_index(min(values))} to {_index(max(values))}"


def _median_range(values: Sequence[float]) -> str:
    return f"{_index(median(values))} ({_range(values)})"


def _plain(one: Transfer) -> list[Row]:
    return [row for row in one.rows if row.framing == "plain"]


def _leading(one: Transfer) -> list[Row]:
    return [row for row in _plain(one) if row.kind != COLLATERAL and (row.probe, row.feature) == _HEADLINE]


def _index(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".replace("-", "\u2212")


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}".replace("-", "\u2212")


def _share(value: float | None) -> str:
    return "not measured" if value is None else _signed(value)


def _percent(value: float | None) -> str:
    """Return a share in percent, with its sign; no negative zero."""
    if value is None:
        return "not measured"
    return "0.0 %" if abs(value) < 0.0005 else f"{100 * value:+.1f} %".replace("-", "\u2212")
