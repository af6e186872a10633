"""From a finished audit to one HTML file: no script, no network, every foreign text escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import jinja2

from biasaudit.report.view import page
from biasaudit.report.wording import showable

if TYPE_CHECKING:
    from biasaudit.audits.result import Audit


def render_html(audit: Audit) -> str:
    """Return the report of an audit as one HTML document.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    str
        Complete document that loads nothing; the same audit gives the same text.
    """
    return _environment().get_template("page.html.jinja").render(page=page(audit))


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("biasaudit.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_encodable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _encodable(value: object) -> object:
    """Keep lone surrogates and control characters out of the file, whatever a view let through."""
    # Markup is what macros of our own templates return: it has passed here already.
    return showable(value) if type(value) is str else value
