"""That a checkpoint cannot descend from the base is read in one place, from what models/lineage.py writes."""

from __future__ import annotations

import pytest

from biasaudit.record.lineage_fact import of_different_lineage


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (
            "DIFFERENT LINEAGE (2 tokens have other numbers): a difference between them cannot be put down to tuning",
            {"tuned"},
        ),
        ("same architecture, sizes and vocabulary", set()),
        ("same architecture and sizes; the tuned vocabulary has 1 token more: 'DIFFERENT LINEAGE'", set()),
        ("scripted: no weights were tuned", set()),
    ],
)
def test_the_sentences_of_audits_on_disk_are_told_apart(told: str, found: set[str]) -> None:
    """The words as audits have them since there are audits: they are all that those hold."""
    assert of_different_lineage({"tuned": told, "other": ""}) == found


def test_an_audit_without_a_record_of_lineage_says_nothing_against_it() -> None:
    assert of_different_lineage({}) == frozenset()
