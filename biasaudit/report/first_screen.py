"""The first screen: the answer, what it rests on, and what would make it void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.wording import (
    NOT_MEASURED,
    NOT_RECORDED,
    VERDICT_SYMBOLS,
    clean,
    count,
    estimate_text,
    in_words,
    percent,
    percent_with_interval,
    present,
    records,
    verdict_class,
)
from biasaudit.types import Contrast, Estimate, Status

if TYPE_CHECKING:
    from biasaudit.audits.result import Audit, Headline

DIFFERENT_LINEAGE: Final = "DIFFERENT LINEAGE"
"""How the sentence of a tuned checkpoint begins that cannot descend from the base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The headline's interval on a line; positions are CSS percentages."""

    zero: str
    one: str
    low: str
    width: str
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One sentence, whether it holds a number, and what it rests on."""

    sentence: str
    measured: bool
    basis: str
    strip: Strip | None


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
class GuardRow:
    """Competence and negative control of one probe in one arm."""

    checkpoint: str
    framing: str
    competence: str
    competence_says: str
    control: str
    control_says: str
    warns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The guards of one probe; no rows where it has no items for them."""

    probe: str
    rows: tuple[GuardRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A term and what is said of it."""

    term: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreen:
    """Everything above the fold, and the guards beside it."""

    answer: Answer
    verdict_counts: tuple[VerdictCount, ...]
    n_cells: str
    facts: tuple[Fact, ...]
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
    lineage = {str(key): clean(value, limit=400) for key, value in _mapping(recorded.get("lineage")).items()}
    headline = audit.headlines[0] if audit.headlines else None
    related = headline is None or not lineage.get(headline.tuned, "").startswith(DIFFERENT_LINEAGE)
    return FirstScreen(
        answer=answer(headline, related=related),
        verdict_counts=tuple(
            VerdictCount(
                verdict=clean(verdict),
                css_class=verdict_class(verdict),
                symbol=VERDICT_SYMBOLS.get(verdict, "•"),
                n_cells=str(headline.counts.get(verdict, 0)) if headline else "0",
            )
            for verdict in [
                *VERDICT_SYMBOLS,
                *sorted(set(headline.counts if headline else ()) - set(VERDICT_SYMBOLS)),
            ]
        ),
        n_cells=str(headline.n_cells) if headline else "0",
        facts=_facts(audit, recorded, names, lineage),
        warnings=_warnings(audit, lineage),
        headlines=tuple(_headline_row(row) for row in audit.headlines),
        guards=_guards(audit, names),
    )


def answer(headline: Headline | None, *, related: bool) -> Answer:
    """Answer the page's question in one sentence.

    Parameters
    ----------
    headline : Headline or None
    related : bool
        Whether the tuned checkpoint can descend from the base; if not, nothing is put down to tuning.
    """
    if headline is None:
        return Answer(sentence="Not measured: no contrast was compared.", measured=False, basis="", strip=None)
    relative = headline.relative_reduction
    basis = (
        f"{clean(headline.tuned)}; {clean(headline.contrast)}; {count(relative.n_items)} items in "
        f"{count(relative.n_clusters)} clusters; {headline.n_inherited} of {headline.n_cells} cells lean clearly in "
        "the base"
    )
    if relative.status is not Status.OK:
        why = clean(relative.method, limit=300) or clean(relative.status.value)
        lead = "Not measured" if relative.status is Status.NOT_MEASURED else "Not estimable"
        return Answer(
            sentence=f"{lead}: {why}. No number is given for the share of the inherited lean that is gone.",
            measured=False,
            basis=basis,
            strip=None,
        )
    return Answer(sentence=_sentence(relative, related=related), measured=True, basis=basis, strip=_strip(relative))


def _sentence(relative: Estimate, *, related: bool) -> str:
    value, low, high = _numbers(relative)
    level = f"{percent(relative.level, decimals=0)} interval"
    shown = f"{percent(value)} ({level} {percent(low)} to {percent(high)})"
    if low <= 0 <= high:
        return f"No change in the inherited lean is shown: the share that is gone is {shown}."
    if value < 0:
        grown = f"{percent(-value)} ({level} {percent(-high)} to {percent(-low)})"
        if related:
            return f"Instruction tuning did not reduce it: the inherited lean grew by {grown}."
        return f"The second checkpoint leans more than the base, by {grown} of the base's lean."
    if related:
        return f"Instruction tuning removed {shown} of the inherited lean."
    return f"The second checkpoint lacks {shown} of the base's lean."


def _numbers(estimate: Estimate) -> tuple[float, float, float]:
    if estimate.value is None or estimate.ci_low is None or estimate.ci_high is None:
        msg = "an estimate with status ok has a value and both bounds"
        raise ValueError(msg)
    return estimate.value, estimate.ci_low, estimate.ci_high


def _strip(relative: Estimate) -> Strip:
    value, low, high = _numbers(relative)
    start, end = min(-0.25, low), max(1.0, high)

    def place(position: float) -> str:
        return f"{100 * (position - start) / (end - start):.2f}%"

    return Strip(
        zero=place(0.0),
        one=place(1.0),
        low=place(low),
        width=f"{100 * (high - low) / (end - start):.2f}%",
        value=place(value),
        label=f"Share of the inherited lean that is gone: {percent_with_interval(value, low, high)}",
    )


def _headline_row(headline: Headline) -> HeadlineRow:
    relative = headline.relative_reduction
    if relative.status is Status.OK:
        shown = percent_with_interval(*_numbers(relative))
    else:
        shown = clean(relative.status.value) + (f": {clean(relative.method)}" if relative.method else "")
    return HeadlineRow(
        tuned=clean(headline.tuned),
        contrast=clean(headline.contrast),
        relative=shown,
        verdicts=in_words(headline.counts) or "no cell",
        inherited=f"{headline.n_inherited} of {headline.n_cells}",
    )


def _facts(
    audit: Audit,
    recorded: Mapping[str, Any],  # Any: JSON values
    names: Mapping[str, str],
    lineage: Mapping[str, str],
) -> tuple[Fact, ...]:
    plan = _mapping(recorded.get("plan"))
    tuned = _mapping(plan.get("tuned"))
    dtypes = {
        str(name): clean(_mapping(found).get("dtype", NOT_RECORDED))
        for name, found in _mapping(recorded.get("fingerprints")).items()
    }
    return (
        Fact(term="Base", values=(clean(plan.get("base", NOT_RECORDED)),)),
        Fact(
            term="Tuned",
            values=tuple(
                clean(reference) if len(tuned) == 1 else f"{clean(name)}: {clean(reference)}"
                for name, reference in tuned.items()
            )
            or (NOT_RECORDED,),
        ),
        Fact(term="Lineage", values=tuple(lineage.values()) or (NOT_RECORDED,)),
        Fact(
            term="Number format",
            values=tuple(dict.fromkeys(dtypes.values()))
            if len(set(dtypes.values())) <= 1 and dtypes
            else tuple(f"{clean(name)}: {dtype}" for name, dtype in dtypes.items()) or (NOT_RECORDED,),
        ),
        Fact(term="Framings", values=_framings(plan)),
        Fact(term="Probes", values=tuple(names.values()) or (NOT_RECORDED,)),
        Fact(term="Coverage", values=_coverage(audit, recorded)),
    )


def _framings(plan: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    wordings: dict[str, int] = {}
    for framing in plan.get("framings") or ():
        name = clean(_mapping(framing).get("framing", NOT_RECORDED))
        wordings[name] = wordings.get(name, 0) + 1
    return tuple(
        f"{name}, {number} wordings of the request" if number > 1 else name for name, number in wordings.items()
    ) or (NOT_RECORDED,)


def _coverage(audit: Audit, recorded: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    counts = {str(name): value for name, value in _mapping(recorded.get("counts")).items()}
    numbers = [value for value in counts.values() if isinstance(value, int)]
    said = f"{count(counts.get('ok', 0))} of {count(sum(numbers))} requests scored" if numbers else NOT_RECORDED
    rows = audit.comparisons[audit.comparisons["declared"] & (audit.comparisons["metric"] == "graded")]
    lowest = rows[["coverage_first", "coverage_second"]].min().min() if len(rows) else None
    share = present(lowest)
    return (said,) if share is None else (said, f"lowest in any cell: {percent(share)} of its items")


def _warnings(audit: Audit, lineage: Mapping[str, str]) -> tuple[str, ...]:
    found = [
        f"{clean(name)}: {said}. Read every difference on this page as one between two models, not as an effect of "
        "tuning."
        for name, said in lineage.items()
        if said.startswith(DIFFERENT_LINEAGE)
    ]
    values = {
        (row.tuned, row.contrast): row.relative_reduction.value
        for row in audit.headlines
        if row.relative_reduction.value is not None
    }
    for tuned in dict.fromkeys(row.tuned for row in audit.headlines):
        plain = values.get((tuned, Contrast.WEIGHTS_PLAIN.value))
        deployed = values.get((tuned, Contrast.AS_DEPLOYED.value))
        if plain is not None and deployed is not None and plain * deployed < 0:
            found.append(
                f"{clean(tuned)}: the effect of the weights and the effect as deployed point in opposite directions, "
                "so the change cannot be put down to the weights alone."
            )
    return tuple(found)


def _guards(audit: Audit, names: Mapping[str, str]) -> tuple[Guards, ...]:
    found: dict[str, dict[tuple[str, str], dict[str, Mapping[str, Any]]]] = {probe: {} for probe in names}  # Any: cells
    chosen = audit.estimates[audit.estimates["metric"].isin(["competence", "control"])]
    for row in records(chosen):
        arms = found.setdefault(str(row["probe"]), {})
        arms.setdefault((str(row["checkpoint"]), str(row["framing"])), {})[str(row["metric"])] = row
    return tuple(
        Guards(
            probe=names.get(probe, clean(probe)),
            rows=tuple(
                _guard(checkpoint, framing, by_metric)
                for (checkpoint, framing), by_metric in sorted(
                    arms.items(),
                    key=lambda entry: (entry[0][0] != "base", entry[0][0], entry[0][1] != "plain"),
                )
            ),
        )
        for probe, arms in found.items()
    )


def _guard(checkpoint: str, framing: str, by_metric: Mapping[str, Mapping[str, Any]]) -> GuardRow:  # Any: pandas cells
    competence, control = by_metric.get("competence"), by_metric.get("control")
    above = _beyond(competence, 0.5, "above chance", "below chance", "includes chance")
    covers = _beyond(control, 0.0, "does not cover 0", "does not cover 0", "covers 0")
    return GuardRow(
        checkpoint=clean(checkpoint),
        framing=clean(framing),
        competence=estimate_text(competence) if competence else NOT_MEASURED,
        competence_says=above,
        control=estimate_text(control) if control else NOT_MEASURED,
        control_says=covers,
        warns=above in {"includes chance", "below chance"} or covers == "does not cover 0",
    )


def _beyond(
    row: Mapping[str, Any] | None, limit: float, above: str, below: str, within: str
) -> str:  # Any: pandas cells
    if row is None:
        return "no such items"
    low, high = present(row["ci_low"]), present(row["ci_high"])
    if low is None or high is None:
        return ""
    return above if low > limit else below if high < limit else within


def _mapping(value: object) -> Mapping[str, Any]:  # Any: JSON values
    return value if isinstance(value, Mapping) else {}
