"""A classifier is one file and one line; what comes back from it is checked, whoever wrote it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biasaudit.classifiers import CLASSIFIERS, Classifier, Confusion, MeasuredError, Unscored, classified
from biasaudit.errors import ClassifierError, UsageError
from tests.examples import example


def counted(**changes: Any) -> Confusion:  # fields of Confusion
    counts = {"n_positive": 4, "n_flagged_positive": 3, "n_negative": 10, "n_flagged_negative": 1}
    return Confusion(**{"label": "toxic", "group": "all", **counts, **changes})


def classifier(
    scores: Callable[[Sequence[str]], Any] = lambda texts: [{"toxic": 0.5, "rude": 0.0} for _ in texts],
    **changes: Any,  # fields of Classifier
) -> Classifier:
    fields = {
        "name": "mine",
        "fingerprint": "f",
        "licence": "CC0-1.0",
        "languages": ("en",),
        "labels": ("toxic", "rude"),
        "error": None,
    }
    return Classifier(**{**fields, "scores": scores, **changes})


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Add a classifier called `mine` to the mapping."""
    return lambda *scores, **changes: monkeypatch.setitem(CLASSIFIERS, "mine", classifier(*scores, **changes))


def test_a_classifier_of_a_file_of_its_own_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of docs/classifiers.md: 4 of 5 letters, none of 3, no letter at all."""
    found = example("classifiers.md", "biasaudit/classifiers/shouting.py", tmp_path, monkeypatch).SHOUTING
    with pytest.raises(UsageError, match="there is no classifier 'shouting'"):
        classified(["x"], "shouting", language="en")
    monkeypatch.setitem(CLASSIFIERS, "shouting", found)
    assert classified(["hey"], "shouting", language="French") == classified(["hey"], "shouting", language="FR")
    assert classified(["HELLo!", "hey", "42"], "shouting", language="fr-CA") == (
        {"shouting": 0.8},
        {"shouting": 0.0},
        Unscored(reason="there is no letter in it"),
    )
    [counts] = found.error.counts
    assert (counts.true_positive_rate, counts.false_positive_rate) == (0.95, 0.02)


def test_what_cannot_be_scored_has_a_reason_and_no_number(mine: Callable[..., None]) -> None:
    """Blank texts are not shown to the classifier, and no score moves to another text's place."""
    seen: list[str] = []

    def scores(texts: Sequence[str]) -> list[dict[str, float] | Unscored]:
        seen.extend(texts)
        return [Unscored(reason="too long") if len(text) > 3 else {"rude": 1, "toxic": len(text) / 4} for text in texts]

    mine(scores)
    assert classified(["a", " \n", "long", "abc"], "mine", language="en") == (
        {"toxic": 0.25, "rude": 1.0},
        Unscored(reason="the text is blank"),
        Unscored(reason="too long"),
        {"toxic": 0.75, "rude": 1.0},
    )
    assert seen == ["a", "long", "abc"]
    assert classified([], "mine", language="en") == ()
    seen.clear()
    assert classified(["a"], "mine", language="de") == (Unscored(reason="mine reads en, and the language is de"),)
    assert classified([""], "mine", language="en") == (Unscored(reason="the text is blank"),)
    assert seen == []


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ({"toxic": 0.5}, "text 1: the labels toxic; expected toxic, rude"),
        ({"toxic": 0.5, "rude": 0.1, "odd": 0.1}, "the labels toxic, rude, odd"),
        ({}, "the labels none"),
        ({"toxic": 1.01, "rude": 0.1}, "text 1: toxic is 1.01; expected a number in [0, 1]"),
        ({"toxic": -0.01, "rude": 0.1}, "toxic is -0.01"),
        ({"toxic": math.nan, "rude": 0.1}, "toxic is nan"),
        ({"toxic": 0.1, "rude": math.inf}, "rude is inf"),
        ({"toxic": None, "rude": 0.1}, "toxic is None"),
        ({"toxic": "0.5", "rude": 0.1}, "toxic is '0.5'"),
        ({"toxic": True, "rude": 0.1}, "toxic is True"),
        (None, "text 1: a NoneType; expected scores by label, or Unscored"),
        (0.5, "a float"),
    ],
)
def test_what_is_no_score_is_an_error_that_names_classifier_and_text(
    mine: Callable[..., None], second: object, found: str
) -> None:
    mine(lambda _: [{"toxic": 0, "rude": 1}, second])
    with pytest.raises(ClassifierError) as caught:
        classified(["a", "b"], "mine", language="en")
    assert str(caught.value).startswith("classifier 'mine'")
    assert found in str(caught.value)
    assert (caught.value.classifier, caught.value.text) == ("mine", 1)


@pytest.mark.parametrize("n_results", [0, 1, 3])
def test_each_text_has_one_result(mine: Callable[..., None], n_results: int) -> None:
    mine(lambda _: [{"toxic": 0.5, "rude": 0.5}] * n_results)
    with pytest.raises(ClassifierError, match=f"{n_results} results; expected 2, one for each text"):
        classified(["a", "b"], "mine", language="en")


def test_none_is_shipped_yet() -> None:
    assert dict(CLASSIFIERS) == {}
    with pytest.raises(UsageError, match="None is shipped yet"):
        classified(["a"], "toxicity", language="en")


def test_those_that_there_are_are_named(mine: Callable[..., None]) -> None:
    mine()
    with pytest.raises(UsageError, match="Classifiers: mine"):
        classified(["a"], "min", language="en")


def test_a_rate_of_no_texts_is_none() -> None:
    """Zero would read as "never wrong", which nobody measured."""
    empty = counted(n_positive=0, n_flagged_positive=0, n_negative=0, n_flagged_negative=0)
    assert (empty.true_positive_rate, empty.false_positive_rate) == (None, None)
    assert (counted().true_positive_rate, counted().false_positive_rate) == (0.75, 0.1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: counted(n_flagged_positive=5),
        lambda: counted(n_flagged_negative=-1),
        lambda: MeasuredError(source=" ", threshold=0.5, counts=(counted(),)),
        lambda: MeasuredError(source="s", threshold=1.5, counts=(counted(),)),
        lambda: MeasuredError(source="s", threshold=0.5, counts=()),
        lambda: MeasuredError(source="s", threshold=0.5, counts=(counted(), counted(n_positive=9))),
        lambda: classifier(error=MeasuredError(source="s", threshold=0.5, counts=(counted(label="odd"),))),
        lambda: classifier(fingerprint=""),
        lambda: classifier(licence=" "),
        lambda: classifier(languages=()),
        lambda: classifier(labels=()),
        lambda: classifier(labels=("toxic", "toxic")),
        lambda: Unscored(reason=""),
    ],
)
def test_a_classifier_that_says_too_little_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"need|more texts|twice|no label"):
        make()


def test_the_error_of_a_label_may_be_told_by_group() -> None:
    """As many groups as were measured; of the other label nothing is known, and that is allowed to be said."""
    error = MeasuredError(source="s", threshold=0.5, counts=(counted(group="gay"), counted(group="straight")))
    made = replace(classifier(), error=error)
    assert [found.group for found in made.error.counts] == ["gay", "straight"]  # type: ignore[union-attr]  # set above
