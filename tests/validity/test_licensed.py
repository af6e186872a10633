from __future__ import annotations

from pathlib import Path

from biasaudit.probes import load_probe
from biasaudit.validity.licensed import no_licensed
from tests.probes.test_licensed import associations, right, table
from tests.tiny import save_probe


def test_a_feature_without_licensed_items_is_found(tmp_path: Path) -> None:
    [finding] = no_licensed(associations(tmp_path / "mine", licensed="none"))
    assert (finding.code, finding.feature) == ("no-licensed", "gender")
    assert finding.message == (
        "feature 'gender' has no licensed items, so that damage cannot be told from less bias: expected contrasts that "
        "a good model keeps (the queen ... she, not he), in at least 5 clusters. Add them in items.jsonl with role: "
        "licensed, name the feature as ours where it is the same, or say in card.yaml under accepts why there are none."
    )


def test_four_clusters_are_too_few_and_five_are_enough(tmp_path: Path) -> None:
    rows = [table(n) for n in range(6)]
    four = associations(tmp_path / "four", [*rows, *(right(50 + n, cluster=f"l{n % 4}") for n in range(8))])
    [finding] = no_licensed(four)
    assert "has licensed items in 4 clusters only" in finding.message
    assert (
        list(no_licensed(associations(tmp_path / "five", [*rows, *(right(50 + n, cluster=f"l{n}") for n in range(5))])))
        == []
    )


def test_ours_are_enough_and_other_kinds_need_none(tmp_path: Path) -> None:
    assert list(no_licensed(associations(tmp_path / "mine"))) == []
    assert list(no_licensed(load_probe(str(save_probe(tmp_path / "pairs"))))) == []
