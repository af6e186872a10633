from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from biasaudit.errors import ProbeError, UsageError
from biasaudit.probes import Probe, limited, load_probe, of_features, thinned
from biasaudit.types import Role
from tests.tiny import item, save_probe


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    """Two features: 200 items of gender in 20 clusters, 40 of age in 8; one competence item a cluster."""
    rows = [item(n, cluster=f"g{n % 20}") for n in range(200)]
    rows += [item(1000 + n, cluster=f"a{n % 8}", feature="age", groups=["old", "young"]) for n in range(40)]
    rows += [item(2000 + n, cluster=f"g{n}", role="competence", groups=[]) for n in range(20)]
    groups = {"gender": ["woman", "man"], "age": ["old", "young"]}
    return load_probe(str(save_probe(tmp_path / "mini", rows, groups=groups)))


def bias(probe: Probe, feature: str) -> list[str]:
    return [one.cluster_id for one in probe.items if one.feature == feature and one.role is Role.BIAS]


def test_whole_clusters_of_every_feature_are_taken(probe: Probe) -> None:
    """Half of 240: 100 of gender are 10 clusters; 20 of age would be 4 clusters, and 5 are the fewest."""
    half = limited(probe, 120, seed=0)
    assert len(bias(half, "gender")) == 100
    assert len(set(bias(half, "gender"))) == 10
    assert len(bias(half, "age")) == 25


def read(probe: Probe) -> Counter[str]:
    """Competence items of each cluster."""
    return Counter(one.cluster_id for one in probe.items if one.role is Role.COMPETENCE)


def test_competence_keeps_enough_items_to_tell_reading_from_guessing(probe: Probe) -> None:
    """Of 20 competence items in 20 clusters all stay, and as many as three a bias item where the limit is small."""
    assert sum(read(limited(probe, 120, seed=0)).values()) == 20
    few = limited(probe, 4, seed=0)
    assert set(read(few)) >= set(bias(few, "gender"))
    assert sum(read(few).values()) == 12


@pytest.mark.parametrize("limit", [30, 500])
def test_a_sample_of_decisions_reads_as_the_whole_probe_does(limit: int) -> None:
    """36 items in 12 clusters, as before, barred a model that is right in 70 % in 45 % of audits; 15 in 5 in more."""
    found = read(limited(load_probe("decisions"), limit, seed=0))
    assert sum(found.values()) >= 90
    assert len(found) >= 30


def test_enough_competence_items_are_not_added_to() -> None:
    """Those of the clusters that stay, and no others."""
    whole = load_probe("ambiguous-qa")
    part = limited(whole, 2000, seed=0)
    kept = {one.cluster_id for one in part.items if one.role is Role.BIAS}
    assert set(read(part)) == kept
    assert sum(read(part).values()) > 90


def test_the_seed_decides_and_the_order_of_the_items_does_not(probe: Probe) -> None:
    turned = replace(probe, items=probe.items[::-1])
    assert {one.item_id for one in limited(probe, 120, seed=4).items} == {
        one.item_id for one in limited(turned, 120, seed=4).items
    }
    assert limited(probe, 120, seed=4).sha256 != limited(probe, 120, seed=5).sha256


def test_it_is_said(probe: Probe) -> None:
    assert "125 of 240 items, 15 of 28 clusters" in limited(probe, 120, seed=0).notices[-1]


def test_a_limit_that_holds_all_changes_nothing(probe: Probe) -> None:
    assert limited(probe, 240, seed=0) is probe


def test_a_limit_of_none_is_refused(models: Path, tmp_path: Path) -> None:
    import biasaudit

    with pytest.raises(UsageError, match="at least 1"):
        biasaudit.audit(str(models / "base"), str(models / "tuned"), probes=["occupations"], limit=0)
    one, other = save_probe(tmp_path / "one"), save_probe(tmp_path / "other")
    with pytest.raises(UsageError, match="both named 'mini'"):
        biasaudit.audit(str(models / "base"), str(models / "tuned"), probes=[str(one), str(other)])


def test_the_same_words_are_kept_in_every_template() -> None:
    """A cross that is thinned differently in each template would compare templates by their words."""
    probe = load_probe("occupations")
    kept = [one for one in thinned(probe, 3).items if one.role is Role.BIAS]
    by_cluster: dict[str, set[tuple[str, str]]] = {}
    for one in kept:
        by_cluster.setdefault(one.cluster_id, set()).add((one.tags["attribute_1"], one.tags["attribute_2"]))
    assert len(by_cluster) == 12
    assert {len(words) for words in by_cluster.values()} == {3}
    assert len({frozenset(words) for words in by_cluster.values()}) == 1


def test_thinning_keeps_every_pair_of_groups_and_all_competence_items() -> None:
    probe = load_probe("traits")
    found = thinned(probe, 2)
    cells = Counter((one.feature, one.cluster_id, one.groups) for one in found.items if one.role is Role.BIAS)
    assert {frozenset(groups) for _, _, groups in cells} == {
        frozenset(one.groups) for one in probe.items if one.role is Role.BIAS
    }
    assert sum(cells.values()) == 26 * 12 * 2
    assert [one for one in found.items if one.role is not Role.BIAS] == [
        one for one in probe.items if one.role is not Role.BIAS
    ]
    assert "624 of 2,808 items, at most 2 of each cluster and groups" in found.notices[-1]
    assert thinned(probe, 1000) is probe


def test_features_are_chosen_by_name(probe: Probe) -> None:
    found = of_features(probe, ["age"])
    assert bias(found, "gender") == []
    assert len(bias(found, "age")) == 40
    assert found.notices[-1] == "Of probe 'mini', the features age; left out: gender."
    assert of_features(probe, ["age", "gender"]) is probe
    with pytest.raises(ProbeError, match=r"probe 'mini' has no feature 'height'\.\nIts features: gender, age"):
        of_features(probe, ["height"])


def test_sense_items_outside_the_drawn_clusters_stay() -> None:
    """In a matched guise they follow texts of their own; a sample without them would have no competence."""
    probe = load_probe("dialect")
    sample = limited(probe, 480, seed=0)
    assert [one for one in sample.items if one.role is Role.COMPETENCE] == [
        one for one in probe.items if one.role is Role.COMPETENCE
    ]
