"""Comparisons of arms: the level that is asked for is the level of all that is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from biasaudit.testing import leaning, noisy, scripted_audit
from tests.scripted_audits import SENSE
from tests.tiny import item, save_probe


def compared(folder: Path, level: float) -> dict[str, Any]:
    """One cell of 60 pairs in 6 clusters, whose lean of 2 nats halves in each of them: the least p is 2 / 2^6."""
    probe = save_probe(folder / "mini", [*(item(number, cluster=f"c{number % 6}") for number in range(60)), *SENSE])
    models = [leaning(name, noisy(lean, item_sd_nats=0.1)) for name, lean in (("base", 2.0), ("tuned", 1.0))]
    rows = scripted_audit(*models, probes=[str(probe)], level=level).comparisons
    [row] = rows[(rows["metric"] == "graded") & rows["declared"]].to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_a_verdict_has_the_level_of_its_intervals(tmp_path: Path) -> None:
    """With --level 0.99 the intervals were of 99 %, and a p-value of 0.03 was good for a claim all the same."""
    usual, strict = (compared(tmp_path / str(level), level) for level in (0.95, 0.99))
    assert usual["p_holm"] == strict["p_holm"] == 2 / 2**6
    assert strict["ci_low"] > 0
    assert (usual["verdict"], strict["verdict"]) == ("reduced", "inconclusive")


def test_what_could_be_found_has_the_level_too(tmp_path: Path) -> None:
    """Six clusters can show a change at 5 %, and none at 1 %, however large."""
    usual, strict = (compared(tmp_path / str(level), level) for level in (0.95, 0.99))
    assert usual["smallest_detectable_change"] > 0
    assert strict["smallest_detectable_change"] != strict["smallest_detectable_change"]
