"""From a finished audit to one HTML file: one script of our own, no network, every foreign text escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

import jinja2

from biasaudit.report.outputs.explained import explained
from biasaudit.report.outputs.notebook import compact
from biasaudit.report.outputs.shared_picture import shared_picture
from biasaudit.report.outputs.side_by_side import sides
from biasaudit.report.probe_parts import PARTS
from biasaudit.report.sections.decision import decision_view
from biasaudit.report.view import page
from biasaudit.report.words.glossary import GLOSSARY
from biasaudit.report.words.wording import showable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from biasaudit.explanations.record import Explanation
    from biasaudit.gate import GateDecision
    from biasaudit.record.audit_record import AuditRecord
    from biasaudit.report.part import Part
    from biasaudit.report.section import Section


def render_html(audit: AuditRecord, *, decision: GateDecision | None = None) -> str:
    """Return the report of an audit as one HTML document.

    Parameters
    ----------
    audit : AuditRecord
    decision : GateDecision, optional
        Of a policy on this audit; shown as a section of its own.

    Returns
    -------
    str
        Complete document that loads nothing; the same audit gives the same text.
    """
    view = page(audit, decision=decision)
    templates = {one.section.name: _template(one.section) for one in view.sections}
    template = _environment().get_template("page.html.jinja")
    return template.render(
        page=view,
        templates=templates,
        part_templates={name: _template(part) for name, part in PARTS.items()},
        security=security(with_script=view.has_script),
    )


def render_side_by_side(audits: Mapping[str, AuditRecord]) -> str:
    """Return one HTML document with several audits side by side.

    Parameters
    ----------
    audits : mapping
        Name to show -> audit.
    """
    template = _environment().get_template("side_by_side.html.jinja")
    return template.render(page=sides(audits), security=security())


def render_explanation(explanation: Explanation) -> str:
    """Return one HTML document of where a reduction sits."""
    template = _environment().get_template("explanation.html.jinja")
    return template.render(page=explained(explanation), security=security())


def render_picture(audit: AuditRecord) -> str:
    """Return the picture of an audit for sharing, as SVG: models, answer, interval, date, and the leans of both."""
    return _environment().get_template("picture.svg.jinja").render(picture=shared_picture(audit))


def render_notebook(audit: AuditRecord) -> str:
    """Return what a notebook shows of an audit, as an HTML fragment."""
    return _environment().get_template("notebook.html.jinja").render(audit=compact(audit))


def security(*, with_script: bool = False) -> str:
    """Return the content-security policy of a page: its own style, and at most our own script, by its hash.

    Parameters
    ----------
    with_script : bool
        Whether the page holds the script that finds items.
    """
    parts = ["default-src 'none'", "style-src 'unsafe-inline'", "img-src data:"]
    # These two do not fall back on the first.
    parts += ["base-uri 'none'", "form-action 'none'"]
    if with_script:
        script = _environment().get_template("find.js").render().encode("utf-8")
        digest = base64.b64encode(hashlib.sha256(script).digest()).decode("ascii")
        parts.append(f"script-src 'sha256-{digest}'")
    return "; ".join(parts)


def render_decision(decision: GateDecision) -> str:
    """Return the section of the page that shows a decision, as an HTML fragment."""
    template = _environment().get_template("decision.html.jinja")
    return template.render(shown=decision_view(decision))


def _template(section: Section | Part) -> jinja2.Template:
    """Return a template; one from elsewhere is filled in under the same rules, and has our macros."""
    environment = _environment()
    if section.folder is not None:
        elsewhere = [jinja2.FileSystemLoader(section.folder), jinja2.PackageLoader("biasaudit.report")]
        environment = environment.overlay(loader=jinja2.ChoiceLoader(elsewhere))
    return environment.get_template(section.template)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("biasaudit.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_encodable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["glossary"] = GLOSSARY
    return environment


def _encodable(value: object) -> object:
    """Keep lone surrogates and control characters out of the file, whatever a view let through."""
    # Markup is what macros of our own templates return: it has passed here already.
    return showable(value) if type(value) is str else value
