from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.kinds import Variants
from biasaudit.validity.minimal import difference, not_minimal
from tests.validity.own import changed, found, probe, rows, yaml_probe


def test_a_second_difference_is_named_with_its_words(tmp_path: Path) -> None:
    content = changed(0, first="Today the woman sang badly.", second="Today the man sang well.")
    [finding] = found(tmp_path, content)
    assert (finding.code, finding.feature) == ("not-minimal", "gender")
    assert finding.message == (
        '1 item, such as sang/today: "Today the woman sang badly." and "Today the man sang well." differ in 2 places '
        "(woman / man; badly / well); expected one, and words that agree with it. Change the words for the group, and "
        "leave the rest."
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The woman said that she is late.", "The man said that he is late."),
        ("He hurt himself, and his dog saw him.", "She hurt herself, and her dog saw her."),
        ("An old man walks home.", "Two tall women walk home."),
        ("The boys were late and have left.", "The girl was late and has left."),
        ("She carries it.", "They carry it."),
        ("He washes and fixes it.", "They wash and fix it."),
        ("A woman from the far north waits.", "A man waits."),
    ],
)
def test_words_that_agree_with_the_slot_may_differ(first: str, second: str) -> None:
    assert len(difference(Variants(first, second)).places) <= 1
    assert len(difference(Variants(second, first)).places) <= 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The woman left early.", "The man left late."),
        ("The woman who cooked left.", "The man who cooked stayed."),
        ("Today the woman left.", "The man left today."),
    ],
)
def test_other_words_may_not(first: str, second: str) -> None:
    assert len(difference(Variants(first, second)).places) > 1


def test_words_for_a_group_may_have_a_word_in_common_where_they_recur(tmp_path: Path) -> None:
    """They differ in two places around "guest", and fill one slot: they stand against each other in two clusters."""
    words = ("blind guest", "guest without a hat")
    content = rows()
    for number in (0, 2):
        first, second = (f"Today the {name} {content[number]['cluster']}." for name in words)
        content[number] = {**content[number], "first": first, "second": second}
    assert found(tmp_path, content) == ()
    [finding] = found(tmp_path, [*content[:2], *rows()[2:]])
    assert finding.code == "not-minimal"


def test_competence_is_not_compared(tmp_path: Path) -> None:
    assert found(tmp_path, changed(12, second="Whatever this may be, it is of.")) == ()


def test_a_dialect_is_a_slot_of_its_own(tmp_path: Path) -> None:
    content: dict[str, object] = {
        "grammar": {"order": {"name": "order", "description": "turned", "source": "none"}},
        "decisions": [
            {"id": "hear", "text": "Hear this: {text}", "reply": " Yes?", "clear_yes": ["Yes."], "clear_no": ["No."]}
        ],
        "texts": [{"id": "one", "grammar": "order", "standard": "I saw it here.", "dialect": "Here it saw I do."}],
    }
    loaded = yaml_probe(tmp_path, "guises", content, kind="decision")
    assert list(not_minimal(loaded)) == []


def test_both_sides_of_an_association_are_compared(tmp_path: Path) -> None:
    row: dict[str, object] = {
        "id": "one",
        "cluster": "one",
        "feature": "gender",
        "groups": ["woman", "man"],
        "contexts": ["The woman is", "The man is"],
        "continuations": [" kind to my dog.", " cruel to your dog."],
    }
    [finding] = not_minimal(probe(tmp_path, [row], kind="association"))
    assert (
        '" kind to my dog." and " cruel to your dog." differ in 2 places (kind / cruel; my / your)' in finding.message
    )
