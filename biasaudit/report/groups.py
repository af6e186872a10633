"""By group and by attribute: the disparities behind the associations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts import NARROW, as_share, occupations_chart, occupations_finding
from biasaudit.report.group_rates import decision_probes
from biasaudit.report.pictures import Picture, picture
from biasaudit.report.wording import clean, estimate_text, percent, records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from biasaudit.audits.result import Audit

FRAMING: Final = "plain"
"""Framing of the occupations chart and its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRow:
    """One attribute: the world's share, and the lean of either checkpoint with its interval."""

    attribute: str
    share: str
    base: str
    tuned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """All attributes of one probe in one tuned checkpoint."""

    probe: str
    tuned: str
    finding: str
    picture: Picture
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
    """Return the occupations chart and table of every probe that has attributes.

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
            finding = occupations_finding(disparities, probe=probe, tuned=tuned)
            wide = occupations_chart(disparities, probe=probe, tuned=tuned)
            narrow = occupations_chart(disparities, probe=probe, tuned=tuned, width=NARROW)
            found.append(
                Attributes(
                    probe=names.get(probe, clean(probe)),
                    tuned=clean(tuned),
                    finding=finding.title,
                    picture=picture(wide, narrow, alt=finding.description),
                    rows=_attribute_rows(own, tuned),
                )
            )
    return tuple(found)


def _attribute_rows(rows: list[dict[str, Any]], tuned: str) -> tuple[AttributeRow, ...]:  # Any: pandas cells
    by_attribute: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        key = (str(row["group"]), str(row["reference"]))
        by_attribute.setdefault(key, {})[str(row["checkpoint"])] = estimate_text(row)
    shares = {reference: as_share(reference) for _, reference in by_attribute}
    return tuple(
        AttributeRow(
            attribute=clean(attribute),
            share="not known" if (share := shares[reference]) is None else percent(share),
            base=estimates.get("base", "not measured"),
            tuned=estimates.get(tuned, "not measured"),
        )
        for (attribute, reference), estimates in sorted(
            by_attribute.items(), key=lambda entry: (-(shares[entry[0][1]] or 0.0), entry[0])
        )
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
