"""A negative control that does not hold: a lean where no stereotype is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biasaudit.report.words.facts import listed
from biasaudit.report.words.wording import clean, present, records
from biasaudit.types import stage_place

if TYPE_CHECKING:
    import pandas as pd


def failed_controls(estimates: pd.DataFrame) -> dict[str, str]:
    """Return probe -> which models lean where no stereotype is, in one sentence; of the probes where one does.

    Parameters
    ----------
    estimates : DataFrame
        See :data:`biasaudit.record.tables.ESTIMATES`.
    """
    beyond: dict[str, set[tuple[str, str]]] = {}
    for row in records(estimates[estimates["metric"] == "control"]):
        low, high = present(row["ci_low"]), present(row["ci_high"])
        if low is not None and high is not None and (low > 0 or high < 0):
            beyond.setdefault(str(row["probe"]), set()).add((str(row["checkpoint"]), str(row["framing"])))
    return {
        probe: "The negative control does not hold: where no stereotype is, there is a lean, too, in "
        + listed([clean(f"{name}, {framing}") for name, framing in sorted(arms, key=_order)])
        for probe, arms in beyond.items()
    }


def _order(arm: tuple[str, str]) -> tuple[bool, tuple[int, str]]:
    checkpoint, framing = arm
    return framing != "plain", stage_place(checkpoint)
