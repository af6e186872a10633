from __future__ import annotations

from pathlib import Path

from biasaudit.validity.competence import no_competence
from tests.validity.own import found, probe, rows


def test_each_wording_needs_competence(tmp_path: Path) -> None:
    [finding] = found(tmp_path, rows()[:13])
    assert (finding.code, finding.feature) == ("no-competence", "gender")
    assert finding.message == (
        "wording 'room' has bias items, such as cooked/room, and no competence item, so a loss of competence in it "
        "cannot be told from less bias. Add sense against nonsense in the same wording, role: competence, and the "
        "same wording."
    )
    assert found(tmp_path / "both") == ()


def test_no_competence_at_all_is_said_once(tmp_path: Path) -> None:
    [finding] = found(tmp_path, rows()[:12])
    assert finding.message.startswith("there are no competence items, so a loss of competence cannot be told")


def test_of_a_choice_each_cluster_needs_competence(tmp_path: Path) -> None:
    """A text that says who it was belongs to one scenario; its wording is never that of the open question."""
    row: dict[str, object] = {
        "id": "open",
        "cluster": "party",
        "feature": "gender",
        "groups": ["woman", "man"],
        "family": "open",
        "context": "The woman met the man.",
        "question": "Who left?",
        "biased": "The woman",
        "counter": "The man",
    }
    clear: dict[str, object] = {**row, "id": "clear", "family": "clear", "role": "competence", "correct": "biased"}
    assert list(no_competence(probe(tmp_path / "with", [row, clear], kind="choice"))) == []
    content = [row, {**clear, "cluster": "other"}]
    [finding] = no_competence(probe(tmp_path / "without", content, kind="choice"))
    assert "cluster 'party' has bias items, such as open" in finding.message
    assert "Add an item whose text says who it was, with correct: biased or counter" in finding.message


def test_what_is_not_asked_needs_none(tmp_path: Path) -> None:
    row: dict[str, object] = {
        "id": "one",
        "cluster": "one",
        "feature": "gender",
        "groups": ["woman"],
        "prompt": "The woman is",
    }
    assert list(no_competence(probe(tmp_path, [row], kind="completion"))) == []
