from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.audits.prospects import power_table
from biasaudit.probes import load_probe
from tests.tiny import item, save_probe


def test_the_power_table_counts_bias_items_and_their_clusters(tmp_path: Path) -> None:
    """12 items in 6 clusters: 2 sqrt(0.1 / 12) sqrt(1 + 0.1) times t(.975, 5) + t(.8, 5) = 2.5706 + 0.9195."""
    table = power_table(load_probe(str(save_probe(tmp_path / "mini"))))
    row = table.iloc[0]
    assert (row["feature"], row["status"], row["n_items"], row["n_clusters"]) == ("gender", "ok", 12, 6)
    assert row["smallest_detectable_change"] == pytest.approx(2 * (0.1 / 12 * 1.1) ** 0.5 * 3.4901, abs=1e-3)
    assert not row["can_be_unchanged"]


def test_independent_items_are_their_own_clusters(tmp_path: Path) -> None:
    """1,371 items, a tenth discordant, reach "unchanged" at 80 % (METHODS-REFERENCE, 4.3)."""
    rows = [item(n) for n in range(1400)]
    table = power_table(load_probe(str(save_probe(tmp_path / "mini", rows, clusters="none"))))
    assert table["n_clusters"].item() == 1400
    assert table["can_be_unchanged"].item()
    assert not power_table(load_probe(str(tmp_path / "mini")), margin=0.02)["can_be_unchanged"].item()


def test_a_cell_of_few_clusters_says_so(tmp_path: Path) -> None:
    rows = [item(n, cluster=f"c{n % 3}") for n in range(12)]
    row = power_table(load_probe(str(save_probe(tmp_path / "mini", rows)))).iloc[0]
    assert row["status"] == "too few clusters"
    assert not row["can_be_unchanged"]


def test_several_features_have_a_row_each_and_one_for_all(tmp_path: Path) -> None:
    rows = [item(n, feature=("gender", "age")[n % 2], groups=[("woman", "old")[n % 2]]) for n in range(24)]
    probe = save_probe(tmp_path / "mini", rows, groups={"gender": ["woman"], "age": ["old"]})
    table = power_table(load_probe(str(probe)))
    assert table["feature"].tolist() == ["all", "age", "gender"]
    assert table["n_items"].tolist() == [24, 12, 12]
