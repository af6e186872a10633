"""Texts shaded by what each stretch adds to the value of an item, in steps that a stylesheet paints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.report.words.wording import TEXT_LIMIT, clean, number, showable

if TYPE_CHECKING:
    from biasaudit.kinds.segments import Segment

STEPS: Final = (0.1, 0.5, 1.0, 2.0)
"""Nats from which the shades begin."""

LARGEST: Final = 3
"""Stretches that are named beside the shades."""

_LABEL_LIMIT: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Shade:
    """A stretch of text; without a class it adds next to nothing."""

    text: str
    css_class: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadedText:
    """One of the two texts of an item; `cut` says how much of it is not shown."""

    label: str
    shades: tuple[Shade, ...]
    cut: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A stretch and what it adds, for those who do not see shades."""

    text: str
    nats: str


def shaded_texts(segments: Sequence[Segment], labels: tuple[str, str]) -> tuple[ShadedText, ...]:
    """Return both texts of an item, shaded.

    Parameters
    ----------
    segments : sequence of Segment
    labels : tuple of str
        Of the first and of the second text.
    """
    sides = (
        [(segment.first, segment.nats) for segment in segments if segment.first],
        [(segment.second, segment.nats) for segment in segments if segment.second],
    )
    return tuple(_shaded(label, side) for label, side in zip(labels, sides, strict=True) if side)


def _shaded(label: str, stretches: Iterable[tuple[str, float]]) -> ShadedText:
    shades: list[Shade] = []
    room, n_cut = TEXT_LIMIT, 0
    for text, nats in stretches:
        shown = text[:room]
        room -= len(shown)
        n_cut += len(text) - len(shown)
        css_class = shade_class(nats)
        if not shown:
            continue
        if shades and not css_class and not shades[-1].css_class:
            shades[-1] = Shade(text=shades[-1].text + showable(shown), css_class="", title="")
        else:
            title = f"{signed(nats)} nats" if css_class else ""
            shades.append(Shade(text=showable(shown), css_class=css_class, title=title))
    return ShadedText(label=label, shades=tuple(shades), cut=f"… ({n_cut:,} more characters)" if n_cut else "")


def shade_class(nats: float) -> str:
    """Return the CSS class of a stretch; empty below the first step.

    Examples
    --------
    >>> shade_class(0.6), shade_class(-7.0), shade_class(0.09)
    ('with-2', 'against-4', '')
    """
    step = sum(abs(nats) >= low for low in STEPS)
    return f"{'with' if nats > 0 else 'against'}-{step}" if step else ""


def largest(segments: Sequence[Segment]) -> tuple[Addition, ...]:
    """Return the stretches that add most, in either direction; none that is not shaded."""
    ordered = sorted(segments, key=lambda segment: -abs(segment.nats))[:LARGEST]
    return tuple(
        Addition(text=_named(segment), nats=signed(segment.nats)) for segment in ordered if shade_class(segment.nats)
    )


def _named(segment: Segment) -> str:
    texts = dict.fromkeys(text.strip() for text in (segment.first, segment.second) if text.strip())
    return " / ".join(f"“{clean(text, limit=_LABEL_LIMIT)}”" for text in texts) or "a space"


def signed(nats: float) -> str:
    """Return a number with its sign, plus too.

    Examples
    --------
    >>> signed(1.234), signed(-0.5), signed(0.0)
    ('+1.23', '−0.50', '0.00')
    """
    shown = number(nats, decimals=2)
    return shown if shown.startswith("−") or not float(shown.replace(",", "")) else f"+{shown}"
