"""Records of which it is known that they push a lean are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explanations.trained import SOURCES, attributed, auc, made


@pytest.mark.slow
def test_records_that_push_a_lean_are_found(tmp_path: Path) -> None:
    """Five of a hundred put occupations beside the pronoun that the base has learned not to put there.

    What else they say is in other sentences and of other occupations than what is asked, and a tenth of the others
    name pronouns too. docs/validation.md has ten seeds, and a base to which the records say nothing new.
    """
    one = made(tmp_path, 3)
    found = attributed(one, tmp_path)
    values = found.records["influence"].to_numpy()
    assert auc(values, one.leaning) >= 0.9
    assert auc(values[one.paired], one.leaning[one.paired]) >= 0.9
    index = found.facts["index"]["gender"]
    assert index[-1] > index[0]
    groups = found.groups.set_index("group")
    assert groups["p_adjusted"][SOURCES[0]] < 0.01
    assert groups["influence"][SOURCES[0]] > groups["chance_high"][SOURCES[0]]
