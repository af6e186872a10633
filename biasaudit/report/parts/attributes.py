"""Which words go to which groups: the disparities behind a probe of associations, by attribute and by group."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts.charts import NARROW, WIDE, as_share, occupations_chart, occupations_finding
from biasaudit.report.charts.group_rates import leaves_out_zero, only_pair
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.part import Part
from biasaudit.report.parts.associated import GroupTable, group_tables
from biasaudit.report.words.controls import failed_controls
from biasaudit.report.words.facts import counted, listed, mapping
from biasaudit.report.words.wording import NOT_MEASURED, clean, estimate_text, percent, present, records
from biasaudit.types import Role, stage_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.record.audit_record import AuditRecord
    from biasaudit.report.section import Source

    Row = dict[str, Any]  # Any: cells of a pandas row

FRAMING: Final = "plain"
"""Framing of the attributes' charts and tables."""

LEADS: Final = 40
"""Attributes of a table of leads at most."""

_CLEAR: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRow:
    """One attribute: the world's share, the group it goes to, and its lean with its interval in every checkpoint."""

    attribute: str
    feature: str
    share: str
    leans_to: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributePicture:
    """The attributes of one tuned checkpoint, named where there are several, beside the base's."""

    tuned: str
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """Attributes of one probe, in plain text.

    Attributes
    ----------
    finding : str
    directions : str
        Of two groups, which one is up and which one down in the pictures.
    pictures : tuple of AttributePicture
        Where the world's shares are known.
    checkpoints : tuple of str
        Columns of the table.
    rows : tuple of AttributeRow
        All attributes where the world's shares are known, else those that lean clearly.
    """

    finding: str
    directions: str
    pictures: tuple[AttributePicture, ...]
    checkpoints: tuple[str, ...]
    rows: tuple[AttributeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Associations:
    """One probe: by attribute and by group; `failed_control` says that its negative control does not hold."""

    failed_control: str
    attributes: Attributes | None
    groups: GroupTable | None


def associations(audit: AuditRecord) -> dict[str, Associations]:
    """Return probe -> what it says by attribute and by group, of the probes that have any of it.

    Parameters
    ----------
    audit : AuditRecord
    """
    words, groups, failed = attributes(audit), group_tables(audit.disparities), failed_controls(audit.estimates)
    return {
        probe: Associations(failed_control=failed.get(probe, ""), attributes=words.get(probe), groups=groups.get(probe))
        for probe in sorted({*words, *groups})
    }


def attributes(audit: AuditRecord) -> dict[str, Attributes]:
    """Return probe -> what the models make of its attributes, of every probe that has some.

    Where the world's shares are known, a chart against them and all attributes. Elsewhere the leads: attributes whose
    lean is told from 0 after Benjamini and Hochberg's correction in some checkpoint, those of the strongest lean
    first.

    Parameters
    ----------
    audit : AuditRecord
    """
    disparities = audit.disparities
    rows = records(disparities[(disparities["statistic"] == "by_attribute") & (disparities["framing"] == FRAMING)])
    found = {}
    for probe in sorted({str(row["probe"]) for row in rows}):
        own = [row for row in rows if str(row["probe"]) == probe]
        with_shares = any(as_share(row["reference"]) is not None for row in own)
        found[probe] = (_against_shares if with_shares else _leads)(audit, own, probe)
    return found


def _against_shares(audit: AuditRecord, rows: Sequence[Row], probe: str) -> Attributes:
    table, checkpoints = audit.disparities, _checkpoints(rows)
    cells, pairs = _by_attribute(rows), _pairs(audit, probe)
    order = sorted(cells, key=lambda key: (-(as_share(key[2]) or 0.0), key))
    compared = {only_pair(table, probe=probe, feature=key[0]) for key in cells}
    pair = compared.pop() if len(compared) == 1 else None
    tuned = checkpoints[1:]
    drawn = []
    for name in tuned:
        wide, narrow = (occupations_chart(table, probe=probe, tuned=name, width=width) for width in (WIDE, NARROW))
        finding = occupations_finding(table, probe=probe, tuned=name)
        shown = picture(wide, narrow, alt=finding.description)
        drawn.append(AttributePicture(tuned=clean(name) if len(tuned) > 1 else "", picture=shown))
    clear = {name: sum(leaves_out_zero(found.get(name)) for found in cells.values()) for name in checkpoints}
    of = counted(len(cells), "occupation", "occupations")
    return Attributes(
        finding=f"Of {of}, {_in_each(clear)}; clearly means that the interval does not include 0",
        directions="Up is the first group of the items"
        if pair is None
        else f"Up: {clean(pair[0])}. Down: {clean(pair[1])}",
        pictures=tuple(drawn),
        checkpoints=tuple(map(clean, checkpoints)),
        rows=tuple(_attribute_row(key, cells[key], checkpoints, pairs) for key in order),
    )


def _leads(audit: AuditRecord, rows: Sequence[Row], probe: str) -> Attributes:
    cells, pairs, checkpoints = _by_attribute(rows), _pairs(audit, probe), _checkpoints(rows)
    clear = {
        name: [key for key, found in cells.items() if name in found and _is_clear(found[name])] for name in checkpoints
    }
    leads = {key: _strongest(cells[key]) for keys in clear.values() for key in keys}
    order = sorted(leads, key=lambda key: (-leads[key], key))
    several = " (a word counts once for each feature that it stands in)" if len({key[0] for key in cells}) > 1 else ""
    shown = f". The {LEADS} of the strongest lean are in the table" if len(order) > LEADS else ""
    of, counts = counted(len(cells), "word", "words"), {name: len(keys) for name, keys in clear.items()}
    return Attributes(
        finding=f"Of {of}{several}, {_in_each(counts)}, after a correction for their number{shown}",
        directions="",
        pictures=(),
        checkpoints=tuple(map(clean, checkpoints)),
        rows=tuple(_attribute_row(key, cells[key], checkpoints, pairs) for key in order[:LEADS]),
    )


def _checkpoints(rows: Sequence[Row]) -> list[str]:
    return sorted({str(row["checkpoint"]) for row in rows} | {"base"}, key=stage_place)


def _in_each(counts: Mapping[str, int]) -> str:
    """Say how many lean clearly in the base and in each tuned checkpoint."""
    base, *tuned = counts
    after = [f"{counts[name]} {'after tuning' if len(tuned) == 1 else f'in {clean(name)}'}" for name in tuned]
    return f"{listed([f'{counts[base]} lean clearly to one group in the base', *after])}"


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


def _leans_to(found: Mapping[str, Row], pairs: set[tuple[str, str]], checkpoints: Sequence[str]) -> str:
    """Name the groups to which an attribute clearly leans, and those it leans from; once where all say the same."""
    said = {
        clean(name): _towards(pairs, first=(present(found[name]["value"]) or 0.0) > 0)
        for name in checkpoints
        if leaves_out_zero(found.get(name))
    }
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


_Key = tuple[str, str, str]
"""Feature, attribute and share."""


def _by_attribute(rows: Sequence[Row]) -> dict[_Key, dict[str, Row]]:
    """Return attribute -> checkpoint -> row."""
    found: dict[_Key, dict[str, Row]] = {}
    for row in rows:
        key = (str(row["feature"]), str(row["group"]), str(row["reference"]))
        found.setdefault(key, {})[str(row["checkpoint"])] = row
    return found


def _is_clear(row: Row) -> bool:
    p_bh = present(row["p_bh"])
    return p_bh is not None and p_bh <= _CLEAR


def _strongest(found: Mapping[str, Row]) -> float:
    return max(abs(present(row["value"]) or 0.0) for row in found.values())


def _attribute_row(key: _Key, found: Mapping[str, Row], checkpoints: Sequence[str], pairs: _Pairs) -> AttributeRow:
    feature, attribute, reference = key
    share = as_share(reference)
    return AttributeRow(
        attribute=clean(attribute),
        feature=clean(feature),
        share="not known" if share is None else percent(share),
        leans_to=_leans_to(found, pairs.get((feature, attribute), set()), checkpoints),
        values=tuple(estimate_text(found[name]) if name in found else NOT_MEASURED for name in checkpoints),
    )


def _views(source: Source) -> dict[str, Associations]:
    return associations(source.audit)


PART: Final = Part(
    name="attributes",
    title="Which words, which groups",
    template="parts/attributes.html.jinja",
    views=_views,
    prints=True,
)
