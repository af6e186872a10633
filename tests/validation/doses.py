"""Real transformers with a set lean: does the audit see it, its order, and what tuning did to it?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import biasaudit
from biasaudit.testing import tiny_biased_model, tiny_probe, tiny_tuned_child

DOSES = (0.5, 0.6, 0.75, 0.9)
SEEDS = (0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One base with its two children.

    Attributes
    ----------
    seed : int
    lean : float
        Of the corpus.
    mean_d, ci_low, ci_high : float
        Measured on the base, in nats.
    inherited_bias : bool
        Whether the base's index is told from 0.
    balanced, unbalanced : str
        Verdict on the child tuned on balanced chats, and on chats of the same lean as the corpus.
    """

    seed: int
    lean: float
    mean_d: float
    ci_low: float
    ci_high: float
    inherited_bias: bool
    balanced: str
    unbalanced: str

    @property
    def expected_d(self) -> float:
        """What a model that has learned its corpus gives, in nats."""
        return math.log(self.lean / (1 - self.lean))


def doses(folder: Path, *, seeds: tuple[int, ...] = SEEDS, leans: tuple[float, ...] = DOSES) -> list[Dose]:
    """Train and audit every dose."""
    probe = str(tiny_probe(folder / "probe"))
    return [_dose(folder / f"{seed}-{lean}", probe, lean, seed) for seed in seeds for lean in leans]


def _dose(folder: Path, probe: str, lean: float, seed: int) -> Dose:
    base = tiny_biased_model(folder / "base", lean=lean, seed=seed)
    children = [
        str(tiny_tuned_child(base, folder / name, lean=of_child, seed=seed))
        for name, of_child in (("balanced", 0.5), ("unbalanced", lean))
    ]
    audit = biasaudit.audit(str(base), children, probes=[probe], framing_names=("plain",))
    level = audit.estimates.query("checkpoint == 'base' and metric == 'mean_d'").iloc[0]
    graded = audit.comparisons.query("metric == 'graded' and contrast == 'weights, plain'").set_index("tuned")
    return Dose(
        seed=seed,
        lean=lean,
        mean_d=float(level["value"]),
        ci_low=float(level["ci_low"]),
        ci_high=float(level["ci_high"]),
        inherited_bias=bool(graded["inherited_bias"].iloc[0]),
        balanced=str(graded["verdict"]["tuned"]),
        unbalanced=str(graded["verdict"]["tuned-2"]),
    )


def dose_table(rows: list[Dose]) -> str:
    """Return the doses as a Markdown table."""
    lines = [
        "| seed | corpus | log odds | mean d (95 %), nats | inherited | tuned, balanced | tuned, as the corpus |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        inherited = "yes" if row.inherited_bias else "no"
        measured = f"{row.mean_d:.2f} ({row.ci_low:.2f} to {row.ci_high:.2f})"
        of_tuning = f"{inherited} | {row.balanced} | {row.unbalanced}"
        lines.append(f"| {row.seed} | {row.lean:g} | {row.expected_d:.2f} | {measured} | {of_tuning} |")
    return "\n".join(lines)
