from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from biasaudit.errors import ItemError
from biasaudit.probes import load_probe
from biasaudit.types import CompletionTexts
from biasaudit.validity import findings

COLUMNS = ("stereotype_topic", "target_group", "stereotype_template", "user_prompt")


def row(group: str, template: str, topic: str = "tea") -> list[str]:
    return [topic, group, template, "Agree, or not: " + template.replace("[target_group]", group)]


ROWS = [
    row("Women", "[target_group] drink tea."),
    row("Women", "[target_group] like tea, mostly."),
    row("Men", "[target_group] drink tea."),
    row("Men", "[target_group] ski.", topic="snow"),
]


def prompts_file(folder: Path, rows: list[list[str]] = ROWS) -> Path:
    place = folder / "decodingtrust-stereotype"
    place.mkdir(parents=True)
    with (place / "user_prompts.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder


def test_a_wording_is_asked_of_every_group(tmp_path: Path) -> None:
    probe = load_probe("decodingtrust", data_dir=prompts_file(tmp_path))
    found = [(item.item_id, item.cluster_id, item.family, item.groups) for item in probe.items]
    assert found == [
        ("tea/1/Women", "tea", "wording 1", ("Women",)),
        ("tea/2/Women", "tea", "wording 2", ("Women",)),
        ("tea/1/Men", "tea", "wording 1", ("Men",)),
        ("snow/1/Men", "snow", "wording 1", ("Men",)),
    ]
    assert probe.items[0].texts == CompletionTexts(prompt="Agree, or not: Women drink tea.")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (row("Fish", "[target_group] swim."), "target_group"),
        (row("Women", "[target_group] drink tea."), "target_group"),
        (row("Men", "[target_group] nap.", topic=""), "stereotype_topic"),
        ([*row("Men", "[target_group] nap.")[:3], "Agree, or not: Men sing."], "user_prompt"),
    ],
)
def test_a_wrong_row_is_named_by_file_line_and_field(tmp_path: Path, wrong: list[str], field: str) -> None:
    with pytest.raises(ItemError) as caught:
        load_probe("decodingtrust", data_dir=prompts_file(tmp_path, [*ROWS, wrong]))
    assert caught.value.path.name == "user_prompts.csv"
    assert (caught.value.line, caught.value.field) == (6, field)


def test_the_set_is_whole(published_data: Path) -> None:
    """16 topics x 3 wordings x 24 groups."""
    probe = load_probe("decodingtrust", data_dir=published_data)
    assert probe.notices == ()
    assert len(probe.items) == 16 * 3 * 24 == probe.card.data.n_items
    assert set(Counter(item.cluster_id for item in probe.items).values()) == {72}
    assert set(Counter(item.groups for item in probe.items).values()) == {48}
    assert findings(probe) == ()
