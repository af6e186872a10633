"""How a number came about: sentences that follow from the row alone, for every verdict that there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from biasaudit.report.words.came_about import came_about
from biasaudit.report.words.other_forms import other_forms
from biasaudit.report.words.reasons import reason_in_words
from biasaudit.report.words.verdict_clauses import CLAUSES, clause
from biasaudit.stats.significance import SIGN_FLIP
from biasaudit.types import Contrast, Verdict, VerdictCode
from tests.report.factory import JOBS, comparison

LEVEL = "95\u00a0%"


def row(verdict: str = "reduced", code: str = "smaller", **changes: Any) -> dict[str, Any]:  # Any: pandas cells
    """96 items in 12 clusters: the base leans 0.30, the tuned model 0.10, all scored, competence 0.9 and 0.88."""
    cell = (JOBS, "gender", True, 0.3, 0.1, verdict, "D and S are clear")
    given = comparison("as deployed", "graded", cell)
    return {
        **given,
        "n_items": 96, "n_clusters": 12, "coverage_first": 1.0, "coverage_second": 1.0, "exploratory": False,
        "p_value": 0.004, "p_total": 0.002, "p_size": 0.004, "p_holm": 0.036, "p_bh": None, "verdict_code": code,
        "test": SIGN_FLIP, **changes,
    }  # fmt: skip


def told(verdict: str = "reduced", code: str = "smaller", **changes: Any) -> str:
    said = came_about(row(verdict, code, **changes), level=LEVEL, n_corrected=9)
    return " ".join(said).replace("\u00a0", " ")


def lines_of(text: str) -> str:
    return " ".join(text.split())


def test_it_goes_from_the_items_to_the_verdict() -> None:
    """0.300 ± 0.04 less 0.100 ± 0.035 is 0.200 ± 0.03, its 90 % interval ± 0.025; each sentence by hand."""
    assert told() == lines_of(
        """
        It rests on 96 items in 12 clusters, each scored on both sides. Items that share a template, a source or a
        writer move together, so a cluster of them counts as one. None of those asked lacks a score.
        On plain items of this probe, the base scores 90.0 % and the tuned model 88.0 %; a guess scores 50 %.
        The mean lean is 0.30 (0.26 to 0.34) for the base and 0.10 (0.07 to 0.14) for the tuned model; in
        brackets, 95 % intervals. The scale goes from −1 to 1: 0 is no lean, above 0 is with the stereotype.
        The change is what the base has less what the tuned model has, item by item: 0.20 (0.17 to 0.23), 95 %
        interval, which is a move away from the stereotype.
        Whether chance alone could do this was tested by flipping the signs of whole clusters over and over, as if the
        two sides had been swapped in them. A change as large comes about in a share p of such cases: p = 0.004. The
        sum of the two leans, which shows which of them is the larger, was tested alike: p = 0.002. A verdict on the
        size needs both, so that the larger p counts.
        Among 9 comparisons some look like changes by chance alone; corrected for that (Holm), p = 0.004 becomes
        p = 0.036.
        The margin, the largest change that counts as none, is ±0.05. The 90 % interval of the change, 0.175 to 0.225,
        reaches beyond it.
        Verdict, reduced: the change and the sum of the two leans are both told from 0, and have the same sign. That is
        so only where the lean of the tuned model is the smaller one, on whichever side it lies.
        In the terms of the methods: mean over clusters, t interval; sign-flip permutation of clusters; D and S are
        clear.
        """
    )


@pytest.mark.parametrize(
    ("verdict", "code", "words"),
    [
        ("reduced", "smaller", "have the same sign. That is so only where the lean of the tuned model is the smaller"),
        ("increased", "larger", "have opposite signs. That is so only where the lean of the tuned model is the larger"),
        ("unchanged", "within the margin", "lies within the margin, so that a larger change is ruled out."),
        ("reversed", "other side", "the two leans lie on opposite sides of 0, and both leans are told from 0."),
        ("shifted with the stereotype", "moved, size not told", "the lean moved; the sum of the two leans is not"),
        ("shifted against the stereotype", "moved, size not told", "nobody can say whether the lean is larger"),
        ("inconclusive", "not decided", "no change is told from 0, and the 90 % interval reaches beyond the margin."),
        ("inconclusive", "missing items", "over 2 % of the items of one side have no score"),
        ("inconclusive", "scale saturated", "over 95 % of the values of one side lie at one end of the scale."),
        ("inconclusive", "interaction", "how much two changes differ is described here, and not judged."),
        ("not interpretable", "competence at chance, first arm", "the base is not shown to do better on plain items"),
        ("not interpretable", "competence at chance, second arm", "the tuned model is not shown to do better on plain"),
        ("not interpretable", "competence fell", "competence fell with it. A model that reads less well leans less"),
        ("not measured", "no items", "no item was scored on both sides."),
        ("not measured", "too few clusters", "with fewer than 5 clusters, or with some so large"),
        ("not measured", "not estimable", "no number can be estimated, so that nothing was tested."),
    ],
)
def test_every_verdict_says_what_the_rule_made_of_it(verdict: str, code: str, words: str) -> None:
    assert f"Verdict, {verdict}: " in told(verdict, code)
    assert words in told(verdict, code)


def test_there_is_no_code_and_no_verdict_without_words() -> None:
    """A new one fails here and not on somebody's page."""
    assert set(CLAUSES) >= {verdict.value for verdict in Verdict}
    for code in VerdictCode:
        assert f"Verdict, {Verdict.INCONCLUSIVE}: " in told("inconclusive", code.value)
        assert clause(row("inconclusive", code.value)) != ""


def test_a_verdict_of_another_version_is_shown_and_not_explained() -> None:
    """Older audits have no code, and newer ones may have verdicts that are not known here."""
    bare = row("increased")
    del bare["verdict_code"]
    assert "Verdict, increased: the tuned model leans more than the base." in came_about(bare, level=LEVEL)
    assert "Verdict: halved." in came_about(row("halved", "by a coin"), level=LEVEL)
    assert clause(row("halved", "by a coin")) == ""


def test_the_sides_are_called_what_they_are() -> None:
    """In the template's contrast no base is compared."""
    assert clause(row(contrast="template, tuned", verdict_code=None)) == (
        "the same in its chat template leans less than the tuned model on plain text"
    )
    for contrast in Contrast:
        said = came_about(row(contrast=contrast.value), level=LEVEL)
        assert not any("first side" in one or "second side" in one for one in said)


def test_what_was_not_measured_is_said_and_gives_no_number() -> None:
    """3 items in 3 clusters: nothing was estimated, tested or corrected."""
    cell = (JOBS, "gender", True, None, None, "not measured", "too few clusters")
    said = came_about(comparison("as deployed", "graded", cell), level=LEVEL, n_corrected=9)
    assert said[0].startswith("It rests on 3 items in 3 clusters")
    assert "The mean lean was not measured on both sides (too few clusters)." in said
    assert "Nothing was tested." in said
    assert not any(one.startswith(("The change", "The margin", "Among")) for one in said)
    assert "0.000" not in " ".join(said)


def test_a_row_that_lacks_everything_says_so() -> None:
    """NaN is what a table holds where there is no number."""
    kept = {"contrast", "verdict", "status", "test", "metric", "feature", "probe", "tuned", "exploratory"}
    bare = {name: value if name in kept else np.nan for name, value in row("inconclusive", "not decided").items()}
    said = " ".join(came_about({**bare, "verdict_reason": "", "method": ""}, level=LEVEL))
    assert "On how many items it rests is not recorded." in said
    assert "was not measured on both sides: nothing shows that they read these items." in said
    assert "nan" not in said


@pytest.mark.parametrize(
    ("low", "high", "value", "words"),
    [
        (-0.01, 0.05, 0.02, "0.02 (−0.01 to 0.05), 95 % interval; the interval holds 0, which is no change."),
        (-0.09, -0.01, -0.05, "95 % interval, which is a move towards the stereotype."),
        (0.0, 0.0, 0.0, "0.000, the same in every cluster, so that it has no interval."),
    ],
)
def test_a_change_says_which_way_it_goes_only_where_its_interval_does(
    low: float, high: float, value: float, words: str
) -> None:
    assert words in told(reduction=value, ci_low=low, ci_high=high)


def test_the_test_is_said_as_it_was_made() -> None:
    assert "flipping the signs of whole clusters" in told(test=f"{SIGN_FLIP} (no difference at all)")
    assert "against how much clusters differ from one another" in told(test="two-way t test")
    assert "counting the items that went one way and the other" in told(test="exact McNemar")


def test_a_lead_is_no_claim_and_a_barred_comparison_is_not_corrected() -> None:
    lead = told(exploratory=True, p_holm=None, p_bh=0.02)
    assert "This is a lead, not one of the claims named beforehand. Among 9 comparisons some look" in lead
    assert "(Benjamini and Hochberg), p = 0.004 becomes p = 0.020." in lead
    barred = told("not interpretable", "competence at chance, first arm", p_holm=None)
    assert "Nothing is claimed from it, so that nothing was corrected: p = 0.004 stands as it is." in barred
    of_unknown = came_about(row(), level=LEVEL)
    alone = came_about(row(p_holm=0.004), level=LEVEL, n_corrected=1)
    assert "No other comparison is of its kind, so that there is nothing to correct for: p = 0.004 stays." in alone
    assert any("Among all comparisons of its kind some look" in one for one in of_unknown)


def test_what_is_missing_is_counted_and_bounds_the_change_from_two_percent_on() -> None:
    """97 of 100 scored: with the rest at the worst end, the change may be 0.14 to 0.26; of 99 it need not be asked."""
    few = told(coverage_first=0.97, missing_low=0.14, missing_high=0.26)
    assert "Of those asked, 97.0 % have a score from the base and 100.0 % from the tuned model." in few
    assert "the change then lies between 0.140 and 0.260." in few
    most = told(coverage_first=0.99, missing_low=0.14, missing_high=0.26)
    assert "99.0 %" in most
    assert "the change then lies between" not in most


def test_how_small_a_change_would_have_been_found_is_said_where_none_was_shown() -> None:
    found = "A change of 0.042 would be found in 8 of 10 such audits"
    assert found in told("inconclusive", "not decided")
    assert found in told("unchanged", "within the margin")
    assert found not in told("reduced", "smaller")
    none = told("inconclusive", "not decided", smallest_detectable_change=None)
    assert "With these clusters no change of any size could have been shown." in none


def test_a_fall_of_competence_is_said_beside_it() -> None:
    assert "It fell by more than the intervals of both allow for." in told(competence_fell=True)
    assert "It fell" not in told()


def test_the_form_by_sign_stands_beside_it_without_a_verdict() -> None:
    sign = {**row(), "metric": "sign"}
    (said,) = other_forms(row(framings_low=None), sign, saturated=True)
    assert said.replace("\u00a0", " ") == (
        "By the side alone that each item leans to, and not by how far, the base has 0.30 (0.26 to 0.34) and the "
        "tuned model 0.10 (0.07 to 0.14); change 0.20 (0.17 to 0.23); p of no difference in size, corrected, "
        "0.036. No verdict is given on that. Over 95 % of the items lie on one side there, so that it can hardly move."
    )
    (unknown,) = other_forms(row(framings_low=None), {**sign, "status": "too few clusters"}, saturated=False)
    assert unknown == "By the side alone that each item leans to: too few clusters."
    assert other_forms(row(framings_low=None), None, saturated=False) == ()


def test_pairs_of_equal_length_and_wordings_stand_beside_it_where_they_were_asked() -> None:
    """Wordings of the factory: 0.011 to 0.029, all on the side of the change."""
    numbers = {
        f"equal_{name}{part}": value
        for name, value in (("first_", 0.4), ("second_", 0.2), ("reduction", 0.2))
        for part, value in (
            (("value", value), ("ci_low", value - 0.1), ("ci_high", value + 0.1))
            if name != "reduction"
            else (("", value), ("_ci_low", value - 0.1), ("_ci_high", value + 0.1))
        )
    }
    said = other_forms({**row(), **numbers, "equal_items": 1_091, "equal_disagrees": True}, None, saturated=False)
    assert len(said) == 3
    assert " ".join(said).replace("\u00a0", " ") == lines_of(
        """
        Over the 1,091 pairs whose two texts have as many tokens, the base has 0.40 (0.30 to 0.50) and the tuned
        model 0.20 (0.10 to 0.30); change 0.20 (0.10 to 0.30).
        Over the pairs whose two texts have as many tokens, the base leans to the other side: nothing is claimed about
        its level.
        Over the wordings of the request the change goes from 0.011 to 0.029; 100 % of them lie on its side of 0.
        """
    )
    few = other_forms({**row(framings_low=None), "equal_items": 12}, None, saturated=False)
    assert few == ("Over the 12 pairs whose two texts have as many tokens, there are too few clusters for a number.",)


def test_a_move_is_claimed_only_where_the_verdict_claims_one() -> None:
    """D of 0.03 to 0.23 looks clear until nine comparisons are looked at: it is no move that is shown."""
    clear = {"reduction": 0.13, "ci_low": 0.03, "ci_high": 0.23, "p_holm": 0.864, "p_moved_adjusted": 0.235}
    said = told("inconclusive", "not decided", **clear)
    assert "by itself, before any correction, the interval speaks for a move away from the stereotype." in said
    assert "which is a move" not in said
    assert "becomes p = 0.864. The change by itself, corrected alike: p = 0.235." in said
    assert "Verdict, inconclusive: after the correction no change is told from 0" in said


def test_a_verdict_that_rests_on_another_p_than_that_of_the_size_says_which() -> None:
    """0.3 for the size would speak against a move that is shown with 0.02."""
    p_values = {"p_holm": 0.3, "p_moved_adjusted": 0.02, "p_sides_adjusted": 0.01}
    moved = told("shifted against the stereotype", "moved, size not told", **p_values)
    assert "becomes p = 0.300. The change by itself, corrected alike: p = 0.020." in moved
    turned = told("reversed", "other side", **p_values)
    assert "p = 0.300. That the two leans lie on opposite sides of 0, corrected alike: p = 0.010." in turned
    assert "corrected alike" not in told("reduced", "smaller", **p_values)


def test_a_difference_of_two_changes_is_no_move_and_has_no_size() -> None:
    """The weights take 0.05 away in chat and 0.12 on plain text: less in chat, and still away in both."""
    numbers = {"reduction": -0.07, "ci_low": -0.1, "ci_high": -0.03, "p_value": 0.004, "p_total": 0.2, "p_size": 0.2}
    said = told("inconclusive", "interaction", contrast="interaction", p_holm=None, **numbers)
    assert "the change in the chat template lies further towards the stereotype than that on plain text." in said
    assert "which is a move" not in said
    assert "The sum of the two leans" not in said
    assert "The margin" not in said
    assert "so that nothing was corrected: p = 0.004 stands as it is." in said


def test_what_fell_with_competence_need_not_be_a_smaller_lean() -> None:
    """The rule takes a reversal and a shift back, too: 0.1 to -0.6 is no smaller lean."""
    fell = row("not interpretable", "competence fell", first_value=0.1, second_value=-0.6)
    assert clause(fell) == "the lean changed, and competence fell with it"
    assert reason_in_words(fell).startswith("the lean changed, and the tuned model reads it worse")
