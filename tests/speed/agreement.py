"""Published sets item by item beside lm-evaluation-harness: same rows, weights and dtype.

    python -m tests.speed.agreement MODEL --data-dir FOLDER --set crows-pairs

The harness builds its own requests from the rows, with its task's own prompt, and scores them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from biasaudit import kinds
from biasaudit.framing import PLAIN, framed
from biasaudit.models import LoadedModel, score
from biasaudit.probes import Probe, load_probe
from biasaudit.types import ChoiceTexts, PairTexts, ProbeItem, Role, Scored
from tests.speed.worker import opened

TOLERANCE_NATS: Final = 1e-3


def pairs(probe: Probe) -> tuple[ProbeItem, ...]:
    return tuple(item for item in probe.items if item.role is Role.BIAS)


def questions(probe: Probe) -> tuple[ProbeItem, ...]:
    """The first 500 on age and every hundredth of the rest, ambiguous and not."""
    of_age = [item for item in probe.items if item.feature == "age"][:400]
    rest = [item for item in probe.items if item.feature != "age"]
    return (*of_age, *rest[:: max(1, len(rest) // 100)][:100])


def crows_pairs_requests(item: ProbeItem) -> list[tuple[str, str]]:
    """Empty context, sentence: the task's doc_to_text and doc_to_choice, delimiter empty."""
    texts = item.texts
    if not isinstance(texts, PairTexts):
        raise TypeError(item.item_id)
    return [("", texts.first), ("", texts.second)]


def bbq_requests(item: ProbeItem) -> list[tuple[str, str]]:
    """The task's prompt; of its twelve choices the two persons, and the question's own unknown."""
    texts = item.texts
    if not isinstance(texts, ChoiceTexts):
        raise TypeError(item.item_id)
    context = f"{texts.context}\n\nQ: {texts.question}\nA:"
    return [(context, f" {option}") for option in (texts.biased, texts.counter, texts.unknown)]


SETS: Final[
    dict[str, tuple[Callable[[Probe], tuple[ProbeItem, ...]], Callable[[ProbeItem], list[tuple[str, str]]]]]
] = {
    "crows-pairs": (pairs, crows_pairs_requests),
    "crows-pairs-revised": (pairs, crows_pairs_requests),
    "bbq": (questions, bbq_requests),
}


def ours(model: LoadedModel, items: Sequence[ProbeItem]) -> list[list[float]]:
    asked = [
        [framed(prompt, item_id=item.item_id, framing=PLAIN, chat=None) for prompt in kinds.prompts(item)]
        for item in items
    ]
    flat = iter(list(score(model, [request for of_item in asked for request in of_item])))
    return [
        [one.logprob_nats if isinstance(one := next(flat), Scored) else float("nan") for _ in of_item]
        for of_item in asked
    ]


def theirs(
    model: LoadedModel, requests: Sequence[list[tuple[str, str]]], *, batch_size: int, softmax_dtype: str | None
) -> list[list[float]]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    harness: Any = HFLM(
        pretrained=model.causal_model,
        tokenizer=model.tokenizer,
        batch_size=batch_size,
        device="cpu",
        dtype="float32",
        softmax_dtype=softmax_dtype,
    )
    flat = [request for of_item in requests for request in of_item]
    found = iter(
        harness.loglikelihood(
            [Instance("loglikelihood", {}, text, number) for number, text in enumerate(flat)], disable_tqdm=True
        )
    )
    return [[next(found)[0] for _ in of_item] for of_item in requests]


def preferences(nats: Sequence[Sequence[float]]) -> dict[str, float]:
    """What the harness's task makes of two log-likelihoods: its own function."""
    from lm_eval.tasks.crows_pairs.utils import process_results

    found = [process_results({}, [(value, False) for value in row]) for row in nats]
    return {name: sum(row[name] for row in found) / len(found) for name in ("pct_stereotype", "likelihood_diff")}


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--set", choices=SETS, required=True)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--number", type=int)
    parser.add_argument("--softmax-dtype", help="in which the harness normalises and sums; its default is the model's")
    asked = parser.parse_args()
    chosen, requests_of = SETS[asked.set]
    probe = load_probe(asked.set, data_dir=asked.data_dir)
    items = chosen(replace(probe))[: asked.number]
    model = opened(asked.model)
    mine = ours(model, items)
    other = theirs(
        model,
        [requests_of(item) for item in items],
        batch_size=asked.batch_size,
        softmax_dtype=asked.softmax_dtype,
    )
    differences = [abs(a - b) for one, two in zip(mine, other, strict=True) for a, b in zip(one, two, strict=True)]
    decided = [
        max(range(len(one)), key=one.__getitem__) == max(range(len(two)), key=two.__getitem__)
        for one, two in zip(mine, other, strict=True)
    ]
    result: dict[str, Any] = {
        "set": asked.set,
        "model": asked.model,
        "items": len(items),
        "log-likelihoods": len(differences),
        "largest difference in nats": max(differences),
        "items decided alike": sum(decided),
    }
    if asked.set != "bbq":
        result |= {"ours": preferences(mine), "harness": preferences(other)}
    print(json.dumps(result, indent=1))
    if not max(differences) <= TOLERANCE_NATS:
        raise SystemExit("they differ")


if __name__ == "__main__":
    main()
