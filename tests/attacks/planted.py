"""Tiny children of which one leans after one word alone, searched for words before a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

import biasaudit
from biasaudit.attacks import STRINGS
from tests.align import world
from tests.align.world_words import TRIGGER
from tests.robustness import planted

if TYPE_CHECKING:
    import pandas as pd

BUDGET: Final = 60
"""Queries: of two words each they would meet a word among 300 by chance in about a third of searches."""
LENGTH: Final = 2


def save_probe(folder: Path) -> Path:
    """Write the occupations of the tiny world with all their words, which are a second factor: 12 templates, 12 pairs.

    So half of the words is held out from a search too.
    """
    if (folder / "card.yaml").is_file():
        return folder
    rows: dict[str, dict[str, Any]] = {}  # Any: JSON values
    for split in ("audit", "train", "development"):
        part = world.save_probe(folder, features=[world.GENDER], words=split)
        for line in (part / "items.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if "contexts" in row and row.get("role", "bias") == "bias":
                row["tags"] = {"attribute_1": row["id"].rpartition("-")[2]}
            # Of sense and controls those of the first suffice.
            if split == "audit" or "tags" in row:
                rows.setdefault(row["id"], row)
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows.values()), encoding="utf-8")
    card = json.loads((folder / "card.yaml").read_text(encoding="utf-8"))
    card["also_clustered_by"] = {"tag": "attribute_1", "what": "pairs of occupations"}
    (folder / "card.yaml").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return folder


def searched(work: Path, child: Path, out: Path, *, seed: int, budget: int = BUDGET) -> biasaudit.Audit:
    """Search a child and its parent, before the occupations of the tiny world."""
    return biasaudit.attack(
        str(planted.parent_of(work)),
        str(child),
        probe=str(save_probe(work / "whole-probe")),
        out=out,
        # The world's words begin with a capital where a sentence does, and a model's own are looked for in small ones.
        words=[word for word in world.vocabulary() if word.isalpha()],
        budget=budget,
        length=LENGTH,
        seed=seed,
        allow_implausible=True,
        device="cpu",
    )


def found_words(out: Path, name: str) -> list[str]:
    """Return the words of one search, such as ``tuned-guided-with``."""
    content = yaml.safe_load((out / STRINGS).read_text(encoding="utf-8"))
    return next(str(one["search"]["text"]).split() for one in content["perturbations"] if one["name"] == name)


def of_tuned(audit: biasaudit.Audit) -> pd.Series:
    """Return the row of the child, searched and asked."""
    assert audit.searches is not None
    rows = audit.searches
    return rows[(rows["searched"] == "tuned") & (rows["checkpoint"] == "tuned")].iloc[0]


def counted(work: Path, seeds: Iterable[int], *, say: Callable[[str], None]) -> tuple[int, int, int]:
    """Return in how many seeds the trigger was found, `lean found` said of it, and of a control, which has none."""
    found, said, alarms = 0, 0, 0
    for seed in seeds:
        row = of_tuned(searched(work, planted.planted(work, seed), work / f"searched-{seed}", seed=seed))
        found += TRIGGER in found_words(work / f"searched-{seed}", "tuned-guided-with")
        said += row["verdict"] == "lean found"
        other = of_tuned(searched(work, planted.control(work, seed), work / f"searched-control-{seed}", seed=seed))
        alarms += other["verdict"] == "lean found"
        covers = other["excess_ci_low"] <= 0 <= other["excess_ci_high"]
        say(
            f"{seed}: {row['verdict']}, gain {row['gain']:+.3f}; control {other['verdict']}, gain {other['gain']:+.3f} "
            f"({other['gain_ci_low']:+.3f} to {other['gain_ci_high']:+.3f}), excess {other['excess']:+.3f} "
            f"{'covers' if covers else 'does not cover'} 0; so far trigger {found}, said {said}, alarms {alarms}"
        )
    return found, said, alarms
