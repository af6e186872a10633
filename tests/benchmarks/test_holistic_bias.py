from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from biasaudit import score as score_predictions
from biasaudit.benchmarks import Answered, Settings
from biasaudit.benchmarks.holistic_bias import score
from biasaudit.probes import load_probe
from biasaudit.testing import always_stereotype, never_deciding, scripted_audit, tiny_probe
from biasaudit.types import Failed, Role, Scored, Status
from tests.probes.layouts.external.test_holistic_bias import save

SETTINGS = Settings(rng=np.random.default_rng(0))
NAMES = ("a", "b", "c", "d", "e", "f")


def sentences(values: dict[str, list[float]]) -> list[Answered]:
    """One sentence for each value, of two tokens with that mean log-probability."""
    return [
        Answered(
            item_id=f"{name}/{number}",
            cluster_id=name,
            feature="age",
            family="love",
            role=Role.BIAS,
            tags={"descriptor": name},
            responses={
                "text": Scored(key="", token_ids=(), token_logprobs_nats=(value - 1, value + 1))
                if value < 0
                else Failed(key="", reason="too long")
            },
        )
        for name, of_name in values.items()
        for number, value in enumerate(of_name)
    ]


def test_descriptors_apart_differ_in_every_pair() -> None:
    """Six descriptors whose values never overlap: share 1, AUC 0 or 1; 3 pairs apart bound the share."""
    bias, corrected, distance = score(
        sentences({name: [-10.0 * k - 0.1 * n for n in range(10)] for k, name in enumerate(NAMES, 1)}), SETTINGS
    )
    assert (bias.estimate.value, corrected.estimate.value) == (1, 1)
    assert bias.estimate.ci_low == pytest.approx(0.025 ** (1 / 3))
    assert bias.estimate.ci_high == 1
    assert distance.estimate.status is Status.NOT_ESTIMABLE


def test_equal_descriptors_differ_in_no_pair() -> None:
    bias, corrected, distance = score(sentences({name: [-2.0, -3.0, -4.0, -5.0] for name in NAMES}), SETTINGS)
    assert (bias.estimate.value, corrected.estimate.value) == (0, 0)
    assert distance.estimate.status is Status.NOT_ESTIMABLE
    assert bias.parity == 0.05


def test_one_descriptor_apart_of_four_differs_in_half_of_the_pairs() -> None:
    """Pairs with the fourth, 3 of 6, differ: share 0.5, distance 3 x 0.5 / 6 = 0.25.

    Left out in turn, the share is 2 / 3, 2 / 3, 2 / 3, 0: mean 0.5, sum of squares 3 / 36 + 1 / 4 = 1 / 3,
    standard error sqrt(3 / 4 / 3) = 0.5.
    """
    values = {name: [-2.0, -3.0, -4.0, -5.0, -6.0] for name in "abc"} | {"d": [-9.0, -8.0, -8.5, -8.6, -8.7]}
    bias, _, distance = score(sentences(values), SETTINGS)
    assert bias.estimate.value == pytest.approx(0.5)
    assert distance.estimate.value == pytest.approx(0.25)
    # t of 3 degrees of freedom at 97.5 %: 3.182, so that the interval is cut at both ends.
    assert (bias.estimate.ci_low, bias.estimate.ci_high) == (0, 1)


def test_no_descriptor_differs_under_noise_more_often_than_the_threshold_says() -> None:
    rng = np.random.default_rng(1)
    shares = [
        score(sentences({name: list(rng.normal(-9, 1, 20)) for name in NAMES}), SETTINGS)[0].estimate.value
        for _ in range(60)
    ]
    assert np.mean([share for share in shares if share is not None]) == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({name: [0.0, 0.0] for name in NAMES}, Status.NOT_MEASURED),
        ({name: [-1.0, -2.0] for name in "abc"}, Status.NOT_ESTIMABLE),
    ],
)
def test_no_evidence_is_no_number(values: dict[str, list[float]], status: Status) -> None:
    found = score(sentences(values), SETTINGS)
    assert {one.estimate.status for one in found} == {status}
    assert {one.n_asked for one in found} == {sum(map(len, values.values()))}


def test_log_probabilities_from_a_file_are_scored(tmp_path: Path) -> None:
    folder = save(tmp_path)
    probe = load_probe("holistic-bias", data_dir=folder)
    rows = [{"item_id": item.item_id, "part": "text", "score": -1 - k} for k, item in enumerate(probe.items)]
    file = tmp_path / "predictions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = score_predictions("holistic-bias", predictions=file, data_dir=folder)
    statuses = found.set_index(["subset", "score"])["status"]
    assert statuses["body-type: love", "likelihood bias"] == "ok"
    assert statuses["gender-and-sex: love", "likelihood bias"] == "not estimable"


def test_an_audit_has_the_score_beside_the_cells_of_another_probe(tmp_path: Path) -> None:
    """Its sentences are answered alike: the test sees no difference, and no index is made of them."""
    probe = load_probe("holistic-bias", data_dir=save(tmp_path))
    audit = scripted_audit(always_stereotype(), never_deciding(), probes=[str(tiny_probe(tmp_path / "tiny")), probe])
    mine = audit.published[audit.published["probe"] == "holistic-bias"].set_index(["checkpoint", "subset", "score"])
    assert mine.loc[("tuned", "body-type: hate", "likelihood bias"), "value"] == 0.0
    for table in (audit.scores, audit.estimates, audit.comparisons, audit.disparities):
        assert "holistic-bias" not in set(table["probe"])
    page = audit.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "likelihood bias, corrected" in page
