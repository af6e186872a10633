"""One tool does one piece of work once, in a process of its own; prints JSON."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from biasaudit.framing import request_key
from biasaudit.models import LoadedModel, ModelShelf, locate, parse_reference, score
from biasaudit.models.engine.tree import TokenSequence, packs
from biasaudit.models.likelihood import encode
from biasaudit.types import Request, Scored
from tests.speed.works import WORKS, Texts


def opened(model: str) -> LoadedModel:
    return ModelShelf(dtype="float32", device="cpu").open(locate(parse_reference(model)))


def requests(texts: Texts) -> list[Request]:
    return [
        Request(
            key=request_key(context, continuation, templated=False),
            context=context,
            continuation=continuation,
            templated=False,
            item_id="",
            part="first",
            framing_id="plain",
        )
        for context, continuation in texts
    ]


def with_biasaudit(model: LoadedModel, texts: Texts, _: int) -> Callable[[], list[float]]:
    asked = requests(texts)

    def run() -> list[float]:
        return [
            response.logprob_nats if isinstance(response, Scored) else float("nan") for response in score(model, asked)
        ]

    return run


def with_lm_eval(model: LoadedModel, texts: Texts, batch_size: int) -> Callable[[], list[float]]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    harness: Any = HFLM(
        pretrained=model.causal_model, tokenizer=model.tokenizer, batch_size=batch_size, device="cpu", dtype="float32"
    )
    asked = [Instance("loglikelihood", {}, text, number) for number, text in enumerate(texts)]
    return lambda: [logprob for logprob, _ in harness.loglikelihood(asked, disable_tqdm=True)]


def with_minicons(model: LoadedModel, texts: Texts, batch_size: int) -> Callable[[], list[float]]:
    from minicons.scorer import IncrementalLMScorer

    scorer: Any = IncrementalLMScorer(model.causal_model, device="cpu", tokenizer=model.tokenizer)

    def run() -> list[float]:
        found: list[float] = []
        for start in range(0, len(texts), batch_size):
            batch = texts[start : start + batch_size]
            if batch[0][0]:
                prefixes, stimuli = [list(part) for part in zip(*batch, strict=True)]
                found += scorer.conditional_score(
                    prefixes, stimuli, separator="", reduction=lambda values: values.sum(0).item()
                )
            else:
                found += scorer.sequence_score(
                    [text for _, text in batch], reduction=lambda values: values.sum(0).item(), bos_token=True
                )
        return found

    return run


TOOLS: Final = {"biasaudit": with_biasaudit, "lm-eval": with_lm_eval, "minicons": with_minicons}


def matrix_product_rate() -> float:
    """Float32 multiply-adds of a large product, in GFLOP/s (two a multiply-add): median of 7."""
    import torch

    matrix = torch.randn(2048, 2048)
    matrix @ matrix
    times = []
    for _ in range(7):
        started = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - started)
    return 2 * 2048**3 / statistics.median(times) / 1e9


def least_work(model: LoadedModel, texts: Texts) -> dict[str, float]:
    """Tokens asked for, distinct nodes of the prefix tree, and the products that these need."""
    import torch
    from transformers.pytorch_utils import Conv1D

    encoded = [encode(model.tokenizer, request) for request in requests(texts)]
    sequences = [
        TokenSequence((*one.context_ids, *one.continuation_ids), len(one.context_ids))
        for one in encoded
        if not hasattr(one, "reason")
    ]
    [tree] = packs(sequences, sum(len(one.token_ids) for one in sequences))
    output: Any = model.causal_model.get_output_embeddings()  # type: ignore[no-untyped-call]
    inner = sum(
        module.weight.numel()
        for name, module in model.causal_model.named_modules()
        if type(module) in {torch.nn.Linear, Conv1D} and module is not output
    )
    n_read = len(set(tree.read_nodes.tolist()))
    return {
        "tokens": sum(len(one.token_ids) for one in sequences),
        "nodes": tree.n_nodes,
        "gflop": 2 * (inner * tree.n_nodes + output.weight.numel() * n_read) / 1e9,
    }


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", choices=TOOLS, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", choices=WORKS, required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=16)
    asked = parser.parse_args()
    texts = WORKS[asked.work][0](asked.data_dir, asked.number)
    model = opened(asked.model)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    TOOLS[asked.tool](model, texts[:8], asked.batch_size)()  # what is made once: threads, code paths
    run = TOOLS[asked.tool](model, texts, asked.batch_size)
    rate = matrix_product_rate()
    started = time.perf_counter()
    logprobs = run()
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "seconds": seconds,
                "logprobs_nats": logprobs,
                "rate_gflops": statistics.mean([rate, matrix_product_rate()]),
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "loaded_bytes": before,
                "weights_bytes": sum(p.numel() * p.element_size() for p in model.causal_model.parameters()),
                **least_work(model, texts),
            }
        )
    )


if __name__ == "__main__":
    main()
