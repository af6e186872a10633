"""By group and by attribute: the disparities behind the associations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.record.pairs import group_and_reference
from biasaudit.report.charts.charts import NARROW, as_share, occupations_chart, occupations_finding
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.section import Section, Source
from biasaudit.report.sections.group_rates import decision_probes, leaves_out_zero, only_pair
from biasaudit.report.words.facts import listed, mapping
from biasaudit.report.words.wording import NOT_MEASURED, clean, estimate_text, percent, present, records
from biasaudit.types import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from biasaudit.record.audit_record import AuditRecord

FRAMING: Final = "plain"
"""Framing of the attributes' charts and tables."""

LEADS: Final = 40
"""Attributes of a table of leads at most."""

_CLEAR: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRow:
    """One attribute: the world's share, the lean of either checkpoint with its interval, and the group it goes to."""

    attribute: str
    feature: str
    share: str
    leans_to: str
    base: str
    tuned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """Attributes of one probe in one tuned checkpoint; a picture where the world's shares are known.

    `directions` says of two groups which one is up and which one down in the picture.
    """

    probe: str
    tuned: str
    finding: str
    directions: str
    picture: Picture | None
    rows: tuple[AttributeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group in one arm: the mean probability of the attributes that the stereotype ties to the group `tied_to`."""

    probe: str
    feature: str
    checkpoint: str
    framing: str
    group: str
    tied_to: str
    estimate: str
    is_difference: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ByGroup:
    """The section: by attribute, and by group."""

    attributes: tuple[Attributes, ...]
    groups: tuple[GroupRow, ...]


def attributes(audit: AuditRecord, names: Mapping[str, str]) -> tuple[Attributes, ...]:
    """Return what the model makes of the attributes of every probe that has some.

    Where the world's shares are known, a chart against them and all attributes. Elsewhere the leads: attributes whose
    lean is told from 0 after Benjamini and Hochberg's correction in either checkpoint, those of the strongest lean
    first.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    disparities = audit.disparities
    chosen = disparities[(disparities["statistic"] == "by_attribute") & (disparities["framing"] == FRAMING)]
    rows = records(chosen)
    tuned_there = sorted({str(row["checkpoint"]) for row in rows} - {"base"})
    found = []
    for probe in sorted({str(row["probe"]) for row in rows}):
        own = [row for row in rows if str(row["probe"]) == probe]
        for tuned in tuned_there:
            with_shares = any(as_share(row["reference"]) is not None for row in own)
            show = _against_shares if with_shares else _leads
            found.append(show(audit, own, probe=probe, name=names.get(probe, clean(probe)), tuned=tuned))
    return tuple(found)


_Rows = list[dict[str, Any]]  # Any: pandas cells


def _against_shares(audit: AuditRecord, rows: _Rows, *, probe: str, name: str, tuned: str) -> Attributes:
    finding = occupations_finding(audit.disparities, probe=probe, tuned=tuned)
    wide = occupations_chart(audit.disparities, probe=probe, tuned=tuned)
    narrow = occupations_chart(audit.disparities, probe=probe, tuned=tuned, width=NARROW)
    cells, pairs = _by_attribute(rows), _pairs(audit, probe)
    order = sorted(cells, key=lambda key: (-(as_share(key[2]) or 0.0), key))
    compared = {only_pair(audit.disparities, probe=probe, feature=key[0]) for key in cells}
    pair = compared.pop() if len(compared) == 1 else None
    return Attributes(
        probe=name,
        tuned=clean(tuned),
        finding=f"{finding.title}; clearly means that the interval does not include 0",
        directions="Up is the first group of the items"
        if pair is None
        else f"Up: {clean(pair[0])}. Down: {clean(pair[1])}",
        picture=picture(wide, narrow, alt=finding.description),
        rows=tuple(_attribute_row(key, cells[key], tuned, pairs) for key in order),
    )


def _leads(audit: AuditRecord, rows: _Rows, *, probe: str, name: str, tuned: str) -> Attributes:
    cells, pairs = _by_attribute(rows), _pairs(audit, probe)
    clear = {
        arm: [key for key, found in cells.items() if arm in found and _is_clear(found[arm])] for arm in ("base", tuned)
    }
    leads = {key: _strongest(cells[key]) for keys in clear.values() for key in keys}
    order = sorted(leads, key=lambda key: (-leads[key], key))
    shown = f"; the {LEADS} of the strongest lean are shown" if len(order) > LEADS else ""
    return Attributes(
        probe=name,
        tuned=clean(tuned),
        finding=f"Of {len(cells)} attributes by feature, {len(clear['base'])} lean clearly in the base and "
        f"{len(clear[tuned])} after tuning, by Benjamini and Hochberg over all of them{shown}",
        directions="",
        picture=None,
        rows=tuple(_attribute_row(key, cells[key], tuned, pairs) for key in order[:LEADS]),
    )


_Pairs = dict[tuple[str, str], set[tuple[str, str]]]
"""(feature, attribute) -> first and second group of the items that name it."""


def _pairs(audit: AuditRecord, probe: str) -> _Pairs:
    found: _Pairs = {}
    chosen = audit.items[(audit.items["probe"] == probe) & (audit.items["role"] == Role.BIAS.value)]
    for row in records(chosen[["feature", "groups", "tags"]].drop_duplicates()):
        first, joint, second = str(row["groups"]).partition(" | ")
        tags = _tags(row["tags"])
        for name in ("attribute_1", "attribute_2"):
            if joint and tags.get(name):
                found.setdefault((str(row["feature"]), str(tags[name])), set()).add((first, second))
    return found


def _tags(stored: object) -> Mapping[str, Any]:  # Any: JSON values
    try:
        return mapping(json.loads(str(stored)))
    except (ValueError, RecursionError):
        return {}


def _leans_to(found: dict[str, dict[str, Any]], pairs: set[tuple[str, str]], tuned: str) -> str:  # Any: pandas cells
    """Name the groups to which an attribute clearly leans, and those it leans from."""
    said = {}
    for name, arm in (("base", "base"), ("tuned", tuned)):
        if arm in found and leaves_out_zero(found[arm]):
            said[name] = _towards(pairs, first=(present(found[arm]["value"]) or 0.0) > 0)
    if not said:
        return "not clear"
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{name}: {groups}" for name, groups in said.items())


def _towards(pairs: set[tuple[str, str]], *, first: bool) -> str:
    """Say to which groups a lean goes, and from which; pairs with one group in common are said as one."""
    if not pairs:
        return "first group" if first else "second group"
    ends = sorted(pair if first else pair[::-1] for pair in pairs)
    over: dict[str, list[str]] = {}
    for to, other in ends:
        over.setdefault(other, []).append(to)
    merged: dict[str, list[str]] = {}
    for other, groups in over.items():
        merged.setdefault(listed(groups), []).append(other)
    return "; ".join(f"{clean(groups)} over {clean(listed(others))}" for groups, others in merged.items())


def _by_attribute(rows: _Rows) -> dict[tuple[str, str, str], dict[str, dict[str, Any]]]:  # Any: pandas cells
    """Return (feature, attribute, share) -> checkpoint -> row."""
    found: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
    for row in rows:
        key = (str(row["feature"]), str(row["group"]), str(row["reference"]))
        found.setdefault(key, {})[str(row["checkpoint"])] = row
    return found


def _is_clear(row: dict[str, Any]) -> bool:  # Any: pandas cells
    p_bh = present(row["p_bh"])
    return p_bh is not None and p_bh <= _CLEAR


def _strongest(found: dict[str, dict[str, Any]]) -> float:  # Any: pandas cells
    return max(abs(present(row["value"]) or 0.0) for row in found.values())


def _attribute_row(
    key: tuple[str, str, str],
    found: dict[str, dict[str, Any]],  # Any: pandas cells
    tuned: str,
    pairs: _Pairs,
) -> AttributeRow:
    feature, attribute, reference = key
    share = as_share(reference)
    base, after = (estimate_text(found[arm]) if arm in found else NOT_MEASURED for arm in ("base", tuned))
    return AttributeRow(
        attribute=clean(attribute),
        feature=clean(feature),
        share="not known" if share is None else percent(share),
        leans_to=_leans_to(found, pairs.get((feature, attribute), set()), tuned),
        base=base,
        tuned=after,
    )


def group_rows(audit: AuditRecord, names: Mapping[str, str]) -> tuple[GroupRow, ...]:
    """Return the disparities of associations by group, the difference after its groups.

    Features that set several groups against one another have differences only: they stand in the table of leans.
    """
    chosen = audit.disparities[audit.disparities["statistic"].isin(["by_group", "difference"])]
    chosen = chosen[~chosen["probe"].isin(decision_probes(audit.disparities))]
    of_two = chosen.loc[chosen["statistic"] == "by_group", ["probe", "feature"]].drop_duplicates()
    chosen = chosen.merge(of_two, on=["probe", "feature"])
    rows = sorted(
        records(chosen),
        key=lambda row: (
            str(row["probe"]),
            str(row["feature"]),
            str(row["framing"]) != FRAMING,
            str(row["checkpoint"]) != "base",
            str(row["checkpoint"]),
            str(row["statistic"]) == "difference",
        ),
    )
    first_of = {
        (str(probe), str(feature)): (only_pair(audit.disparities, probe=str(probe), feature=str(feature)) or ("",))[0]
        for probe, feature in of_two.itertuples(index=False)
    }
    return tuple(
        GroupRow(
            probe=names.get(str(row["probe"]), clean(row["probe"])),
            feature=clean(row["feature"]),
            checkpoint=clean(row["checkpoint"]),
            framing=clean(row["framing"]),
            group=" − ".join(map(clean, group_and_reference(row)))
            if row["statistic"] == "difference"
            else clean(row["group"]),
            tied_to=clean(first_of[str(row["probe"]), str(row["feature"])]),
            estimate=estimate_text(row),
            is_difference=row["statistic"] == "difference",
        )
        for row in rows
    )


def _view(source: Source) -> ByGroup | None:
    found = ByGroup(attributes=attributes(source.audit, source.names), groups=group_rows(source.audit, source.names))
    return found if found.attributes or found.groups else None


SECTION: Final = Section(name="groups", title="Attributes", template="groups.html.jinja", view=_view)
