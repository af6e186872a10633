"""One writer: what was there first stays, and what disagrees with it is an error that names who."""

from __future__ import annotations

import pytest

from biasaudit.errors import WorkerError
from biasaudit.models.cache import ResponseCache
from biasaudit.models.workers.scoring import Ledger
from biasaudit.types import Failed, Scored


def scored(key: str, *nats: float) -> Scored:
    return Scored(key=key, token_ids=tuple(range(len(nats))), token_logprobs_nats=nats)


def test_a_row_that_comes_twice_is_kept_once_with_its_first_value() -> None:
    with ResponseCache(None) as cache:
        ledger = Ledger(cache=cache, identity="m", dtype="float32")
        first, other = scored("a", -1.0), scored("a", -1.0 - 5e-6)
        assert ledger.enter("worker 1", [first]) == {"a": first}
        assert ledger.enter("worker 2", [other, scored("b", -2.0)])["a"] == first
        assert cache.found("m", ["a", "b"]) == {"a": first, "b": scored("b", -2.0)}


def test_values_apart_are_an_error_that_names_both_workers_and_overwrites_nothing() -> None:
    """1e-5 nats is the most; 2e-5 is more."""
    with ResponseCache(None) as cache:
        ledger = Ledger(cache=cache, identity="m", dtype="float32")
        ledger.enter("worker 1", [scored("a", -1.0)])
        with pytest.raises(WorkerError, match=r"worker 1 and worker 2 gave different answers .*2e-05 nats apart"):
            ledger.enter("worker 2", [scored("a", -1.0 - 2e-5)])
        with pytest.raises(WorkerError, match="other tokens, or no number"):
            ledger.enter("worker 2", [Failed(key="a", reason="no")])
        assert cache.found("m", ["a"]) == {"a": scored("a", -1.0)}


def test_what_another_run_kept_meanwhile_stands() -> None:
    """Two runs share a cache: the later one takes what is there, unless it is more than other packs explain."""
    with ResponseCache(None) as cache:
        cache.keep("m", [scored("a", -1.0), scored("b", -1.0)])
        ledger = Ledger(cache=cache, identity="m", dtype="float32")
        assert ledger.enter("worker 1", [scored("a", -1.0001)]) == {"a": scored("a", -1.0)}
        with pytest.raises(WorkerError, match=r"another run and worker 1 .*0\.001 nats apart"):
            ledger.enter("worker 1", [scored("b", -1.001)])


def test_adding_to_the_cache_leaves_what_is_there() -> None:
    with ResponseCache(None) as cache:
        assert cache.add("m", [scored("a", -1.0)]) == {}
        assert cache.add("m", [scored("a", -3.0), scored("b", -2.0)]) == {"a": scored("a", -1.0)}
        assert cache.found("m", ["a", "b"]) == {"a": scored("a", -1.0), "b": scored("b", -2.0)}
        assert cache.add("other", [scored("a", -3.0)]) == {}
