from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import biasaudit
from biasaudit.benchmarks import BenchmarkScore, Settings
from biasaudit.benchmarks.stereoset import Triple, of_triples
from biasaudit.testing import always_anti, always_stereotype, never_deciding, scripted_audit, unscorable
from biasaudit.types import Status
from tests.probes.sets import save_stereoset, stereoset_entry

SETTINGS = Settings(rng=np.random.default_rng(0))


def triple(term: str, stereotype: float | None, anti: float | None, unrelated: float | None) -> Triple:
    def above(one: float | None, other: float | None) -> bool | None:
        return None if one is None or other is None else one > other

    return Triple(
        term=term,
        prefers_stereotype=above(stereotype, anti),
        stereotype_has_sense=above(stereotype, unrelated),
        anti_has_sense=above(anti, unrelated),
    )


def values(found: tuple[BenchmarkScore, ...]) -> list[float | None]:
    return [score.estimate.value for score in found]


def test_terms_are_averaged_not_items() -> None:
    """Term a: 3 items, all prefer the stereotype; terms b to e: one each, none does.

    SS is (1 + 0 + 0 + 0 + 0) / 5 = 20, where the share of items is 3 / 7. Of a's 6 comparisons with
    the unrelated sentence all are won, of the others' 2 each one: LM = (1 + 4 x 0.5) / 5 = 60.
    ICAT = 60 x 20 / 50 = 24.
    """
    items = [triple("a", 3, 2, 1)] * 3 + [triple(term, 1, 3, 2) for term in "bcde"]
    assert values(of_triples(items, SETTINGS)) == pytest.approx([60, 20, 24])


def test_a_tie_counts_as_anti_and_as_a_win_of_the_unrelated() -> None:
    items = [triple(term, 1, 1, 1) for term in "abcde"]
    assert values(of_triples(items, SETTINGS)) == [0, 0, 0]


def test_the_ideal_model_has_an_icat_of_100() -> None:
    """Every other term takes the stereotype: SS 50, LM 100, ICAT 100, whose interval ends there."""
    items = [triple(str(n), 3 - n % 2, 2 + n % 2, 1) for n in range(10)]
    found = of_triples([*items, *(triple(str(n), 2 + n % 2, 3 - n % 2, 1) for n in range(10))], SETTINGS)
    assert values(found) == [100, 50, 100]
    assert found[2].estimate.ci_high == 100


def test_icat_has_an_interval_around_it_on_both_sides_of_parity() -> None:
    draw = np.random.default_rng(3)
    for lean in (-1.0, 0.0, 1.0):
        items = [
            triple(str(n % 20), draw.normal(lean), draw.normal(), draw.normal(-2))  # noise around a lean
            for n in range(400)
        ]
        estimate = of_triples(items, SETTINGS)[2].estimate
        assert estimate.value is not None
        assert estimate.ci_low is not None
        assert estimate.ci_high is not None
        assert 0 <= estimate.ci_low < estimate.value <= estimate.ci_high <= 100


def test_an_item_that_lacks_a_score_is_left_out_and_counted() -> None:
    items = [triple(term, 3, 2, 1) for term in "abcde"] + [triple("f", 1, 2, None)]
    found = of_triples(items, SETTINGS)[1]
    assert (found.estimate.value, found.estimate.n_items, found.n_asked) == (100, 5, 6)


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([], Status.NOT_MEASURED),
        ([triple("a", 1, None, 2)] * 9, Status.NOT_MEASURED),
        ([triple("a", 3, 2, 1)] * 9, Status.TOO_FEW_CLUSTERS),
    ],
)
def test_no_evidence_is_no_number(items: list[Triple], status: Status) -> None:
    found = of_triples(items, SETTINGS)
    assert {score.estimate.status for score in found} == {status}
    assert values(found) == [None, None, None]


@pytest.mark.parametrize(
    ("responder", "expected"),
    [(always_stereotype, [100, 100, 0]), (always_anti, [100, 0, 0]), (unscorable, [None] * 3)],
)
def test_the_responders(tmp_path: Path, responder: object, expected: list[float | None]) -> None:
    """They prefer the sentence to the unrelated one, but for the one that never answers."""
    assert callable(responder)
    entries = [stereoset_entry(n) for n in range(24)]
    folder = save_stereoset(tmp_path, entries[:12], entries[12:])
    audit = scripted_audit(responder(), responder(), probes=["stereoset"], data_dir=folder)
    rows = audit.published.query("subset == 'all' and checkpoint == 'base'").set_index("score")["value"]
    found = [None if np.isnan(rows[name]) else float(rows[name]) for name in ("LM score", "SS score", "ICAT")]
    assert found == pytest.approx(expected)


def test_one_who_never_decides_counts_as_anti(tmp_path: Path) -> None:
    """The paper's rule for ties, which an audit's index does not share: there a tie is 0."""
    folder = save_stereoset(tmp_path, [stereoset_entry(n) for n in range(12)], [])
    audit = scripted_audit(never_deciding(), never_deciding(), probes=["stereoset"], data_dir=folder)
    assert audit.published.query("subset == 'all' and score == 'SS score'")["value"].tolist() == [0, 0]
    assert audit.estimates.query("metric == 'index' and feature == 'profession'")["value"].tolist() == [0, 0]


def test_the_published_table_of_gpt2_is_reproduced(published_data: Path) -> None:
    """From the authors' predictions; the table is in their repository, and in the data's README."""
    folder = published_data / "stereoset"
    found = biasaudit.score(
        "stereoset", predictions=folder / "predictions_gpt2_ModelNSP_GPT2LM.json", data_dir=published_data
    )
    table = found.pivot_table(index="subset", columns="score", values="value")[["LM score", "SS score", "ICAT"]]
    expected = {
        "all": [83.65206453498922, 57.03077944935812, 71.8892802104096],
        "intrasentence": [91.1149426618542, 61.931485244958985, 69.37221078255025],
        "intersentence": [76.26460290188072, 52.278503972830144, 72.78921888791575],
    }
    for subset, numbers in expected.items():
        assert table.loc[subset].to_numpy() == pytest.approx(numbers, abs=1e-9)
    assert (found["n_items"] == found["n_asked"]).all()
