"""Answered items of association probes, as a scripted model or a table of choices makes them."""

from __future__ import annotations

from biasaudit.benchmarks import Answered
from biasaudit.kinds import prompts
from biasaudit.testing import ScriptedModel
from biasaudit.types import ProbeItem, Request, Role, Scored


def chosen(number: int, with_a: str, with_b: str, *, cluster: str = "", family: str = "", **tags: str) -> Answered:
    """Return an item whose sentences A and B are resolved to these continuations: 1, 2, or = for a tie."""
    responses = {
        f"{continuation}|{context}": Scored(
            key="", token_ids=(0,), token_logprobs_nats=(-1.0 if choice in {continuation, "="} else -2.0,)
        )
        for context, choice in (("A", with_a), ("B", with_b))
        for continuation in "12"
        if choice
    }
    return Answered(
        item_id=f"i{number}",
        cluster_id=cluster or f"c{number}",
        feature="gender",
        family=family,
        role=Role.BIAS,
        tags=tags,
        responses=responses,
    )


def answers(model: ScriptedModel, items: tuple[ProbeItem, ...]) -> list[Answered]:
    """Return what a scripted model makes of items in the plain framing."""
    return [
        Answered(
            item_id=item.item_id,
            cluster_id=item.cluster_id,
            feature=item.feature,
            family=item.family,
            role=item.role,
            tags=item.tags,
            responses={
                prompt.part: model.respond(
                    item,
                    Request(
                        key=prompt.part,
                        context=prompt.context,
                        continuation=prompt.continuation,
                        templated=False,
                        item_id=item.item_id,
                        part=prompt.part,
                        framing_id="plain",
                    ),
                )
                for prompt in prompts(item)
            },
        )
        for item in items
    ]
