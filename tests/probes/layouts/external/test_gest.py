from __future__ import annotations

import csv
from pathlib import Path

import pytest

from biasaudit.errors import ItemError
from biasaudit.probes import load_probe
from biasaudit.types import AssociationTexts, Role
from biasaudit.validity import findings


def save(folder: Path, rows: list[list[str]]) -> Path:
    place = folder / "gest"
    place.mkdir()
    with (place / "gest_1.1.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["sentence", "stereotype"], *rows])
    return folder


ROWS = [[f"I did thing {n}.", str(n % 16 + 1)] for n in range(48)]


def test_a_sentence_on_women_and_one_on_men_make_an_item(tmp_path: Path) -> None:
    """21 sentences on women and 27 on men: 21 items, 6 sentences without a partner."""
    probe = load_probe("gest", data_dir=save(tmp_path, ROWS))
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert len(bias) == 21
    assert "6 sentences have no partner of the other side and are left out." in probe.notices
    for item in bias:
        assert isinstance(item.texts, AssociationTexts)
        assert item.texts.group_in_context
        of_women, of_men = (int(text.split()[3].rstrip('."')) % 16 + 1 for text in item.texts.continuations)
        assert (str(of_women), str(of_men)) == (item.tags["of women"], item.tags["of men"])
        assert of_women <= 7 < of_men
    used = [text for item in bias if isinstance(item.texts, AssociationTexts) for text in item.texts.continuations]
    assert len(set(used)) == len(used)


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one = load_probe("gest", data_dir=save(tmp_path / "one", ROWS))
    other = load_probe("gest", data_dir=save(tmp_path / "other", ROWS[::-1]))
    assert [item.texts for item in one.items if item.role is Role.BIAS] == [
        item.texts for item in other.items if item.role is Role.BIAS
    ]


@pytest.mark.parametrize(
    ("row", "field"), [(["", "3"], "sentence"), (["A.", "17"], "stereotype"), (["A.", "x"], "stereotype")]
)
def test_a_wrong_row_is_named(tmp_path: Path, row: list[str], field: str) -> None:
    with pytest.raises(ItemError) as caught:
        load_probe("gest", data_dir=save(tmp_path, [ROWS[0], row]))
    assert (caught.value.line, caught.value.field) == (3, field)


def test_the_set_is_whole(published_data: Path) -> None:
    """1,572 sentences on women and 1,993 on men."""
    probe = load_probe("gest", data_dir=published_data)
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert len(bias) == 1572
    assert "421 sentences have no partner" in probe.notices[0]
    assert len({item.cluster_id for item in bias}) == 63
    assert findings(probe) == ()
