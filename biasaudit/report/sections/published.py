"""Published scores: the numbers that a benchmark's paper prints, base beside tuned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.benchmarks.printed import part_of_the_set, point_of, without_interval
from biasaudit.report.section import Section, Source
from biasaudit.report.words.facts import listed
from biasaudit.report.words.framings import in_framing
from biasaudit.report.words.wording import clean, count, estimate_text, number, present, records
from biasaudit.types import stage_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.record.audit_record import AuditRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One score of one subset: an estimate for each checkpoint, and how much of it was scored."""

    subset: str
    score: str
    parity: str
    estimates: tuple[str, ...]
    scored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScores:
    """The scores of one probe in one framing; `part` says so where they rest on a part of the set alone."""

    probe: str
    framing: str
    part: str
    checkpoints: tuple[str, ...]
    rows: tuple[PublishedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """All published scores."""

    finding: str
    scores: tuple[PublishedScores, ...]


def published_scores(audit: AuditRecord, names: Mapping[str, str]) -> tuple[PublishedScores, ...]:
    """Return a table per probe that has published scores: the plain framing, or the first wording where there is none.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    rows = records(audit.published)
    found = []
    for probe in sorted({str(row["probe"]) for row in rows}):
        of_probe = [row for row in rows if str(row["probe"]) == probe]
        framings = sorted({str(row["framing_id"]) for row in of_probe})
        framing = "plain" if "plain" in framings else framings[0]
        chosen = [row for row in of_probe if str(row["framing_id"]) == framing]
        checkpoints = sorted({str(row["checkpoint"]) for row in chosen}, key=stage_place)
        found.append(
            PublishedScores(
                probe=names.get(probe, clean(probe)),
                framing=in_framing(framing),
                part=part_of_the_set(chosen),
                checkpoints=tuple(map(clean, checkpoints)),
                rows=_rows(chosen, checkpoints),
            )
        )
    return tuple(found)


def _rows(rows: Sequence[Mapping[str, Any]], checkpoints: Sequence[str]) -> tuple[PublishedRow, ...]:  # Any: cells
    by_score: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_score.setdefault((str(row["subset"]), str(row["score"])), {})[str(row["checkpoint"])] = row
    ordered = sorted(by_score.items(), key=lambda entry: (entry[0][0] != "all", entry[0]))
    return tuple(
        PublishedRow(
            subset=clean(subset),
            score=clean(score),
            parity=_parity(next(iter(of_score.values()))["parity"]),
            estimates=tuple(_estimate(of_score[name]) if name in of_score else "not measured" for name in checkpoints),
            scored=_scored([of_score[name] for name in checkpoints if name in of_score]),
        )
        for (subset, score), of_score in ordered
    )


def _estimate(row: Mapping[str, Any]) -> str:  # Any: cells
    point = point_of(row)
    return estimate_text(row) if point is None else f"{number(point)} {without_interval(row)}"


def _parity(value: object) -> str:
    stands = present(value)
    return "none" if stands is None else f"{stands:g}"


def _scored(rows: Sequence[Mapping[str, Any]]) -> str:  # Any: cells
    asked = max(int(row["n_asked"]) for row in rows)
    scored = sorted({int(row["n_items"]) for row in rows})
    least = count(scored[0]) if len(scored) == 1 else f"{count(scored[0])} to {count(scored[-1])}"
    return f"{least} of {count(asked)}"


def _view(source: Source) -> Published | None:
    scores = published_scores(source.audit, source.names)
    names = listed([one.probe for one in scores])
    return (
        Published(finding=f"{names}, in the units of the papers; no part of the verdicts", scores=scores)
        if scores
        else None
    )


SECTION: Final = Section(name="published", title="Published scores", template="published.html.jinja", view=_view)
