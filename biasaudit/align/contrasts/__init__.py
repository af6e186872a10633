"""Contrasts to tune on: a file's form, what stands in it, and what an update sees of it."""

from __future__ import annotations

from biasaudit.align.contrasts.form import Order, Split
from biasaudit.align.contrasts.read import OWN, read_contrasts
from biasaudit.align.contrasts.sets import Contrasts, ContrastSet, GroupPair, Licensed, Template, WordPair

__all__ = [
    "OWN",
    "ContrastSet",
    "Contrasts",
    "GroupPair",
    "Licensed",
    "Order",
    "Split",
    "Template",
    "WordPair",
    "read_contrasts",
]
