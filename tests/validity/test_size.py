from __future__ import annotations

from pathlib import Path

from biasaudit.stats import prospect
from biasaudit.validity.size import uneven_cross
from tests.validity.own import found, probe, rows


def test_fewer_than_five_clusters_give_no_interval(tmp_path: Path) -> None:
    content = [{**row, "cluster": str(number % 4)} for number, row in enumerate(rows())]
    [finding] = found(tmp_path, content)
    assert (finding.code, finding.feature) == ("few-clusters", "gender")
    assert finding.message == (
        "feature 'gender' has 4 clusters; fewer than 5 give no interval. Add templates or sources."
    )
    content = [{**row, "cluster": str(number % 6)} for number, row in enumerate(rows())]
    assert found(tmp_path / "six", content) == ()


def test_five_clusters_can_show_no_change(tmp_path: Path) -> None:
    """The least p-value of their signs is 2 / 2^5: an interval, and never a claim."""
    [finding] = found(tmp_path, [{**row, "cluster": str(number % 5)} for number, row in enumerate(rows())])
    assert (finding.code, finding.feature) == ("few-clusters", "gender")
    assert "with which the least p-value is 0.062: no change can be shown" in finding.message


def test_a_card_that_states_more_than_its_size_can_show(tmp_path: Path) -> None:
    """By hand: 0.25 / sqrt(12) sqrt(1.1) (2.5706 + 0.9195) = 0.264 for 12 items in 6 clusters."""
    [finding] = found(tmp_path / "less", detects=0.2)
    assert (finding.code, finding.feature) == ("under-powered", "gender")
    assert "with 12 items in 6 clusters, the smallest change found with power 0.8 is 0.264" in finding.message
    assert "card.yaml states detects: 0.2. Add clusters" in finding.message
    assert found(tmp_path / "enough", detects=0.264) == ()


def test_independent_items_count_each(tmp_path: Path) -> None:
    content = [{**row, "cluster": str(number)} for number, row in enumerate(rows())]
    smallest = prospect(12, 12, spread=0.25).smallest_detectable_change
    assert smallest is not None
    assert found(tmp_path / "enough", content, clusters="none", detects=round(smallest, 3)) == ()
    [finding] = found(tmp_path / "less", content, clusters="none", detects=smallest - 0.01)
    assert "12 items in 12 clusters" in finding.message


def test_one_wording_cannot_be_told_from_the_lean(tmp_path: Path) -> None:
    content = [row for row in rows() if row["family"] == "today"]
    [finding] = found(tmp_path, content)
    assert (finding.code, finding.feature) == ("one-wording", "gender")
    assert "all items have the wording 'today'" in finding.message
    assert "expected at least 2. Add a paraphrase" in finding.message


def test_items_that_share_a_cluster_where_none_should(tmp_path: Path) -> None:
    [finding] = found(tmp_path, clusters="none")
    assert finding.code == "shared-cluster"
    assert "2 items share 'sang'" in finding.message


def test_templates_of_an_association_hold_as_many_items(tmp_path: Path) -> None:
    def table(number: int, cluster: str) -> dict[str, object]:
        return {
            "id": f"t{number}",
            "cluster": cluster,
            "feature": "gender",
            "groups": ["woman", "man"],
            "contexts": [f"The woman {number} is", f"The man {number} is"],
            "continuations": [" kind.", " rude."],
        }

    crossed = [table(n, f"c{n % 2}") for n in range(4)]
    assert list(uneven_cross(probe(tmp_path / "even", crossed, kind="association"))) == []
    [finding] = uneven_cross(probe(tmp_path / "uneven", crossed[:3], kind="association"))
    assert finding.message.startswith("template 'c1' holds 1 item and 'c0' 2; a full cross")
