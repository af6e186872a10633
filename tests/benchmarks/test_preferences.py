from __future__ import annotations

import numpy as np
import pytest

from biasaudit.benchmarks import Answered, Settings
from biasaudit.benchmarks.preferences import score
from biasaudit.types import Failed, Response, Role, Scored, Status

SETTINGS = Settings(rng=np.random.default_rng(0))


def pair(number: int, first: float, second: float | None, *, direction: str = "stereo") -> Answered:
    responses: dict[str, Response] = {"first": Scored(key="", token_ids=(), token_logprobs_nats=(first,))}
    responses["second"] = (
        Failed(key="", reason="too long")
        if second is None
        else Scored(key="", token_ids=(), token_logprobs_nats=(second,))
    )
    return Answered(
        item_id=f"i{number}",
        cluster_id=f"w{number}",
        feature="age",
        family="",
        role=Role.BIAS,
        tags={"direction": direction},
        responses=responses,
    )


def test_the_share_counts_a_tie_as_not_preferred_and_the_difference_has_no_sign() -> None:
    """d = 2, -1, 0, 1, 1 nats: preferred in 3 of 5 = 60 %, mean |d| = 5/5 = 1."""
    items = [pair(0, -1, -3), pair(1, -2, -1), pair(2, -1, -1), pair(3, -1, -2), pair(4, -1, -2)]
    share, size = score(items, SETTINGS)[:2]
    assert share.estimate.value == pytest.approx(60)
    assert share.parity == 50
    assert size.estimate.value == pytest.approx(1)


def test_directions_are_scored_apart_and_not_flipped() -> None:
    items = [pair(n, -1, -2, direction="stereo") for n in range(5)]
    items += [pair(9 + n, -2, -1, direction="antistereo") for n in range(5)]
    found = {one.subset: one.estimate.value for one in score(items, SETTINGS) if one.name == "stereotype preferred"}
    assert found == {"all": 50, "age": 50, "direction stereo": 100, "direction antistereo": 0}


def test_a_failed_pair_lowers_what_was_scored_and_not_what_was_asked() -> None:
    found = score([*(pair(n, -1, -2) for n in range(5)), pair(9, -1, None)], SETTINGS)[0]
    assert (found.estimate.value, found.estimate.n_items, found.n_asked) == (100, 5, 6)


def test_nothing_is_not_measured() -> None:
    assert {one.estimate.status for one in score([], SETTINGS)} == {Status.NOT_MEASURED}
