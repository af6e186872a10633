"""What the one coordinator does for many workers: texts to tokens, cutting, sending, writing; rates of each."""

from __future__ import annotations

import pickle
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from biasaudit.models.cache import ResponseCache
from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.likelihood import Encoded, encode_all
from biasaudit.models.shards.cut import cut
from biasaudit.models.workers.scoring import Ledger
from biasaudit.types import Scored
from tests.machines.shards import requests_of


def rates(model: str, probes: Sequence[str]) -> dict[str, float]:
    """Return requests a second of each step, and bytes a request."""
    from biasaudit.models import locate, parse_reference
    from biasaudit.models.text.tokenizer import shared_tokenizer

    tokenizer = shared_tokenizer(locate(parse_reference(model)), trust_remote_code=False)
    distinct = list({request.key: request for request in requests_of(model, probes)}.values())
    n_requests = len(distinct)
    found: dict[str, float] = {"requests": n_requests}
    started = time.perf_counter()
    texts = [one for one in encode_all(tokenizer, distinct).values() if isinstance(one, Encoded)]
    found["to tokens, requests/s"] = n_requests / (time.perf_counter() - started)
    sequences = [TokenSequence((*one.context_ids, *one.continuation_ids), len(one.context_ids)) for one in texts]
    started = time.perf_counter()
    shards = cut(sequences).shards
    found["cut, requests/s"] = n_requests / (time.perf_counter() - started)
    started = time.perf_counter()
    sent = [pickle.dumps(tuple(sequences[place] for place in shard.members)) for shard in shards]
    found["sent, requests/s"] = n_requests / (time.perf_counter() - started)
    found["sent, bytes/request"] = sum(map(len, sent)) / n_requests
    tracemalloc.start()
    copies = [replace(one, context_ids=(*one.context_ids,), moved=one.moved) for one in texts]
    held = [TokenSequence((*one.context_ids, *one.continuation_ids), len(one.context_ids)) for one in copies]
    found["held as tokens, bytes/request"] = tracemalloc.get_traced_memory()[0] / len(held)
    tracemalloc.stop()
    found.update(_written(texts))
    return found


def _written(texts: Sequence[Encoded]) -> dict[str, float]:
    """Write responses as they come, 60 at a time, as many as are in a pack of 1,024 tokens."""
    rows = [
        Scored(key=key, token_ids=ids, token_logprobs_nats=(-1.5,) * len(ids))
        for key, ids in ((one.scored_key, one.continuation_ids) for one in texts)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "responses.sqlite"
        with ResponseCache(path) as cache:
            ledger = Ledger(cache=cache, identity="m", dtype="float32")
            started = time.perf_counter()
            for start in range(0, len(rows), 60):
                ledger.enter("worker 1", rows[start : start + 60])
            rate = len(rows) / (time.perf_counter() - started)
        n_bytes = sum(file.stat().st_size for file in Path(folder).iterdir())
    return {"written, requests/s": rate, "on disk, bytes/request": n_bytes / len(rows)}
