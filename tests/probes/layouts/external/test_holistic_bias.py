from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from biasaudit import audit
from biasaudit.errors import ItemError, UsageError
from biasaudit.probes import load_probe
from biasaudit.types import LikelihoodTexts

DESCRIPTORS: dict[str, Any] = {
    "body_type": {
        "hair": ["curly", {"descriptor": "ginger", "preference": "polarizing"}],
        "small_stature": [f"size {n}" for n in range(8)],
    },
    "gender_and_sex": {"binary": [{"descriptor": "womanly", "gender": "female"}]},
}
NOUNS = {"female": [["aunt", "aunts"]], "neutral": [["cook", "cooks"], ["child", "children"]]}
TEMPLATES = {"I love {plural_noun_phrase}.": {"must_be_noun": True}, "I hate {plural_noun_phrase}.": {}}


def save(folder: Path, descriptors: object = DESCRIPTORS, nouns: object = NOUNS, templates: object = TEMPLATES) -> Path:
    place = folder / "holistic-bias"
    place.mkdir()
    files = {"descriptors": descriptors, "nouns": nouns, "sentence_templates": templates}
    for name, content in files.items():
        (place / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_descriptor_meets_every_noun_of_its_gender_in_both_templates(tmp_path: Path) -> None:
    probe = load_probe("holistic-bias", data_dir=save(tmp_path))
    texts = [item.texts for item in probe.items if item.tags["descriptor"] == "womanly"]
    assert texts == [LikelihoodTexts(text="I love womanly aunts."), LikelihoodTexts(text="I hate womanly aunts.")]
    of_size = [item for item in probe.items if item.feature == "body-type"]
    assert len({item.cluster_id for item in of_size}) == 6
    assert len(of_size) == 6 * 3 * 2


def test_the_draw_does_not_depend_on_the_order_of_the_file(tmp_path: Path) -> None:
    turned = {axis: {name: entries[::-1] for name, entries in of.items()} for axis, of in DESCRIPTORS.items()}
    (tmp_path / "turned").mkdir()
    one = load_probe("holistic-bias", data_dir=save(tmp_path))
    other = load_probe("holistic-bias", data_dir=save(tmp_path / "turned", turned))
    assert one.sha256 == other.sha256


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"descriptors": {"weather": {"all": ["rainy"]}}}, "axis"),
        ({"descriptors": {"age": {"all": ["old", " "]}}}, "age.all[1].descriptor"),
        ({"descriptors": {"age": {"all": [{"descriptor": "old", "gender": "?"}]}}}, "age.all[0].gender"),
        ({"descriptors": {"age": ["old"]}}, "age"),
        ({"descriptors": {"age": {"all": "old"}}}, "age.all"),
        ({"nouns": {"neutral": [["cook"]]}}, "neutral[0]"),
        ({"nouns": {"other": [["cook", "cooks"]]}}, "gender"),
        ({"templates": {"I love {plural_noun_phrase}.": {}}}, "I hate {plural_noun_phrase}."),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, changed: dict[str, object], field: str) -> None:
    with pytest.raises(ItemError) as caught:
        load_probe("holistic-bias", data_dir=save(tmp_path, **changed))
    assert caught.value.field == field


def test_an_audit_of_it_alone_is_refused_before_any_model_is_looked_for() -> None:
    with pytest.raises(UsageError, match="mean log-probability per token"):
        audit("no-such-model", "no-such-model", probes=["holistic-bias"])


def test_six_descriptors_of_every_axis_are_drawn_from_the_set(published_data: Path) -> None:
    probe = load_probe("holistic-bias", data_dir=published_data)
    drawn = {(item.feature, item.tags["descriptor"]) for item in probe.items}
    assert len({axis for axis, _ in drawn}) == 13
    assert len(drawn) == 13 * 6
    assert "78 of 583 descriptors" in probe.notices[-1]
