"""An audit under perturbations: what is asked beside the probes, where it is kept, and what it leaves as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import biasaudit
from biasaudit.errors import AlteredAuditError, AuditMismatchError, UsageError
from biasaudit.record import store
from biasaudit.testing import scripted_audit
from tests.tiny import save_probe
from tests.under import audited, model

OWN = ("variant_items", "variant_responses", "variant_scores", "variants", "robustness")


def test_what_is_asked_under_perturbations_changes_nothing_else(tmp_path: Path) -> None:
    """Neither a table nor a headline: a perturbed item in one of them would change a mean."""
    base, tuned = model("base", 3.0), model("tuned", 1.0)
    without, beside = (audited(tmp_path, base, tuned, robustness=name) for name in (None, ""))
    assert set(beside.tables) - set(without.tables) == set(OWN)
    for name, table in without.tables.items():
        pd.testing.assert_frame_equal(table, beside.tables[name])
    assert without.headlines == beside.headlines
    assert "perturbed" not in without.manifest.as_dict()
    assert "robustness" not in without.manifest.plan


def test_each_perturbed_item_names_the_one_that_it_was_made_from(tmp_path: Path) -> None:
    found = audited(tmp_path, model("base", 3.0), model("tuned", 1.0))
    items, asked = found.tables["variant_items"], found.items
    assert sorted(items["probe"].unique()) == ["mini-quotation", "mini-trigger", "mini-typing"]
    assert len(items) == 3 * len(asked)
    assert all(f'"variant_of": "{name}"' in tags for name, tags in zip(items["item_id"], items["tags"], strict=True))
    facts = found.manifest.perturbed
    assert facts["contrast"] == "weights, plain"
    assert facts["framing_ids"] == ["plain"]
    assert facts["variants"]["mini-trigger"]["added"] == {"min": 0, "median": 5, "max": 5, "uneven": 0}


@pytest.mark.slow
def test_it_is_written_read_and_computed_again_byte_for_byte(tmp_path: Path) -> None:
    out = tmp_path / "audit"
    audited(tmp_path, model("base", 3.0), model("tuned", 1.0, under=["trigger"]), out=out)
    before = {name: (out / f"{name}.parquet").read_bytes() for name in OWN}
    read = biasaudit.open_audit(out)
    assert read.robustness is not None
    assert (read.robustness["verdict"] == "broken").any()
    biasaudit.recompute(out)
    assert {name: (out / f"{name}.parquet").read_bytes() for name in OWN} == before


@pytest.mark.slow
def test_altered_evidence_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "audit"
    audited(tmp_path, model("base", 3.0), model("tuned", 1.0), out=out)
    shutil.copy(out / "responses.parquet", out / "variant_responses.parquet")
    with pytest.raises(AlteredAuditError, match=r"variant_responses\.parquet was altered"):
        biasaudit.open_audit(out)


def test_another_set_is_another_audit(tmp_path: Path) -> None:
    out = tmp_path / "audit"
    audited(tmp_path, model("base", 3.0), model("tuned", 1.0), out=out)
    assert store.read_manifest(out).plan["robustness"]
    with pytest.raises(AuditMismatchError, match=r"plan\.robustness"):
        audited(tmp_path, model("base", 3.0), model("tuned", 1.0), robustness="quick", out=out)


def test_what_cannot_be_perturbed_is_noted_with_its_reason_and_the_others_are_asked(tmp_path: Path) -> None:
    """The pairs of this probe have no context."""
    pairs: list[dict[str, object]] = [
        {"id": f"p{n}", "cluster": f"c{n}", "feature": "gender", "groups": ["woman", "man"], "role": "bias",
         "first": f"She is {n}", "second": f"He is {n}"}
        for n in range(12)
    ]  # fmt: skip
    bare = save_probe(tmp_path / "bare", pairs, id="bare", kind="pair", groups={"gender": ["woman", "man"]})
    audited(tmp_path, model("base", 3.0), model("tuned", 1.0))  # saves the probe that can be
    path = str(tmp_path / "three.yaml")
    found = scripted_audit(
        model("base", 3.0), model("tuned", 1.0), probes=[str(tmp_path / "mini"), str(bare)], robustness=path
    )
    assert set(found.manifest.perturbed["not_made"]["bare"]) == {"typing", "quotation", "trigger"}
    rows = found.tables["variants"].query("probe == 'bare' and perturbation == 'typing'")
    assert (rows["status"] == "not measured").all()
    assert rows["why_not"].str.contains("changes nothing").all()


def test_a_set_that_is_none_is_one_message_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no set of perturbations 'nosuch'") as caught:
        audited(tmp_path, model("base", 3.0), model("tuned", 1.0), robustness="nosuch")
    assert "quick, standard" in str(caught.value)


def test_an_audit_in_chats_alone_asks_perturbed_probes_there(tmp_path: Path) -> None:
    """What the weights did is compared in the chat template, where nothing is asked in plain text."""
    audited(tmp_path, model("base", 3.0), model("tuned", 1.0))  # saves the probe and the set
    found = scripted_audit(
        model("base", 3.0),
        model("tuned", 1.0, under=["trigger"]),
        probes=[str(tmp_path / "mini")],
        framing_names=("chat",),
        robustness=str(tmp_path / "three.yaml"),
    )
    facts = found.manifest.perturbed
    assert (facts["contrast"], facts["framing_ids"]) == ("weights, chat", ["chat-1"])
    assert set(found.tables["variant_responses"]["framing_id"]) == {"chat-1"}
    assert found.robustness is not None
    assert set(found.robustness["broken_by"]) == {"trigger"}


def test_an_audit_in_both_framings_asks_perturbed_probes_in_plain_text_alone(tmp_path: Path) -> None:
    """The perturbations are no third way of asking: they say whether what the weights did holds."""
    audited(tmp_path, model("base", 3.0), model("tuned", 1.0))  # as above
    found = scripted_audit(
        model("base", 3.0),
        model("tuned", 1.0),
        probes=[str(tmp_path / "mini")],
        framing_names=("plain", "chat"),
        robustness=str(tmp_path / "three.yaml"),
    )
    assert set(found.tables["variant_responses"]["framing_id"]) == {"plain"}
    assert set(found.responses["framing_id"]) == {"plain", "chat-1"}
    assert found.robustness is not None
    assert set(found.robustness["verdict"]) == {"survives"}
