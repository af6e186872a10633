"""What a manifest says of training cards is read as it was written, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from biasaudit.analysis.tabulate import PENDING, analysis_of_manifest
from biasaudit.record.exposure_facts import CardExposure, ProbeExposure, SeenWords, exposure_of
from biasaudit.record.manifest import from_dict

NOTED = {
    "tuned": CardExposure(
        method="constraint",
        features=("gender",),
        probes={
            "p": ProbeExposure(
                containment=0.25, has_template=True, seen={"gender": SeenWords(words=("nurse",), groups=("man",))}
            ),
            "q": ProbeExposure(unknown="another version"),
        },
    ),
    "tuned-2": CardExposure(unknown="no card"),
    "tuned-10": CardExposure(method="sft"),
}
PLAN = {"tuned": dict.fromkeys(NOTED, "x"), "framings": [], "margin": 0.05, "level": 0.95, "seed": 0}


def through_a_file(noted: dict[str, CardExposure]) -> dict[str, Any]:
    manifest = replace(PENDING, plan=PLAN, exposure={name: one.as_dict() for name, one in noted.items()})
    return dict(json.loads(manifest.to_json()))


def test_it_goes_through_the_file_of_a_manifest() -> None:
    assert exposure_of(through_a_file(NOTED)["exposure"]) == NOTED


def test_the_analysis_says_which_features_were_trained_and_none_where_no_card_does() -> None:
    """None is not the empty set: without a card nobody knows what was not trained."""
    analysis = analysis_of_manifest(from_dict(through_a_file(NOTED)))
    assert analysis.trained_features == {"tuned": frozenset({"gender"}), "tuned-2": None, "tuned-10": None}
    assert analysis.exposure == NOTED


def test_a_manifest_from_before_cards_were_read_has_no_such_field() -> None:
    """Its bytes are those of before, and no feature is known to be trained or not."""
    content = through_a_file({})
    assert "exposure" not in content
    assert analysis_of_manifest(from_dict(content)).trained_features == dict.fromkeys(NOTED)


@pytest.mark.parametrize(
    "change",
    [
        {"unknown": 7},
        {"features": "gender"},
        {"features": [1]},
        {"probes": []},
        {"probes": {"p": {"unknown": "", "containment": 1.5, "has_template": False, "seen": {}}}},
        {"probes": {"p": {"unknown": "", "containment": float("nan"), "has_template": False, "seen": {}}}},
        {"probes": {"p": {"unknown": "", "containment": None, "has_template": 1, "seen": {}}}},
    ],
    ids=str,
)
def test_what_is_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        exposure_of({"tuned": {**CardExposure().as_dict(), **change}})
