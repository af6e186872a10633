"""By group and by attribute: the disparities behind the associations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts import NARROW, as_share, occupations_chart, occupations_finding
from biasaudit.report.group_rates import decision_probes
from biasaudit.report.pictures import Picture, picture
from biasaudit.report.wording import NOT_MEASURED, clean, estimate_text, percent, present, records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from biasaudit.audits.result import Audit

FRAMING: Final = "plain"
"""Framing of the attributes' charts and tables."""

LEADS: Final = 40
"""Attributes of a table of leads at most."""

_CLEAR: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRow:
    """One attribute: the world's share, and the lean of either checkpoint with its interval."""

    attribute: str
    feature: str
    share: str
    base: str
    tuned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """Attributes of one probe in one tuned checkpoint; a picture where the world's shares are known."""

    probe: str
    tuned: str
    finding: str
    picture: Picture | None
    rows: tuple[AttributeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group in one arm: the mean probability of the first attribute."""

    probe: str
    feature: str
    checkpoint: str
    framing: str
    group: str
    estimate: str
    is_difference: bool


def attributes(audit: Audit, names: Mapping[str, str]) -> tuple[Attributes, ...]:
    """Return what the model makes of the attributes of every probe that has some.

    Where the world's shares are known, a chart against them and all attributes. Elsewhere the leads: attributes whose
    lean is told from 0 after Benjamini and Hochberg's correction in either checkpoint, those of the strongest lean
    first.

    Parameters
    ----------
    audit : Audit
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


def _against_shares(audit: Audit, rows: _Rows, *, probe: str, name: str, tuned: str) -> Attributes:
    finding = occupations_finding(audit.disparities, probe=probe, tuned=tuned)
    wide = occupations_chart(audit.disparities, probe=probe, tuned=tuned)
    narrow = occupations_chart(audit.disparities, probe=probe, tuned=tuned, width=NARROW)
    cells = _by_attribute(rows)
    order = sorted(cells, key=lambda key: (-(as_share(key[2]) or 0.0), key))
    return Attributes(
        probe=name,
        tuned=clean(tuned),
        finding=f"{finding.title}; clearly means that the interval does not include 0",
        picture=picture(wide, narrow, alt=finding.description),
        rows=tuple(_attribute_row(key, cells[key], tuned) for key in order),
    )


def _leads(_: Audit, rows: _Rows, *, probe: str, name: str, tuned: str) -> Attributes:
    del probe
    cells = _by_attribute(rows)
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
        picture=None,
        rows=tuple(_attribute_row(key, cells[key], tuned) for key in order[:LEADS]),
    )


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
) -> AttributeRow:
    feature, attribute, reference = key
    share = as_share(reference)
    base, after = (estimate_text(found[arm]) if arm in found else NOT_MEASURED for arm in ("base", tuned))
    return AttributeRow(
        attribute=clean(attribute),
        feature=clean(feature),
        share="not known" if share is None else percent(share),
        base=base,
        tuned=after,
    )


def group_rows(audit: Audit, names: Mapping[str, str]) -> tuple[GroupRow, ...]:
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
    return tuple(
        GroupRow(
            probe=names.get(str(row["probe"]), clean(row["probe"])),
            feature=clean(row["feature"]),
            checkpoint=clean(row["checkpoint"]),
            framing=clean(row["framing"]),
            group=clean(row["group"]).replace(" - ", " − ")
            if row["statistic"] == "difference"
            else clean(row["group"]),
            estimate=estimate_text(row),
            is_difference=row["statistic"] == "difference",
        )
        for row in rows
    )
