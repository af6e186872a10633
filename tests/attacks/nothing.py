"""Scripted models that every word moves, each item in its own way, and none makes lean: what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from tests.attacks.scripted import attacked, restless, row

CHECKPOINTS = ("base", "tuned")


def counted(work: Path, seeds: Iterable[int], *, say: Callable[[str], None]) -> tuple[int, int, int]:
    """Return in how many searches the excess and the gain cover 0, and how often a lean was said to be found.

    Two searches a seed, of two models.
    """
    excess, gain, said = 0, 0, 0
    for done, seed in enumerate(seeds, start=1):
        audit = attacked(work, restless(seed), restless(seed + 100_000), seed=seed)
        for name in CHECKPOINTS:
            own = row(audit, name, name)
            excess += own["excess_ci_low"] <= 0 <= own["excess_ci_high"]
            gain += own["gain_ci_low"] <= 0 <= own["gain_ci_high"]
            said += own["verdict"] == "lean found"
        say(f"{seed}: of {2 * done} searches the excess covers 0 in {excess}, the gain in {gain}; lean found {said}")
    return excess, gain, said
