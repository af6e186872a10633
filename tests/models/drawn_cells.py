"""A tiny transformer that answers cases by yes and no as often as its corpus did: sampled shares against exact ones.

``python -m tests.models.drawn_cells WORK SEEDS DRAWS`` counts, over 220 cells a seed, how often the Wilson interval of
drawn answers covers the model's own p(yes) / (p(yes) + p(no)), read from its log-probabilities.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from biasaudit.framing import PLAIN, Prompt, framed
from biasaudit.kinds.replies import counted
from biasaudit.models.backend import Settings
from biasaudit.models.backends import way_of
from biasaudit.models.tiny import train
from biasaudit.stats.proportions import wilson
from biasaudit.types import Generation, Request, Response, Sampling, Scored, Written

N_CELLS: Final = 220
_OPTIONS: Final = {"yes": (" yes", " Yes"), "no": (" no", " No")}
_WORDS: Final = ("case", "grant", "yes", "Yes", "no", "No", "because", "it", "is", "so", *map(str, range(N_CELLS)))


def answerer(folder: Path, *, seed: int) -> Path:
    """Return a model that learned for each case how often it is granted, between never and always."""
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0, 1, N_CELLS)
    cases = rng.integers(0, N_CELLS, 64 * 400)
    granted = rng.uniform(size=len(cases)) < shares[cases]
    capital = rng.uniform(size=len(cases)) < 0.3
    ends = ("because it is so", "", "it is so")
    texts = [
        f"case {case} grant {('Yes' if big else 'yes') if yes else ('No' if big else 'no')} {ends[case % 3]}"
        for case, yes, big in zip(cases, granted, capital, strict=True)
    ]
    return train(folder, texts, words=_WORDS, seed=seed, parent=None)


def _asked(case: int, sampling: Sampling) -> Iterator[Request]:
    """Yield what is drawn of a case, and the likelihood of each spelling after the same words."""
    context = f"case {case} grant"
    prompts = [Prompt(part="drawn", context=context, continuation="", options=_OPTIONS)]
    prompts += [
        Prompt(part=f"{name} {number}", context=context, continuation=spelling)
        for name, of in _OPTIONS.items()
        for number, spelling in enumerate(of)
    ]
    for prompt in prompts:
        yield framed(prompt, item_id=str(case), framing=PLAIN, chat=None, sampling=sampling)


def cells(model: Path, sampling: Sampling) -> list[tuple[float, Response, Generation]]:
    """Return the exact p(yes) of each case, what was drawn of it, and the request."""
    prepared = way_of(str(model)).locate({"base": str(model)}, Settings(), lambda _: None).prepared()
    asked = [list(_asked(case, sampling)) for case in range(N_CELLS)]
    with prepared.opened(lambda _: None) as opened:
        answers = iter(list(opened("base").respond([one for of_case in asked for one in of_case])))
    found = []
    for request, *_ in asked:
        assert isinstance(request, Generation)
        drawn, *scored = (next(answers) for _ in range(5))
        shares = [math.exp(one.logprob_nats) for one in scored if isinstance(one, Scored)]
        assert len(shares) == 4
        found.append((sum(shares[:2]) / sum(shares), drawn, request))
    return found


def covered(work: Path, seeds: Sequence[int], *, n: int) -> list[bool]:
    """Return of each cell whether the interval of its draws covers its exact share."""
    found = []
    for seed in seeds:
        model = answerer(work / f"answerer-{seed}", seed=seed)
        for exact, drawn, request in cells(model, Sampling(n=n, max_tokens=8, seed=seed)):
            assert isinstance(drawn, Written)
            read = counted(request, drawn)
            share = wilson(read.counts["yes"], read.n_read)
            found.append(share is not None and share.low <= exact <= share.high)
    return found


if __name__ == "__main__":
    work, n_seeds, n_draws = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    held = covered(work, range(n_seeds), n=n_draws)
    sys.stdout.write(f"{sum(held):,} of {len(held):,} cells covered: {np.mean(held):.1%}\n")
