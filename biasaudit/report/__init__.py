"""The report: one HTML file from a finished audit, which loads nothing, and its other forms."""

from __future__ import annotations

from biasaudit.report.charts.charts import occupations_chart, reduction_chart
from biasaudit.report.outputs.csv_files import write_csv
from biasaudit.report.outputs.markdown import render_markdown
from biasaudit.report.outputs.model_card import model_card
from biasaudit.report.outputs.render import (
    render_explanation,
    render_html,
    render_notebook,
    render_picture,
    render_side_by_side,
)

__all__ = [
    "model_card",
    "occupations_chart",
    "reduction_chart",
    "render_explanation",
    "render_html",
    "render_markdown",
    "render_notebook",
    "render_picture",
    "render_side_by_side",
    "write_csv",
]
