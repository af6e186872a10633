"""Curves over the layers, as a page shows them: to look at, with the table, and with what they cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding
from biasaudit.report.charts.layer_chart import layer_chart
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.words.wording import (
    NOT_MEASURED,
    chart_label,
    clean,
    number,
    percent,
    percent_with_interval,
    present,
    records,
    with_interval,
)

if TYPE_CHECKING:
    from biasaudit.explanations.layers import FoundLayers

Row = Mapping[str, Any]  # Any: pandas cells

WARNING: Final = (
    "These curves are to be looked at, and nothing may be concluded from them. A lens reads every layer by a head that "
    "was made for the last one, and what a linear probe tells need not be used. Neither tells a lean that is masked "
    "from one that is gone: of planted children of which it is known what was trained, the side of the context was "
    "told as well as in the base where late weights alone were trained without a lean, and in part where all were."
)
"""Measured in docs/validation.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer of one checkpoint."""

    layer: str
    checkpoint: str
    lens_d: str
    own_d: str
    decodable: str
    control: str
    selectivity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLayers:
    """One feature: its picture and its table."""

    feature: str
    picture: Picture
    counts: str
    rows: tuple[LayerRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayersView:
    """What the page shows of layers.

    Attributes
    ----------
    status : str
        ``ok``, or why nothing was read.
    level, warning, sample : str
    notes : tuple of str
        Heads that cannot be used, and items that were left out.
    features : tuple of FeatureLayers
    """

    status: str
    level: str
    warning: str
    sample: str
    notes: tuple[str, ...]
    features: tuple[FeatureLayers, ...]


def layers_view(found: FoundLayers, *, level: str) -> LayersView:
    """Gather what is shown.

    Parameters
    ----------
    found : FoundLayers
    level : str
        Of the intervals, such as ``95%``.
    """
    facts, rows = found.facts, records(found.table)
    status = clean(facts["status"], limit=400)
    if status != "ok":
        return LayersView(status=status, level=level, warning=WARNING, sample="", notes=(), features=())
    features = list(dict.fromkeys(row["feature"] for row in rows))
    return LayersView(
        status=status,
        level=level,
        warning=WARNING,
        sample=f"{facts['n_items']:,} of {facts['n_there']:,} items",
        notes=tuple(_notes(facts)),
        features=tuple(_feature(name, [row for row in rows if row["feature"] == name]) for name in features),
    )


def _notes(facts: Mapping[str, Any]) -> list[str]:  # Any: JSON values
    heads = [
        f"{clean(name)}, lens: {clean(head['status'], limit=300)}"
        for name, head in facts["heads"].items()
        if head["status"] != "ok"
    ]
    return heads + [
        f"{clean(name)}: {count:,} items left out: {clean(why, limit=200)}"
        for name, reasons in facts["left_out"].items()
        for why, count in reasons.items()
    ]


def _feature(name: str, rows: Sequence[Row]) -> FeatureLayers:
    finding = Finding(
        title=chart_label(f"{name}: the layers, to look at", limit=70),
        description=(
            "Two curves over the layers, in the base (open circles) and the tuned checkpoint (filled diamonds), with "
            "intervals. Above: d of each layer, read by the base's final norm and head. Below: the share of contexts "
            "whose side a linear probe tells, and dashed the same of random labels. The table holds the same numbers."
        ),
    )
    wide, narrow = (layer_chart(rows, finding, width=width) for width in (WIDE, NARROW))
    items, contexts = ({int(row[name]) for row in rows} for name in ("n_items", "n_contexts"))
    return FeatureLayers(
        feature=clean(name),
        picture=picture(wide, narrow, alt=finding.description),
        counts=f"{_one(items)} items, {_one(contexts)} different pairs of contexts for the probe",
        rows=tuple(_row(row) for row in sorted(rows, key=lambda row: (row["number"], row["checkpoint"] != "base"))),
    )


def _one(counts: set[int]) -> str:
    return " / ".join(f"{count:,}" for count in sorted(counts))


def _row(row: Row) -> LayerRow:
    control = present(row["control"])
    return LayerRow(
        layer=clean(row["layer"]),
        checkpoint="base" if row["checkpoint"] == "base" else "tuned",
        lens_d=_nats(row, "lens_d"),
        own_d=_nats(row, "own_d"),
        decodable=_share(row, "decodable"),
        control=NOT_MEASURED if control is None else percent(control),
        selectivity=_share(row, "selectivity"),
    )


def _nats(row: Row, name: str) -> str:
    value, low, high = (present(row[one]) for one in (name, f"{name}_ci_low", f"{name}_ci_high"))
    return NOT_MEASURED if value is None else with_interval(value, low, high)


def _share(row: Row, name: str) -> str:
    value, low, high = (present(row[one]) for one in (name, f"{name}_ci_low", f"{name}_ci_high"))
    if value is None:
        return NOT_MEASURED
    return number(value) if low is None or high is None else percent_with_interval(value, low, high)
