"""One checkpoint by two engines, text by text: differences a token, signs of pairs, time.

    python -m tests.ladder.engines demo:base vllm:demo:base --data-dir FOLDER

Both are asked for the same requests by the door that audits go through, in a cache of their own; what is timed is the
asking, after each has loaded and answered the sentences of the check of plausibility.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from biasaudit.audits.asked import requests_of
from biasaudit.framing import framings
from biasaudit.models import ModelShelf, cache_folder, locate, parse_reference, plausibility, way_of
from biasaudit.models.backend import Settings, answers
from biasaudit.models.likelihood import Encoded, encode_all, response_to
from biasaudit.probes import Probe, limited, load_probe
from biasaudit.types import Request, Response, Role, Scored

TEXTS = ("occupations", "hiring")
PAIRS = "crows-pairs"


@dataclass(frozen=True)
class Answered:
    """What one engine gave.

    Attributes
    ----------
    responses : list of Response
        In the order of the requests.
    load_seconds, seconds : float
        Until the sentences were answered, and for the requests alone.
    who : str
    """

    responses: list[Response]
    load_seconds: float
    seconds: float
    who: str


def asked_of(probe: Probe) -> list[Request]:
    """Return what a probe asks in plain framing."""
    return requests_of(probe, framings(("plain",), ()), None)


def drawn(probe: Probe, number: int) -> Probe:
    """Return a probe with so many of its pairs, drawn by a seed."""
    pairs = [item for item in probe.items if item.role is Role.BIAS]
    return replace(probe, items=tuple(random.Random(0).sample(pairs, number)))


def answered(reference: str, requests: list[Request]) -> Answered:
    """Ask one engine, with nothing in the cache."""
    prepared = way_of(reference).locate({"base": reference, "tuned": reference}, Settings(), print).prepared()
    with prepared.opened(print) as opened:
        started = time.monotonic()
        backend = opened("base")
        answers(backend, plausibility.requests(), name=reference)
        loaded = time.monotonic()
        found = answers(backend, requests, name=reference)
        ended = time.monotonic()
        known = backend.fingerprint
        if backend.scoring is not None:
            print(f"{reference}: {backend.scoring}", flush=True)
    who = f"{known.engine or 'transformers ' + known.libraries['transformers']}, torch {known.libraries['torch']}"
    return Answered(responses=found, load_seconds=loaded - started, seconds=ended - loaded, who=f"{who}, {known.dtype}")


def nearly_exact(reference: str, requests: list[Request]) -> list[Response]:
    """Return plain forwards of transformers, one text at a time, with weights and products in double precision."""
    loaded = ModelShelf(dtype="float32").open(locate(parse_reference(reference.removeprefix("vllm:"))))
    loaded.model.double()
    encoded = encode_all(loaded.tokenizer, list({one.key: one for one in requests}.values()))
    found: dict[str, Response] = {}
    for key, one in encoded.items():
        if isinstance(one, Encoded):
            [values] = loaded.continuation_logprobs([(one.context_ids, one.continuation_ids)])
            found[key] = response_to(one, values)
    return [found[request.key] for request in requests]


def told(what: str, first: list[Response], second: list[Response]) -> None:
    """Print how far apart two engines are."""
    apart = differences(first, second)
    print(
        f"{what}: {len(first)} texts, {len(apart)} tokens; nats a token: largest {max(apart):.1e}, "
        f"median {statistics.median(apart):.1e}, 99 % at most {sorted(apart)[int(0.99 * (len(apart) - 1))]:.1e}",
        flush=True,
    )


def differences(first: list[Response], second: list[Response]) -> list[float]:
    """Return how far apart the log-probabilities of each token are, in nats.

    Raises
    ------
    SystemExit
        If they are not of the same tokens.
    """
    found = []
    for one, other in zip(first, second, strict=True):
        if not isinstance(one, Scored) or not isinstance(other, Scored) or one.token_ids != other.token_ids:
            raise SystemExit(f"not the same tokens: {one}, {other}")
        pairs = zip(one.token_logprobs_nats, other.token_logprobs_nats, strict=True)
        found += [abs(ours - theirs) for ours, theirs in pairs]
    return found


def values(requests: list[Request], responses: list[Response]) -> dict[str, float]:
    """Return d of each pair, in nats."""
    of: dict[str, dict[str, float]] = {}
    for request, response in zip(requests, responses, strict=True):
        if isinstance(response, Scored):
            of.setdefault(request.item_id, {})[request.part] = response.logprob_nats
    return {name: one["first"] - one["second"] for name, one in of.items()}


def compared(asked: argparse.Namespace) -> None:
    """Print the table of the page."""
    probes = [limited(load_probe(name), asked.texts // len(TEXTS), seed=0) for name in TEXTS]
    pairs = drawn(load_probe(PAIRS, data_dir=asked.data_dir), asked.pairs)
    texts = list({one.key: one for probe in probes for one in asked_of(probe)}.values())[: asked.texts]
    of_pairs = asked_of(pairs)
    found = [answered(reference, [*texts, *of_pairs]) for reference in (asked.first, asked.second)]
    first, second = (one.responses for one in found)
    parts = {"texts of probes": slice(len(texts)), "sentences of pairs": slice(len(texts), None)}
    for what, part in parts.items():
        told(what, first[part], second[part])
    ours, theirs = (values(of_pairs, one[len(texts) :]) for one in (first, second))
    same = sum((ours[name] > 0) == (theirs[name] > 0) and (ours[name] < 0) == (theirs[name] < 0) for name in ours)
    largest = max(abs(ours[name] - theirs[name]) for name in ours)
    print(f"signs of {len(ours)} pairs: {same} equal; d differs by at most {largest:.1e} nats")
    for reference, one in zip((asked.first, asked.second), found, strict=True):
        print(f"{reference} ({one.who}): loaded in {one.load_seconds:.0f} s, {len(first)} texts in {one.seconds:.0f} s")
    if asked.exact:
        exact = nearly_exact(asked.first, [*texts, *of_pairs])
        for reference, one in zip((asked.first, asked.second), found, strict=True):
            for what, part in parts.items():
                told(f"{reference} and double precision, {what}", one.responses[part], exact[part])


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("first", help="reference of a checkpoint")
    parser.add_argument("second", help="reference of the same checkpoint by another engine")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--exact", action="store_true", help="beside both, plain forwards in double precision")
    asked = parser.parse_args()
    kept = cache_folder() / "models"
    with tempfile.TemporaryDirectory() as folder:
        kept.mkdir(exist_ok=True)
        (Path(folder) / "models").symlink_to(kept.resolve(), target_is_directory=True)
        os.environ["BIASAUDIT_CACHE"] = folder
        compared(asked)


if __name__ == "__main__":
    main()
