"""Items and responses of perturbed probes, and item values from them; apart from those of the probes themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.analysis.asked_items import asked_items
from biasaudit.analysis.scoring import scores_frame
from biasaudit.analysis.table import Given, Table
from biasaudit.record import tables

if TYPE_CHECKING:
    import pandas as pd


def _computed(given: Given) -> pd.DataFrame:
    analysis, items = given.analysis, given.tables["variant_items"]
    variants = {} if analysis.perturbed is None else analysis.perturbed.variants
    also = {name: analysis.also[one.of] for name, one in variants.items() if one.of in analysis.also}
    asked = asked_items(items, given.tables["variant_responses"])
    return scores_frame(asked, items, analysis.framings, also=also)


VARIANT_ITEMS: Final = Table(name="variant_items", schema=tables.ITEMS, computed=None, of_perturbed=True)
VARIANT_RESPONSES: Final = Table(name="variant_responses", schema=tables.RESPONSES, computed=None, of_perturbed=True)
VARIANT_SCORES: Final = Table(name="variant_scores", schema=tables.SCORES, computed=_computed, of_perturbed=True)
