"""A manifest that says other things than the tables is noticed, and no headline is believed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit import api
from biasaudit.errors import AlteredAuditError
from biasaudit.record.checked import read_checked
from biasaudit.record.manifest import own_checksum
from biasaudit.record.sealed import has_own_checksum
from tests.cli.test_shell import Shell, shell
from tests.scripted_audits import save_audit
from tests.sealing import edit_manifest

__all__ = ["shell"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agreement")
    save_audit(folder)
    return folder / "audit"


@pytest.fixture
def audit(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "audit"))


def rewritten(audit: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Edit a manifest as a person with an editor would."""
    path = audit / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content, sort_keys=True, indent=2), encoding="utf-8")


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a renamed model": lambda content: content["plan"].update(base="google/gemma-3-270m"),
    "another lineage": lambda content: content["lineage"].update(tuned="tuned is an adapter on the base's own weights"),
    "other weights": lambda content: content["fingerprints"]["tuned"].update(weights="sha256:0"),
    "another margin": lambda content: content["plan"].update(margin=0.5),
    "another wording": lambda content: content["plan"]["framings"][1].update(request="Say nothing."),
    "a defect less": lambda content: content["probes"]["mini"].update(known_defects=[]),
    "no failures": lambda content: content["counts"].update(ok=9),
    "a better headline": lambda content: content["headlines"][0]["relative_reduction"].update(value=0.9),
    "another version": lambda content: content.update(biasaudit_version="9.9.9"),
    "another date": lambda content: content["run"].update(started="2030-01-01T00:00:00+00:00"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_manifest_is_noticed_whatever_was_edited(shell: Shell, audit: Path, edit: str) -> None:
    rewritten(audit, EDITS[edit])
    for read in (read_checked, api.open_audit, api.recompute, api.write_reports):
        with pytest.raises(AlteredAuditError, match="not what its own checksum says"):
            read(audit)
    code, _, err = shell.run("check", audit, "--policy", "no-regression")
    assert (code, "own checksum" in err) == (4, True)


def test_white_space_and_the_order_of_keys_are_no_edit(audit: Path) -> None:
    path = audit / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(content.items()))), encoding="utf-8")
    read_checked(audit)
    assert biasaudit.open_audit(audit).manifest.plan["margin"] == 0.05


def test_a_manifest_of_an_earlier_version_opens_and_says_what_it_lacks(shell: Shell, audit: Path) -> None:
    rewritten(audit, lambda content: content.pop("own_sha256"))
    assert not has_own_checksum(audit)
    assert biasaudit.open_audit(audit).folder == audit
    code, _, err = shell.run("check", audit, "--policy", "no-regression")
    assert code in {0, 1, 3}
    assert "has no checksum of its own" in err
    api.write_reports(audit)
    assert has_own_checksum(audit)
    assert "checksum" not in shell.run("check", audit, "--policy", "no-regression")[2]


CONTRADICTIONS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "margin": (lambda content: content["plan"].update(margin=0.2), "margin 0.05, and the manifest says 0.2"),
    "level": (lambda content: content["plan"].update(level=0.8), "level 0.9, and the manifest says 0.6"),
    "checkpoints": (
        lambda content: content["plan"].update(tuned={"other": content["plan"]["tuned"]["tuned"]}),
        "'tuned', which the manifest does not name",
    ),
    "loaded": (lambda content: content["fingerprints"].pop("base"), "has others loaded"),
    "probes": (lambda content: content["probes"].update(other=content["probes"].pop("mini")), "a probe 'mini'"),
    "framings": (lambda content: content["plan"]["framings"].pop(), "a framing 'chat'"),
    "nothing": (lambda content: content["plan"].pop("tuned"), "does not say what was asked"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_check_sees_what_does_not_fit_the_tables_though_it_was_sealed_again(audit: Path, name: str) -> None:
    change, says = CONTRADICTIONS[name]
    edit_manifest(audit, change)
    with pytest.raises(AlteredAuditError) as caught:
        read_checked(audit)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda headline: headline["relative_reduction"].update(value=0.99),
        lambda headline: headline["relative_reduction"].update(ci_low=0.5),
        lambda headline: headline["relative_reduction"].update(status="not measured", value=None),
        lambda headline: headline["counts"].update(reduced=8),
        lambda headline: headline.update(n_cells=8),
        lambda headline: headline.update(tuned="other"),
        lambda headline: headline.pop("n_inherited"),
    ],
)
def test_headlines_follow_from_tables_and_a_manifest_that_says_others_is_refused(
    shell: Shell, audit: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """Though it was sealed again."""
    edit_manifest(audit, lambda content: change(content["headlines"][0]))
    for verb in (("report", audit), ("compare", audit), ("init", audit, "--out", audit / "x.yaml")):
        code, _, err = shell.run(*verb)
        assert (code, "headline is not what the tables give" in err) == (4, True), err


@pytest.mark.slow
def test_headlines_are_computed_again_whatever_the_manifest_says(shell: Shell, audit: Path) -> None:
    expected = biasaudit.open_audit(audit).headlines
    edit_manifest(audit, lambda content: content["headlines"][0].update(tuned="other"))
    assert shell.run("report", audit, "--recompute")[0] == 0
    assert biasaudit.open_audit(audit).headlines == expected


def test_a_headline_less_or_in_another_order_is_refused_too(audit: Path) -> None:
    edit_manifest(audit, lambda content: content.update(headlines=content["headlines"][::-1]))
    with pytest.raises(AlteredAuditError, match="headline"):
        biasaudit.open_audit(audit)
    edit_manifest(audit, lambda content: content.update(headlines=[]))
    with pytest.raises(AlteredAuditError, match="headline"):
        biasaudit.open_audit(audit)


def test_another_processor_may_round_otherwise(audit: Path) -> None:
    def nudge(content: dict[str, Any]) -> None:
        found = content["headlines"][0]["relative_reduction"]
        found["value"] *= 1 + 1e-12

    edit_manifest(audit, nudge)
    biasaudit.open_audit(audit)


def test_the_checksum_is_that_of_the_content_in_one_canonical_form() -> None:
    """By hand: sorted keys, no spaces, ASCII."""
    import hashlib

    assert own_checksum({"b": ["é"], "a": 1.5}) == hashlib.sha256(b'{"a":1.5,"b":["\\u00e9"]}').hexdigest()
