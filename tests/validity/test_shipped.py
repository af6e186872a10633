"""The gate over the probes that were written for this package: what the check finds, their cards accept."""

from __future__ import annotations

import pytest

from biasaudit.probes import available, load_probe
from biasaudit.probes.registry import card_of
from biasaudit.validity import findings

OWN = [name for name in available() if not card_of(name).data.published]


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_whatever_is_found_in_a_shipped_probe_is_accepted_with_a_reason(name: str) -> None:
    assert [finding.message for finding in findings(load_probe(name)) if finding.accepted is None] == []
