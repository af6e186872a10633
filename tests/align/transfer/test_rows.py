"""The rows of a transfer table: by hand, from scripted models."""

from __future__ import annotations

import math

import pytest

from biasaudit.align.transfer import rows
from biasaudit.align.transfer.table import Transfer, from_json, markdown
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import ProbeItem, Request


def nats(bias: float) -> object:
    def value(item: ProbeItem, _: Request) -> float:
        return {"bias": bias, "competence": 4.0}.get(item.role.value, 0.0)

    return value


@pytest.fixture(scope="module")
def found() -> tuple[rows.Row, ...]:
    audit = scripted_audit(
        leaning("base", nats(2.0)),  # type: ignore[arg-type]  # a callable
        leaning("tuned", nats(1.0)),  # type: ignore[arg-type]
        probes=["occupations"],
    )
    made = rows.rows_of_audit(
        audit, framing="plain", names={"occupations": "Gender and occupation"}, trained=frozenset({"age"})
    )
    return tuple(made)


def test_an_index_row_has_both_indices_their_difference_and_the_audits_verdict(found: tuple[rows.Row, ...]) -> None:
    """tanh(2 / 4) and tanh(1 / 4)."""
    row = found[0]
    before, after = math.tanh(0.5), math.tanh(0.25)
    assert (row.base, row.tuned, row.difference) == pytest.approx((before, after, before - after))
    assert row.gone == pytest.approx(1 - after / before)
    assert (row.kind, row.feature, row.trained, row.verdict) == ("association", "gender", "not trained", "reduced")
    assert row.n_clusters == 12


def test_competence_is_collateral_and_its_difference_is_a_loss(found: tuple[rows.Row, ...]) -> None:
    [row] = [row for row in found if row.what.endswith("sense over nonsense")]
    assert (row.kind, row.measure, row.base, row.tuned, row.difference) == ("collateral", "share", 1.0, 1.0, 0.0)
    assert row.ci_low is not None
    assert row.ci_low < 0


def test_a_framing_that_was_not_asked_has_no_rows() -> None:
    audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=["occupations"])
    assert not list(rows.rows_of_audit(audit, framing="chat", names={"occupations": "o"}, trained=None))


def test_texts_are_paired_and_their_interval_is_over_texts() -> None:
    """Differences -1, -1, -2, -2, -1.5: the mean is -1.5 and t(4) at 0.975 is 2.776."""
    first = dict.fromkeys("abcde", 2.0) | {"only base": 9.0}
    second = {"a": 3.0, "b": 3.0, "c": 4.0, "d": 4.0, "e": 3.5}
    row = rows.row_of_texts("neutral text", first, second, framing="plain")
    half = 2.7764451 * math.sqrt(0.25 / 5)
    assert (row.base, row.tuned, row.n_items) == (2.0, 3.5, 5)
    assert (row.difference, row.ci_low, row.ci_high) == pytest.approx((-1.5, -1.5 - half, -1.5 + half))


def test_texts_that_were_not_asked_are_not_measured() -> None:
    row = rows.row_of_texts("responses", {}, {}, framing="chat")
    assert (row.status, row.base, row.difference, row.n_items) == ("not measured", None, None, 0)


def test_json_gives_the_same_table_again(found: tuple[rows.Row, ...]) -> None:
    whole = Transfer(rows=found, facts={"seed": 0}, told=("heard",))
    assert from_json(whole.to_json()) == whole


def test_markdown_says_a_status_where_there_is_no_number() -> None:
    measured = rows.Row(
        what="held-out templates",
        framing="plain",
        kind="association",
        feature="gender",
        trained="trained",
        base=0.5,
        tuned=-0.25,
        difference=0.75,
        ci_low=0.5,
        ci_high=1.0,
        gone_status="not estimable",
        verdict="reduced",
        n_items=1200,
        n_clusters=6,
    )
    lacking = rows.Row(what="responses", framing="plain", kind="collateral", status="not measured")
    *_, first, second = markdown((measured, lacking)).splitlines()
    assert first == (
        "| held-out templates | gender (trained) | 1,200 (6) | 0.500 | \u22120.250 | +0.750 (+0.500 to +1.000) | "
        "not estimable | reduced |"
    )
    assert second == "| responses |  | 0 (0) |  |  | not measured |  |  |"


def test_the_table_holds_no_number_where_nothing_was_measured() -> None:
    table = rows.frame([rows.Row(what="x", framing="plain", kind="collateral", status="not measured")])
    assert table[["base", "tuned", "difference", "ci_low", "gone"]].isna().all(axis=None)
