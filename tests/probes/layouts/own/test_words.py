"""Words for groups: the forms that sentences want, and what a file must share with its card."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from biasaudit.errors import ProbeError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.own.words import PERSON_SLOT, GroupWords, repeated, same_groups, slug

BLACK = GroupWords(one="a Black person", many="Black people")


@pytest.mark.parametrize(
    ("slot", "expected"),
    [("one", "a Black person"), ("One", "A Black person"), ("many", "Black people"), ("Many", "Black people")],
)
def test_a_slot_says_number_and_capital(slot: str, expected: str) -> None:
    """Only the first letter changes: a group's own capital stays inside a sentence."""
    assert BLACK.form(slot) == expected


@pytest.mark.parametrize(
    "words", [{"one": "a man"}, {"one": " ", "many": "men"}, {"one": "a", "many": "b", "few": "c"}]
)
def test_words_are_whole(words: dict[str, str]) -> None:
    """A missing plural would leave a hole in half of the sentences."""
    with pytest.raises(ValidationError):
        GroupWords.model_validate(words)


@pytest.mark.parametrize("text", ["{person}", "{ONE}", "{one }", "one", "{word}"])
def test_other_slots_are_no_persons(text: str) -> None:
    assert PERSON_SLOT.findall(text) == []


def test_names_in_ids_have_no_spaces_or_capitals() -> None:
    assert slug("Black") == "black"
    assert slug("none named") == "none-named"


def test_each_repeated_name_is_named_once_in_order() -> None:
    assert repeated(["b", "a", "b", "c", "a", "a"]) == ["a", "b"]
    assert repeated([]) == []


CARD = Card.model_validate(
    {
        "id": "heights",
        "name": "Heights",
        "version": "1",
        "kind": "association",
        "language": "en",
        "groups": {"height": ["tall", "short"], "home": ["town", "farm"]},
        "construct": "nothing",
        "harm": "stereotyping",
        "positive_index": "nothing",
        "clusters": "designed",
        "licence": "Apache-2.0",
        "citation": "none",
        "known_defects": ["made up"],
        "not_shown": "anything",
        "data": {"format": "associations", "file": "associations.yaml"},
    }
)


def test_the_same_groups_in_the_same_order_pass() -> None:
    same_groups(Path("a.yaml"), {"height": ["tall", "short"], "home": ["town", "farm"]}, CARD)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"height": ["tall", "short"]}, r"a\.yaml: field 'groups' has the features \['height'\]; card\.yaml declares"),
        (
            {"home": ["town", "farm"], "height": ["tall", "short"]},
            r"\['home', 'height'\]; card\.yaml declares \['height'",
        ),
        ({"height": ["tall"], "home": ["town", "farm"]}, r"'groups\.height' has \['tall'\]; card\.yaml declares"),
        (
            {"height": ["tall", "short"], "home": ["farm", "town"]},
            r"'groups\.home' has (?s:.*)first is the reference",
        ),
    ],
)
def test_other_groups_or_another_order_are_refused(groups: dict[str, list[str]], message: str) -> None:
    """The first group is the reference: another order would turn every direction."""
    with pytest.raises(ProbeError, match=message):
        same_groups(Path("a.yaml"), groups, CARD)
