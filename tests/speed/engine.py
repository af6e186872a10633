"""The likelihood engine beside other tools: same texts, weights, dtype and machine, in turns.

    python -m tests.speed.engine MODEL --data-dir FOLDER

Each measurement is a process of its own that loads the model, warms up on 8 texts, and times the
scoring alone. The tools take turns, so that a busy minute of the machine meets all of them; what
counts is the ratio of medians. The harness runs at the batch size that is best for it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.speed.works import WORKS

BATCH_SIZES = (1, 4, 16, 64)


def measured(tool: str, work: str, number: int, asked: argparse.Namespace, batch_size: int = 16) -> dict[str, Any]:
    run = subprocess.run(  # our own interpreter
        [
            *(sys.executable, "-m", "tests.speed.worker", "--tool", tool, "--model", asked.model),
            *("--work", work, "--number", str(number), "--data-dir", str(asked.data_dir)),
            *("--batch-size", str(batch_size)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SystemExit(f"{tool} on {work}: {run.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def best_batch_size(tool: str, work: str, number: int, asked: argparse.Namespace) -> int:
    times = {size: measured(tool, work, number, asked, size)["seconds"] for size in BATCH_SIZES}
    print(f"    {tool}: " + ", ".join(f"batch {size} {seconds:.1f} s" for size, seconds in times.items()), flush=True)
    return min(times, key=times.__getitem__)


def largest_difference(ours: list[float], theirs: list[float]) -> float:
    return max(abs(one - other) for one, other in zip(ours, theirs, strict=True))


def compare(work: str, asked: argparse.Namespace) -> None:
    number = asked.number or WORKS[work][1]
    print(f"{work}, {number} items, {asked.model}", flush=True)
    sizes = {tool: best_batch_size(tool, work, number, asked) for tool in asked.against}
    runs: dict[str, list[dict[str, Any]]] = {"biasaudit": [], **{tool: [] for tool in asked.against}}
    for _ in range(asked.runs):
        for tool, done in runs.items():
            done.append(measured(tool, work, number, asked, sizes.get(tool, 16)))
    ours = runs["biasaudit"]
    usual = statistics.median(run["seconds"] for run in ours)
    for tool, done in runs.items():
        seconds = statistics.median(run["seconds"] for run in done)
        memory = max(run["peak_bytes"] for run in done)
        print(
            f"    {tool:10} {seconds:7.2f} s  {done[0]['tokens'] / seconds:7.0f} tokens/s"
            f"  {memory / 1e6:6.0f} MB ({(memory - done[0]['weights_bytes']) / 1e6:.0f} MB beside the weights,"
            f" {(memory - done[0]['loaded_bytes']) / 1e6:.0f} MB since they were loaded)"
            f"  differs by {largest_difference(ours[0]['logprobs_nats'], done[0]['logprobs_nats']):.1e} nats"
            f"  biasaudit takes {usual / seconds:.2f} of its time"
        )
    share = statistics.median(run["gflop"] / run["seconds"] / run["rate_gflops"] for run in ours)
    rate = statistics.median(run["rate_gflops"] for run in ours)
    print(
        f"    {ours[0]['tokens']} tokens, {ours[0]['nodes']} nodes; {share:.2f} of {rate:.0f} GFLOP/s;"
        f" runs bit for bit equal: {all(run['logprobs_nats'] == ours[0]['logprobs_nats'] for run in ours)}",
        flush=True,
    )


def scaling(asked: argparse.Namespace) -> None:
    """Time a tenth of the pairs and all of them, in turns."""
    small, large = [], []
    for _ in range(asked.runs):
        small.append(measured("biasaudit", "crows-pairs", 150, asked)["seconds"])
        large.append(measured("biasaudit", "crows-pairs", 1500, asked)["seconds"])
    ratio = statistics.median(large) / statistics.median(small)
    print(f"10 times the pairs take {ratio:.2f} times as long", flush=True)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model", help="reference of a model")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--work", choices=[*WORKS, "scaling"], action="append")
    parser.add_argument("--against", choices=["lm-eval", "minicons"], action="append")
    parser.add_argument("--number", type=int, help="items instead of the usual number")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    asked.against = asked.against or ["lm-eval", "minicons"]
    for work in asked.work or [*WORKS, "scaling"]:
        if work == "scaling":
            scaling(asked)
        else:
            compare(work, asked)


if __name__ == "__main__":
    main()
