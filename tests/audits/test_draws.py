"""Answers in words through a whole audit: scripted writers give the verdicts that they must, and a real model too."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit import gate
from biasaudit.errors import UsageError
from biasaudit.facade import Audit
from biasaudit.probes import Probe, limited, load_probe
from biasaudit.testing import ScriptedModel, leaning, scripted_audit, writing
from biasaudit.types import Generation, ProbeItem
from tests.tiny import save_model

N = 20


@cache
def _probe() -> Probe:
    """About 100 of its items: whole clusters."""
    return limited(load_probe("decisions"), 100, seed=0)


def _share(text: str, other: str, part: float) -> list[str]:
    n_first = round(part * N)
    return [text] * n_first + [other] * (N - n_first)


def _granting(name: str, favoured: float, passed_over: float) -> ScriptedModel:
    """Return a model that grants so much to either case, and gets plain facts right."""

    def texts(item: ProbeItem, request: Generation) -> list[str]:
        first = request.part.startswith("favoured")
        if item.role == "competence":
            return _share("Yes.", "No.", 0.95 if first else 0.05)
        if item.role != "bias":
            return _share("Yes.", "No.", 0.5)
        # Half of the clusters by a draw more, so that there is something between them.
        more = 0.05 if sum(item.cluster_id.encode()) % 2 else 0.0
        return _share("Yes, grant it.", "**No**", favoured - more if first else passed_over)

    return writing(name, texts)


@pytest.fixture(scope="module")
def reduced() -> Audit:
    """0.8 and 0.3 before, 0.55 and 0.5 after."""
    return scripted_audit(_granting("base", 0.8, 0.3), _granting("tuned", 0.55, 0.5), probes=[_probe()], draws=N)


def test_a_lean_that_is_drawn_is_measured_and_its_fall_is_found(reduced: Audit) -> None:
    """By hand: 0.5 (0.45 in about half of the clusters) before, 0.05 or 0 after; the sign of it all is the card's."""
    index = reduced.estimates.query("metric == 'graded' and feature == 'all'").set_index("checkpoint")["value"]
    assert 0.45 <= index["base"] <= 0.5
    assert 0.0 <= index["tuned"] <= 0.05
    assert reduced.comparisons.query("metric == 'graded' and feature == 'all'")["verdict"].tolist() == ["reduced"]


def test_the_reading_stands_in_the_manifest_and_there_are_no_nats(reduced: Audit) -> None:
    """A share of draws has no log-probability: a number of nats would be made up."""
    assert {one["reading"] for one in reduced.manifest.fingerprints.values()} == {"sampled"}
    assert reduced.manifest.plan["draws"] == N
    assert set(reduced.estimates.query("metric in ('mean_d', 'mean_abs_d')")["status"]) == {"not measured"}
    assert reduced.scores["d_nats"].isna().all()


def test_each_text_that_was_asked_has_its_share_with_an_interval(reduced: Audit) -> None:
    """Yes and no of one text sum to 1, and each interval is Wilson's: 16 of 20 is 0.584 to 0.919."""
    of_text = ["checkpoint", "framing_id", "probe", "item_id", "part"]
    draws = reduced.tables["draws"]
    assert draws.groupby(of_text)["share"].sum().round(9).eq(1).all()
    row = draws.query("answer == 'yes' and n_found == 16 and n_read == 20").iloc[0]
    assert round(row["share_ci_low"], 3) == 0.584
    assert round(row["share_ci_high"], 3) == 0.919


@pytest.mark.slow
def test_what_was_written_stands_in_the_audit_and_all_after_it_is_computed_again(
    tmp_path: Path, reduced: Audit
) -> None:
    """The counts are the evidence: tables from a folder are those of the run, byte for byte."""
    out = tmp_path / "audit"
    models = [_granting("base", 0.8, 0.3), _granting("tuned", 0.55, 0.5)]
    scripted_audit(*models, probes=[_probe()], draws=N, out=out)
    before = {name: (out / f"{name}.parquet").read_bytes() for name in ("scores", "draws", "estimates", "comparisons")}
    found = biasaudit.open_audit(out)
    assert found.tables["draws"].equals(reduced.tables["draws"])
    texts = json.loads(found.responses["written"].iloc[0])
    assert len(texts) == N
    biasaudit.recompute(out)
    assert before == {name: (out / f"{name}.parquet").read_bytes() for name in before}
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "Answers were drawn in words, 20 of each text" in html


def _always(text: str) -> ScriptedModel:
    return writing("scripted", lambda item, request: text)


@pytest.mark.parametrize(
    ("text", "refused", "unparsed"),
    [("I cannot help with that.", 1.0, 0.0), ("", 0.0, 1.0), ("Yes or no?", 0.0, 1.0)],
)
def test_a_model_that_gives_no_answer_is_not_measured(text: str, refused: float, unparsed: float) -> None:
    """Never parity: a writer that refuses, writes nothing or answers nothing has no index, and a count of it."""
    found = scripted_audit(_granting("base", 0.8, 0.3), _always(text), probes=[_probe()], draws=N)
    of_tuned = found.estimates.query("checkpoint == 'tuned'").set_index(["metric", "feature"])
    assert of_tuned.loc[("graded", "all"), "status"] == "not measured"
    assert of_tuned.loc[("refused", "all"), "value"] == refused
    assert of_tuned.loc[("unparsed", "all"), "value"] == unparsed
    assert set(found.comparisons.query("metric == 'graded'")["verdict"]) == {"not measured"}


def test_refusals_of_one_group_alone_are_missing_items_and_no_reduction() -> None:
    """It declines where the other case is asked: what is left says nothing of a lean."""

    def texts(item: ProbeItem, request: Generation) -> str:
        return "Yes" if request.part.startswith("favoured") else "I cannot answer that."

    found = scripted_audit(_granting("base", 0.8, 0.3), writing("tuned", texts), probes=[_probe()], draws=N)
    assert "reduced" not in set(found.comparisons["verdict"])


def test_what_is_asked_by_log_probability_alone_is_not_measured_where_answers_are_drawn() -> None:
    """A pair has no answer in words; its rows say why, and the other probe is measured."""
    models = [_granting("base", 0.8, 0.3), _granting("tuned", 0.55, 0.5)]
    found = scripted_audit(*models, probes=[_probe(), "harms"], draws=N)
    of_pairs = found.responses.query("probe == 'harms'")
    assert set(of_pairs["reason"]) == {"it is asked by log-probability, and answers in words were drawn"}
    statuses = found.estimates.query("probe == 'harms' and metric == 'graded'")["status"]
    assert set(statuses) == {"not measured"}


def test_models_that_write_nothing_are_not_asked_for_answers() -> None:
    """Scripts of log-probabilities: each request fails with the reason, and no number comes of it."""
    found = scripted_audit(leaning("base", 1.0), leaning("tuned", 0.5), probes=[_probe()], draws=N)
    assert set(found.responses["status"]) == {"failed"}
    with pytest.raises(UsageError, match="at least 1"):
        scripted_audit(leaning("base", 1.0), leaning("tuned", 0.5), probes=[_probe()], draws=0)


@pytest.mark.slow
def test_a_choice_is_asked_in_every_order_and_a_letter_that_is_always_taken_is_no_lean() -> None:
    """The writer takes A whatever stands there: over all orders each option has one third."""
    probe = limited(load_probe("ambiguous-qa"), 60, seed=0)
    found = scripted_audit(_always("A"), _always("(A)"), probes=[probe], draws=2)
    parts = set(found.responses["part"])
    assert parts == {f"drawn@{order}" for order in ("bcu", "buc", "cbu", "cub", "ubc", "ucb")}
    graded = found.scores.query("role == 'bias'")["graded"]
    assert graded.abs().max() < 1e-12


@pytest.mark.slow
def test_a_real_model_is_drawn_from_and_asked_again_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A random model answers nothing that can be read: it says so, and a second run computes nothing."""
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path / "cache"))
    for seed, name in enumerate(("base", "tuned")):
        save_model(tmp_path / name, seed=seed)
    settings: dict[str, Any] = {
        "probes": ["decisions"],
        "framing_names": ("plain",),
        "limit": 2,
        "draws": 2,
        "allow_implausible": True,
    }
    pair = (str(tmp_path / "base"), str(tmp_path / "tuned"))
    first = biasaudit.audit(*pair, **settings)
    again = biasaudit.audit(*pair, **settings)
    assert first.manifest.run["tokens"] > 0
    assert again.manifest.run["tokens"] == 0
    assert again.responses.equals(first.responses)
    assert set(first.estimates.query("metric == 'graded'")["status"]) <= {"not measured", "too few clusters"}


def test_a_check_says_that_answers_were_drawn(reduced: Audit) -> None:
    """Whoever reads a decision alone must hear that no probability was read."""
    decision = biasaudit.check(reduced, "strict")
    assert decision.reading == "sampled"
    assert "answers read as sampled" in gate.to_text(decision)
    assert json.loads(gate.to_json(decision))["reading"] == "sampled"
