"""How sure one may be of the answer, and what the audit cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.framing import PLAIN
from biasaudit.kinds import KINDS
from biasaudit.report.sections.first.guards import ABOVE_CHANCE, COVERS, NO_ITEMS, Guards
from biasaudit.report.words.facts import Fact, counted, listed, mapping
from biasaudit.report.words.reasons import reason_in_words
from biasaudit.report.words.wording import NOT_RECORDED, clean, count, number, percent, present, records
from biasaudit.stats.significance import is_by_sign_flips
from biasaudit.types import Status, Verdict

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord, Headline

    Rows = Sequence[Mapping[str, Any]]  # Any: cells of pandas rows

_NAMED: Final = 4
"""Names that are listed; of more, the others are counted."""

_ALPHA: Final = 0.05

_UNDECIDED: Final = frozenset({Verdict.INCONCLUSIVE.value})
_UNMEASURED: Final = frozenset({Verdict.NOT_MEASURED.value, Verdict.NOT_INTERPRETABLE.value})


def how_sure(
    audit: AuditRecord,
    recorded: Mapping[str, Any],  # Any: JSON values
    *,
    headline: Headline | None,
    guards: Sequence[Guards],
) -> tuple[Fact, ...]:
    """Return what the answer's certainty rests on.

    Parameters
    ----------
    audit : AuditRecord
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    headline : Headline or None
        The one that the page answers with.
    guards : sequence of Guards
    """
    cells = headline_cells(audit, headline)
    competence = [[row.competence_says for row in part.rows] for part in guards]
    controls = [[row.control_says for row in part.rows] for part in guards]
    return (
        Fact(term="Interval", values=_interval(headline)),
        Fact(term="Verdicts", values=_verdicts(recorded, cells, _family(audit))),
        Fact(term="Holds for", values=_holds_for(recorded)),
        Fact(term="Undecided", values=_undecided(cells)),
        Fact(term="Competence", values=(_guarded(competence, ABOVE_CHANCE), *_fell(cells))),
        Fact(term="Negative controls", values=(_guarded(controls, COVERS),)),
        Fact(term="Coverage", values=_coverage(audit, recorded)),
    )


def not_measured(
    audit: AuditRecord,
    recorded: Mapping[str, Any],  # Any: JSON values
    names: Mapping[str, str],
    *,
    headline: Headline | None,
    guards: Sequence[Guards],
) -> tuple[Fact, ...]:
    """Return what the audit does not say.

    Parameters
    ----------
    audit, recorded, headline, guards
        As in :func:`how_sure`.
    names : mapping
        Probe -> name to show.
    """
    cells = headline_cells(audit, headline)
    kinds = {str(mapping(card).get("kind")) for card in mapping(recorded.get("probes")).values()}
    return (
        *_unmeasured(cells, names),
        Fact(term="No negative control", values=_without_control(guards)),
        Fact(
            term="Behaviour",
            values=(
                "what the model writes: no text was generated",
                *_never_in_chat(audit),
                *_never_asked(kinds),
            ),
        ),
        Fact(term="Beyond", values=("other groups, languages and uses than those of these probes",)),
    )


def _never_in_chat(audit: AuditRecord) -> list[str]:
    asked = {str(name) for name in audit.responses["framing_id"].unique()}
    return [] if asked - {PLAIN.framing_id} else ["how it leans in a chat template, as users meet it: not asked"]


def _never_asked(there: Collection[str]) -> list[str]:
    unasked = (kind for name, kind in KINDS.items() if name not in there and kind.words.would_say)
    return [f"{kind.words.would_say}: no {kind.name} probe was asked" for kind in unasked]


def headline_cells(audit: AuditRecord, headline: Headline | None) -> list[dict[str, Any]]:  # Any: pandas cells
    """Return the declared cells that a headline is about, in their graded form."""
    if headline is None:
        return []
    rows: pd.DataFrame = audit.comparisons
    return records(
        rows[
            rows["declared"]
            & (rows["metric"] == "graded")
            & (rows["tuned"] == headline.tuned)
            & (rows["contrast"] == headline.contrast)
        ]
    )


def _family(audit: AuditRecord) -> list[dict[str, Any]]:  # Any: pandas cells
    """Return the cells that Holm corrects together."""
    rows = audit.comparisons
    return records(rows[(rows["metric"] == "graded") & ~rows["exploratory"]])


def _holds_for(recorded: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    """Say over what the intervals generalise, beside wordings and sources."""
    cards = [mapping(card) for card in mapping(recorded.get("probes")).values()]
    second = {clean(card.get("name")): clean(what) for card in cards if (what := mapping(card.get("also")).get("what"))}
    also = tuple(f"{name}: also other {what}, in features with at least 5" for name, what in second.items())
    return ("other wordings or sources of the same kind, by probe", *also)


def _interval(headline: Headline | None) -> tuple[str, ...]:
    if headline is None:
        return ("none",)
    relative = headline.relative_reduction
    if relative.status is not Status.OK:
        return (clean(relative.status.value),)
    return (
        f"{percent(relative.level, decimals=0)}: so often does an interval made like this hold the true share",
        f"computed as {clean(relative.method, limit=300)}",
    )


def _verdicts(recorded: Mapping[str, Any], cells: Rows, family: Rows) -> tuple[str, ...]:  # Any: JSON values
    margin = present(mapping(recorded.get("plan")).get("margin"))
    within = NOT_RECORDED if margin is None else f"within ±{number(margin, decimals=2)}"
    tested = [row for row in family if present(row["p_holm"]) is not None]
    several = len({str(row["tuned"]) for row in tested}) > 1
    over = "asked in this way, of all tuned checkpoints, that" if several else "that the answer is about and"
    corrected = (
        f"corrected for their number (Holm) over the {counted(len(tested), 'comparison', 'comparisons')} {over} the "
        "models can read; others exploratory"
    )
    barred = [row for row in cells if present(row["p_holm"]) is not None and _is_barred(row, n_tested=len(tested))]
    too_few = (
        f"in {len(barred)} of them the clusters are too few for it: however clear a change, none there could be the "
        "first to pass"
    )
    return (corrected, *([too_few] if barred else []), f"unchanged: {within}, set beforehand")


def _is_barred(row: Mapping[str, Any], *, n_tested: int) -> bool:  # Any: pandas cells
    """Whether no data in this cell could be the first to pass Holm's correction: c clusters have 2**c sign flips."""
    if not is_by_sign_flips(str(row["test"])):
        return False
    return bool(n_tested * 2 / 2 ** int(row["n_clusters"]) > _ALPHA)


def _undecided(cells: Rows) -> tuple[str, ...]:
    rows = [row for row in cells if str(row["verdict"]) in _UNDECIDED]
    said = f"{len(rows)} of {counted(len(cells), 'comparison', 'comparisons')}"
    smallest = [change for row in rows if (change := present(row["smallest_detectable_change"])) is not None]
    if not smallest:
        return (said,)
    low, high = number(min(smallest), decimals=2), number(max(smallest), decimals=2)
    least = low if low == high else f"{low} to {high}, by comparison"
    return (said, f"smallest change one would find there in 80 of 100 such audits, without the correction: {least}")


def _guarded(said: Sequence[Sequence[str]], wanted: str) -> str:
    """Count the probes that pass a guard in every arm, of those that have items for it."""
    there = [words for rows in said if (words := [word for word in rows if word != NO_ITEMS])]
    if not there:
        return "not measured: no such items"
    n_arms = max(len(words) for words in there)
    where = "in both models" if n_arms == 2 else f"in all {n_arms} models and ways of asking"
    good = sum(1 for words in there if set(words) == {wanted})
    some = sum(1 for words in there if wanted in words) - good
    return f"{wanted} {where}: {good} of {counted(len(there), 'probe', 'probes')}" + (
        f"; in {'one' if n_arms == 2 else 'some'} of them: {some} more" if some else ""
    )


def _fell(cells: Rows) -> tuple[str, ...]:
    n_fell = sum(1 for row in cells if row["competence_fell"])
    return (f"it fell in {n_fell} of {counted(len(cells), 'comparison', 'comparisons')}",) if n_fell else ()


def _coverage(audit: AuditRecord, recorded: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    counts = {str(name): value for name, value in mapping(recorded.get("counts")).items()}
    found = [value for value in counts.values() if isinstance(value, int)]
    said = f"{count(counts.get('ok', 0))} of {count(sum(found))} requests scored" if found else NOT_RECORDED
    rows = audit.comparisons[audit.comparisons["declared"] & (audit.comparisons["metric"] == "graded")]
    lowest = rows[["coverage_first", "coverage_second"]].min().min() if len(rows) else None
    share = present(lowest)
    return (said,) if share is None else (said, f"lowest in any comparison: {percent(share)} of its items")


def _unmeasured(compared: Rows, names: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return one fact per verdict, and in it one line per reason with its probes."""
    cells = [row for row in compared if str(row["verdict"]) in _UNMEASURED]
    if not cells:
        said = "every one was measured" if compared else "the answer is about none"
        return (Fact(term="Comparisons", values=(said,)),)
    found: dict[str, dict[str, dict[str, list[str]]]] = {}
    for row in cells:
        reasons = found.setdefault(str(row["verdict"]), {})
        probes = reasons.setdefault(reason_in_words(row), {})
        probes.setdefault(names.get(str(row["probe"]), clean(row["probe"])), []).append(clean(row["feature"]))
    sizes = Counter(str(row["verdict"]) for row in cells)
    return tuple(
        Fact(
            term=f"{clean(verdict[:1].upper() + verdict[1:])}, {counted(sizes[verdict], 'comparison', 'comparisons')}",
            values=tuple(f"{_probes(probes)}: {why}" for why, probes in reasons.items()),
        )
        for verdict, reasons in found.items()
    )


def _probes(found: Mapping[str, Sequence[str]]) -> str:
    by_size = sorted(found.items(), key=lambda entry: -len(entry[1]))
    return ", ".join(f"{probe} ({features[0] if len(features) == 1 else len(features)})" for probe, features in by_size)


def _without_control(guards: Sequence[Guards]) -> tuple[str, ...]:
    without = [part.probe for part in guards if all(row.control_says == NO_ITEMS for row in part.rows)]
    having = [part.probe for part in guards if part.probe not in without]
    if not without:
        return ("every probe has one",)
    of = f"{len(without)} of {counted(len(guards), 'probe', 'probes')}"
    if having and len(having) < len(without):
        return (f"{of}: all but {listed(having)}",)
    return (f"{of}: {listed(_some(without))}",)


def _some(said: Sequence[str]) -> list[str]:
    more = len(said) - _NAMED
    return [*said[:_NAMED], f"{more} more"] if more > 0 else list(said)
