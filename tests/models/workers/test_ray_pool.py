"""Actors on a cluster of one machine: what one that is killed held is given to another."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.engine.engine import Engine
from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.text.beginning import own_beginning
from biasaudit.models.workers.coordinator import Answered, Coordinator
from biasaudit.models.workers.messages import Job
from tests.machines.kills import children


@pytest.mark.slow
def test_an_actor_that_is_killed_gives_its_shard_back_and_the_numbers_stay(models: Path) -> None:
    """One is killed when the first answer is there; the values are those of the same groups in this process."""
    pytest.importorskip("ray", reason="Ray is an extra: pip install 'biasaudit[ray]'")
    from biasaudit.models.workers.ray_pool import RayPool

    located = locate(parse_reference(str(models / "base")))
    loaded = ModelShelf(device="cpu").open(located)
    texts = [TokenSequence((0, *(4 + (7 * number + place) % 200 for place in range(60))), 1) for number in range(60)]
    groups = [list(range(start, start + 10)) for start in range(0, 60, 10)]
    engine = Engine(loaded, None, longest=61)
    wanted = {
        group[place]: tuple(values)
        for group in groups
        for rows, _ in engine.run([texts[one] for one in group], None)
        for place, values in rows
    }
    job = Job(
        references={"base": str(models / "base")},
        beginnings={"base": own_beginning(loaded.tokenizer)},
        dtype="auto",
        device="cpu",
        trust_remote_code=False,
        batch_tokens=None,
        n_threads=1,
    )
    pool = RayPool(job, 2, address="local")
    said: list[str] = []
    found: dict[int, tuple[float, ...]] = {}
    try:
        coordinator = Coordinator(pool, {"base": {"weights": located.weights}}, said.append)
        for event in coordinator.scored("base", texts, groups, longest=61):
            assert isinstance(event, Answered)
            if not found:
                os.kill(children(os.getpid())[0], signal.SIGKILL)
            found.update(event.rows)
    finally:
        pool.close()
    assert found.keys() == wanted.keys()
    assert max(abs(a - b) for key, values in found.items() for a, b in zip(values, wanted[key], strict=True)) < 1e-5
    assert any("was lost" in line for line in said)
