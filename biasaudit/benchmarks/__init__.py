"""The scores of published benchmarks, as their papers define them: answered items in, estimates out.

They run on likelihoods and on predictions from a file alike; no model is needed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.benchmarks import (
    bbq,
    discrimination,
    gest,
    holistic_bias,
    perplexity,
    preferences,
    stereoset,
    unqover,
    winobias,
    winogender,
)
from biasaudit.benchmarks.answered import ALL, Answered, BenchmarkScore, Scorer, Settings

__all__ = ["ALL", "SCORERS", "Answered", "BenchmarkScore", "Scorer", "Settings"]

SCORERS: Final[Mapping[str, Scorer]] = {
    "crows-pairs": preferences.score,
    "stereoset": stereoset.score,
    "bbq": bbq.score,
    "discrim-eval": discrimination.score,
    "gest": gest.score,
    "holistic-bias": holistic_bias.score,
    "redditbias": perplexity.score,
    "winoqueer": preferences.score,
    "winobias": winobias.score,
    "winogender": winogender.score,
    "unqover": unqover.score,
}
"""Format of a probe's data, as its card names it -> the published scores."""
