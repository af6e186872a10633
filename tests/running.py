"""An audit as the API runs it, from a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.api import rendered
from biasaudit.audits.run import run as of_audits
from biasaudit.facade import Audit
from biasaudit.record import store

if TYPE_CHECKING:
    from pathlib import Path

    from biasaudit.audits.finish import Render
    from biasaudit.audits.plan import Plan
    from biasaudit.record.audit_record import AuditRecord
    from biasaudit.types.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """An audit that ran once for all tests of a process, which read it, or change a copy of its folder.

    Attributes
    ----------
    plan : Plan
        Run with it again, a copy is found finished.
    audit : Audit
        As `run` gave it back.
    out : Path
        Its folder, with pages.
    """

    plan: Plan
    audit: Audit
    out: Path


def undrawn(_: AuditRecord) -> dict[str, str]:
    """Stand in for the reports where a test reads tables alone: drawing takes half of a small audit's time."""
    return {store.REPORT: "not drawn", store.REPORT_MARKDOWN: "not drawn"}


def in_words(audit: AuditRecord) -> dict[str, str]:
    """Draw Markdown alone, which takes a tenth of the page's time."""
    from biasaudit.report import render_markdown

    return {store.REPORT: "not drawn", store.REPORT_MARKDOWN: render_markdown(audit)}


def run(plan: Plan, *, out: Path | None = None, progress: Progress | None = None, render: Render = rendered) -> Audit:
    """Run a plan with the reports that the API draws, or others."""
    return Audit.of(of_audits(plan, render=render, out=out, progress=progress))
