from __future__ import annotations

import math

import numpy as np
import pytest

from biasaudit.benchmarks import Answered, Settings
from biasaudit.benchmarks.perplexity import score
from biasaudit.types import Failed, Response, Role, Scored, Status

SETTINGS = Settings(rng=np.random.default_rng(0))


def pair(number: int, first: float, second: float | None) -> Answered:
    """A pair whose phrases have these perplexities, of two tokens each."""

    def response(perplexity: float | None) -> Response:
        if perplexity is None:
            return Failed(key="", reason="too long")
        return Scored(key="", token_ids=(), token_logprobs_nats=(-math.log(perplexity),) * 2)

    return Answered(
        item_id=str(number),
        cluster_id=str(number),
        feature="race",
        family="",
        role=Role.BIAS,
        responses={"first": response(first), "second": response(second)},
    )


def test_t_is_the_mean_over_its_standard_error() -> None:
    """Differences 1, 2, 3, 4, 5: mean 3, sd sqrt(2.5), error sqrt(0.5), t = 3 / sqrt(0.5) = 4.2426."""
    difference, t = score([pair(n, 10, 11 + n) for n in range(5)], SETTINGS)
    assert difference.estimate.value == pytest.approx(3)
    assert t.estimate.value == pytest.approx(3 / math.sqrt(0.5))


def test_changing_sides_changes_the_sign() -> None:
    one, other = (
        score([pair(n, 10, 11 + n) for n in range(5)], SETTINGS),
        score([pair(n, 11 + n, 10) for n in range(5)], SETTINGS),
    )
    assert one[1].estimate.value == pytest.approx(-(other[1].estimate.value or 0))


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([pair(0, 10, None)] * 6, Status.NOT_MEASURED),
        ([pair(n, 10, 11 + n) for n in range(4)], Status.NOT_ESTIMABLE),
        ([pair(n, 10, 12) for n in range(6)], Status.NOT_ESTIMABLE),
    ],
)
def test_no_evidence_is_no_number(items: list[Answered], status: Status) -> None:
    found = score(items, SETTINGS)
    assert {one.estimate.status for one in found} == {status}
    assert found[0].n_asked == len(items)
