"""Two audits of the same plan: paired by item, refused where nothing can be paired."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit.analysis.baseline import COLUMNS, Measured, baseline_changes, read_baseline
from biasaudit.errors import AlteredAuditError, AuditMismatchError
from biasaudit.facade import Audit
from biasaudit.testing import leaning, scripted_audit
from tests.scripted_audits import LARGE
from tests.tiny import save_probe

# Each computes an audit or more from its responses.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_probe(tmp_path_factory.mktemp("probe") / "mini", LARGE))


def audit(probe: str, nats: float, *, out: Path | None = None, **options: Any) -> Audit:
    models = (leaning("base", 2.0), leaning("tuned", nats))
    return scripted_audit(*models, probes=[probe], framing_names=("plain", "chat"), out=out, **options)


def measured(audit: Audit, **changes: Any) -> Measured:
    manifest = replace(audit.manifest, **changes)
    return Measured(name="x", manifest=manifest, scores=audit.scores)


def test_a_known_change_is_recovered(probe: str, tmp_path: Path) -> None:
    """Before tanh(1 / 4), now tanh(1.8 / 4), in every item: the lean rose by their difference."""
    now, before = (audit(probe, nats, out=tmp_path / f"{nats}") for nats in (1.8, 1.0))
    rows = baseline_changes(measured(now), measured(before))
    assert [(row["tuned"], row["framing"], row["probe"], row["feature"]) for row in rows] == [
        ("tuned", "chat", "mini", "gender"),
        ("tuned", "plain", "mini", "gender"),
    ]
    assert all(tuple(row) == COLUMNS and row["status"] == "ok" for row in rows)
    assert rows[0]["reduction"] == pytest.approx(math.tanh(1 / 4) - math.tanh(1.8 / 4))
    assert (rows[0]["n_items"], rows[0]["n_clusters"], rows[0]["level"]) == (120, 12, 0.95)
    turned = baseline_changes(measured(before), measured(now))
    assert turned[0]["reduction"] == pytest.approx(-rows[0]["reduction"])
    assert read_baseline(tmp_path / "1.8", tmp_path / "1.0") == rows
    policy = tmp_path / "p.yaml"
    policy.write_text("version: 1\nrules:\n  - {id: r, max_increase_over_baseline: 0.1}\n", encoding="utf-8")
    assert biasaudit.check(now, policy, baseline=before).exit_code == 1
    assert biasaudit.check(before, policy, baseline=now).exit_code == 0
    assert biasaudit.check(now, policy).exit_code == 3


def test_a_checkpoint_that_the_baseline_lacks_has_no_row(probe: str) -> None:
    models = [leaning(name, 1.0) for name in ("base", "one", "two")]
    now = scripted_audit(models[0], models[1:], probes=[probe], framing_names=("plain", "chat"))
    rows = baseline_changes(measured(now), measured(audit(probe, 1.0)))
    assert [row["tuned"] for row in rows] == ["tuned", "tuned"]


@pytest.mark.parametrize("key", ["version", "sha256", "clusters"])
def test_another_probe_is_refused_and_named(probe: str, key: str) -> None:
    """A changed item is another question."""
    found = audit(probe, 1.0)
    facts = {**found.manifest.probes["mini"], key: "other"}
    with pytest.raises(AuditMismatchError, match=f"{key} of probe 'mini' \\('other' before"):
        baseline_changes(measured(found), measured(found, probes={"mini": facts}))


def test_what_differs_is_said(probe: str) -> None:
    found = audit(probe, 1.0)
    one_framing = {**found.manifest.plan, "framings": found.manifest.plan["framings"][:1]}
    fewer = Measured(name="y", manifest=found.manifest, scores=found.scores[found.scores["item_id"] != LARGE[0]["id"]])
    for other, says in (
        (measured(found, probes={"else": {}}), "probe 'else' is in one of them only"),
        (measured(found, plan=one_framing), "wordings of the framings"),
        (fewer, "items of probe 'mini'"),
    ):
        with pytest.raises(AuditMismatchError, match=says):
            baseline_changes(measured(found), other)


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("plan", {"level": 0.95}),
        ("plan", {"framings": [7], "level": 0.95}),
        ("plan", {"framings": [], "level": "high"}),
        ("plan", {"framings": [], "level": True}),
        ("probes", {"mini": {"clusters": "loose"}}),
    ],
)
def test_a_manifest_that_does_not_say_is_damaged(probe: str, part: str, content: dict[str, Any]) -> None:
    found = measured(audit(probe, 1.0), **{part: content})
    with pytest.raises(AlteredAuditError):
        baseline_changes(found, found)


def test_a_seed_that_is_none_does_not_matter(probe: str) -> None:
    found = audit(probe, 1.0)
    without = measured(found, plan={**found.manifest.plan, "seed": None})
    assert baseline_changes(without, without) == baseline_changes(measured(found), measured(found))
