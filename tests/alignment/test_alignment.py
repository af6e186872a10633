"""docs/alignment.md is what was measured, and its tables say what the rows say."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biasaudit.align.transfer import Transfer
from biasaudit.align.transfer.rows import Row
from biasaudit.probes import load_probe
from biasaudit.report.charts.dose_chart import Dose
from biasaudit.types import AssociationTexts, Role
from tests.alignment import opened, page
from tests.alignment.attacked import Attacked
from tests.alignment.opened import Opened

DOSE = Dose(
    epsilon=0.2, seed=1, index=0.15, ci_low=0.1, ci_high=0.2, base=0.8, perplexity_change=0.021, licensed_drop=0.01
)


def row(**changes: Any) -> Row:
    about: dict[str, Any] = {
        "what": "Gender and occupation",
        "framing": "plain",
        "kind": "association",
        "probe": "occupations",
        "feature": "gender",
        "trained": "trained",
        "base": 0.5,
        "tuned": 0.1,
        "difference": 0.4,
        "ci_low": 0.3,
        "ci_high": 0.5,
        "gone_status": "ok",
        "gone": 0.8,
        "gone_low": 0.7,
        "gone_high": 0.9,
        "verdict": "reduced",
        "n_items": 72,
        "n_clusters": 12,
    }
    return Row(**{**about, **changes})


def collateral(what: str, difference: float | None, **changes: Any) -> Row:
    none = {"gone_status": "", "gone": None, "gone_low": None, "gone_high": None, "verdict": "", "measure": "share"}
    return row(what=what, kind="collateral", difference=difference, **{**none, **changes})


def licensed(drop: float) -> Row:
    return collateral("Gender and occupation: licensed associations", drop)


def neutral(nats: float) -> Row:
    return collateral(page.NEUTRAL, nats, probe="", feature="", measure="nats per token")


def transfer(*rows: Row, method: str = "constraint") -> Transfer:
    return Transfer(rows=rows, facts={"method": method, "trained_features": ["gender"], "training_seconds": 150.0})


def test_the_page_is_what_was_measured() -> None:
    """Who changes a number by hand, or measures and does not write the page, hears of it."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.rendered(text, page.measured(), page.doses(), page.attacked(), page.opened()) == text


def test_an_adapter_is_within_bounds_only_where_everything_was_measured_and_holds() -> None:
    """A drop of 0.05 and perplexity 3 % worse are the bounds; 0.02 nats a token are 2.0 %, 0.04 are 4.1 %."""
    good = (row(), licensed(0.05), neutral(-0.02))
    assert page.within_bounds(transfer(*good)) == "yes"
    assert page.within_bounds(transfer(row(), licensed(0.051), neutral(-0.02))) == "no"
    assert page.within_bounds(transfer(row(), licensed(0.05), neutral(-0.04))) == "no"
    assert page.within_bounds(transfer(row(verdict="not interpretable"), *good[1:])) == "no"
    for lacking in range(3):
        assert page.within_bounds(transfer(*(one for n, one in enumerate(good) if n != lacking))) == "not measured"


def test_perplexity_is_that_of_the_tuned_model_over_the_base() -> None:
    assert page.perplexity_change(transfer(neutral(-0.1)), page.NEUTRAL) == pytest.approx(math.exp(0.1) - 1)


def test_a_line_of_an_adapter_holds_its_leading_probe_and_its_costs() -> None:
    line = page.adapters_table({"c-seed0": transfer(row(), licensed(0.01), neutral(-0.02))}).splitlines()[-1]
    assert line == (
        "| c-seed0 | constraint | gender | 2.5 | 0.500 | 0.100 | reduced | +0.010 | +2.0 % | not measured | yes |"
    )


def test_the_transfer_table_sets_methods_side_by_side_and_one_adapter_of_each() -> None:
    """Rows that one of them does not have say so."""
    same = row(tuned=0.5, difference=0.0, ci_low=-0.01, ci_high=0.01, gone=0.0, verdict="unchanged")
    found = {
        "a-seed0": transfer(row(), row(what="held out", probe="x")),
        "a-seed1": transfer(row(tuned=0.9)),
        "b-seed0": transfer(same, method="b"),
    }
    head, _, first, second = page.transfer_table(found, framing="plain").splitlines()
    assert head == "| asked | feature | items (clusters) | base | a-seed0 | b-seed0 |"
    assert first == (
        "| Gender and occupation | gender | 72 (12) | 0.500 | "
        "0.100; +0.400 (+0.300 to +0.500), 80% gone: **reduced** | "
        "0.500; +0.000 (\u22120.010 to +0.010), 0% gone: **unchanged** |"
    )
    assert second.endswith("**reduced** | not asked |")


def test_what_should_have_stayed_has_a_table_of_its_own() -> None:
    found = {"a-seed0": transfer(row(), licensed(0.01))}
    assert "licensed" not in page.transfer_table(found, framing="plain")
    [line] = page.collateral_table(found).splitlines()[2:]
    assert line.startswith("| Gender and occupation: licensed associations, share | gender | 72 (12) | 0.500 | 0.100; ")
    assert line.endswith("; +0.010 (+0.300 to +0.500) |")


def test_failures_are_told_by_name() -> None:
    """A lean that grew elsewhere, a trained one that was left, and what was lost; what went well is not among them."""
    found = {
        "worse": transfer(
            row(what="Traits", feature="religion", trained="not trained", tuned=0.7, verdict="increased"),
            row(what="Jobs", verdict="inconclusive"),
            licensed(0.2),
        ),
        "fine": transfer(row(), licensed(0.0)),
    }
    worse, fine = page.failures(found).splitlines()
    assert worse == (
        "- `worse`: Traits, religion: increased (0.500 to 0.700); Gender and occupation: licensed associations, "
        "gender: lost +0.200; Jobs, gender: inconclusive (0.500 to 0.100)."
    )
    assert fine == "- `fine`: none of these."


def test_doses_are_a_table_and_a_picture_that_is_the_same_each_time() -> None:
    far = replace(DOSE, index=0.3, perplexity_change=-0.01, licensed_drop=0.03, processor_seconds=4.0)
    nearest = replace(DOSE, index=0.26, processor_seconds=2.0)
    assert page.dose_table([DOSE, far, nearest]).splitlines()[-1] == (
        "| 0.2 | 3 | 0.800 to 0.800 | 0.260 (0.150 to 0.300) | 2 of 3 | +2.1 % | +0.010 (+0.030) | 3.0 (4.0) |"
    )
    assert page.dose_table([DOSE]).splitlines()[-1].endswith("| not measured |")
    drawn = page.picture([DOSE])
    assert drawn == page.picture([DOSE])
    assert "Largest disparity that the training allowed" in drawn


def test_what_is_left_under_attack_is_a_line_a_base() -> None:
    about: dict[str, Any] = {"seed": 3, "base_plain": 0.01, "base_attacked": 0.9, "base_licensed": 0.97}
    found = [
        Attacked(method="constraint", plain=0.02, attacked=-0.8, licensed=0.95, training_seconds=1.0, **about),
        Attacked(method="adversarial", plain=0.0, attacked=0.05, licensed=0.98, training_seconds=2.0, **about),
    ]
    assert page.attacked_table(found).splitlines()[-1] == (
        "| 3 | 0.010 | 0.900 | 0.020 | \u22120.800 | +0.020 | 0.000 | 0.050 | \u22120.010 |"
    )


def test_an_index_after_an_opening_is_a_cell_with_its_verdict() -> None:
    base = Opened(opening="Typical:", model="base", index=0.5, ci_low=0.4, ci_high=0.6)
    tuned = replace(base, model="a", index=None, ci_low=None, ci_high=None, verdict="not interpretable")
    assert page.opened_table([base, tuned]).splitlines()[-1] == (
        "| “Typical:” | 0.500 (0.400 to 0.600) | not estimable: **not interpretable** |"
    )


def test_openings_are_put_before_every_bias_item_and_no_training_searches_them(tmp_path: Path) -> None:
    opened.refuse_known()
    rows = load_probe(str(opened.saved_probe(tmp_path / "probe", "Typical:"))).items
    asked = [one.texts for one in rows if one.role is Role.BIAS]
    assert len(asked) == 48
    assert {one.contexts[0].partition(" ")[0] for one in asked if isinstance(one, AssociationTexts)} == {"Typical:"}
    assert sum(one.role is Role.COMPETENCE for one in rows) == 96
    assert sum(one.role is Role.LICENSED for one in rows) == 24


def test_without_anything_measured_the_page_says_so() -> None:
    tables = (
        page.adapters_table({}),
        page.transfer_table({}, framing="chat"),
        page.failures({}),
        page.dose_table([]),
        page.attacked_table([]),
    )
    assert set(tables) == {"Nothing was measured yet."}
