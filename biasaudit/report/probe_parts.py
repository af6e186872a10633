"""The parts of a probe's section, in its order: to add one, write its file and its template, and name it here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.report.part import Part
from biasaudit.report.parts import (
    asked,
    attributes,
    competence,
    damage,
    drawn,
    items,
    limits,
    rates,
    verdicts,
    wordings,
)

PARTS: Final[Mapping[str, Part]] = {
    part.name: part
    for part in (
        asked.PART,
        verdicts.PART,
        rates.PART,
        attributes.PART,
        wordings.PART,
        competence.PART,
        drawn.PART,
        damage.PART,
        items.PART,
        limits.PART,
    )
}
