from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.analysis.prospects import NO_CHANGE, power_table, smallest_text
from biasaudit.probes import load_probe
from tests.tiny import item, save_probe


def test_the_power_table_counts_bias_items_and_their_clusters(tmp_path: Path) -> None:
    """12 items in 6 clusters: 0.25 / sqrt(12) sqrt(1 + 0.1) times t(.975, 5) + t(.8, 5) = 2.5706 + 0.9195."""
    table = power_table(load_probe(str(save_probe(tmp_path / "mini"))))
    row = table.iloc[0]
    assert (row["feature"], row["status"], row["n_items"], row["n_clusters"]) == ("gender", "ok", 12, 6)
    assert row["smallest_detectable_change"] == pytest.approx(0.25 * (1.1 / 12) ** 0.5 * 3.4901, abs=1e-3)
    assert not row["can_be_unchanged"]


def test_independent_items_are_their_own_clusters(tmp_path: Path) -> None:
    """n = (2.927 * 0.25 / 0.05)^2 = 214 items of pairs reach "unchanged" at 80 % (docs/methods.md, section 10.2)."""
    rows = [item(n) for n in range(225)]
    table = power_table(load_probe(str(save_probe(tmp_path / "mini", rows, clusters="none"))))
    assert table["n_clusters"].item() == 225
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


def test_with_too_few_clusters_no_change_is_promised_and_no_change_can_still_be_shown(tmp_path: Path) -> None:
    """Five means have 2^4 ways; of two features 6 clusters are too few, 7 are not."""
    groups = {"gender": ["woman"], "age": ["old"]}
    for n_clusters, promised in ((6, False), (7, True)):
        rows = [
            item(n, cluster=f"c{n % n_clusters}", feature=feature, groups=groups[feature], id=f"{feature}-{n}")
            for n in range(n_clusters * 40)
            for feature in groups
        ]
        table = power_table(load_probe(str(save_probe(tmp_path / str(n_clusters), rows, groups=groups))), n_cells=2)
        assert table["smallest_detectable_change"].notna().all() == promised
        assert table["power_unchanged"].notna().all()
        assert (smallest_text(table.iloc[0].to_dict()) == NO_CHANGE) is not promised


def test_the_kind_and_the_size_of_the_audit_decide(tmp_path: Path) -> None:
    """A family of 53 cells needs 2^(1 - K) <= 0.05 / 53: 12 clusters do, 10 do not."""
    rows = [item(n, cluster=f"c{n % 10}") for n in range(100)]
    probe = load_probe(str(save_probe(tmp_path / "mini", rows)))
    wide, narrow = (power_table(probe, spread=spread)["smallest_detectable_change"].item() for spread in (0.4, 0.1))
    assert wide == pytest.approx(4 * narrow)
    assert smallest_text(power_table(probe, n_cells=53).iloc[0].to_dict()) == NO_CHANGE
