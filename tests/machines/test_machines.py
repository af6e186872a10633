"""An audit by workers: killed at random, interrupted, on Ray; its tables are those of one that nobody disturbed."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from biasaudit.audits.dry_run import dry_run
from biasaudit.audits.plan import Plan
from biasaudit.errors import UsageError
from biasaudit.models.workers.scoring import AGREE_NATS
from tests.machines.kills import ORPHANED_S, alive, children, driving, killed, tables
from tests.running import run, undrawn
from tests.tiny import save_probe


def plan(models: Path, probe: Path, workers: int | None, ray: str | None = None) -> Plan:
    return Plan(
        base=str(models / "base"),
        tuned=(str(models / "tuned"),),
        probes=(str(probe),),
        workers=workers,
        ray=ray,
        allow_implausible=True,
    )


@pytest.mark.slow
def test_tables_do_not_depend_on_the_number_of_workers(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker and two cut the same shards; this process without workers cuts none, and agrees to the last digits."""
    probe, found = save_probe(tmp_path / "mini"), {}
    for workers in (None, 1, 2):
        monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path / f"cache-{workers}"))
        found[workers] = run(plan(models, probe, workers), out=tmp_path / f"{workers}", render=undrawn)
    assert tables(tmp_path / "1") == tables(tmp_path / "2")
    assert found[2].manifest.run["asked"]["workers"] == 2
    assert "workers" not in found[None].manifest.run["asked"]
    ours, theirs = (np.concatenate(list(found[n].responses["token_logprobs_nats"])) for n in (None, 2))
    assert np.abs(ours - theirs).max() < AGREE_NATS
    # Everything is kept: without any work to do the same workers give the same tables.
    run(plan(models, probe, 2), out=tmp_path / "again", render=undrawn)
    assert tables(tmp_path / "again") == tables(tmp_path / "2")


@pytest.mark.slow
def test_kills_at_random_change_no_table_and_cost_at_most_a_shard_each(tmp_path: Path) -> None:
    found = killed(tmp_path, n_kills=4)
    assert found.equal
    assert found.n_drivers + found.n_workers == 4
    assert 0 <= found.tokens - found.undisturbed_tokens <= 4 * found.largest


@pytest.mark.slow
def test_an_interrupted_run_leaves_no_worker(tmp_path: Path) -> None:
    from tests.tiny import save_model

    for number, model in enumerate(("base", "tuned")):
        save_model(tmp_path / model, seed=number + 1)
    journal = tmp_path / "journal-stopped"
    with driving(tmp_path, "stopped", 2, None) as process:
        while process.poll() is None and not journal.exists():
            time.sleep(0.05)
        workers = children(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
        deadline = time.monotonic() + ORPHANED_S
        while alive(workers) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(workers) == 2
    assert alive(workers) == []


@pytest.mark.slow
def test_actors_of_ray_that_are_killed_change_no_table(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install 'biasaudit[ray]'")
    found = killed(tmp_path, n_kills=2, ray="local")
    assert found.equal
    assert found.n_drivers + found.n_workers == 2


def test_a_dry_run_says_what_workers_would_be_given(models: Path, tmp_path: Path) -> None:
    """Memory is that of each; without workers nothing of them is said."""
    probe = save_probe(tmp_path / "mini")
    alone, shared = (dry_run(plan(models, probe, workers)) for workers in (None, 3))
    base = shared.checkpoints["base"]
    assert base.shards is not None
    assert (base.shards.n_workers, base.shards.n_shards) == (3, 1)
    assert base.shards.n_nodes == base.work.n_nodes
    assert alone.checkpoints["base"].shards is None
    assert shared.memory_bytes == 3 * alone.memory_bytes


@pytest.mark.parametrize(
    ("workers", "ray", "message"),
    [(0, None, "0 workers"), (None, "auto", "no number of workers")],
)
def test_workers_that_mean_nothing_are_refused(workers: int | None, ray: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Plan(base="org/a", tuned=("org/b",), probes=("occupations",), workers=workers, ray=ray)


def test_functions_are_not_shared_out() -> None:
    with pytest.raises(UsageError, match="reached by scripted are not scored by workers"):
        Plan(base="scripted:a", tuned=("scripted:b",), probes=("occupations",), workers=2)
