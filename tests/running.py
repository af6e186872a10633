"""An audit as the API runs it, from a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biasaudit.api import rendered
from biasaudit.audits.run import run as of_audits
from biasaudit.facade import Audit

if TYPE_CHECKING:
    from pathlib import Path

    from biasaudit.audits.plan import Plan
    from biasaudit.types.progress import Progress


def run(plan: Plan, *, out: Path | None = None, progress: Progress | None = None) -> Audit:
    """Run a plan with the reports that the API draws."""
    return Audit.of(of_audits(plan, render=rendered, out=out, progress=progress))
