from __future__ import annotations

import hashlib
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import biasaudit
from biasaudit.analysis.items_seen import flips, seen
from biasaudit.audits.finish import computed_again
from biasaudit.probes import limited, load_probe
from biasaudit.record import store, tables
from biasaudit.testing import choosing, leaning, scripted_audit
from biasaudit.types import Role
from tests.audits.test_audit import plan
from tests.running import Ran, run, undrawn
from tests.sealing import edit_manifest


def test_every_item_of_a_real_model_comes_apart_into_segments_that_add_up_to_it(ran_plain: Ran) -> None:
    """The tokens that were scored, cut where the tokenizer says, against the values of the table."""
    audit = ran_plain.audit
    rows = audit.scores[audit.scores["role"] == Role.BIAS.value]
    of_item = seen(audit, zip(rows["probe"], rows["item_id"], strict=True))
    assert len(of_item) == len(rows) > 10
    for row in rows.to_dict("records"):
        segments = of_item[row["checkpoint"], row["probe"], row["item_id"]].segments
        assert segments
        assert math.fsum(segment.nats for segment in segments) == pytest.approx(row["d_nats"], abs=1e-6)


def test_the_ends_of_tokens_are_kept_for_bias_items_in_plain_framing_alone(models: Path, tmp_path: Path) -> None:
    """They cost a hundredth of the file there; in the chat wordings they would say the same again."""
    audit = run(plan(models, tmp_path, requests=("Say something.",)))
    roles = audit.items.set_index("item_id")["role"]
    known = audit.responses[audit.responses["token_ends"].notna()]
    assert set(known["framing_id"]) == {"plain"}
    assert set(known["item_id"].map(roles)) == {Role.BIAS.value}
    for row in known.to_dict("records"):
        assert len(row["token_ends"]) == len(row["token_ids"])


def test_audits_of_earlier_versions_without_ends_are_read_and_computed_again(ran_plain: Ran, tmp_path: Path) -> None:
    """The column is new in the same version of the schema: an audit without it is whole."""
    shutil.copytree(ran_plain.out, tmp_path / "out")
    manifest = store.read_manifest(tmp_path / "out")
    old = store.table_bytes(store.read_table(tmp_path / "out", "responses", manifest).drop(columns="token_ends"))
    (tmp_path / "out" / "responses.parquet").write_bytes(old)
    sha = hashlib.sha256(old).hexdigest()
    edit_manifest(tmp_path / "out", lambda content: content["files"].update({"responses.parquet": sha}))
    again = computed_again(tmp_path / "out", render=undrawn)
    assert "token_ends" not in tables.checked(again.responses, tables.RESPONSES).columns
    assert (tmp_path / "out" / "responses.parquet").read_bytes() == old
    reread = biasaudit.open_audit(tmp_path / "out")
    items = list(zip(reread.items["probe"], reread.items["item_id"], strict=True))
    assert all(not of_item.segments for of_item in seen(reread, items).values())


def test_a_flip_is_a_change_of_side_and_the_largest_stands_first() -> None:
    """By hand: 2 to -1 is a change of 3, 0.5 to -1 of 1.5, both removed; nothing is introduced."""
    before = leaning("base", lambda item, _: 2.0 if item.item_id < "hired" else 0.5)
    audit = scripted_audit(before, leaning("tuned", -1.0), probes=["occupations"])
    found = flips(audit.scores, tuned="tuned")
    bias = audit.scores[(audit.scores["role"] == "bias") & (audit.scores["checkpoint"] == "base")]
    assert set(found["fate"]) == {"removed"}
    assert len(found) == len(bias)
    changes = (found["d_base_nats"] - found["d_tuned_nats"]).round(6).tolist()
    assert changes == sorted(changes, reverse=True)
    assert set(changes) == {3.0, 1.5}


def test_a_model_that_did_not_change_has_no_flips() -> None:
    """Not even where d is exactly 0."""
    audit = scripted_audit(leaning("base", 0.0), leaning("tuned", 0.0), probes=["occupations"])
    assert flips(audit.scores, tuned="tuned").empty
    assert seen(audit, []) == {}


@pytest.mark.slow
def test_choices_and_decisions_are_seen_as_probabilities() -> None:
    """An option chosen by 40 nats has all the probability; a decision of d = 0 is even."""
    parts = [limited(load_probe(name), 40, seed=0) for name in ("ambiguous-qa", "decisions")]
    audit = scripted_audit(
        choosing("base", lambda _: "biased"),
        choosing("tuned", lambda _: "unknown"),
        probes=[replace(part, items=tuple(one for one in part.items if one.role is Role.BIAS)) for part in parts],
    )
    bias = audit.items[audit.items["role"] == "bias"]
    wanted = [(str(probe), str(rows["item_id"].iloc[0])) for probe, rows in bias.groupby("probe")]
    of_item = seen(audit, wanted)
    asked = next(item for probe, item in wanted if probe == "ambiguous-qa")
    assert of_item["base", "ambiguous-qa", asked].probabilities["biased"] == pytest.approx(1.0)
    assert of_item["tuned", "ambiguous-qa", asked].probabilities["unknown"] == pytest.approx(1.0)
    decided = next(item for probe, item in wanted if probe == "decisions")
    assert of_item["base", "decisions", decided].probabilities == pytest.approx({"favoured": 0.5, "other": 0.5})
