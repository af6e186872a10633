"""The shards of real requests: what is computed twice, and how workers would end on recorded times."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from biasaudit.models.engine.engine import Engine
from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.likelihood import Encoded, encode_all
from biasaudit.models.shards.cut import Cutting, cut

if TYPE_CHECKING:
    from biasaudit.types import Request


def requests_of(model: str, probes: Sequence[str]) -> list[Request]:
    """Return what an audit of a model asks in both framings."""
    from biasaudit.audits.plan import Plan
    from biasaudit.audits.preflight import made_ready, probes_of

    plan = Plan(base=model, tuned=(model,), probes=tuple(probes), chat_template=template_of(model))
    prepared = plan.way.locate(plan.checkpoints, plan.settings, lambda _: None).prepared()
    return made_ready(plan, probes_of(plan), prepared, None).asked


def template_of(model: str) -> str | None:
    """Return the template of gemma for gemma, whose weights come without one."""
    from biasaudit.models.text.templates import read_template

    return read_template("gemma") if model.startswith("demo:") else None


def sequences_of(model: str, probes: Sequence[str]) -> list[TokenSequence]:
    from biasaudit.models import locate, parse_reference
    from biasaudit.models.text.tokenizer import shared_tokenizer

    tokenizer = shared_tokenizer(locate(parse_reference(model)), trust_remote_code=False)
    distinct = list({request.key: request for request in requests_of(model, probes)}.values())
    encoded = encode_all(tokenizer, distinct)
    return [
        TokenSequence((*one.context_ids, *one.continuation_ids), len(one.context_ids))
        for one in encoded.values()
        if isinstance(one, Encoded)
    ]


def cuttings(model: str, probes: Sequence[str]) -> Cutting:
    return cut(sequences_of(model, probes))


def shard_seconds(model: str, probes: Sequence[str], *, at_most: int | None = None) -> list[tuple[int, float]]:
    """Score shards one after the other in this process; return nodes and seconds of each."""
    from biasaudit.models import ModelShelf, locate, parse_reference

    sequences = sequences_of(model, probes)
    loaded = ModelShelf(device="cpu").open(locate(parse_reference(model)))
    engine = Engine(loaded, None, longest=max(len(one.token_ids) for one in sequences))
    found = []
    shards = cut(sequences).shards
    chosen = shards if at_most is None else shards[:: max(1, len(shards) // at_most)]
    list(engine.run([sequences[place] for place in chosen[0].members], None))  # the check, and a first run
    for shard in chosen:
        started = time.perf_counter()
        list(engine.run([sequences[place] for place in shard.members], None))
        found.append((shard.n_nodes, time.perf_counter() - started))
    return found
