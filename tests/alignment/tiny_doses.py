"""The dose curve on tiny models: constraint trainings of one world, each with another bound."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import biasaudit
from biasaudit.align.methods.constraint import ConstraintSettings
from biasaudit.align.transfer import Transfer
from biasaudit.report.charts.dose_chart import Dose
from tests.align import world
from tests.align.recipe import dose

EPSILONS: Final = (0.05, 0.2, 0.4, 0.6)
SEEDS: Final = tuple(range(10))
LEAN: Final = 0.9
_PROBE: Final = "tiny-world"


def trained_doses(work: Path, *, epsilons: tuple[float, ...] = EPSILONS, seeds: tuple[int, ...] = SEEDS) -> list[Dose]:
    """Train and measure every dose; what is finished in `work` is not trained again."""
    import biasaudit.align.training  # what is imported once is no part of a training

    work.mkdir(parents=True, exist_ok=True)
    probe, contrasts = world.save_probe(work / "probe"), world.save_contrasts(work / "contrasts.yaml")
    found = []
    for seed in seeds:
        base = work / f"base-{seed}"
        if not (base / "config.json").is_file():
            world.save_base(base, lean=LEAN, seed=seed)
        for epsilon in epsilons:
            adapter = work / f"adapter-{seed}-{epsilon:g}"
            settings = dose(epsilon, contrasts, seed=seed)
            seconds = _timed(base, adapter, settings)
            table = biasaudit.transfer(str(base), adapter, contrasts=contrasts, probes=[str(probe)])
            found.append(replace(dose_of(table, epsilon=epsilon, seed=seed), processor_seconds=seconds))
    return found


def _timed(base: Path, adapter: Path, settings: ConstraintSettings) -> float:
    """Train, and return the processor seconds; of a training that is finished, those that it took then."""
    noted = adapter.with_suffix(f"{adapter.suffix}.seconds")
    if not noted.is_file():
        began = time.process_time()
        # Its sentences are few and short, and like those of a probe that is not asked.
        biasaudit.align.tune("constraint", str(base), None, adapter, settings=settings, allow_overlap=True)
        noted.write_text(str(time.process_time() - began), encoding="utf-8")
    return float(noted.read_text(encoding="utf-8"))


def dose_of(table: Transfer, *, epsilon: float, seed: int) -> Dose:
    """Return one dose from its transfer table: the held-out gender cell of the world's own probe.

    Raises
    ------
    ValueError
        If the table lacks a number that the curve is made of.
    """
    [index] = [
        row
        for row in table.rows
        if (row.framing, row.probe, row.feature, row.measure) == ("plain", _PROBE, "gender", "index")
    ]
    [neutral] = [row for row in table.rows if row.what == "neutral text of the contrasts"]
    licensed = [
        row.difference
        for row in table.rows
        if row.framing == "plain" and row.feature == "gender" and row.what.endswith("licensed associations")
    ]
    numbers = (index.base, index.tuned, index.tuned_low, index.tuned_high, neutral.difference)
    base, tuned, low, high, worse = (math.nan if one is None else one for one in numbers)
    if any(map(math.isnan, (base, tuned, low, high, worse))):
        msg = f"epsilon {epsilon:g}, seed {seed}: {index.status}, {neutral.status}"
        raise ValueError(msg)
    return Dose(
        epsilon=epsilon,
        seed=seed,
        index=tuned,
        ci_low=low,
        ci_high=high,
        base=base,
        perplexity_change=math.exp(-worse) - 1,
        licensed_drop=licensed[0] if licensed else None,
    )
