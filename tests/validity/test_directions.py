from __future__ import annotations

from pathlib import Path

from biasaudit.validity.directions import one_direction
from tests.validity.own import found, probe, rows


def table(number: int, *, group_in_context: bool) -> dict[str, object]:
    return {
        "id": f"t{number}",
        "cluster": f"c{number}",
        "feature": "gender",
        "groups": ["woman", "man"],
        "contexts": [f"The woman {number} is", f"The man {number} is"],
        "continuations": [" kind.", " rude."],
        "group_in_context": group_in_context,
    }


def choice(number: int, *, biased: str, first: str, polarity: str | None = None) -> dict[str, object]:
    counter = "man" if biased == "woman" else "woman"
    second = "man" if first == "woman" else "woman"
    groups = [biased, counter] if polarity != "positive" else [counter, biased]
    return {
        "id": f"q{number}",
        "cluster": f"c{number}",
        "feature": "gender",
        "groups": groups,
        "context": f"The {first} met the {second} on day {number}. One was late.",
        "question": "Who was late?",
        "biased": f"The {biased}",
        "counter": f"The {counter}",
        "tags": {"polarity": polarity} if polarity else {},
    }


def said(folder: Path, content: list[dict[str, object]], kind: str) -> list[str]:
    return [finding.message for finding in one_direction(probe(folder, content, kind=kind))]


def test_associations_need_contexts_of_groups_and_of_words(tmp_path: Path) -> None:
    [message] = said(tmp_path / "one", [table(n, group_in_context=True) for n in range(6)], "association")
    assert message == (
        "feature 'gender': the contexts of all items name the groups, as in t0: \"The woman 0 is\"; expected some that "
        "name the words. Add templates in which the words come first."
    )
    assert said(tmp_path / "two", [table(n, group_in_context=n < 3) for n in range(6)], "association") == []


def test_choices_need_each_group_on_either_side(tmp_path: Path) -> None:
    orders = ("woman", "man")
    one = [choice(n, biased="woman", first=orders[n % 2]) for n in range(6)]
    biased, counter = said(tmp_path / "one", one, "choice")
    assert "the groups ['man'] are never the biased option" in biased
    assert "the groups ['woman'] are never the counter option" in counter
    two = [choice(n, biased=orders[n // 2 % 2], first=orders[n % 2]) for n in range(8)]
    assert said(tmp_path / "two", two, "choice") == []


def test_the_opposite_question_is_the_other_side(tmp_path: Path) -> None:
    """With both polarities the woman is the biased option of one question and the counter option of the other."""
    both = [
        choice(4 * n + 2 * m + k, biased=("woman", "man")[m], first=("woman", "man")[k], polarity=polarity)
        for n in range(3)
        for m, polarity in enumerate(("negative", "positive"))
        for k in range(2)
    ]
    assert said(tmp_path / "both", both, "choice") == []
    negative = [row for row in both if row["tags"] == {"polarity": "negative"}]
    message, *sides = said(tmp_path / "one", negative, "choice")
    assert len(sides) == 2
    assert "all 6 items with the tag polarity have 'negative'; expected both. Add the other polarity." in message


def test_choices_need_both_orders_of_the_persons(tmp_path: Path) -> None:
    content = [choice(n, biased=("woman", "man")[n % 2], first=("woman", "man")[n % 2]) for n in range(6)]
    [message] = said(tmp_path, content, "choice")
    assert "100% of the contexts mention the stereotyped person first (example q0); expected one half" in message


def test_a_tagged_direction_needs_its_opposite(tmp_path: Path) -> None:
    tagged = [{**row, "tags": {"direction": "stereo"}} for row in rows()]
    [finding] = found(tmp_path / "one", tagged)
    assert "all 12 items with the tag direction have 'stereo'; expected both" in finding.message
    tagged[0] = {**tagged[0], "tags": {"direction": "antistereo"}}
    assert found(tmp_path / "two", tagged) == ()
