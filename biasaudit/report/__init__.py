"""The report: one HTML file from a finished audit, without script and without network."""

from __future__ import annotations

from biasaudit.report.charts import occupations_chart, reduction_chart
from biasaudit.report.render import render_html

__all__ = ["occupations_chart", "reduction_chart", "render_html"]
