"""The sections of the page: from tables to values that a template shows."""
