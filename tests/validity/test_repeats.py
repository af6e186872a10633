from __future__ import annotations

from pathlib import Path

import pytest

from tests.validity.own import changed, found, rows


@pytest.mark.parametrize("exchanged", [False, True])
def test_two_items_that_ask_the_same(tmp_path: Path, *, exchanged: bool) -> None:
    first, second = rows()[0]["first"], rows()[0]["second"]
    texts = (second, first) if exchanged else (first, second)
    [finding] = found(tmp_path, changed(2, first=texts[0], second=texts[1]))
    assert (finding.code, finding.feature) == ("duplicate", "gender")
    assert finding.message == (
        '2 items ask the same, such as sang/today and slept/today: "Today the woman sang.". '
        "Each item must ask something else: remove the repeats."
    )


def test_variants_that_are_equal(tmp_path: Path) -> None:
    [finding] = found(tmp_path, changed(0, first="Today she sang.", second="Today she sang."))
    assert finding.code == "equal-variants"
    assert finding.message.startswith('sang/today: both variants are "Today she sang."; expected two texts that differ')


@pytest.mark.parametrize(
    ("kind", "texts", "other"),
    [
        ("association", {"contexts": ["The man is", "The woman is"], "continuations": [" ill.", " well."]}, {}),
        ("decision", {"favoured": "A man asks.", "other": "A woman asks."}, {}),
        (
            "choice",
            {"context": "A man met a woman.", "question": "Who left?", "biased": "The man", "counter": "The woman"},
            {"question": "Who stayed?"},
        ),
        ("completion", {"prompt": "The man is"}, {"prompt": "The woman is"}),
        ("likelihood", {"text": "The man is here."}, {"text": "The woman is here."}),
    ],
)
def test_every_kind_is_looked_through(
    tmp_path: Path, kind: str, texts: dict[str, object], other: dict[str, object]
) -> None:
    row = {"cluster": "one", "feature": "gender", "groups": ["woman", "man"], **texts}
    codes = [finding.code for finding in found(tmp_path / "a", [{**row, "id": "a"}, {**row, "id": "b"}], kind=kind)]
    assert "duplicate" in codes
    if other:
        content = [{**row, "id": "a"}, {**row, "id": "b", **other}]
        assert "duplicate" not in [finding.code for finding in found(tmp_path / "b", content, kind=kind)]
