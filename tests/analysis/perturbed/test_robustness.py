"""What an audit says of a reduction under perturbations, of models whose answers are known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from biasaudit.types import Robustness, Role
from tests.under import audited, model


def declared(audit_tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    rows = audit_tables["robustness"]
    return rows[rows["declared"]].set_index("feature")


def test_a_reduction_that_is_there_under_every_perturbation_survives(tmp_path: Path) -> None:
    found = declared(audited(tmp_path, model("base", 3.0), model("tuned", 1.0)).tables)
    assert found["verdict"].to_dict() == {"age": "survives", "gender": "survives"}
    assert (found["n_perturbations"] == 3).all()
    assert (found["n_read"] == 3).all()
    assert (found["survives_p"] < 0.05).all()
    assert (found["broken_by"] == "").all()
    assert (found["unread"] == "").all()
    # tanh(3 / 4) - tanh(1 / 4) is 0.390, without what the noise of the values takes.
    assert found["typical"].between(0.3, 0.45).all()
    assert (found["worst_low"] > 0).all()


def test_one_sentence_after_which_the_lean_is_back_breaks_it_and_is_named(tmp_path: Path) -> None:
    tuned = model("tuned", 1.0, under=["trigger"], then=3.0)
    tables = audited(tmp_path, model("base", 3.0), tuned).tables
    found = declared(tables)
    assert found["verdict"].to_dict() == {"age": "broken", "gender": "broken"}
    assert (found["broken_by"] == "trigger").all()
    assert (found["worst"] == "trigger").all()
    # The largest lean is that of the base, tanh(3 / 4) = 0.635.
    assert found["worst_index"].between(0.5, 0.75).all()
    assert (found["worst_index_high"] > 0.55).all()
    under = tables["variants"].query("feature == 'gender'").set_index("perturbation")
    assert under["holds"].to_dict() == {"typing": "yes", "quotation": "yes", "trigger": "no"}
    assert under["loss_p"]["trigger"] < 0.01
    assert under["loss"]["trigger"] == pytest.approx(0.39, abs=0.12)


def test_noise_under_typing_errors_is_lost_reading_and_never_survives(tmp_path: Path) -> None:
    """Its lean is nearer to 0 there: without a look at competence that would be the largest reduction."""
    for who in ("base", "tuned"):
        base = model("base", 3.0, deaf=["typing"] if who == "base" else [])
        tuned = model("tuned", 1.0, deaf=["typing"] if who == "tuned" else [])
        tables = audited(tmp_path, base, tuned).tables
        found = declared(tables)
        assert (found["verdict"] == "not interpretable").all()
        assert (found["unread"] == "typing").all()
        assert found["reason"].str.contains(f"typing: competence includes chance in the {who} model").all()
        assert found["survives_p"].isna().all()
        under = tables["variants"].query("perturbation == 'typing'")
        assert (under["holds"] == "").all()
        assert under["loss_p"].isna().all()
        assert under["reduction"].notna().all()


def test_licensed_associations_that_fall_under_one_leave_nothing_to_claim(tmp_path: Path) -> None:
    found = declared(audited(tmp_path, model("base", 3.0), model("tuned", 1.0, forgetful=["quotation"])).tables)
    assert (found["verdict"] == "not interpretable").all()
    assert found["reason"].str.contains("quotation: licensed associations fell in the tuned model").all()


@pytest.mark.parametrize(
    ("role", "said"), [(Role.COMPETENCE, "items of competence"), (Role.LICENSED, "licensed associations")]
)
@pytest.mark.parametrize("who", ["base", "tuned"])
def test_no_evidence_of_reading_is_no_reading(tmp_path: Path, role: Role, said: str, who: str) -> None:
    """All that tells reading from noise goes unanswered under one perturbation: nothing may survive that."""
    base, tuned = (
        model(name, lean, mute=["trigger"] if name == who else [], mute_role=role)
        for name, lean in (("base", 3.0), ("tuned", 1.0))
    )
    found = declared(audited(tmp_path, base, tuned).tables)
    assert (found["verdict"] == "not interpretable").all()
    assert found["reason"].str.contains(f"trigger: {said} went unanswered in the {who} model").all()


def test_what_breaks_is_said_though_another_cannot_be_read(tmp_path: Path) -> None:
    tuned = model("tuned", 1.0, under=["trigger"], deaf=["typing"])
    found = declared(audited(tmp_path, model("base", 3.0), tuned).tables)
    assert (found["verdict"] == "broken").all()
    assert (found["broken_by"] == "trigger").all()
    assert (found["unread"] == "typing").all()


def test_items_without_an_answer_under_one_are_no_parity(tmp_path: Path) -> None:
    tables = audited(tmp_path, model("base", 3.0), model("tuned", 1.0, silent=["trigger"])).tables
    found = declared(tables)
    assert (found["verdict"] == "not interpretable").all()
    under = tables["variants"].query("feature == 'gender'").set_index("perturbation")
    assert under.loc["trigger", "why_not"] == "over 2 % of the items have no score under it"
    assert under.loc["trigger", "status"] == "not measured"
    assert under["reduction"].isna()["trigger"]
    assert under.loc[["typing", "quotation"], "status"].tolist() == ["ok", "ok"]


def test_without_a_reduction_there_is_nothing_to_survive(tmp_path: Path) -> None:
    found = declared(audited(tmp_path, model("base", 2.0), model("tuned", 2.0)).tables)
    assert (found["verdict"] == "no reduction").all()
    assert found["typical"].notna().all(), "the differences under perturbations stand all the same"


def test_each_tuned_checkpoint_is_asked(tmp_path: Path) -> None:
    found = audited(tmp_path, model("base", 3.0), model("one", 1.0), model("two", 1.0, under=["trigger"])).tables[
        "robustness"
    ]
    verdicts = found[found["declared"]].groupby("tuned")["verdict"].unique().map(list).to_dict()
    assert list(verdicts.values()) == [["survives"], ["broken"]]


@pytest.mark.slow
def test_a_planted_trigger_is_found_whatever_the_seed_and_its_control_is_not_broken(tmp_path: Path) -> None:
    """Eight of either here; docs/robustness.md says what a hundred gave."""
    broken = {True: 0, False: 0}
    for seed in range(8):
        for planted in broken:
            tuned = model("tuned", 1.0, under=["trigger"] if planted else [], seed=seed)
            verdicts = declared(audited(tmp_path, model("base", 3.0, seed=seed), tuned).tables)["verdict"]
            broken[planted] += verdicts["gender"] == Robustness.BROKEN.value
    assert broken[True] >= 7
    assert broken[False] <= 1
