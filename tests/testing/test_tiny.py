from __future__ import annotations

import math
from pathlib import Path

import pytest

import biasaudit
from biasaudit.errors import UsageError
from biasaudit.probes import load_probe
from biasaudit.testing import tiny_biased_model, tiny_probe, tiny_tuned_child
from biasaudit.types import AssociationTexts
from biasaudit.validity import findings

OF_A_TOY = {"grammar", "undocumented", "one-direction", "no-licensed"}
"""What the check finds in a toy language without capitals and queens, of which nothing is documented."""


def test_the_tiny_probe_is_whole(tmp_path: Path) -> None:
    """12 templates x 10 occupations, as many of competence, 3 controls a template."""
    probe = load_probe(str(tiny_probe(tmp_path / "probe")))
    counts = {role: sum(one.role == role for one in probe.items) for role in ("bias", "competence", "control")}
    assert counts == {"bias": 120, "competence": 120, "control": 36}
    assert {finding.code for finding in findings(probe)} <= OF_A_TOY


def test_the_tiny_associations_are_whole(tmp_path: Path) -> None:
    """12 templates x 5 pairs of occupations, competence as in the pairs, 3 controls a template.

    The diagonal is the stereotype: "the nurse said that" with "she", "the engineer said that" with "he".
    """
    probe = load_probe(str(tiny_probe(tmp_path / "probe", kind="association")))
    counts = {role: sum(one.role == role for one in probe.items) for role in ("bias", "competence", "control")}
    assert counts == {"bias": 60, "competence": 120, "control": 36}
    assert {finding.code for finding in findings(probe)} <= OF_A_TOY
    texts = next(one for one in probe.items if one.item_id == "t0-nurse-engineer").texts
    assert texts == AssociationTexts(
        contexts=("the nurse said that", "the engineer said that"),
        continuations=(" she was tired .", " he was tired ."),
        group_in_context=False,
    )


def test_a_probe_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither"):
        tiny_probe(tmp_path / "probe", kind="neither")  # type: ignore[arg-type]


@pytest.mark.parametrize("lean", [-0.1, 1.1, float("nan")])
def test_a_lean_is_a_probability(tmp_path: Path, lean: float) -> None:
    with pytest.raises(UsageError, match="probability"):
        tiny_biased_model(tmp_path / "model", lean=lean)


@pytest.mark.slow
def test_a_model_is_trained_and_audited_as_any(tmp_path: Path) -> None:
    """Equal seeds give equal weights, and its lean is of the corpus: log(0.9 / 0.1) = 2.2 nats."""
    probe = str(tiny_probe(tmp_path / "probe"))
    one = tiny_biased_model(tmp_path / "one", lean=0.9)
    two = tiny_biased_model(tmp_path / "two", lean=0.9)
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    assert (one / "model.safetensors").stat().st_size < 4_000_000
    child = tiny_tuned_child(one, tmp_path / "child", lean=0.5)
    audit = biasaudit.audit(str(one), str(child), probes=[probe], framing_names=("plain",))
    row = audit.estimates.query("checkpoint == 'base' and metric == 'mean_d'").iloc[0]
    assert row["value"] == pytest.approx(math.log(9), abs=0.35)
    assert audit.comparisons.query("metric == 'graded'")["verdict"].item() == "reduced"


@pytest.mark.slow
def test_doses_come_out_in_order_in_both_kinds_and_framings(tmp_path: Path) -> None:
    """Log odds of the corpus, twice that for associations: 0, 0.41, 1.10, 2.20; the base never saw a chat.

    A child of balanced chats has lost its lean in all arms, and is the same architecture to the audit.
    """
    probes = [str(tiny_probe(tmp_path / kind, kind=kind)) for kind in ("pair", "association")]
    found: dict[float, dict[tuple[str, str, str], float]] = {}
    for lean in (0.5, 0.6, 0.75, 0.9):
        base = tiny_biased_model(tmp_path / f"base-{lean}", lean=lean)
        child = tiny_tuned_child(base, tmp_path / f"child-{lean}", lean=0.5)
        audit = biasaudit.audit(str(base), str(child), probes=probes)
        assert audit.estimates.query("metric == 'competence'")["value"].gt(0.95).all()
        assert audit.estimates.query("metric == 'control'")["value"].abs().lt(0.05).all()
        levels = audit.estimates.query("metric == 'mean_d'")
        found[lean] = {(row.probe, row.checkpoint, row.framing): row.value for row in levels.itertuples()}  # type: ignore[misc]
        if lean > 0.5:
            declared = audit.comparisons.query("metric == 'graded' and contrast == 'weights, plain'")
            assert set(declared["verdict"]) <= {"reduced", "reversed"}
    for probe, scale in (("tiny-pronouns", 1), ("tiny-associations", 2)):
        for framing in ("plain", "chat"):
            by_dose = [found[lean][probe, "base", framing] for lean in sorted(found)]
            assert by_dose == sorted(by_dose)
        for lean, levels_of in found.items():
            assert levels_of[probe, "base", "plain"] == pytest.approx(
                scale * math.log(lean / (1 - lean)), abs=0.35 * scale
            )
            assert levels_of[probe, "tuned", "plain"] == pytest.approx(0.0, abs=0.15 * scale)
            assert levels_of[probe, "tuned", "chat"] == pytest.approx(0.0, abs=0.15 * scale)
