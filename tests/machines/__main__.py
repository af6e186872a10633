"""Measure what many workers do: ``python -m tests.machines kills|ray-kills|duplicates|rates|timings ...``.

kills FOLDER N [SEED]     N SIGKILLs at random among driver and workers; tables compared
ray-kills FOLDER N        the same on a local Ray cluster
duplicates MODEL PROBE…   what borders of shards have computed twice
rates MODEL PROBE…        what the coordinator does in a second
timings MODEL N PROBE…    N shards timed one after the other; from them the time of 1 to 100 workers
"""

from __future__ import annotations

import sys
from pathlib import Path

from biasaudit.models.shards.outlook import makespan
from tests.machines.coordinating import rates
from tests.machines.kills import killed
from tests.machines.shards import cuttings, shard_seconds


def kills(folder: Path, n_kills: int, *, seed: int = 0, ray: str | None = None) -> None:
    folder.mkdir(parents=True)
    found = killed(folder, n_kills=n_kills, seed=seed, ray=ray)
    print(found)
    again = found.tokens - found.undisturbed_tokens
    n_kills = found.n_drivers + found.n_workers
    print(f"tokens computed again: {again}; bound, kills x largest shard: {n_kills * found.largest}")


def duplicates(model: str, probes: list[str]) -> None:
    found = cuttings(model, probes)
    sizes = [shard.n_nodes for shard in found.shards]
    n_requests = sum(len(shard.members) for shard in found.shards)
    print(
        f"{n_requests:,} distinct requests, {found.n_distinct:,} distinct tokens, "
        f"{len(sizes)} shards of {min(sizes):,} to {max(sizes):,}, {found.duplicated_share:.4%} computed twice"
    )


def timings(model: str, at_most: int, probes: list[str]) -> None:
    measured = shard_seconds(model, probes, at_most=at_most)
    seconds = [one for _, one in measured]
    print(f"{len(measured)} shards, {sum(n for n, _ in measured):,} tokens in {sum(seconds):.1f} s")
    for n_workers in (1, 2, 4, 10, 20, 100):
        last = makespan(seconds, n_workers)
        print(f"{n_workers} workers: {last:.2f} s, {sum(seconds) / last / n_workers:.3f} of linear")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["kills", folder, n, *seed]:
            kills(Path(folder), int(n), seed=int(seed[0]) if seed else 0)
        case ["ray-kills", folder, n]:
            kills(Path(folder), int(n), ray="local")
        case ["duplicates", model, *probes]:
            duplicates(model, probes)
        case ["rates", model, *probes]:
            for name, value in rates(model, probes).items():
                print(f"{name}: {value:,.0f}")
        case ["timings", model, n, *probes]:
            timings(model, int(n), probes)
        case _:
            sys.exit(__doc__)
