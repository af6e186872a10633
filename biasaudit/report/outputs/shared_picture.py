"""One picture for sharing: models, answer, interval, date, and the overview, which the page opens with too."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.record.engine_fact import of_different_engines
from biasaudit.record.lineage_fact import of_different_lineage
from biasaudit.report.charts.overview import Mark, Overview, OverviewRow, overview
from biasaudit.report.charts.pictures import BASE, GRID, INK, LINK, MUTED, SURFACE, TUNED, WARM
from biasaudit.report.charts.shapes import Shape
from biasaudit.report.sections.first.compared import start_of
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.view import probe_names
from biasaudit.report.words.facts import counted, mapping
from biasaudit.report.words.shares import best_estimate, numbers, sentence
from biasaudit.report.words.wording import NOT_RECORDED, VERDICT_SYMBOLS, chart_label, in_words, percent
from biasaudit.types import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from biasaudit.record.audit_record import AuditRecord, Headline
    from biasaudit.types import Estimate

ENDINGS: Final = (".svg", ".png")
"""How the name of a picture can end: as it is drawn, and as pixels."""
WIDTH: Final = 1200
HEIGHT: Final = 630

_MOST_ROWS: Final = 18.6
_PAPER: Final = "#fbfaf8"
_EDGE: Final = 48
_TOP: Final = 118
_BOTTOM: Final = 550
_LEFT_WIDTH: Final = 430
_TRACK: Final = (690, 1010)
"""From where to where the scale goes."""
_PANEL: Final = 526
_NAME_LETTERS: Final = 34
_ANSWERS: Final = ((22, 7, 30, 39), (28, 9, 24, 31), (36, 11, 19, 25))
"""Letters in a line, lines, size of the letters and of a line, in pixels: a long answer is set smaller, not cut."""
_LETTER: Final = 0.56
"""Width of a letter by its size, as wide a font as there is."""
_TALLEST_ROW: Final = 44.0
_TALLEST_LETTER: Final = 12.2
"""At which our longest verdict has room."""
_COUNTS: Final = (52, 3, 15, 21)
"""As the answer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Height of a row of the overview, and where the first one begins."""

    row: float
    top: float


def shared_picture(audit: AuditRecord) -> Shape:
    """Return the picture as elements of SVG, 1200 x 630, in light colours.

    Parameters
    ----------
    audit : AuditRecord
        Its names are foreign text: cut, and escaped where the elements are written.
    """
    recorded: Mapping[str, Any] = audit.manifest.as_dict()  # Any: JSON values
    headline = audit.headlines[0] if audit.headlines else None
    found = None
    if headline is not None:
        found = overview(audit.comparisons, tuned=headline.tuned, contrast=headline.contrast, most=_MOST_ROWS)
    parts = [
        _rect(0, 0, WIDTH, HEIGHT, _PAPER),
        _text(_EDGE, 50, _title(audit, headline), size=17, fill=MUTED),
        _text(_EDGE, 82, _models(recorded, headline), size=22, weight="600"),
        *_answer(headline, _said(audit, headline)),
        *(_panel(found, probe_names(audit, recorded)) if found else _no_panel()),
        _text(_EDGE, HEIGHT - 30, _foot(recorded, headline, found), size=15, fill=MUTED),
    ]
    size = (("width", str(WIDTH)), ("height", str(HEIGHT)), ("viewBox", f"0 0 {WIDTH} {HEIGHT}"))
    looks = (("role", "img"), ("font-family", "system-ui, 'DejaVu Sans', sans-serif"), ("fill", INK))
    title = Shape("title", (), f"{_models(recorded, headline)}. {_said(audit, headline)}")
    return Shape("svg", (("xmlns", "http://www.w3.org/2000/svg"), *size, *looks), "", (title, *parts))


def _models(recorded: Mapping[str, Any], headline: Headline | None) -> str:  # Any: JSON values
    plan = mapping(recorded.get("plan"))
    tuned = mapping(plan.get("tuned"))
    last = tuned.get(headline.tuned if headline else "", next(iter(tuned.values()), NOT_RECORDED))
    names = (chart_label(name, limit=_NAME_LETTERS) for name in (plan.get("base", NOT_RECORDED), last))
    return " → ".join(names)


def _title(audit: AuditRecord, headline: Headline | None) -> str:
    if headline is not None and headline.tuned in of_different_lineage(audit.manifest.lineage):
        return "Social bias of two models, of which the second was not tuned from the first"
    if headline is not None and headline.tuned in of_different_engines(audit.manifest.fingerprints):
        return "Social bias of two models that were computed in different ways"
    return "Social bias before and after tuning"


def _said(audit: AuditRecord, headline: Headline | None) -> str:
    if headline is None:
        return "Not measured: nothing was compared."
    recorded = audit.manifest.as_dict()
    different = of_different_lineage(mapping(recorded.get("lineage")))
    engines = of_different_engines(mapping(recorded.get("fingerprints")))
    return chart_label(sentence(headline, related=headline.tuned not in {*different, *engines}), limit=400)


def _foot(recorded: Mapping[str, Any], headline: Headline | None, found: Overview | None) -> str:  # Any: JSON values
    started = start_of(mapping(recorded.get("run")))
    parts = [f"Audit of {started}" if started != NOT_RECORDED else "Date of the audit: not recorded"]
    if found is not None:
        parts.append(f"{found.n_rows} of {counted(found.n_cells, 'comparison', 'comparisons')} drawn")
    if headline is not None:
        parts.append(f"bars and lines: {percent(headline.relative_reduction.level, decimals=0)} intervals")
    return chart_label(" · ".join([*parts, "biasaudit"]), limit=130)


def _answer(headline: Headline | None, said: str) -> list[Shape]:
    letters, most, size, line = next(
        (one for one in _ANSWERS if len(textwrap.wrap(said, one[0])) <= one[1]), _ANSWERS[-1]
    )
    lines = textwrap.wrap(said, letters, max_lines=most, placeholder="…")
    top = _TOP + size
    parts = [_text(_EDGE, top + line * place, one, size=size, weight="700") for place, one in enumerate(lines)]
    if headline is None:
        return parts
    top += line * len(lines)
    if headline.relative_reduction.status is Status.OK:
        parts += _strip(headline.relative_reduction, top + 2)
        top += 88
    return [*parts, *_counts(headline, top)]


def _counts(headline: Headline, top: float) -> list[Shape]:
    letters, most, size, line = _COUNTS
    said = f"Of {counted(headline.n_cells, 'comparison', 'comparisons')}: {in_words(headline.counts) or 'none judged'}"
    lines = textwrap.wrap(chart_label(said, limit=letters * most), letters, max_lines=most, placeholder="…")
    return [_text(_EDGE, top + line * place, one, size=size, fill=MUTED) for place, one in enumerate(lines)]


def _strip(relative: Estimate, top: float) -> list[Shape]:
    value, low, high = numbers(relative)
    start, end = min(-0.25, low), max(1.0, high)

    def at(share: float) -> float:
        return _EDGE + _LEFT_WIDTH * (share - start) / (end - start)

    return [
        _line((_EDGE, top), (_EDGE + _LEFT_WIDTH, top), LINK, 2),
        _line((at(0), top - 9), (at(0), top + 9), MUTED, 2),
        _line((at(1), top - 9), (at(1), top + 9), MUTED, 2),
        _line((at(low), top), (max(at(high), at(low) + 3), top), TUNED, 9, opacity="0.45"),
        _diamond(at(value), top, 8, TUNED),
        *([_text(_EDGE, top + 27, "grew", size=14, fill=MUTED)] if at(0) > _EDGE + 80 else []),
        _text(at(0), top + 27, "as before", size=14, fill=MUTED, anchor="middle"),
        # Where a lean grew several times over, the two marks lie on one another.
        *([_text(at(1), top + 27, "all gone", size=14, fill=MUTED, anchor="end")] if at(1) - at(0) > 120 else []),
        _text(_EDGE, top + 52, best_estimate(relative), size=15, fill=MUTED),
    ]


def _no_panel() -> list[Shape]:
    return [_text(_PANEL + 24, 320, "Nothing that can be read was compared.", size=17, fill=MUTED)]


def _panel(found: Overview, names: Mapping[str, str]) -> list[Shape]:
    n_lines = found.n_rows + len(found.probes)
    row = min(_TALLEST_ROW, (_BOTTOM - 50 - _TOP) / n_lines)
    frame = _Frame(row=row, top=_TOP + 12)
    start, end = _TRACK
    bottom = frame.top + row * n_lines + 6
    parts = [_rect(_PANEL, _TOP - 24, WIDTH - _EDGE - _PANEL, bottom - _TOP + 74, SURFACE, stroke=GRID)]
    if found.margin:
        left, right = (_at(share) for share in found.margin)
        parts.append(_rect(left, frame.top, right - left, bottom - frame.top, GRID))
    parts.append(_line((_at(found.zero), frame.top), (_at(found.zero), bottom), MUTED, 1))
    parts += _legend(found)
    place = 0
    for probe in found.probes:
        name = chart_label(names.get(probe.probe, probe.probe), limit=56)
        parts.append(
            _text(_PANEL + 16, frame.top + row * (place + 0.75), name, size=_letters(row), weight="600", fill=MUTED)
        )
        for number, shown in enumerate(probe.rows, start=place + 1):
            parts += _row(shown, frame.top + row * (number + 0.5), row)
        place += 1 + len(probe.rows)
    parts.append(_line((start, bottom), (end, bottom), LINK, 1))
    parts += [_text(_at(tick.at), bottom + 17, tick.said, size=12, fill=MUTED, anchor="middle") for tick in found.ticks]
    parts.append(_text(start, bottom + 36, "← against the stereotype", size=12.5, fill=MUTED))
    parts.append(_text(end, bottom + 36, "with it →", size=12.5, fill=MUTED, anchor="end"))
    return parts


def _legend(found: Overview) -> list[Shape]:
    left, top = _PANEL + 16, _TOP - 2
    return [
        _circle(left + 6, top - 5, 5),
        _text(left + 18, top, found.first_arm, size=13.5, fill=MUTED),
        _diamond(left + 176, top - 5, 6, TUNED),
        _text(left + 188, top, found.second_arm, size=13.5, fill=MUTED),
        _rect(left + 348, top - 12, 18, 14, GRID),
        _text(left + 374, top, "margin: counts as none", size=13.5, fill=MUTED),
    ]


def _row(row: OverviewRow, middle: float, height: float) -> list[Shape]:
    size, apart = _letters(height), min(4.0, height / 6)
    changed = row.verdict in CHANGED
    colour = (TUNED if row.verdict == Verdict.REDUCED.value else WARM) if changed else MUTED
    verdict = f"{VERDICT_SYMBOLS.get(row.verdict, '')} {row.verdict.removesuffix(' the stereotype')}".strip()
    base, tuned = _at(row.first.value), _at(row.second.value)
    radius = min(5.0, height / 3.4)
    return [
        _text(
            _PANEL + 28,
            middle + size * 0.35,
            chart_label(row.feature, limit=_room(_TRACK[0] - _PANEL - 28, size)),
            size=size,
        ),
        _line((base, middle), (tuned, middle), LINK, 4),
        _whisker(row.first, middle - apart, BASE),
        _whisker(row.second, middle + apart, TUNED),
        _circle(base, middle, radius),
        _diamond(tuned, middle, radius + 0.5, TUNED),
        _text(
            _TRACK[1] + 14,
            middle + size * 0.35,
            chart_label(verdict, limit=_room(WIDTH - _EDGE - _TRACK[1] - 14, size)),
            size=size,
            fill=colour,
            weight="600" if changed else "400",
        ),
    ]


def _whisker(mark: Mark, at: float, colour: str) -> Shape:
    return _line((_at(mark.low), at), (_at(mark.high), at), colour, 1.6)


def _letters(row: float) -> float:
    return min(_TALLEST_LETTER, row * 0.68)


def _room(pixels: float, size: float) -> int:
    """Return how many letters of a size there is room for.

    Examples
    --------
    >>> _room(136, 15), _room(136, 11.8)
    (16, 20)
    """
    return int(pixels / (_LETTER * size))


def _at(share: float) -> float:
    start, end = _TRACK
    return start + (end - start) * share


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _rect(x: float, y: float, width: float, height: float, fill: str, *, stroke: str = "") -> Shape:
    places = (("x", _px(x)), ("y", _px(y)), ("width", _px(width)), ("height", _px(height)), ("fill", fill))
    return Shape("rect", (*places, ("stroke", stroke), ("rx", "8")) if stroke else places)


def _line(
    start: tuple[float, float], end: tuple[float, float], stroke: str, width: float, *, opacity: str = "1"
) -> Shape:
    (x1, y1), (x2, y2) = start, end
    places = (("x1", _px(x1)), ("y1", _px(y1)), ("x2", _px(x2)), ("y2", _px(y2)))
    return Shape("line", (*places, ("stroke", stroke), ("stroke-width", _px(width)), ("opacity", opacity)))


def _circle(x: float, y: float, radius: float) -> Shape:
    places = (("cx", _px(x)), ("cy", _px(y)), ("r", _px(radius)))
    return Shape("circle", (*places, ("fill", SURFACE), ("stroke", BASE), ("stroke-width", "1.8")))


def _diamond(x: float, y: float, reach: float, fill: str) -> Shape:
    corners: Sequence[tuple[float, float]] = ((x - reach, y), (x, y - reach), (x + reach, y), (x, y + reach))
    path = "M" + "L".join(f"{_px(left)},{_px(top)}" for left, top in corners) + "Z"
    return Shape("path", (("d", path), ("fill", fill)))


def _text(
    x: float, y: float, said: str, *, size: float, fill: str = INK, weight: str = "400", anchor: str = "start"
) -> Shape:
    looks = (("font-size", _px(size)), ("font-weight", weight), ("fill", fill), ("text-anchor", anchor))
    return Shape("text", (("x", _px(x)), ("y", _px(y)), *looks), said)
