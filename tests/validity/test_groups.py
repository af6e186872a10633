from __future__ import annotations

from pathlib import Path

from tests.validity.own import found, rows


def test_a_feature_that_no_item_has(tmp_path: Path) -> None:
    groups = {"gender": ["woman", "man"], "age": ["old", "young"]}
    names = {"gender": "Gender", "age": "Age"}
    [finding] = found(tmp_path, groups=groups, feature_names=names)
    assert (finding.code, finding.feature) == ("no-items", "age")
    assert finding.message == "feature 'age' is declared, and no item has it. Add items or drop the feature."


def test_a_group_that_no_item_names(tmp_path: Path) -> None:
    [finding] = found(tmp_path, groups={"gender": ["woman", "man", "non-binary"]})
    assert (finding.code, finding.feature) == ("groups-missing", "gender")
    assert "no item names the group 'non-binary', which card.yaml declares" in finding.message
    assert "Write items about every group in every wording, or drop the group." in finding.message


def test_a_group_that_one_wording_never_names(tmp_path: Path) -> None:
    content = [{**row, "groups": ["woman"]} if row["family"] == "room" else row for row in rows()]
    [finding] = found(tmp_path, content)
    assert "1 of 2 wordings, such as 'room', never name the group 'man'" in finding.message


def test_nothing_is_found_where_every_wording_names_every_group(tmp_path: Path) -> None:
    assert found(tmp_path) == ()


def test_a_feature_without_labels_lacks_none(tmp_path: Path) -> None:
    content = [{**row, "groups": []} for row in rows()]
    assert found(tmp_path, content, groups={"gender": []}) == ()
