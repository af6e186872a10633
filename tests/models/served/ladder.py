"""How far the numbers of a server lie from those of transformers, for one and the same weights.

Run as ``python -m tests.models.served.ladder --data FOLDER``: CrowS-Pairs with gemma-3-270m in float32, asked of
transformers in this process and of llama.cpp's server over HTTP. Prints one row of the table in docs/served.md.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import biasaudit
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.local.embedded import BASE, PACKAGE
from tests.models.served.llama import in_float32, llama_server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Folder with published data sets.")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--keys", default="f32", choices=("f32", "f16"))
    parser.add_argument("--quantised", action="store_true", help="Serve the file as it is, in Q4_K_M.")
    parser.add_argument("--port", type=int, default=0, help="The same one goes on from what is kept.")
    parser.add_argument(
        "--half-gelu", action="store_true", help="Let transformers round where ggml's table of GELU does."
    )
    asked = parser.parse_args()
    settings: dict[str, Any] = {
        "probes": ["crows-pairs"],
        "data_dir": asked.data,
        "limit": asked.pairs,
        "framing_names": ("plain",),
    }
    with as_ggml_rounds() if asked.half_gelu else nullcontext():
        here = biasaudit.audit(BASE, BASE, **settings)
    with tempfile.TemporaryDirectory() as folder:
        packed, whole = Path(folder) / "quantised.gguf", Path(folder) / "float32.gguf"
        importlib.import_module(PACKAGE).assemble(packed)
        served = packed if asked.quantised else in_float32(packed, whole)
        with llama_server(served, keys=asked.keys, port=asked.port) as url:
            reference = f"{url}#{served.stem}+tokenizer={BASE}"
            started = time.monotonic()
            there = biasaudit.audit(reference, reference, concurrency=2, **settings)
            seconds = time.monotonic() - started
    for told in there.manifest.told:
        sys.stdout.write(f"{told}\n")
    sys.stdout.write(f"{row(here, there)}; {seconds:.0f} s\n")


@contextmanager
def as_ggml_rounds() -> Iterator[None]:
    """Let transformers take GELU as llama.cpp's processor code does: from a table of half-precision numbers.

    What it answers is kept apart: the weights are the same, and the numbers are not.
    """
    from transformers.activations import ACT2FN

    kind = type(ACT2FN["gelu_pytorch_tanh"])
    exact = kind.forward

    def from_table(self: Any, values: Any) -> Any:  # a module, and a tensor
        rounded = exact(self, values.half().float()).half().float()
        return rounded.where(values.abs() < 10, exact(self, values))

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        (Path(folder) / "models").symlink_to(cache_folder() / "models")
        patch.setenv("BIASAUDIT_CACHE", folder)
        patch.setattr(kind, "forward", from_table)
        yield


def row(here: biasaudit.Audit, there: biasaudit.Audit) -> str:
    """Say how far two audits of the same weights lie apart."""
    keys = ["item_id", "part"]
    ours, theirs = (one.responses.query("checkpoint == 'base' and status == 'ok'") for one in (here, there))
    pairs = ours.merge(theirs, on=keys, suffixes=("", "_there"))
    apart = np.concatenate(
        [
            np.abs(np.asarray(one["token_logprobs_nats"]) - np.asarray(one["token_logprobs_nats_there"]))
            for one in pairs.to_dict("records")
        ]
    )
    scores = here.scores.query("checkpoint == 'base'").merge(
        there.scores.query("checkpoint == 'base'"), on="item_id", suffixes=("", "_there")
    )
    equal = (np.sign(scores["d_nats"]) == np.sign(scores["d_nats_there"])).sum()
    return (
        f"{len(pairs)} of {len(ours)} texts, {len(apart)} tokens: largest difference {apart.max():.2g} nats a token, "
        f"mean {apart.mean():.2g}; sign of d equal in {equal} of {len(scores)} items"
    )


if __name__ == "__main__":
    main()
