"""The sections of the page, in its order: to add one, write its file and its template, and name it here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.report.section import Section
from biasaudit.report.sections import (
    audited,
    decision,
    first_screen,
    four_arms,
    heat,
    probes,
    published,
    robustness,
    searches,
    stages,
)

SECTIONS: Final[Mapping[str, Section]] = {
    section.name: section
    for section in (
        first_screen.SECTION,
        decision.SECTION,
        probes.SECTION,
        robustness.SECTION,
        searches.SECTION,
        stages.SECTION,
        four_arms.SECTION,
        heat.SECTION,
        published.SECTION,
        audited.SECTION,
        audited.METHOD,
    )
}
