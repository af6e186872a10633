"""Every number of every table lies within its own interval, whichever way a model leans."""

from __future__ import annotations

import pytest

from biasaudit.testing import always_anti, leaning, never_deciding, noisy, scripted_audit

PROBES = ("occupations", "traits", "decisions", "identity-toxicity", "ambiguous-qa")
VALUES = {"estimates": "value", "families": "value", "comparisons": "reduction", "disparities": "value"}


@pytest.mark.slow
@pytest.mark.parametrize("probe", PROBES)
def test_no_number_lies_outside_its_interval(probe: str) -> None:
    """Differences of probabilities were cut as if they were probabilities: -0.308 (0.000 to -0.092)."""
    against = leaning("against", noisy(-1.0, item_sd_nats=2.0))
    for base, tuned in ((against, always_anti()), (never_deciding(), leaning("with", noisy(0.5, item_sd_nats=1.0)))):
        audit = scripted_audit(base, tuned, probes=[probe])
        for table, name in VALUES.items():
            rows = getattr(audit, table)
            rows = rows[rows[name].notna()]
            outside = rows[~((rows["ci_low"] <= rows[name] + 1e-9) & (rows[name] <= rows["ci_high"] + 1e-9))]
            assert not len(outside), outside.to_string()
