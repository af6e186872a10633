from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import ItemError
from biasaudit.probes import load_probe
from biasaudit.types import ChoiceTexts, Role
from biasaudit.validity import findings
from tests.probes.sets import bbq_question, save_bbq


def test_the_biased_answer_is_at_target_loc_whatever_the_polarity(tmp_path: Path) -> None:
    """The metadata turn with the polarity already; turning once more would make the score cancel out."""
    probe = load_probe("bbq", data_dir=save_bbq(tmp_path, [bbq_question(n) for n in range(4)]))
    of_age = [item for item in probe.items if item.feature == "age"]
    assert [item.tags["polarity"] for item in of_age] == ["neg", "neg", "nonneg", "nonneg"]
    assert [item.texts.biased for item in of_age if isinstance(item.texts, ChoiceTexts)] == [
        "The older one",
        "The older one",
        "The younger one",
        "The younger one",
    ]


def test_ambiguous_questions_carry_the_index_and_the_others_competence(tmp_path: Path) -> None:
    """Labels: question 1 is rightly answered by option 0, question 3 by option 1; both are the biased ones."""
    probe = load_probe("bbq", data_dir=save_bbq(tmp_path, [bbq_question(n) for n in range(4)]))
    of_age = [item for item in probe.items if item.feature == "age"]
    assert [item.role for item in of_age] == [Role.BIAS, Role.COMPETENCE] * 2
    assert [item.tags["correct"] for item in of_age] == ["unknown", "biased", "unknown", "biased"]
    assert {item.cluster_id for item in of_age} == {"Age/0"}
    assert of_age[0].tags["options"] == "biased counter unknown"
    assert of_age[2].tags["options"] == "counter biased unknown"


def test_names_stand_apart_from_labels(tmp_path: Path) -> None:
    probe = load_probe("bbq", data_dir=save_bbq(tmp_path, [bbq_question(0)]))
    features = {item.feature for item in probe.items}
    assert "race-ethnicity-names" in features
    assert "race-ethnicity" not in features


def test_questions_without_a_target_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = save_bbq(tmp_path, [bbq_question(n) for n in range(4)], targets={1: "NA", 2: "NA"})
    probe = load_probe("bbq", data_dir=folder)
    assert [item.item_id for item in probe.items if item.feature == "age"] == ["Age/0", "Age/3"]
    assert "2 questions have no target_loc and are left out." in probe.notices


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"category": "Weather"}, "category"),
        ({"context": ""}, "context"),
        ({"ans1": None}, "ans1"),
        ({"label": 0}, "label"),
        ({"label": 7}, "label"),
        ({"context_condition": "both"}, "context_condition"),
        ({"question_polarity": "up"}, "question_polarity"),
        ({"answer_info": {"ans0": ["a", "unknown"], "ans1": ["b", "unknown"], "ans2": ["c", "old"]}}, "answer_info"),
        ({"answer_info": "none"}, "answer_info"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    """An unknown category has no metadata of its own, so its row takes the place of question 2's."""
    questions = [bbq_question(0), bbq_question(1), bbq_question(2, **changes)]
    folder = save_bbq(tmp_path, questions)
    if field == "category":
        metadata = folder / "bbq" / "additional_metadata.csv"
        metadata.write_text(metadata.read_text().replace("Age,0,2,1", "Weather,0,2,1"), encoding="utf-8")
    with pytest.raises(ItemError) as caught:
        load_probe("bbq", data_dir=folder)
    assert (caught.value.path.name, caught.value.line, caught.value.field) == ("Age.jsonl", 3, field)


def test_metadata_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    folder = save_bbq(tmp_path, [bbq_question(0)])
    metadata = folder / "bbq" / "additional_metadata.csv"
    metadata.write_text(metadata.read_text() + "Age,0,0,1,label\n", encoding="utf-8")
    with pytest.raises(ItemError, match="target_loc"):
        load_probe("bbq", data_dir=folder)


@pytest.mark.slow
def test_the_whole_set_loads(published_data: Path) -> None:
    """58,492 questions, of which 16 have no target; one metadata row in two lines is read as one."""
    probe = load_probe("bbq", data_dir=published_data)
    assert len(probe.items) == 58_492 - 16
    assert probe.notices == ("16 questions have no target_loc and are left out.",)
    assert len({item.item_id for item in probe.items}) == len(probe.items)
    assert findings(probe) == ()
    of_age = {item.cluster_id for item in probe.items if item.feature == "age"}
    assert len(of_age) == 25
