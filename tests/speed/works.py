"""The work that is timed: texts as (context, continuation), the same for every tool."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from biasaudit import kinds
from biasaudit.probes import load_probe
from biasaudit.types import Role

Texts = list[tuple[str, str]]


def crows_pairs(data_dir: Path, number: int) -> Texts:
    """Whole sentences of the first pairs, one after another."""
    probe = load_probe("crows-pairs", data_dir=data_dir)
    items = [item for item in probe.items if item.role is Role.BIAS][:number]
    return [(prompt.context, prompt.continuation) for item in items for prompt in kinds.prompts(item)]


def bbq(data_dir: Path, number: int) -> Texts:
    """The three options of the first items on age, each after context and question."""
    lines = (data_dir / "bbq" / "Age.jsonl").read_text(encoding="utf-8").splitlines()[:number]
    return [
        (f"{item['context']} {item['question']} Answer:", f" {item[f'ans{option}']}")
        for item in map(json.loads, lines)
        for option in range(3)
    ]


def templates(_: Path, number: int) -> Texts:
    """The distinct texts of the shipped occupations, 64 continuations a context."""
    distinct = dict.fromkeys(
        (prompt.context, prompt.continuation)
        for item in load_probe("occupations").items
        if item.role is Role.BIAS
        for prompt in kinds.prompts(item)
    )
    by_context: dict[str, Texts] = {}
    for context, continuation in distinct:
        by_context.setdefault(context, []).append((context, continuation))
    many = [texts for texts in by_context.values() if len(texts) >= 8]
    return [text for texts in many for text in texts][:number]


def templates_in_chat(data_dir: Path, number: int) -> Texts:
    """The same after a short exchange, as the chat framing asks them: three of an audit's four wordings."""
    turns = "<|im_start|>user\nWrite one sentence.<|im_end|>\n<|im_start|>assistant\n"
    return [(turns + context, continuation) for context, continuation in templates(data_dir, number)]


WORKS: Final[dict[str, tuple[Callable[[Path, int], Texts], int]]] = {
    "crows-pairs": (crows_pairs, 300),
    "bbq": (bbq, 100),
    "templates": (templates, 640),
    "templates-in-chat": (templates_in_chat, 640),
}
"""Name -> maker and its usual number of items."""
