"""Named selections of our own probes."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

import biasaudit
from biasaudit.errors import UsageError
from biasaudit.probes import Probe, available, load_probe, suite_of, suites
from biasaudit.probes.card import read_card
from biasaudit.probes.registry import card_of
from biasaudit.types import Role

OWN = sorted(name for name, folder in available().items() if not read_card(folder / "card.yaml").data.published)


@functools.cache
def parts_of(suite: str) -> dict[str, Probe]:
    """Return the probes of a suite as it narrows them; each is read and sampled once."""
    return {name: chosen.of(load_probe(name)) for name, chosen in suite_of(suite).probes.items()}


@pytest.mark.slow
def test_there_are_four_and_the_largest_holds_every_own_probe_whole() -> None:
    assert list(suites()) == ["demo", "quick", "standard", "full"]
    full = parts_of("full")
    assert sorted(full) == OWN
    assert all(part.notices == () for part in full.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo", "quick", "standard"])
def test_every_part_keeps_enough_clusters_for_an_interval(name: str) -> None:
    for probe_id, part in parts_of(name).items():
        clusters: dict[str, set[str]] = {}
        for item in part.items:
            if item.role is Role.BIAS:
                clusters.setdefault(item.feature, set()).add(item.cluster_id)
        assert clusters
        assert min(map(len, clusters.values())) >= 5, probe_id


@pytest.mark.slow
def test_standard_leaves_out_no_feature() -> None:
    for probe_id, part in parts_of("standard").items():
        there = {item.feature for item in part.items if item.role is Role.BIAS}
        assert there == set(card_of(probe_id).features), probe_id


def test_an_unknown_suite_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"there is no suite 'quik'\.\nSuites: demo, quick, standard, full\."):
        suite_of("quik")


def test_a_probe_of_the_suite_is_not_named_beside_it(models: Path) -> None:
    with pytest.raises(UsageError, match="part of the suite 'quick' already"):
        biasaudit.audit(str(models / "base"), str(models / "tuned"), probes=["occupations"], suite="quick")


@pytest.mark.slow
def test_the_command_takes_a_suite_in_place_of_probes(models: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [
            *(sys.executable, "-m", "biasaudit", "audit", str(models / "base"), str(models / "tuned")),
            *("--suite", "quick", "--framing", "plain", "--out", str(tmp_path / "audit")),
            "--allow-implausible",
        ],
        env={**os.environ, "BIASAUDIT_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    audit = biasaudit.open_audit(tmp_path / "audit")
    assert audit.manifest.plan["suite"] == "quick"
    assert set(audit.manifest.probes) == set(suite_of("quick").probes)
    assert any("A part of probe 'traits'" in notice for notice in audit.manifest.probes["traits"]["notices"])
