from __future__ import annotations

import csv
from pathlib import Path

import pytest

from biasaudit.errors import ItemError
from biasaudit.probes import load_probe
from biasaudit.types import PairTexts, Role

COLUMNS = ["", "sent_more", "sent_less", "stereo_antistero", "bias_type"]
ROWS = [
    ["0", "Ada met Bert.", " Ada met Cora.", " stereo", "cis_les_pairwise_fm"],
    ["1", "Ada met Bert.", "Ada met Cora.", "stereo", "cis_les_pairwise_mf"],
    ["2", "Ada met him.", "Ada met him.", "stereo", "cis_gay_pairwise_mf"],
    ["3", "Bert is very tall.", "Cora is very tall.", "antistereo", " masc_femm_name"],
    ["4", "He is very tall.", "They are very tall.", "stereo", "masc_trans_pronoun"],
]


def save(folder: Path, rows: list[list[str]]) -> Path:
    place = folder / "winoqueer-v0"
    place.mkdir()
    with (place / "winoqueer_benchmark.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder


def test_repeats_and_equal_pairs_are_left_out_and_stray_spaces_go(tmp_path: Path) -> None:
    """Row 1 repeats row 0 but for spaces; row 2 has one sentence twice."""
    probe = load_probe("winoqueer", data_dir=save(tmp_path, ROWS))
    bias = [item for item in probe.items if item.role is Role.BIAS]
    assert [item.item_id for item in bias] == ["0", "3", "4"]
    assert bias[0].texts == PairTexts(context="", first="Ada met Bert.", second="Ada met Cora.")
    assert [item.feature for item in bias] == ["sexual-orientation", "gender", "gender-identity"]
    assert "1 rows repeat a pair, 1 pairs have two equal sentences" in probe.notices[-1]


def test_couples_are_tied_by_who_stays_and_traits_by_their_word(tmp_path: Path) -> None:
    probe = load_probe("winoqueer", data_dir=save(tmp_path, ROWS))
    assert [item.cluster_id for item in probe.items if item.role is Role.BIAS] == ["Ada", "tall", "tall"]


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [(1, " ", "sent_more"), (3, "both", "stereo_antistero"), (4, "weather", "bias_type")],
)
def test_a_wrong_row_is_named(tmp_path: Path, column: int, value: str, field: str) -> None:
    rows = [list(row) for row in ROWS]
    rows[3][column] = value
    with pytest.raises(ItemError) as caught:
        load_probe("winoqueer", data_dir=save(tmp_path, rows))
    assert (caught.value.line, caught.value.field) == (5, field)


def test_the_set_has_the_distinct_pairs_that_are_known(published_data: Path) -> None:
    """2,484 distinct pairs, of which two have equal sentences."""
    probe = load_probe("winoqueer", data_dir=published_data)
    assert sum(item.role is Role.BIAS for item in probe.items) == 2482
    assert "3,388 rows repeat a pair" in probe.notices[0]
