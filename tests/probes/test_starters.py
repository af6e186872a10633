from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.errors import UsageError
from biasaudit.probes import load_probe
from biasaudit.probes.starters import KINDS, write_starter
from biasaudit.testing import always_anti, always_stereotype, scripted_audit
from biasaudit.validity import findings


@pytest.mark.parametrize("kind", KINDS)
def test_a_starter_passes_the_check_and_can_be_audited(tmp_path: Path, kind: str) -> None:
    """Both extremes are seen: whoever begins from it has a design that works."""
    folder = write_starter("gender-hobbies", kind, tmp_path / "probes")
    probe = load_probe(str(folder))
    assert (probe.card.id, probe.card.kind) == ("gender-hobbies", kind)
    assert findings(probe) == ()
    audit = scripted_audit(always_stereotype(), always_anti(), probes=[str(folder)])
    graded = audit.estimates[audit.estimates["metric"] == "graded"]
    assert set(graded["status"]) == {"ok"}
    values = graded.groupby("checkpoint")["value"].mean()
    assert values["base"] > 0 > values["tuned"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_starter_says_what_its_fields_mean(tmp_path: Path, kind: str) -> None:
    folder = write_starter("mine", kind, tmp_path)
    assert (folder / "card.yaml").read_text(encoding="utf-8").count("#") > 15
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("mine", "choices", r"no starter of kind 'choices'.\nKinds: pair, association, choice, decision"),
        ("My probe", "pair", "'My probe' cannot be the name of a probe"),
        ("../mine", "pair", "cannot be the name"),
        ("occupations", "pair", "a probe 'occupations' comes with biasaudit"),
        ("there", "pair", "is there already"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, kind: str, message: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match=message):
        write_starter(name, kind, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
