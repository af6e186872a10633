from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.errors import ProbeError, UsageError
from biasaudit.probes import Probe, limited, load_probe, of_features, thinned
from biasaudit.probes.registry import card_of
from biasaudit.types import PairTexts, ProbeItem, Role
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


def test_whole_clusters_are_taken_where_six_fit_and_parts_of_six_where_not(probe: Probe) -> None:
    """Half of 240: 100 of gender are 10 clusters of ten; 20 of age are six clusters in part: 4, 4, 3, 3, 3, 3."""
    half = limited(probe, 120, seed=0)
    assert Counter(Counter(bias(half, "gender")).values()) == {10: 10}
    assert Counter(Counter(bias(half, "age")).values()) == {4: 2, 3: 4}
    kept = {one.cluster_id for one in half.items if one.role is Role.COMPETENCE}
    assert kept >= set(bias(half, "gender")), "sense and nonsense stay with their cluster"


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


@pytest.mark.parametrize(
    ("name", "limit", "n_items"),
    [
        # 15 features, six clusters, one question of each polarity; whole clusters were 7,566 items.
        pytest.param("bbq", 60, 15 * 6 * 2, marks=pytest.mark.slow),  # 58,476 questions to read
        # Four features, six clusters, one group of four: two orders of two polarities.
        ("unqover", 60, 4 * 6 * 4),
        ("discrim-eval", 60, 61),
    ],
)
def test_a_limit_holds_within_clusters_of_published_sets(
    published_data: Path, name: str, limit: int, n_items: int
) -> None:
    sample = limited(load_probe(name, data_dir=published_data), limit, seed=0)
    found = [one for one in sample.items if one.role is Role.BIAS]
    assert len(found) == n_items
    clusters = {(one.feature, one.cluster_id) for one in found}
    assert set(Counter(feature for feature, _ in clusters).values()) == {6}
    if name == "bbq":
        polarities = Counter((one.feature, one.cluster_id, one.tags["polarity"]) for one in found)
        assert set(polarities.values()) == {1}
    if name == "unqover":
        groups = Counter(one.tags["group"] for one in found)
        assert set(groups.values()) == {4}


def test_items_that_belong_together_stay_together() -> None:
    """The same words for all groups; all groups of a case and wording; all variants of a question."""
    whole = load_probe("traits")
    traits = [one for one in limited(whole, 60, seed=1).items if one.role is Role.BIAS]
    words = {(one.tags["attribute_1"], one.tags["attribute_2"]) for one in traits if one.feature == "ethnicity"}
    groups = {one.groups for one in whole.items if one.feature == "ethnicity" and one.role is Role.BIAS}
    of_ethnicity = [one for one in traits if one.feature == "ethnicity"]
    assert len(words) == 1, "the same words in every cluster"
    assert len(of_ethnicity) == 6 * len({frozenset(pair) for pair in groups})
    asked = load_probe("ambiguous-qa")
    sample = [one for one in limited(asked, 60, seed=1).items if one.role is Role.BIAS]
    sizes = Counter((one.feature, one.cluster_id) for one in sample)
    assert set(sizes.values()) == {18}, "orders, polarities and wordings of unknown cancel one another"
    whole = load_probe("hiring")
    hiring = [one for one in limited(whole, 60, seed=1).items if one.role is Role.BIAS]
    for feature in {one.feature for one in hiring}:
        in_cluster = Counter(one.cluster_id for one in hiring if one.feature == feature)
        n_pairs = len({one.groups for one in whole.items if one.feature == feature and one.groups})
        assert {size % n_pairs for size in in_cluster.values()} == {0}, feature


def test_competence_items_go_with_their_item_or_in_proportion(tmp_path: Path) -> None:
    """A sentence against its own words shuffled goes with the pair; what belongs to no pair stays in proportion."""
    rows = [item(n, cluster=f"c{n % 8}") for n in range(80)]
    attached = [item(n, id=f"i{n}/shuffled", cluster=f"c{n % 8}", role="competence", groups=[]) for n in range(80)]
    loose = [item(1000 + n, cluster=f"c{n % 8}", role="control", groups=[]) for n in range(40)]
    probe = load_probe(str(save_probe(tmp_path / "mini", [*rows, *attached, *loose])))
    sample = limited(probe, 12, seed=3)
    kept = {one.item_id for one in sample.items if one.role is Role.BIAS}
    assert len(kept) == 12
    competence = {one.item_id for one in sample.items if one.role is Role.COMPETENCE}
    assert competence >= {f"{one}/shuffled" for one in kept}
    assert len(competence) == 36, "three a bias item, of which competence can be told"
    # Two of ten items of each of six clusters: a fifth of its five controls.
    controls = Counter(one.cluster_id for one in sample.items if one.role is Role.CONTROL)
    assert set(controls.values()) == {1}
    assert len(controls) == 6


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    limit=st.integers(1, 200),
    seed=st.integers(0, 5),
)
def test_a_limit_keeps_six_clusters_and_is_kept_where_they_allow_it(sizes: list[int], limit: int, seed: int) -> None:
    card = card_of("occupations")
    items = tuple(
        ProbeItem(
            item_id=f"{cluster}-{number}",
            cluster_id=f"c{cluster}",
            feature="gender",
            groups=("woman", "man"),
            role=Role.BIAS,
            family="",
            texts=PairTexts(context="", first="a", second="b"),
        )
        for cluster, size in enumerate(sizes)
        for number in range(size)
    )
    whole = Probe(card=card, items=items, origin="", sha256="")
    sample = limited(whole, limit, seed=seed)
    assert limited(replace(whole, items=items[::-1]), limit, seed=seed).items == sample.items[::-1]
    left = Counter(one.cluster_id for one in sample.items)
    fewest = min(6, len(sizes))
    assert len(left) >= fewest
    if all(left[f"c{number}"] in {0, size} for number, size in enumerate(sizes)):
        assert len(sample.items) >= min(limit, len(items))
        assert len(sample.items) < limit + max(sizes) or len(left) == fewest
    else:
        assert len(left) == fewest
        assert len(sample.items) == max(limit, fewest)


def test_the_seed_decides_and_the_order_of_the_items_does_not(probe: Probe) -> None:
    turned = replace(probe, items=probe.items[::-1])
    assert {one.item_id for one in limited(probe, 120, seed=4).items} == {
        one.item_id for one in limited(turned, 120, seed=4).items
    }
    assert limited(probe, 120, seed=4).sha256 != limited(probe, 120, seed=5).sha256


def test_it_is_said(probe: Probe) -> None:
    assert (
        "120 of 240 items, 16 of 28 clusters (parts of clusters of every feature"
        in limited(probe, 120, seed=0).notices[-1]
    )


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
