"""Pairs of equal length beside all pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from biasaudit.analysis.lengths import unequal_pairs, with_equal_lengths
from biasaudit.facade import Audit
from biasaudit.report import render_html
from biasaudit.report.words.other_forms import DISAGREES
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import ClusterDesign, ProbeItem, Request
from tests.tiny import item, save_probe

LONGER = 40
"""Of 120 pairs, as many of which the stereotype has a token more."""


def is_longer(item_id: str) -> bool:
    return int(item_id.removeprefix("i")) < LONGER


def audited(folder: Path, *, equal: float, longer: float, tuned_by: float = 0.0) -> Audit:
    """Pairs that lean by `equal` or `longer` nats, their answers cut into tokens, the analysis computed on those."""
    rows = [item(n, cluster=f"c{n % 12}", id=f"i{n}") for n in range(120)]
    probe = save_probe(folder / "mini", rows)

    def lean(by: float) -> object:
        def value(one: ProbeItem, _: Request) -> float:
            noise = 0.1 * np.sin(int(one.item_id.removeprefix("i")))
            return float((longer if is_longer(one.item_id) else equal) + by + noise)

        return value

    models = [leaning(name, lean(by)) for name, by in (("base", 0.0), ("tuned", tuned_by))]  # type: ignore[arg-type]  # a callable
    return scripted_audit(*models, probes=[str(probe)])


def cut(responses: pd.DataFrame) -> pd.DataFrame:
    """The first text of the longer pairs in two tokens, of the same sum."""

    columns = zip(responses["part"], responses["item_id"], responses["token_logprobs_nats"], strict=True)
    logprobs = [
        [nats / 2, nats / 2] if part == "first" and is_longer(str(item_id)) else [nats]
        for part, item_id, (nats,) in columns
    ]
    return with_tokens(responses, logprobs)


def with_tokens(responses: pd.DataFrame, logprobs: list[list[float]]) -> pd.DataFrame:
    found = responses.copy()
    found["token_logprobs_nats"] = pd.Series(logprobs, index=found.index, dtype=object)
    return found


def beside(audit: Audit, responses: pd.DataFrame | None = None) -> dict[str, dict[str, Any]]:
    """Metric -> its row, with what stands beside it."""
    found = with_equal_lengths(
        audit.comparisons,
        audit.scores,
        cut(audit.responses) if responses is None else responses,
        kinds={"mini": "pair"},
        designs={"mini": ClusterDesign.DESIGNED},
        tuned=["tuned"],
        level=0.95,
    )
    rows = found[found["contrast"] == "weights, plain"].to_dict("records")
    return {str(row["metric"]): {str(name): value for name, value in row.items()} for row in rows}


def test_pairs_of_which_one_text_has_more_tokens_are_found(tmp_path: Path) -> None:
    audit = audited(tmp_path, equal=1.0, longer=-1.0)
    assert unequal_pairs(cut(audit.responses)) == {"mini": frozenset(f"i{n}" for n in range(LONGER))}
    assert unequal_pairs(audit.responses) == {}
    assert unequal_pairs(audit.responses.iloc[:0]) == {}


def test_level_and_change_stand_over_the_equal_pairs_alone(tmp_path: Path) -> None:
    """By sign: 80 of 120 lean with the stereotype, (80 - 40) / 120 = 0.333; of equal length all 80 do, which is 1."""
    found = beside(audited(tmp_path, equal=1.0, longer=-1.0, tuned_by=-0.5))
    assert found["sign"]["first_value"] == pytest.approx(1 / 3)
    assert found["sign"]["equal_first_value"] == 1.0
    assert [row["equal_items"] for row in found.values()] == [80, 80]
    graded = found["graded"]
    assert graded["equal_first_value"] == pytest.approx(np.tanh(1 / 4), abs=0.01)
    assert graded["equal_second_value"] == pytest.approx(np.tanh(0.5 / 4), abs=0.01)
    assert graded["equal_reduction"] == pytest.approx(np.tanh(1 / 4) - np.tanh(0.5 / 4), abs=0.01)
    assert graded["equal_reduction_ci_low"] < graded["equal_reduction"] < graded["equal_reduction_ci_high"]
    assert not any(row["equal_disagrees"] for row in found.values())


def test_nothing_is_claimed_of_a_level_that_length_made(tmp_path: Path) -> None:
    """The pairs of equal length lean with the stereotype, and all of them against it."""
    audit = audited(tmp_path, equal=0.5, longer=-4.0)
    assert audit.comparisons["inherited_bias"].any(), "without the lengths a level is claimed"
    found = beside(audit)
    assert found["graded"]["first_value"] < 0 < found["graded"]["equal_first_value"]
    assert found["graded"]["equal_disagrees"]
    assert not found["graded"]["inherited_bias"]


def test_where_all_pairs_are_equal_nothing_stands_beside(tmp_path: Path) -> None:
    audit = audited(tmp_path, equal=1.0, longer=1.0)
    found = beside(audit, audit.responses)
    for row in found.values():
        assert (row["equal_items"], np.isnan(row["equal_first_value"]), row["inherited_bias"]) == (0, True, True)


def test_too_few_equal_pairs_have_no_number(tmp_path: Path) -> None:
    """All but 3 clusters have unequal pairs alone."""
    audit = audited(tmp_path, equal=1.0, longer=1.0)
    clusters = [int(str(item_id).removeprefix("i")) % 12 for item_id in audit.responses["item_id"]]
    few = audit.responses[[cluster >= 3 for cluster in clusters]]
    unequal = with_tokens(few, [[-1.0] * (2 if part == "first" else 1) for part in few["part"]])
    rest = audit.responses.drop(few.index)
    found = beside(audit, pd.concat([unequal, rest]))
    assert [row["equal_items"] for row in found.values()] == [30, 30]
    assert all(np.isnan(row["equal_reduction"]) for row in found.values())
    assert not any(row["equal_disagrees"] for row in found.values())


@pytest.mark.slow
def test_the_page_has_both_and_says_where_they_disagree(tmp_path: Path) -> None:
    from dataclasses import replace

    audit = audited(tmp_path, equal=0.5, longer=-4.0)
    whole = with_equal_lengths(
        audit.comparisons,
        audit.scores,
        cut(audit.responses),
        kinds={"mini": "pair"},
        designs={"mini": ClusterDesign.DESIGNED},
        tuned=["tuned"],
        level=0.95,
    )
    page = render_html(replace(audit, comparisons=whole))
    assert "Over the 80 pairs whose two texts have as many tokens, by side alone, the base has " in page
    assert "Over the 80 pairs whose two texts have as many tokens, the base has " in page
    assert DISAGREES.format(first="the base") in page
    assert "have as many tokens" not in render_html(audit)


def test_of_other_kinds_nothing_is_asked(tmp_path: Path) -> None:
    audit = audited(tmp_path, equal=1.0, longer=-1.0)
    found = with_equal_lengths(
        audit.comparisons, audit.scores, cut(audit.responses), kinds={"mini": "association"},
        designs={"mini": ClusterDesign.DESIGNED}, tuned=["tuned"], level=0.95,
    )  # fmt: skip
    assert (found["equal_items"] == 0).all()
