"""What a probe asks is said with one typical item."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from biasaudit.report import render_html
from biasaudit.report.parts.asked import PART, Asked, Typical, asked, typical_items
from biasaudit.report.section import Source
from biasaudit.report.view import probe_names
from biasaudit.testing import leaning, scripted_audit
from tests.report.factory import JOBS, PAIRS, audit
from tests.report.parts.test_strongest import bias_of, with_tokens
from tests.report.test_render import UNDRAWN

if TYPE_CHECKING:
    from biasaudit.facade import Audit


def source(given: Audit) -> Source:
    recorded = given.manifest.as_dict()
    return Source(audit=given, recorded=recorded, names=probe_names(given, recorded), level="95 %")


def typical_of(shown: Asked) -> Typical:
    assert shown.typical is not None
    return shown.typical


def scores(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    found = [
        {"checkpoint": checkpoint, "probe": "p", "item_id": item_id, "d_nats": d_nats, "status": status}
        for checkpoint, item_id, d_nats, status in rows
    ]
    return pd.DataFrame(found)


def test_the_typical_item_has_the_median_lean_of_the_base() -> None:
    """Of four the lower of the two in the middle, of equal leans by their ids; what failed does not count."""
    base = [("base", name, d, "ok") for name, d in (("d", 9.0), ("c", 1.0), ("b", 1.0), ("a", -9.0))]
    rows = [*base, ("base", "e", 0.0, "failed"), *(("tuned", name, -d, "ok") for _, name, d, _ in base)]
    assert typical_items(scores(*rows)) == {"p": ("b", 4)}
    assert typical_items(scores(*reversed(rows))) == {"p": ("b", 4)}
    assert typical_items(scores(*rows[:3])) == {"p": ("c", 3)}  # 1, 1 and 9
    assert typical_items(scores(*rows[:0], ("base", "e", 0.0, "failed"))) == {}


def test_each_probe_shows_a_typical_item_with_both_models_numbers() -> None:
    """Base d of the pairs: 2 - 0.31 n for n of 0 to 21 without 10 and 21; the lower middle one of 20 is n = 11."""
    shown = asked(source(with_tokens(audit(**UNDRAWN))))
    typical = typical_of(shown[PAIRS])
    assert (typical.form.item_id, typical.n_scored) == (f"{PAIRS}-011", "20")
    assert typical.form.d_nats == ("−1.41", "1.41")
    assert typical.form.columns == ("base", "tuned")
    assert typical.means == ()  # of pairs no share is right; the rows have it
    jobs = typical_of(shown[JOBS])
    assert [one.checkpoint for one in jobs.means] == ["base", "tuned"]
    assert "of 100 parts of the probability go to the pairings" in jobs.means[0].means


def test_what_positive_means_and_how_much_was_asked_stand_beside_it() -> None:
    shown = asked(source(audit(**UNDRAWN)))[PAIRS]
    assert shown.positive == "With the stereotype."
    assert shown.sizes == (
        "180 items in 30 clusters of the same wording or scene, each asked in plain text and as a chat in 2 wordings."
    )
    bare: dict[str, Any] = {"probes": {}, "plan": {}}
    nothing = asked(source(audit(**UNDRAWN, manifest_changes=bare)))[PAIRS]
    assert (nothing.positive, nothing.sizes) == ("", "")


def test_a_probe_without_a_scored_item_says_so() -> None:
    """It has a card, and nothing in plain text."""
    given = audit(**UNDRAWN)
    given.scores["status"] = given.scores["status"].where(given.scores["probe"] != PAIRS, "failed")
    assert asked(source(given))[PAIRS].typical is None
    assert "No item of it was scored in plain text." in render_html(given)


def test_a_lean_of_nearly_nothing_is_not_told_in_parts() -> None:
    """0.0 of 100 parts more, for one side or the other, would be read as a lean."""
    given = scripted_audit(leaning("base", 0.001), leaning("tuned", 2.0), probes=[bias_of("decisions")])
    base, tuned = typical_of(asked(source(given))["decisions"]).means
    assert base.means == "next to no lean"
    assert tuned.means == "a yes is 46 of 100 parts likelier for the group that the stereotype expects to be favoured"


def test_the_part_stands_in_every_probe_and_says_which_text_is_the_stereotype(small_page: str) -> None:
    """In words, not by colour; on paper, too."""
    parts = re.findall(r'<section class="part asked" id="probe-\d-asked".*?</section>', small_page, re.DOTALL)
    assert len(parts) == 2
    assert PART.prints
    for part in parts:
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))
        assert "half lean more with the stereotype in the base model, half less. It may offend" in text
        assert "the stereotype not scored not scored" in text  # the factory holds no responses
    pairs = next(part for part in parts if "Stereotyping sentence 11." in part)
    assert 'Stereotyping sentence 11.</bdi> <span class="stereotype">the stereotype</span>' in pairs


def test_texts_that_were_left_out_are_told_with_the_id_of_the_item() -> None:
    html = render_html(audit(pair_text=None, **UNDRAWN))
    part = next(
        one for one in re.findall(r'<section class="part asked".*?</section>', html, re.DOTALL) if "left" in one
    )
    assert "The texts were left out of this audit." in part
    assert f"item <bdi>{PAIRS}-011</bdi>" in part


def test_each_stage_has_a_column() -> None:
    given = scripted_audit(
        leaning("base", 2.0), [leaning("sft", 1.0), leaning("dpo", -1.0)], probes=[bias_of("occupations")]
    )
    form = typical_of(asked(source(given))["occupations"]).form
    assert form.columns == ("base", *sorted(form.columns[1:]))
    assert len(form.d_nats) == 3
