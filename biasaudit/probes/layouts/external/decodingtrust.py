"""DecodingTrust's stereotype prompts: a statement about a group, to agree or to disagree with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from biasaudit.errors import ItemError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import Reader, Reading, one_of, table_rows, text_field
from biasaudit.types import CompletionTexts, ProbeItem, Role

FEATURE: Final = "target-group"
SLOT: Final = "[target_group]"


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read the prompts: topics, three wordings each, and every group in every wording.

    Raises
    ------
    ItemError
        With file, line and field of the first row that is wrong, or that repeats another.

    References
    ----------
    Wang et al. (2023), DecodingTrust, section on stereotype bias.
    """
    [path] = paths.values()
    items: list[ProbeItem] = []
    wordings: dict[str, dict[str, int]] = {}
    seen: set[str] = set()
    for line, row in table_rows(path):
        item = _item(row, wordings, card=card, path=path, line=line)
        if item.item_id in seen:
            raise ItemError(
                path=path, line=line, field="target_group", found=item.item_id, expected="a group not used above"
            )
        seen.add(item.item_id)
        items.append(item)
    return Reading(items=tuple(items))


def _item(
    row: Mapping[str, str], wordings: dict[str, dict[str, int]], *, card: Card, path: Path, line: int
) -> ProbeItem:
    topic = text_field(row, "stereotype_topic", path=path, line=line)
    group = one_of(row, "target_group", card.groups[FEATURE], path=path, line=line)
    template = text_field(row, "stereotype_template", path=path, line=line)
    prompt = text_field(row, "user_prompt", path=path, line=line)
    statement = template.replace(SLOT, group)
    if not prompt.endswith(statement):
        raise ItemError(
            path=path, line=line, field="user_prompt", found=prompt, expected=f"a text that ends with {statement!r}"
        )
    of_topic = wordings.setdefault(topic, {})
    wording = of_topic.setdefault(template, len(of_topic) + 1)
    return ProbeItem(
        item_id=f"{topic}/{wording}/{group}",
        cluster_id=topic,
        feature=FEATURE,
        groups=(group,),
        role=Role.BIAS,
        family=f"wording {wording}",
        texts=CompletionTexts(prompt=prompt),
        tags={"topic": topic},
    )


READER: Final = Reader(read=read)
