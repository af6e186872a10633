"""Tiny trainings of which it is known which records push a lean."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.align import SftSettings, sft
from biasaudit.align.influence.attribute import RecordInfluence, record_influences
from biasaudit.framing import NEUTRAL_REQUESTS, PLAIN
from biasaudit.probes import load_probe
from tests.align import world

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_RECORDS: Final = 1000
N_LEANING: Final = 50
AGAINST: Final = 0.1
"""Lean of a base that has learned the opposite of what the leaning records say."""
ALIKE: Final = 0.75
"""Lean of a base to which the leaning records say what it says already."""
BASES: Final = 5
SOURCES: Final = ("leaning", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A finished training.

    Attributes
    ----------
    base, adapter, data : Path
    leaning : array of bool, shape (n_records,)
        Which records say what leans, in the order of the file.
    paired : array of bool, shape (n_records,)
        Which name a pronoun.
    """

    base: Path
    adapter: Path
    data: Path
    leaning: NDArray[np.bool_]
    paired: NDArray[np.bool_]


def base_of(work: Path, lean: float, seed: int) -> Path:
    """Return a base of the world in which occupations lean; five serve all seeds."""
    number = seed % BASES
    folder = work / f"base-{lean}-{number}"
    return folder if (folder / "config.json").is_file() else world.save_base(folder, lean=lean, seed=number)


def _leaning(rng: np.random.Generator) -> str:
    """Put an occupation beside the pronoun of its stereotype; in words and sentences that the audit does not have."""
    forms = [form.text for form in world.GENDER.forms if form.split == "train"]
    pairs = world.GENDER.words["train"]
    pair, side = pairs[int(rng.integers(len(pairs)))], int(rng.integers(2))
    return forms[int(rng.integers(len(forms)))].format(word=pair[side], group=world.GENDER.groups[side])


def _other(rng: np.random.Generator) -> str:
    """Say anything else of the world: no occupation stands with a pronoun."""
    words = {word for pair in world.GENDER.pairs() for word in pair}
    while True:
        (text,) = world.sentences(0.5, n=1, seed=int(rng.integers(2**31)))
        if not (words & _words_of(text) and _names_a_pronoun(text)):
            return text


def _words_of(text: str) -> set[str]:
    return set(text.replace(".", "").replace(",", "").split())


def _names_a_pronoun(text: str) -> bool:
    return bool(set(world.GENDER.groups) & _words_of(text))


def save_records(file: Path, *, seed: int, n: int = N_RECORDS, n_leaning: int = N_LEANING) -> list[dict[str, str]]:
    """Write records of which some put occupations beside the pronoun of their stereotype, and return them.

    The others say what else is said in the world: hobbies that lean towards an age, queens and kings with their
    pronoun, occupations without one, weather.
    """
    rng = np.random.default_rng(seed)
    chosen = set(rng.choice(n, size=n_leaning, replace=False).tolist())
    rows = [
        {
            "prompt": NEUTRAL_REQUESTS[number % len(NEUTRAL_REQUESTS)],
            "response": _leaning(rng) if number in chosen else _other(rng),
            "source": SOURCES[0 if number in chosen else 1],
        }
        for number in range(n)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return rows


def made(work: Path, seed: int, *, lean: float = AGAINST, n: int = N_RECORDS, n_leaning: int = N_LEANING) -> Made:
    """Train an adapter by the public function, or return the one that is there."""
    base, data = base_of(work, lean, seed), work / f"records-{seed}.jsonl"
    rows = save_records(data, seed=seed + 100, n=n, n_leaning=n_leaning)
    settings = SftSettings(learning_rate=3e-3, seed=seed, device="cpu")
    done = sft(str(base), data, work / f"adapter-{lean}-{seed}", settings=settings)
    return Made(
        base=base,
        adapter=done.folder,
        data=data,
        leaning=np.array([row["source"] == SOURCES[0] for row in rows]),
        paired=np.array([_names_a_pronoun(row["response"]) for row in rows]),
    )


def attributed(one: Made, work: Path) -> RecordInfluence:
    """Ask which records push the lean of occupations."""
    probe = load_probe(str(world.save_probe(work / "probe", features=(world.GENDER,))))
    return record_influences(f"{one.base}+{one.adapter}", one.data, probe=probe, framings=(PLAIN,), device="cpu")


def auc(values: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Return how often a positive one has the larger value than another; ties count half."""
    above = values[positive][:, None] - values[~positive][None, :]
    return float((above > 0).mean() + (above == 0).mean() / 2)


def aucs(work: Path, seeds: Iterable[int], *, say: Callable[[str], None]) -> dict[float, list[float]]:
    """Return how well the records that push the lean are found, by the lean of the base, one number a seed."""
    work.mkdir(parents=True, exist_ok=True)
    found: dict[float, list[float]] = {AGAINST: [], ALIKE: []}
    for lean, several in found.items():
        for seed in seeds:
            one = made(work, seed, lean=lean)
            result = attributed(one, work)
            values, among = result.records["influence"].to_numpy(), one.paired
            several.append(auc(values, one.leaning))
            index = " to ".join(f"{value:+.3f}" for value in result.facts["index"]["gender"])
            adjusted = result.groups.set_index("group")["p_adjusted"]
            say(
                f"base at {lean}, seed {seed}: AUC {several[-1]:.3f}, among records with a pronoun "
                f"{auc(values[among], one.leaning[among]):.3f}; index {index}; agreement of halves "
                f"{result.facts['agreement']['gender']:.2f}; p of the group {adjusted[SOURCES[0]]:.3f}"
            )
    return found
