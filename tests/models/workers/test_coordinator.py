"""Deaths cost what was not answered, and nothing else; who holds another model is named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.errors import WorkerError
from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.workers.coordinator import MOST_DEATHS, Answered, Coordinator, GivenUp
from biasaudit.models.workers.messages import Died, Message
from tests.models.workers.scripted_pool import NAMED, ScriptedPool, nats, numbered


def scored(
    pool: ScriptedPool, texts: list[TokenSequence], size: int
) -> tuple[dict[int, tuple[float, ...]], list[GivenUp]]:
    """Return what each text was answered, and which were given up; a text that is answered twice is an error."""
    groups = [list(range(start, min(start + size, len(texts)))) for start in range(0, len(texts), size)]
    answers: dict[int, tuple[float, ...]] = {}
    given_up = []
    coordinator = Coordinator(pool, NAMED, lambda _: None)
    for event in coordinator.scored("m", texts, groups, longest=2):
        if isinstance(event, Answered):
            for place, values in event.rows:
                assert place not in answers
                answers[place] = values
        else:
            given_up.append(event)
    return answers, given_up


@given(st.integers(0, 30), st.integers(1, 7), st.integers(1, 5))
@settings(deadline=None)
def test_each_text_is_answered_once_by_however_many_workers(n_texts: int, size: int, n_workers: int) -> None:
    texts = numbered(n_texts)
    answers, given_up = scored(ScriptedPool(n_workers), texts, size)
    assert answers == {place: nats(text) for place, text in enumerate(texts)}
    assert given_up == []


def test_a_text_that_kills_every_worker_fails_alone_and_the_others_are_answered() -> None:
    """By hand, of 8 texts in one group of which the third kills: two are answered and stay so. Six are left: three
    deaths, and they are halved to three and three; three deaths more, and the first three to one and two; the one is
    the guilty one, alone, and has three more: 9 deaths. Nothing was computed twice."""
    pool = ScriptedPool(1, dies=lambda _, text: text.token_ids == (0, 3))
    texts = numbered(8)
    answers, given_up = scored(pool, texts, 8)
    assert [one.position for one in given_up] == [2]
    assert "each of 3 workers was ended by SIGKILL" in given_up[0].reason
    assert answers == {place: nats(text) for place, text in enumerate(texts) if place != 2}
    assert (pool.n_deaths, pool.n_computed) == (3 * MOST_DEATHS, 7)


@given(st.sets(st.integers(1, 20)), st.integers(1, 8), st.integers(1, 3))
@settings(deadline=None)
def test_exactly_the_guilty_texts_fail_however_they_lie(guilty: set[int], size: int, n_workers: int) -> None:
    pool = ScriptedPool(n_workers, dies=lambda _, text: text.token_ids[1] in guilty)
    answers, given_up = scored(pool, numbered(20), size)
    assert {one.position + 1 for one in given_up} == guilty
    assert {place + 1 for place in answers} == set(range(1, 21)) - guilty


def test_a_single_death_is_forgiven() -> None:
    """A text over which a worker died once is answered by the next."""
    left = [TokenSequence((0, 5), 1)]

    def once(_: int, text: TokenSequence) -> bool:
        if text in left:
            left.remove(text)
            return True
        return False

    pool = ScriptedPool(2, dies=once)
    answers, given_up = scored(pool, numbered(9), 3)
    assert (len(answers), given_up, pool.n_deaths, pool.n_computed) == (9, [], 1, 9)


def test_a_worker_that_holds_other_weights_is_refused_by_name() -> None:
    pool = ScriptedPool(2, weights=("sha256:1", "sha256:2"))
    with pytest.raises(WorkerError, match=r"worker 2 holds another model as m: weights is sha256:2 there and sha256:1"):
        scored(pool, numbered(4), 1)


def test_files_that_are_others_than_those_of_the_driver_are_refused() -> None:
    pool = ScriptedPool(1, weights=("sha256:2",))
    coordinator = Coordinator(pool, NAMED, lambda _: None)
    with pytest.raises(WorkerError, match=r"weights is sha256:2 there and sha256:1 of this process"):
        coordinator.facts("m")


class Unstartable(ScriptedPool):
    """Whose workers end before they are ready."""

    def __init__(self, *, signalled: bool) -> None:
        super().__init__(1)
        self._signalled = signalled

    def events(self) -> list[tuple[int, Message]]:
        self.n_deaths += 1
        return [(0, Died(reason="ended", who="worker 1", started=False, signalled=self._signalled))]


@pytest.mark.parametrize(("signalled", "n_deaths"), [(False, 1), (True, 10)])
def test_workers_that_cannot_start_end_the_run_and_are_not_started_for_ever(*, signalled: bool, n_deaths: int) -> None:
    """An exit code of its own is the same each time; a kill may be the system's, for want of memory, and pass."""
    pool = Unstartable(signalled=signalled)
    with pytest.raises(WorkerError, match="before"):
        Coordinator(pool, NAMED, lambda _: None).facts("m")
    assert pool.n_deaths == n_deaths
