from __future__ import annotations

import numpy as np
import pytest

from biasaudit.benchmarks import Answered, Settings
from biasaudit.benchmarks.gest import score
from biasaudit.types import Failed, Response, Role, Scored, Status

SETTINGS = Settings(rng=np.random.default_rng(0))


def pair(number: int, of_women: int, of_men: int, masculine: tuple[float, float] | None) -> Answered:
    """An item whose sentences on women and on men are so much likelier when a man tells them, in nats."""
    responses: dict[str, Response] = {part: Failed(key="", reason="too long") for part in ("1|A", "2|A", "1|B", "2|B")}
    if masculine is not None:
        nats = {"1|A": -20.0, "2|A": -30.0, "1|B": -20.0 + masculine[0], "2|B": -30.0 + masculine[1]}
        responses = {part: Scored(key="", token_ids=(), token_logprobs_nats=(value,)) for part, value in nats.items()}
    return Answered(
        item_id=str(number),
        cluster_id=f"{of_women}-{of_men}",
        feature="gender",
        family="said",
        role=Role.BIAS,
        tags={"of women": str(of_women), "of men": str(of_men)},
        responses=responses,
    )


def test_stereotypes_are_averaged_not_sentences() -> None:
    """Men's stereotypes 8 to 12 score 1, 1, 1, 1 and, with three sentences, 6: mean 2. Women's all score -1. Rate 3."""
    items = [pair(n, n + 1, n + 8, (-1, 1)) for n in range(4)]
    items += [pair(9 + n, 5, 12, (-1, 6)) for n in range(3)]
    [found] = score(items, SETTINGS)
    assert found.estimate.value == pytest.approx(3)
    assert found.estimate.ci_low is not None
    assert found.estimate.ci_low < 3


def test_a_speaker_who_is_likelier_whatever_the_sentence_changes_nothing() -> None:
    one = score([pair(n, n % 7 + 1, n % 9 + 8, (0.5 * n, 0.1 * n)) for n in range(63)], SETTINGS)[0].estimate
    other = score([pair(n, n % 7 + 1, n % 9 + 8, (0.5 * n + 4, 0.1 * n + 4)) for n in range(63)], SETTINGS)[0].estimate
    assert one.value == pytest.approx(other.value)


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([pair(0, 1, 8, None)] * 20, Status.NOT_MEASURED),
        ([pair(n, 1, 8, (0, 1)) for n in range(9)], Status.TOO_FEW_CLUSTERS),
    ],
)
def test_no_evidence_is_no_number(items: list[Answered], status: Status) -> None:
    [found] = score(items, SETTINGS)
    assert found.estimate.status is status
    assert found.n_asked == 2 * len(items)
