from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from biasaudit.audits.result import Audit, Headline
from biasaudit.report.first_screen import FirstScreen, first_screen
from biasaudit.types import Estimate, Status
from tests.report.factory import CELLS, HEADLINE, JOBS, PAIRS, audit

NAMES = {JOBS: "Jobs", PAIRS: "Pairs"}
PLAIN: dict[str, Any] = {"contrasts": ("weights, plain",), "with_disparities": False, "with_families": False}


def _screen(made: Audit) -> FirstScreen:
    return first_screen(made, made.manifest.as_dict(), NAMES)


def _said(screen: FirstScreen, part: str) -> dict[str, tuple[str, ...]]:
    return {fact.term: fact.values for fact in getattr(screen, part)}


def _share(value: float, low: float, high: float, *, contrast: str) -> Headline:
    estimate = Estimate(status=Status.OK, value=value, ci_low=low, ci_high=high, unit="relative")
    return replace(HEADLINE, contrast=contrast, relative_reduction=estimate)


def test_names_lineage_format_framings_and_features_are_said_of_what_was_compared() -> None:
    """A reader must be able to say what stood beside what."""
    screen = _screen(audit(**PLAIN))
    assert (screen.base, screen.tuned) == ("org/base", ("org/base-it",))
    said = _said(screen, "compared")
    assert said["Lineage"] == ("same architecture, sizes and vocabulary",)
    assert said["Number format"] == ("bfloat16",)
    assert said["Framings"] == ("plain", "chat, 2 wordings of the request")
    assert said["Probes and features"] == ("Jobs: gender", "Pairs: age, disability, race-color, religion")


def test_certainty_counts_guards_cells_and_requests() -> None:
    """Five declared cells, one inconclusive at 0.042; four arms of the one probe that has items for the guards."""
    said = _said(_screen(audit(**PLAIN)), "how_sure")
    assert said["Interval"][0].startswith("95\u00a0%: cross-fitted ratio of sums over cells")
    assert said["Verdicts"] == ("Holm-corrected over 5 cells", "unchanged: within ±0.05, set beforehand")
    assert said["Undecided"] == ("1 of 5 cells", "smallest change one would see there at 80\u00a0% power: 0.042")
    assert said["Competence"] == ("above chance in 4 of 4 arms",)
    assert said["Negative controls"] == ("covers 0 in 4 of 4 arms",)
    assert said["Coverage"] == ("11,997 of 12,000 requests scored", "lowest in any cell: 0.0\u00a0% of its items")


def test_guards_that_were_not_measured_are_said_to_be_so() -> None:
    """No items for a guard is not a guard that was passed."""
    screen = _screen(audit(with_estimates=False, **PLAIN))
    assert _said(screen, "how_sure")["Negative controls"] == ("not measured: no such items",)
    assert _said(screen, "not_measured")["No negative control"] == ("Jobs", "Pairs")


def test_a_control_that_misses_0_is_counted_against_the_answer() -> None:
    """0.004 with half-width 0.021 covers 0; moved by 0.1 it does not."""
    made = audit(**PLAIN)
    estimates = made.estimates.copy()
    hit = (estimates["metric"] == "control") & (estimates["checkpoint"] == "tuned")
    estimates.loc[hit, ["value", "ci_low", "ci_high"]] += 0.1
    screen = _screen(replace(made, estimates=estimates))
    assert _said(screen, "how_sure")["Negative controls"] == ("covers 0 in 2 of 4 arms",)
    assert [row.warns for part in screen.guards for row in part.rows] == [False, False, True, True]


def test_what_was_not_measured_names_cells_with_their_reason_and_kinds_that_were_not_asked() -> None:
    """Silence about a cell would read as "no bias"."""
    said = _said(_screen(audit(**PLAIN)), "not_measured")
    assert said["Cells"] == ("Pairs: disability, not measured (too few clusters)",)
    assert said["No negative control"] == ("Pairs",)
    assert said["Behaviour"] == (
        "what the model writes: no text was generated",
        "which answer it picks: no choice probe was asked",
        "whom it grants something: no decision probe was asked",
    )


def test_a_kind_that_was_asked_is_not_listed_as_missing() -> None:
    """With a probe of decisions, decisions were measured."""
    card = {"name": "Jobs", "kind": "decision"}
    said = _said(_screen(audit(manifest_changes={"probes": {JOBS: card}}, **PLAIN)), "not_measured")
    assert not any(value.startswith("whom it grants") for value in said["Behaviour"])


def test_many_unmeasured_cells_are_counted_after_the_fourth() -> None:
    """The first screen stays one."""
    cells = [(PAIRS, f"f{number}", True, None, None, "not measured", "too few clusters") for number in range(7)]
    values = _said(_screen(audit(cells=cells, **PLAIN)), "not_measured")["Cells"]
    assert len(values) == 5
    assert values[-1] == "and 3 more, below"


def test_an_audit_where_all_was_measured_says_so() -> None:
    """The heading stands, so there must be an answer under it."""
    assert _said(_screen(audit(cells=CELLS[:3], **PLAIN)), "not_measured")["Cells"] == ("every cell was measured",)


@pytest.mark.parametrize(
    ("deployed", "warned"),
    [((0.1, 0.02, 0.2), True), ((0.1, -0.02, 0.2), False), ((-0.1, -0.2, -0.02), False)],
)
def test_opposite_signs_are_flagged_only_where_one_of_them_is_a_change(
    *, deployed: tuple[float, float, float], warned: bool
) -> None:
    """The weights: -0.03 from -0.07 to 0.01. Of two that show no change, neither has a sign."""
    headlines = (
        _share(-0.03, -0.07, 0.01, contrast="weights, plain"),
        _share(*deployed, contrast="as deployed"),
    )
    assert bool(_screen(audit(headlines=headlines, **PLAIN)).warnings) is warned


def test_the_basis_says_which_arm_leans_and_on_how_much() -> None:
    """The contrast in words, not only its name."""
    first, second = _screen(audit(**PLAIN)).answer.basis
    assert first.startswith("Weights, plain, checkpoint tuned. What the changed weights do")
    assert second == (
        "900 items in 120 clusters of shared wording or source; 3 of 5 cells lean clearly in the first arm (base)."
    )
