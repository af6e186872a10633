"""The forms of a report: HTML, Markdown, a model card, CSV, a notebook."""
