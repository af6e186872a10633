from __future__ import annotations

from dataclasses import replace

import pytest

from biasaudit.probes import load_probe
from biasaudit.testing import leaning, noisy, scripted_audit
from biasaudit.types import ProbeItem, Request


def test_attributes_without_a_lean_of_their_own_are_no_finds() -> None:
    """No item leans, so no attribute does, and there is nothing to tell from 0."""
    audit = scripted_audit(leaning("base", 0.0), leaning("tuned", 0.0), probes=["occupations"])
    rows = audit.disparities.query("statistic == 'by_attribute'")
    assert len(rows) > 100
    assert rows["value"].abs().max() < 1e-9
    assert (rows["p_bh"] == 1).all()
    others = audit.disparities.query("statistic == 'by_group'")
    assert others["p_value"].isna().all()
    assert others["p_bh"].isna().all()


def test_an_attribute_that_leans_stands_out_after_the_correction() -> None:
    """One occupation leans by 4 nats in every template, all others by about 1, now more and now less."""
    occupation = load_probe("occupations").items[0].tags["attribute_1"]

    def lean(item: ProbeItem, _: Request) -> float:
        own = 4.0 if occupation in {item.tags.get("attribute_1"), item.tags.get("attribute_2")} else 1.0
        return own + 0.2 * (hash_of(item) % 7 - 3)

    audit = scripted_audit(leaning("base", lean), leaning("tuned", lean), probes=["occupations"])
    rows = audit.disparities.query("statistic == 'by_attribute' and checkpoint == 'base'")
    adjusted = dict(zip(rows["group"].tolist(), rows["p_bh"].tolist(), strict=True))
    assert adjusted[occupation] < 0.01
    assert min(adjusted, key=adjusted.__getitem__) == occupation
    assert (rows["p_bh"] >= rows["p_value"]).all()


def hash_of(item: ProbeItem) -> int:
    return sum(map(ord, item.item_id))


def test_the_table_says_which_probe_has_groups() -> None:
    audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=["occupations"])
    difference = audit.disparities.query("statistic == 'difference' and checkpoint == 'base'").iloc[0]
    groups = audit.disparities.query("statistic == 'by_group' and checkpoint == 'base'")["value"].tolist()
    assert difference["value"] == pytest.approx(groups[1] - groups[0]) or difference["value"] == pytest.approx(
        groups[0] - groups[1]
    )


def test_items_that_name_no_attributes_have_groups_only() -> None:
    """Published sets have none: a row for an attribute without a name would be read as a find."""
    probe = load_probe("occupations")
    bare = replace(probe, items=tuple(replace(item, tags={}) for item in probe.items))
    audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[bare])
    assert set(audit.disparities["statistic"]) == {"by_group", "difference"}


def test_groups_that_items_name_in_either_order_have_one_difference_each() -> None:
    """Of three groups, `man` is in both pairs: the reference. All items lean by 2 nats, whichever they name first."""
    probe = load_probe("occupations")
    turn = {0: ("woman", "man"), 1: ("man", "woman"), 2: ("man", "other")}
    items = [
        replace(item, groups=turn[number % 3] if item.role == "bias" else item.groups)
        for number, item in enumerate(probe.items)
    ]
    audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 0.0), probes=[replace(probe, items=tuple(items))])
    table = audit.disparities.query("statistic == 'difference'").set_index(["checkpoint", "group"])
    assert set(table["value"].xs("base").index) == {"woman - man", "other - man"}
    assert set(table["reference"]) == {"man"}
    # p(a1 given A) - p(a1 given B) of d = 2 nats, half of it in either context: 2 / (1 + exp(-1)) - 1.
    values = table["value"]
    assert values.xs("base").tolist() == pytest.approx([0.462117] * 2, abs=1e-6)
    assert values.xs("tuned").tolist() == pytest.approx([0.0] * 2)
    assert "by_group" not in set(audit.disparities["statistic"])


@pytest.mark.slow
def test_differences_of_a_framing_are_adjusted_together() -> None:
    """Two p-values of one arm: the larger stays, the smaller is at most doubled."""
    value = noisy(0.2, item_sd_nats=1.0, cluster_sd_nats=0.5, seed=1)
    audit = scripted_audit(leaning("base", value), leaning("tuned", value), probes=["occupations", "dialect-decisions"])
    rows = audit.disparities.query("statistic == 'difference' and checkpoint == 'base'")
    raw, adjusted = sorted(rows["p_value"]), sorted(rows["p_bh"])
    assert len(raw) == 2
    assert adjusted == pytest.approx([min(2 * raw[0], raw[1]), raw[1]])
