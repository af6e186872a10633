"""The page of an explanation: what it says, the profile in both orders, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasaudit.explanations.layers import FoundLayers
from biasaudit.explanations.names import MEASURED, OF_RECORDS
from biasaudit.explanations.words import FoundWords
from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding
from biasaudit.report.charts.depth_chart import depth_chart
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.outputs.explained_components import QuestionView, explained_components
from biasaudit.report.outputs.explained_layers import LayersView, layers_view
from biasaudit.report.outputs.explained_records import ExplainedRecords, explained_records
from biasaudit.report.outputs.explained_words import WordsView, words_view
from biasaudit.report.words.explained.depths import cut_words, depth_sentence, three
from biasaudit.report.words.wording import (
    NOT_MEASURED,
    chart_label,
    clean,
    number,
    p_value,
    percent,
    present,
    records,
    verdict_class,
)

if TYPE_CHECKING:
    from biasaudit.explanations.record import Explanation

Row = Mapping[str, Any]  # Any: pandas cells


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One part, as a row of the table."""

    part: str
    exchanged: bool
    index_below: str
    index_above: str
    from_below: str
    from_above: str
    phi: str
    p_adjusted: str
    competence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView:
    """One feature: its sentence, its halves, its picture and its parts."""

    feature: str
    sentence: str
    verdict: str
    css_class: str
    why: str
    reduction: str
    lower: str
    upper: str
    lower_share: str
    upper_share: str
    interaction: str
    counts: str
    picture: Picture
    parts: tuple[PartRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Everything that the page shows."""

    title: str
    probe: str
    positive_index: str
    base: str
    tuned: str
    framing: str
    level: str
    cut: str
    n_parts: str
    n_exchanged: str
    features: tuple[FeatureView, ...]
    components: tuple[QuestionView, ...]
    words: WordsView
    layers: LayersView
    training: ExplainedRecords
    unmeasured: Mapping[str, str]


def explained(explanation: Explanation) -> Explained:
    """Gather the page of an explanation."""
    noted, facts = explanation.manifest, explanation.facts
    cells, parts = records(explanation.cells), records(explanation.parts)
    probe = clean(noted["probe_name"])
    return Explained(
        title=f"Where the change sits: {probe}",
        probe=probe,
        positive_index=clean(noted["positive_index"], limit=400),
        base=clean(noted["models"]["base"]),
        tuned=clean(noted["models"][noted["tuned"]]),
        framing="plain text" if facts.framing == "plain" else "in the chat template",
        level=percent(facts.level, decimals=0),
        cut=cut_words(explanation),
        n_parts=f"{len(facts.parts)}",
        n_exchanged=f"{sum(facts.exchanged)}",
        features=tuple(
            _feature(row, [one for one in parts if one["feature"] == row["feature"]], probe) for row in cells
        ),
        components=explained_components(explanation),
        words=words_view(
            FoundWords(table=explanation.words, facts=explanation.evidence.facts["words"]),
            level=percent(facts.level, decimals=0),
        ),
        layers=layers_view(
            FoundLayers(table=explanation.layers, facts=explanation.evidence.facts["layers"]),
            level=percent(facts.level, decimals=0),
        ),
        training=_training(explanation),
        unmeasured={name: clean(why, limit=400) for name, why in explanation.evidence.unmeasured.items()},
    )


def _training(explanation: Explanation) -> ExplainedRecords:
    facts = explanation.evidence.facts[OF_RECORDS]
    if facts["status"] != MEASURED:
        return ExplainedRecords(reason=clean(facts["status"], limit=400))
    return explained_records(explanation.records, explanation.record_groups, facts)


def _feature(row: Row, parts: Sequence[Row], probe: str) -> FeatureView:
    feature = clean(row["feature"])
    finding = Finding(
        title=chart_label(f"{probe}, {feature}", limit=70),
        description=(
            "Dot chart with one row for each part of the model, from the embeddings to the head: how much the index "
            "falls when the part is exchanged after all below it (open circle), after all above it (filled diamond), "
            "and the mean of both (triangle). The table holds the same numbers."
        ),
    )
    wide, narrow = (depth_chart(parts, finding, width=width) for width in (WIDE, NARROW))
    also = f", {int(row['n_also']):,} second clusters" if row["n_also"] else ""
    return FeatureView(
        feature=feature,
        sentence=depth_sentence(row),
        verdict=str(row["verdict"]),
        css_class=verdict_class(str(row["verdict"])),
        why=clean(row["reason"], limit=300),
        counts=f"{int(row['n_items']):,} items, {int(row['n_clusters']):,} clusters{also}",
        picture=picture(wide, narrow, alt=finding.description),
        parts=tuple(_part(one) for one in parts),
        **{
            name: three(row, name)
            for name in ("reduction", "lower", "upper", "lower_share", "upper_share", "interaction")
        },
    )


def _part(row: Row) -> PartRow:
    competence = [present(row[name]) for name in ("competence_below", "competence_above")]
    return PartRow(
        part=clean(row["part"]),
        exchanged=bool(row["exchanged"]),
        index_below=_number(row["index_below"]),
        index_above=_number(row["index_above"]),
        from_below=three(row, "from_below"),
        from_above=three(row, "from_above"),
        phi=three(row, "phi"),
        p_adjusted=p_value(present(row["p_adjusted"])),
        competence=" / ".join(NOT_MEASURED if one is None else number(one) for one in competence),
    )


def _number(value: object) -> str:
    found = present(value)
    return NOT_MEASURED if found is None else number(found)
