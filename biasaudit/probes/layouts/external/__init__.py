"""One reader per published format: the original files, or rows of the hub, become items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.probes.layouts.external import (
    bbq,
    bold,
    crows_pairs,
    decodingtrust,
    discrim_eval,
    gest,
    holistic_bias,
    honest,
    redditbias,
    stereoset,
    unqover,
    winobias,
    winogender,
    winoqueer,
)
from biasaudit.probes.layouts.external.reading import Reader, Reading

__all__ = ["EXTERNAL_LAYOUTS", "Reader", "Reading"]

EXTERNAL_LAYOUTS: Final[Mapping[str, Reader]] = {
    "bbq": bbq.READER,
    "bold": bold.READER,
    "crows-pairs": crows_pairs.READER,
    "decodingtrust": decodingtrust.READER,
    "discrim-eval": discrim_eval.READER,
    "gest": gest.READER,
    "holistic-bias": holistic_bias.READER,
    "honest": honest.READER,
    "redditbias": redditbias.READER,
    "stereoset": stereoset.READER,
    "unqover": unqover.READER,
    "winobias": winobias.READER,
    "winogender": winogender.READER,
    "winoqueer": winoqueer.READER,
}
"""Format, as the card names it -> reader."""
