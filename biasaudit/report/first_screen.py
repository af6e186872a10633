"""The first screen: the answer, what it rests on, and what would make it void."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.answer import Answer, answer, numbers
from biasaudit.report.certainty import how_sure, not_measured
from biasaudit.report.facts import Fact, counted, mapping
from biasaudit.report.guards import Guards, guards
from biasaudit.report.wording import (
    NOT_RECORDED,
    VERDICT_SYMBOLS,
    clean,
    in_words,
    percent_with_interval,
    records,
    verdict_class,
)
from biasaudit.types import Contrast, Estimate, Status

if TYPE_CHECKING:
    from biasaudit.audits.result import Audit, Headline

DIFFERENT_LINEAGE: Final = "DIFFERENT LINEAGE"
"""How the sentence of a tuned checkpoint begins that cannot descend from the base."""

_LISTED: Final = 12
"""Features that are listed of one probe; of more, the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """Cells with one verdict."""

    verdict: str
    css_class: str
    symbol: str
    n_cells: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineRow:
    """One headline as a table row."""

    tuned: str
    contrast: str
    relative: str
    verdicts: str
    inherited: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreen:
    """Everything above the fold, and the guards below it.

    Attributes
    ----------
    base : str
    tuned : tuple of str
        References of the checkpoints, named where there are several.
    answer : Answer
    verdict_counts : tuple of VerdictCount
        Of the contrast that the answer is about.
    cells : str
        How many cells were judged, with the noun.
    compared, how_sure, not_measured : tuple of Fact
    warnings : tuple of str
    headlines : tuple of HeadlineRow
    guards : tuple of Guards
    """

    base: str
    tuned: tuple[str, ...]
    answer: Answer
    verdict_counts: tuple[VerdictCount, ...]
    cells: str
    compared: tuple[Fact, ...]
    how_sure: tuple[Fact, ...]
    not_measured: tuple[Fact, ...]
    warnings: tuple[str, ...]
    headlines: tuple[HeadlineRow, ...]
    guards: tuple[Guards, ...]


def first_screen(
    audit: Audit, recorded: Mapping[str, Any], names: Mapping[str, str]
) -> FirstScreen:  # Any: JSON values
    """Gather the first screen.

    Parameters
    ----------
    audit : Audit
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    names : mapping
        Probe -> name to show.
    """
    lineage = {str(key): clean(value, limit=400) for key, value in mapping(recorded.get("lineage")).items()}
    headline = audit.headlines[0] if audit.headlines else None
    related = headline is None or not lineage.get(headline.tuned, "").startswith(DIFFERENT_LINEAGE)
    found = guards(audit, names)
    base, tuned = _checkpoints(mapping(recorded.get("plan")))
    return FirstScreen(
        base=base,
        tuned=tuned,
        answer=answer(headline, related=related),
        verdict_counts=_verdict_counts(headline),
        cells=counted(headline.n_cells if headline else 0, "cell", "cells"),
        compared=_compared(audit, recorded, names, lineage),
        how_sure=how_sure(audit, recorded, headline=headline, guards=found),
        not_measured=not_measured(audit, recorded, names, headline=headline, guards=found),
        warnings=_warnings(audit, lineage),
        headlines=tuple(_headline_row(row) for row in audit.headlines),
        guards=found,
    )


def _verdict_counts(headline: Headline | None) -> tuple[VerdictCount, ...]:
    counts = headline.counts if headline else {}
    return tuple(
        VerdictCount(
            verdict=clean(verdict),
            css_class=verdict_class(verdict),
            symbol=VERDICT_SYMBOLS.get(verdict, "•"),
            n_cells=str(counts.get(verdict, 0)),
        )
        for verdict in [*VERDICT_SYMBOLS, *sorted(set(counts) - set(VERDICT_SYMBOLS))]
    )


def _headline_row(headline: Headline) -> HeadlineRow:
    relative = headline.relative_reduction
    if relative.status is Status.OK:
        shown = percent_with_interval(*numbers(relative))
    else:
        shown = clean(relative.status.value) + (f": {clean(relative.method)}" if relative.method else "")
    return HeadlineRow(
        tuned=clean(headline.tuned),
        contrast=clean(headline.contrast),
        relative=shown,
        verdicts=in_words(headline.counts) or "no cell",
        inherited=f"{headline.n_inherited} of {headline.n_cells}",
    )


def _checkpoints(plan: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:  # Any: JSON values
    tuned = mapping(plan.get("tuned"))
    return clean(plan.get("base", NOT_RECORDED)), tuple(
        clean(reference) if len(tuned) == 1 else f"{clean(name)}: {clean(reference)}"
        for name, reference in tuned.items()
    ) or (NOT_RECORDED,)


def _compared(
    audit: Audit,
    recorded: Mapping[str, Any],  # Any: JSON values
    names: Mapping[str, str],
    lineage: Mapping[str, str],
) -> tuple[Fact, ...]:
    dtypes = {
        str(name): clean(mapping(found).get("dtype", NOT_RECORDED))
        for name, found in mapping(recorded.get("fingerprints")).items()
    }
    return (
        Fact(term="Lineage", values=tuple(lineage.values()) or (NOT_RECORDED,)),
        Fact(
            term="Number format",
            values=tuple(dict.fromkeys(dtypes.values()))
            if len(set(dtypes.values())) <= 1 and dtypes
            else tuple(f"{clean(name)}: {dtype}" for name, dtype in dtypes.items()) or (NOT_RECORDED,),
        ),
        Fact(term="Framings", values=_framings(mapping(recorded.get("plan")))),
        Fact(term="Probes and features", values=_features(audit, names) or (NOT_RECORDED,)),
    )


def _features(audit: Audit, names: Mapping[str, str]) -> tuple[str, ...]:
    found: dict[str, dict[str, None]] = {probe: {} for probe in names}
    for row in records(audit.comparisons.loc[audit.comparisons["declared"], ["probe", "feature"]]):
        found.setdefault(str(row["probe"]), {})[clean(row["feature"])] = None
    return tuple(
        f"{names.get(probe, clean(probe))}: {_listed(sorted(features)) or NOT_RECORDED}"
        for probe, features in found.items()
    )


def _listed(features: Sequence[str]) -> str:
    more = len(features) - _LISTED
    return ", ".join(features[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _framings(plan: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    wordings: dict[str, int] = {}
    for framing in plan.get("framings") or ():
        name = clean(mapping(framing).get("framing", NOT_RECORDED))
        wordings[name] = wordings.get(name, 0) + 1
    return tuple(
        f"{name}, {number} wordings of the request" if number > 1 else name for name, number in wordings.items()
    ) or (NOT_RECORDED,)


def _warnings(audit: Audit, lineage: Mapping[str, str]) -> tuple[str, ...]:
    found = [
        f"{clean(name)}: {said}. Read every difference on this page as one between two models, not as an effect of "
        "tuning."
        for name, said in lineage.items()
        if said.startswith(DIFFERENT_LINEAGE)
    ]
    shares = {(row.tuned, row.contrast): row.relative_reduction for row in audit.headlines}
    for tuned in dict.fromkeys(row.tuned for row in audit.headlines):
        plain = shares.get((tuned, Contrast.WEIGHTS_PLAIN.value))
        deployed = shares.get((tuned, Contrast.AS_DEPLOYED.value))
        if plain is not None and deployed is not None and _opposite(plain, deployed):
            found.append(
                f"{clean(tuned)}: the effect of the weights and the effect as deployed point in opposite directions, "
                "so the change cannot be put down to the weights alone."
            )
    return tuple(found)


def _opposite(plain: Estimate, deployed: Estimate) -> bool:
    """Whether the signs differ and at least one of the two is a change: of two that show none there is no sign."""
    if plain.status is not Status.OK or deployed.status is not Status.OK:
        return False
    (first, *first_bounds), (second, *second_bounds) = numbers(plain), numbers(deployed)
    shown = any(low > 0 or high < 0 for low, high in (first_bounds, second_bounds))
    return shown and first * second < 0
