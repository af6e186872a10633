"""A checkpoint that gives one answer to every case: equal between groups, and no use to any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.facts import listed, mapping
from biasaudit.report.words.wording import clean, number, present, records, with_interval

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

    Rows = Sequence[Mapping[str, Any]]  # Any: cells of pandas rows

_COMMENTS: Final = "comments"
"""Format of the probes that ask whether a comment is toxic; there to grant is to let it pass."""

_LIKE_THAT: Final = "Where everyone gets the same answer, groups cannot differ in it; that alone is not fairness."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One probe in one framing of a tuned checkpoint that gives one answer."""

    tuned: str
    done: str
    probe: str
    shared: str
    where: str
    rates: str
    granted: bool
    reach: float


def one_answer(audit: AuditRecord, recorded: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    """Say where a tuned checkpoint grants nothing to any group, or everything to each.

    Parameters
    ----------
    audit : AuditRecord
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    names : mapping
        Probe -> name to show.

    Returns
    -------
    tuple of str
        One note per tuned checkpoint and answer, with the rates of the base and how far the intervals reach.
    """
    cases: dict[tuple[str, str], list[_Case]] = {}
    cards = mapping(recorded.get("probes"))
    for case in _cases(audit, cards, names):
        cases.setdefault((case.tuned, case.done), []).append(case)
    only = len({tuned for tuned, _ in cases}) == 1
    notes = [_note("The tuned model" if only else tuned, done, found) for (tuned, done), found in cases.items()]
    return (*notes[:-1], f"{notes[-1]} {_LIKE_THAT}") if notes else ()


def _note(who: str, done: str, cases: Sequence[_Case]) -> str:
    probes = list(dict.fromkeys(case.probe for case in cases))
    granted, reaches = cases[0].granted, [case.reach for case in cases]
    after, reach = (
        ("1", f"down to {number(min(reaches), decimals=2)}")
        if granted
        else ("0", f"up to {number(max(reaches), decimals=2)}")
    )
    rates = [f"{case.where}{case.rates}" if len(cases) > 1 else case.rates for case in cases]
    return (
        f"{who} {done} in {listed(probes)}, whatever the group. Share {cases[0].shared} by the base, lowest and "
        f"highest group: {'; '.join(rates)}. After tuning: {after} in every group, with intervals {reach}."
    )


def _cases(audit: AuditRecord, cards: Mapping[str, Any], names: Mapping[str, str]) -> list[_Case]:  # Any: JSON values
    table = audit.disparities
    by_arm: dict[tuple[str, str, str], list[dict[str, Any]]] = {}  # Any: pandas cells
    for row in records(table[table["statistic"].isin(["selection_rate", "true_positive_rate"])]):
        if row["status"] == "ok":
            arm = (str(row["probe"]), str(row["framing"]), str(row["checkpoint"]))
            by_arm.setdefault(arm, []).append(row)
    n_framings = len({framing for _, framing, _ in by_arm})
    found = []
    for (probe, framing, checkpoint), rows in by_arm.items():
        base = _of(by_arm.get((probe, framing, "base"), ()), "selection_rate")
        rates = _of(rows, "selection_rate")
        answers = {present(row["value"]) for row in rates}
        if checkpoint == "base" or not base or len(rates) < 2 or answers not in ({0.0}, {1.0}):
            continue
        name = names.get(probe, clean(probe))
        found.append(
            _Case(
                tuned=clean(checkpoint),
                done=_done(rows, granted=answers == {1.0}, comments=_is_comments(cards, probe)),
                probe=name,
                shared="let pass" if _is_comments(cards, probe) else "granted",
                where=f"{name}, {clean(framing)}: " if n_framings > 1 else f"{name}: ",
                rates=_rates(base),
                granted=answers == {1.0},
                reach=_reach(rates, granted=answers == {1.0}),
            )
        )
    return found


def _of(rows: Rows, statistic: str) -> list[Mapping[str, Any]]:  # Any: pandas cells
    return [row for row in rows if row["statistic"] == statistic]


def _is_comments(cards: Mapping[str, Any], probe: str) -> bool:  # Any: JSON values
    return mapping(cards.get(probe)).get("format") == _COMMENTS


def _done(rows: Rows, *, granted: bool, comments: bool) -> str:
    if not comments:
        return "grants every case" if granted else "refuses every case"
    if not granted:
        return "calls every comment toxic"
    caught = {present(row["value"]) for row in _of(rows, "true_positive_rate")}
    return "lets every comment pass, the toxic ones too," if caught == {0.0} else "lets every comment pass"


def _rates(base: Rows) -> str:
    ends = (min(base, key=_value), max(base, key=_value))
    low, high = (with_interval(*(present(row[part]) for part in ("value", "ci_low", "ci_high"))) for row in ends)
    return low if low == high else f"{low} and {high}"


def _reach(rates: Rows, *, granted: bool) -> float:
    bounds = [present(row["ci_low" if granted else "ci_high"]) for row in rates]
    there = [bound for bound in bounds if bound is not None]
    return min(there) if granted else max(there)


def _value(row: Mapping[str, Any]) -> float:  # Any: pandas cells
    return present(row["value"]) or 0.0
