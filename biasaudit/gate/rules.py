"""From a rule to the cells that it looks at, whether or not the audit has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biasaudit.gate.criterion import REASONS, judge
from biasaudit.gate.evidence import Evidence
from biasaudit.gate.lean import Interval
from biasaudit.gate.measurement import Measurement
from biasaudit.gate.policy import SettledRule
from biasaudit.gate.readings import ALL
from biasaudit.gate.vocabulary import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One rule at one place.

    Attributes
    ----------
    rule : SettledRule
    tuned, probe, feature, group : str
    found : Measurement or None
        What the audit has there.
    why : str
        Why there is nothing.
    """

    rule: SettledRule
    tuned: str
    probe: str
    feature: str
    group: str
    found: Measurement | None = None
    why: str = ""

    @property
    def interval(self) -> Interval | None:
        """Value and bounds as the audit has them."""
        return None if self.found is None else self.found.interval

    def judged(self, low: float, high: float) -> tuple[Outcome, str]:
        """Judge an interval, its bounds given.

        Few items or clusters, and a model that is not shown to read them, take a pass away and give none.
        """
        rule, found = self.rule, self.found
        outcome = judge(rule.criterion, low, high, rule.bound)
        if outcome is Outcome.PASSED and found is not None:
            if found.reserve or found.unread:
                return Outcome.INCONCLUSIVE, found.reserve or found.unread
            for number, least, unit in (
                (found.n_items, rule.min_items, "items"),
                (found.n_clusters, rule.min_clusters, "clusters"),
            ):
                if number < least:
                    return Outcome.INCONCLUSIVE, f"{number} {unit}; nothing passes with fewer than {least}"
        return outcome, REASONS[outcome]


def cells_of(rule: SettledRule, evidence: Evidence) -> list[Cell]:
    """Return the cells of a rule, never none: what the audit lacks must show as a result."""
    rows = evidence.rows(rule.criterion, rule.form)
    if rows and all(row.arm != rule.arm for row in rows):
        # One line for what the whole audit lacks: no cell of it can be judged.
        nowhere = Cell(rule=rule, tuned="", probe=ALL, feature=ALL, group="", why=_why_no_arm(rule, rows))
        return [nowhere]
    # Sets: a name written twice is one name.
    places = sorted(
        {
            (tuned, probe, feature, group)
            for tuned in evidence.tuned or ("",)
            for probe in _probes(rule, rows, evidence)
            for feature in _features(rule, probe, rows, evidence)
            for group in _groups(rule, probe, feature, rows)
        }
    )
    cells: list[Cell] = []
    for tuned, probe, feature, group in places:
        wanted = (tuned, probe, feature, group, rule.arm)
        found = [row for row in rows if (row.tuned, row.probe, row.feature, row.group, row.arm) == wanted]
        place = Cell(rule=rule, tuned=tuned, probe=probe, feature=feature, group=group)
        cells += [_at(place, row) for row in found] or [_at(place, None, why=_why_absent(place, rows, evidence))]
    return cells


def _at(place: Cell, found: Measurement | None, *, why: str = "") -> Cell:
    return Cell(
        rule=place.rule,
        tuned=place.tuned,
        probe=place.probe,
        feature=place.feature,
        group=place.group,
        found=found,
        why=why if found is None else found.why,
    )


def _probes(rule: SettledRule, rows: Sequence[Measurement], evidence: Evidence) -> Iterable[str]:
    if rule.probes:
        return rule.probes
    there = {row.probe for row in rows} if rule.criterion.applies_to else set(evidence.features)
    return there or {ALL}


def _features(rule: SettledRule, probe: str, rows: Sequence[Measurement], evidence: Evidence) -> Iterable[str]:
    if "features" not in rule.criterion.keys:
        return (ALL,)
    if rule.features:
        return rule.features
    there = (
        {row.feature for row in rows if row.probe == probe}
        if rule.criterion.applies_to
        else set(evidence.features.get(probe, ()))
    )
    return there - {ALL} or {ALL}


def _groups(rule: SettledRule, probe: str, feature: str, rows: Sequence[Measurement]) -> Iterable[str]:
    if "groups" not in rule.criterion.keys:
        return ("",)
    if rule.groups:
        return rule.groups
    return {row.group for row in rows if (row.probe, row.feature) == (probe, feature)} or {""}


def _why_no_arm(rule: SettledRule, rows: Sequence[Measurement]) -> str:
    there = ", ".join(sorted({row.arm for row in rows}))
    key = rule.criterion.arm
    return (
        f"not measured: the audit has nothing for {key} {rule.arm!r}; it has: {there}. Run it in both framings, or "
        f"name another {key}"
    )


def _why_absent(place: Cell, rows: Sequence[Measurement], evidence: Evidence) -> str:
    return _why_no_probe(place, rows, evidence) or _why_no_row(place, rows, evidence)


def _why_no_probe(place: Cell, rows: Sequence[Measurement], evidence: Evidence) -> str:
    criterion = place.rule.criterion
    known = sorted({*evidence.features, *(row.probe for row in rows)})
    if not known:
        return "the audit has no measured cell"
    if place.probe not in {ALL, *known}:
        return f"the audit has no probe {place.probe!r}; it has: {', '.join(known)}"
    if why := criterion.why_absent(evidence.tables):
        return why
    if criterion.applies_to and not any(row.probe == place.probe for row in rows):
        where = "the audit" if place.probe == ALL else f"probe {place.probe!r}"
        return f"not measured: {where} has no {criterion.applies_to}"
    return ""


def _why_no_row(place: Cell, rows: Sequence[Measurement], evidence: Evidence) -> str:
    features = {*evidence.features.get(place.probe, ()), *(row.feature for row in rows if row.probe == place.probe)}
    if place.feature not in features:
        return f"probe {place.probe!r} has no feature {place.feature!r}; it has: {', '.join(sorted(features))}"
    if not place.tuned:
        return "the audit has no tuned checkpoint"
    groups = {row.group for row in rows if (row.probe, row.feature) == (place.probe, place.feature)} - {""}
    if place.group not in {"", *groups}:
        there = ", ".join(sorted(groups)) or "none"
        return f"feature {place.feature!r} has no group {place.group!r} beside the reference; it has: {there}"
    arm = place.rule.arm
    arms = {row.arm for row in rows if (row.tuned, row.probe) == (place.tuned, place.probe)}
    there = ", ".join(sorted(arms)) or "nothing"
    return f"the audit has no such cell for {arm!r}; for this checkpoint and probe it has: {there}"
