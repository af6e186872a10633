"""What each perturbation leaves of each cell: one row per tuned checkpoint, probe, feature and perturbation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandera.pandas as pa

from biasaudit.analysis.perturbed.cells import CellUnder, cells_under
from biasaudit.analysis.perturbed.rows import framed, three
from biasaudit.analysis.table import Given, Table
from biasaudit.record.columns import count, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from biasaudit.analysis.perturbed.reading import Reading
    from biasaudit.stats.perturbed import UnderOne

SCHEMA: Final = pa.DataFrameSchema(
    {
        "tuned": text("tuned checkpoint"),
        "contrast": text("which arms are compared (1.4)"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "perturbation": text("what was done to the contexts"),
        "place": count("of the perturbation in its set, from 1"),
        "variant": text("id of the perturbed probe; empty where none was made"),
        "status": text("of the reduction under it: `ok`, or why there is no number"),
        "why_not": text("why nothing is claimed of it, in words; empty where something is"),
        "first_value": number("level of the first side under it", "index", null=True),
        "first_ci_low": number("lower bound of the first side's interval", "index", null=True),
        "first_ci_high": number("upper bound of the first side's interval", "index", null=True),
        "second_value": number("level of the second side under it", "index", null=True),
        "second_ci_low": number("lower bound of the second side's interval", "index", null=True),
        "second_ci_high": number("upper bound of the second side's interval", "index", null=True),
        "reduction": number("D under it, first side minus second", "index points", null=True),
        "ci_low": number("lower bound of D's interval at the audit's level", "index points", null=True),
        "ci_high": number("upper bound of D's interval", "index points", null=True),
        "low": number(
            "simultaneous lower bound, over all perturbations, of D in the direction of the reduction (14.4)",
            "index points",
            null=True,
        ),
        "holds": text("whether a reduction is shown under it (14.2): `yes`, `no`, or empty where nothing was tested"),
        "holds_p": number("one-sided p-value of that, not adjusted", "p", null=True),
        "loss": number("how much less is reduced under it than without (14.3)", "index points", null=True),
        "loss_ci_low": number("lower bound of the loss's interval", "index points", null=True),
        "loss_ci_high": number("upper bound of the loss's interval", "index points", null=True),
        "loss_p": number(
            "one-sided p-value of no loss, adjusted over all perturbations by max-T (14.3)", "p", null=True
        ),
        "first_competence": number("competence of the first side under it", "share", null=True),
        "second_competence": number("competence of the second side under it", "share", null=True),
        "first_competence_loss": number("how much of it the first side lost to the perturbation", "share", null=True),
        "second_competence_loss": number("how much of it the second side lost to the perturbation", "share", null=True),
        "first_licensed_drop": number(
            "how much of the licensed associations the first side lost to the perturbation", "share", null=True
        ),
        "second_licensed_drop": number(
            "how much of the licensed associations the second side lost to the perturbation", "share", null=True
        ),
        "n_items": count(
            "items that the comparison rests on: those scored without and under every perturbation", "items"
        ),
        "n_clusters": count("clusters of these", "clusters"),
    },
    strict=True,
    unique=["tuned", "probe", "feature", "perturbation"],
)
"""One row per tuned checkpoint, probe, feature and perturbation of the set, made or not."""


def _computed(given: Given) -> pd.DataFrame:
    perturbed = given.analysis.perturbed
    made = {} if perturbed is None else {(one.of, one.perturbation): name for name, one in perturbed.variants.items()}
    rows = [row for cell in cells_under(given) for row in _rows(cell, made)]
    return framed(rows, SCHEMA, by=["tuned", "probe", "feature", "place"])


def _rows(cell: CellUnder, made: dict[tuple[str, str], str]) -> Iterator[dict[str, object]]:
    for place, one in enumerate(cell.survival.each, start=1):
        yield {
            "tuned": cell.tuned,
            "contrast": cell.contrast,
            "probe": cell.probe,
            "feature": cell.feature,
            "perturbation": one.name,
            "place": place,
            "variant": made.get((cell.probe, one.name), ""),
            "why_not": cell.why_not.get(one.name, ""),
            **_measured(one),
            **_read(cell.readings.get(one.name)),
        }


def _measured(one: UnderOne) -> dict[str, object]:
    return {
        "status": one.status.value,
        **three("first_value", "first_", one.first),
        **three("second_value", "second_", one.second),
        **three("reduction", "", one.reduction),
        "low": one.low,
        "holds": "" if one.holds is None else "yes" if one.holds else "no",
        "holds_p": one.holds_p,
        **three("loss", "loss_", one.loss),
        "loss_p": one.loss_p,
        "n_items": one.reduction.n_items,
        "n_clusters": one.reduction.n_clusters,
    }


def _read(both: tuple[Reading, Reading] | None) -> dict[str, Any]:  # Any: numbers, some missing
    sides = zip(("first", "second"), both or (None, None), strict=True)
    return {
        f"{side}_{what}": None if reading is None else getattr(reading, what).value
        for side, reading in sides
        for what in ("competence", "competence_loss", "licensed_drop")
    }


VARIANTS: Final = Table(name="variants", schema=SCHEMA, computed=_computed, of_perturbed=True)
