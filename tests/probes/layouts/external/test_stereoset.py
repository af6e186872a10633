from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes import load_probe
from biasaudit.probes.card import read_card
from biasaudit.probes.layouts.external import EXTERNAL_LAYOUTS
from biasaudit.probes.registry import folder_of
from biasaudit.types import PairTexts, Role
from biasaudit.validity import findings
from tests.probes.sets import save_stereoset, stereoset_entry


def test_a_triple_is_one_item_of_bias_and_two_of_competence(tmp_path: Path) -> None:
    probe = load_probe("stereoset", data_dir=save_stereoset(tmp_path, [stereoset_entry(1)], [stereoset_entry(2)]))
    intra, inter = probe.items[:3], probe.items[3:]
    assert [item.role for item in intra] == [Role.BIAS, Role.COMPETENCE, Role.COMPETENCE]
    assert [item.texts for item in intra] == [
        PairTexts(context="", first="The clerk is slow.", second="The clerk is quick."),
        PairTexts(context="", first="The clerk is slow.", second="The clerk is seven."),
        PairTexts(context="", first="The clerk is quick.", second="The clerk is seven."),
    ]
    assert inter[0].texts == PairTexts(
        context="Here is clerk 2.", first=" The clerk is slow.", second=" The clerk is quick."
    )
    assert {item.cluster_id for item in intra} == {"term1"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bias_type": "weather"}, "bias_type"),
        ({"target": ""}, "target"),
        ({"sentences": []}, "sentences"),
        ({"sentences": [{"id": "x", "sentence": "y", "gold_label": "other"}]}, "gold_label"),
        ({"id": "e0"}, "id"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    folder = save_stereoset(tmp_path, [stereoset_entry(0), stereoset_entry(1, **changes)], [])
    with pytest.raises(ItemError) as caught:
        load_probe("stereoset", data_dir=folder)
    assert (caught.value.path.name, caught.value.line, caught.value.field) == ("dev.json", 2, field)


@pytest.mark.parametrize("content", ["[]", '{"data": {"intrasentence": []}}', '{"data": '])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    folder = save_stereoset(tmp_path, [], [])
    (folder / "stereoset" / "dev.json").write_text(content, encoding="utf-8")
    with pytest.raises(ProbeError, match=r"dev\.json"):
        load_probe("stereoset", data_dir=folder)


def test_the_hubs_rows_give_the_same_items(tmp_path: Path) -> None:
    """There the sentences are columns, the label is a class, and the task is the configuration."""
    entry = stereoset_entry(4)
    probe = load_probe("stereoset", data_dir=save_stereoset(tmp_path, [], [entry]))
    sentences = entry["sentences"]
    row = {
        **entry,
        "(configuration)": "intersentence",
        "sentences": {
            "id": [one["id"] for one in sentences],
            "sentence": [one["sentence"] for one in sentences],
            "gold_label": [
                ["anti-stereotype", "stereotype", "unrelated"].index(one["gold_label"]) for one in sentences
            ],
        },
    }
    of_hub = EXTERNAL_LAYOUTS["stereoset"].of_hub
    assert of_hub is not None
    found = of_hub([(1, row)], read_card(folder_of("stereoset") / "card.yaml"), Path("hub:x"))
    assert found.items == probe.items


@pytest.mark.slow
def test_the_development_split_is_whole(published_data: Path) -> None:
    probe = load_probe("stereoset", data_dir=published_data)
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert probe.notices == ()
    assert [sum(item.family == task for item in bias) for task in ("intrasentence", "intersentence")] == [2106, 2123]
    assert len({item.cluster_id for item in bias}) == 79
    assert all(finding.code == "few-clusters" for finding in findings(probe)), "religion has three terms"
