from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from biasaudit.facade import Audit
from biasaudit.models.hashes import sha256_of
from biasaudit.models.local.embedded import ALIGNED, TUNED, adapter_folder
from biasaudit.models.training_card import read_training
from biasaudit.record import tables
from biasaudit.record.audit_record import Headline
from biasaudit.report import render_html, render_markdown
from biasaudit.report.parts.verdicts import verdicts
from biasaudit.report.section import Source
from biasaudit.report.sections.first.guards import Guards, guards, outstanding
from biasaudit.report.sections.first_screen import FirstScreen, first_screen
from biasaudit.report.words.known_models import DEMO_ADAPTER, DEMO_WEIGHTS
from biasaudit.stats.significance import SIGN_FLIP
from biasaudit.types import Estimate, Status
from tests.report.factory import CELLS, HEADLINE, JOBS, PAIRS, audit, comparison, frame

NAMES = {JOBS: "Jobs", PAIRS: "Pairs"}
PLAIN: dict[str, Any] = {"contrasts": ("weights, plain",), "with_disparities": False, "with_families": False}


def _screen(made: Audit) -> FirstScreen:
    return first_screen(made, made.manifest.as_dict(), NAMES)


def _said(screen: FirstScreen, part: str) -> dict[str, tuple[str, ...]]:
    return {fact.term: fact.values for fact in getattr(screen, part)}


def _guards(made: Audit) -> Guards:
    """Return those of the probe that has items for them."""
    [found] = [part for part in guards(made, NAMES) if part.key == JOBS]
    return found


def _share(value: float, low: float, high: float, *, contrast: str) -> Headline:
    estimate = Estimate(status=Status.OK, value=value, ci_low=low, ci_high=high, unit="relative")
    return replace(HEADLINE, contrast=contrast, relative_reduction=estimate)


def test_names_model_lineage_format_and_framings_are_said_of_what_was_compared() -> None:
    """A reader must be able to say what stood beside what."""
    screen = _screen(audit(**PLAIN))
    assert (screen.base, screen.tuned) == ("org/base", ("org/base-it",))
    said = _said(screen, "compared")
    assert said["Lineage"] == ("same architecture, sizes and vocabulary",)
    assert said["Number format"] == ("bfloat16",)
    assert said["Ways of asking"] == ("plain text", "chat template, 2 wordings of the request")
    assert said["Model"] == ("ForCausalLM, 268,098,176 parameters",)
    assert said["Tuned how"] == ("all weights may differ from the base; method and data are not recorded",)
    assert said["Run on"] == ("not recorded",)


def test_when_the_audit_ran_is_said_in_utc() -> None:
    """What a foreign manifest holds there is text."""
    for started, said in (
        ("2026-03-01T10:05:59+01:00", "2026-03-01 09:05 UTC"),
        ("2026-03-01T10:05:59", "2026-03-01T10:05:59"),
        ("<b>", "<b>"),
    ):
        screen = _screen(audit(manifest_changes={"run": {"started": started}}, **PLAIN))
        assert _said(screen, "compared")["Run on"] == (said,)


def test_probes_that_can_be_read_stand_first() -> None:
    """As in every other part of the page."""
    unread = [(PAIRS, "a", True, 0.3, 0.1, "not interpretable", ""), (JOBS, "b", True, 0.3, 0.1, "reduced", "")]
    bare = _screen(audit(cells=unread, with_estimates=False, **PLAIN))
    assert [one.probe for one in bare.outstanding.probes] == ["Jobs", "Pairs"]


def test_the_demo_pair_is_named_by_its_checksums() -> None:
    """demo:tuned says neither that it is a Gemma nor that it is not Google's tuned one."""
    base = {"weights": DEMO_WEIGHTS, "adapter": None, "architecture": "A", "n_parameters": 7}
    tuned = {**base, "adapter": DEMO_ADAPTER}
    screen = _screen(audit(manifest_changes={"fingerprints": {"base": base, "tuned": tuned}}, **PLAIN))
    assert screen.models[0].startswith("base: Gemma 3 270M, pretrained")
    assert screen.models[1].startswith("tuned: the same weights with the demo adapter")
    assert "not Google's instruction-tuned Gemma" in screen.models[1]
    assert _said(screen, "compared")["Tuned how"][0].startswith("supervised instruction tuning of a LoRA adapter")


def test_a_model_that_is_not_known_is_given_no_name() -> None:
    """Nor is its tuning guessed: another adapter on known weights, and two tuned checkpoints of other sizes."""
    prints = {
        "base": {"weights": "sha256:00", "architecture": "A", "n_parameters": 7},
        "sft": {"weights": "sha256:00", "adapter": "sha256:11", "architecture": "A", "n_parameters": 7},
        "dpo": {"weights": "sha256:22", "architecture": "B", "n_parameters": 8},
    }
    screen = _screen(audit(manifest_changes={"fingerprints": prints}, **PLAIN))
    assert screen.models == ()
    said = _said(screen, "compared")
    assert said["Model"] == ("base: A, 7 parameters", "sft: A, 7 parameters", "dpo: B, 8 parameters")
    assert said["Tuned how"] == (
        "sft: an adapter on the base's weights; method and data are not recorded",
        "dpo: all weights may differ from the base; method and data are not recorded",
    )
    other = {"base": {"weights": DEMO_WEIGHTS}, "tuned": {"weights": DEMO_WEIGHTS, "adapter": "sha256:11"}}
    assert len(_screen(audit(manifest_changes={"fingerprints": other}, **PLAIN)).models) == 1


def test_the_known_adapter_is_the_one_that_is_shipped() -> None:
    """A new adapter needs a new checksum here, or the page loses its name."""
    folder = adapter_folder(TUNED)
    files = [folder / "adapter_model.safetensors", folder / "adapter_config.json"]
    assert f"sha256:{sha256_of(files)}" == DEMO_ADAPTER


def test_the_aligned_adapter_is_named_by_its_files_and_its_own_card() -> None:
    """When the adapter is exchanged, the words go with it."""
    folder = adapter_folder(ALIGNED)
    sha256 = sha256_of([folder / "adapter_model.safetensors", folder / "adapter_config.json"])
    base = {"weights": DEMO_WEIGHTS, "adapter": None, "architecture": "A", "n_parameters": 7}
    tuned = {"1-sft": {**base, "adapter": DEMO_ADAPTER}, "2-aligned": {**base, "adapter": f"sha256:{sha256}"}}
    screen = _screen(audit(manifest_changes={"fingerprints": {"base": base, **tuned}}, **PLAIN))
    assert [said.partition(" (")[0] for said in screen.models[1:]] == [
        "1-sft: the same weights with the demo adapter of biasaudit",
        "2-aligned: the same weights with the aligned demo adapter of biasaudit",
    ]
    assert all("not Google's instruction-tuned Gemma" in said for said in screen.models[1:])
    training = read_training(folder)
    assert training.contrasts is not None
    facts = json.loads((folder / "training_card.json").read_text(encoding="utf-8"))["facts"]
    assert _said(screen, "compared")["Tuned how"][1] == (
        f"2-aligned: a LoRA adapter tuned with the method {training.method} of biasaudit over contrasts of "
        f"{', '.join(sorted(training.contrasts.features))}; of {facts['largest disparity allowed']} allowed, "
        f"{facts['development |B|']:.2f} was left where it was measured, by the biasaudit project; demonstration only"
    )


def test_what_came_of_a_sibling_stands_below_the_answer_and_of_an_earlier_stage_does_not() -> None:
    """By hand: 7 % more of one, 30 % less of the other, which is named last and so has the answer."""
    made = replace(
        audit(**PLAIN),
        headlines=(
            replace(_share(0.30, 0.20, 0.40, contrast="weights, plain"), tuned="2-other"),
            replace(_share(-0.07, -0.22, 0.04, contrast="weights, plain"), tuned="1-sft"),
            replace(_share(-0.50, -0.60, -0.40, contrast="weights, chat"), tuned="1-sft"),
        ),
    )
    siblings = replace(made, manifest=replace(made.manifest, plan={**made.manifest.plan, "siblings": True}))
    found = _screen(siblings).answer
    assert "2-other" in found.sentence
    [said] = found.siblings
    assert said == (
        "On plain text, no overall change is shown: the tuned model, 1-sft, leans between 4\u00a0% less and 22\u00a0% "
        "more than the base."
    )
    assert said in render_html(siblings)
    assert f"The other tuned model. {said}".replace("\u00a0", " ") in render_markdown(siblings).replace("\u00a0", " ")
    assert _screen(made).answer.siblings == ()


def test_certainty_counts_guards_cells_and_requests() -> None:
    """Five declared cells, one inconclusive at 0.042; four arms of the one probe that has items for the guards."""
    said = _said(_screen(audit(**PLAIN)), "how_sure")
    assert said["Interval"][0].startswith("95\u00a0%: so often")
    assert said["Interval"][1].startswith("computed as cross-fitted ratio of sums over cells")
    assert said["Verdicts"] == (
        (
            "corrected for their number (Holm) over the 4 comparisons that the answer is about and the models can "
            "read; others exploratory"
        ),
        "unchanged: within ±0.05, set beforehand",
    )
    assert said["Holds for"] == ("other wordings or sources of the same kind, by probe",)
    assert said["Undecided"] == (
        "1 of 5 comparisons",
        "smallest change one would find there in 80 of 100 such audits, without the correction: 0.04",
    )
    assert said["Competence"] == ("above chance in all 4 models and ways of asking: 1 of 1 probe",)
    assert said["Negative controls"] == ("covers 0 in all 4 models and ways of asking: 1 of 1 probe",)
    assert said["Coverage"] == ("11,997 of 12,000 requests scored", "lowest in any comparison: 0.0\u00a0% of its items")


def test_guards_that_were_not_measured_are_said_to_be_so() -> None:
    """No items for a guard is not a guard that was passed."""
    screen = _screen(audit(with_estimates=False, **PLAIN))
    assert _said(screen, "how_sure")["Negative controls"] == ("not measured: no such items",)
    assert _said(screen, "not_measured")["No negative control"] == ("2 of 2 probes: Pairs and Jobs",)


def test_a_control_that_misses_0_is_counted_against_the_answer() -> None:
    """0.004 with half-width 0.021 covers 0; moved by 0.1 it does not."""
    made = audit(**PLAIN)
    estimates = made.estimates.copy()
    hit = (estimates["metric"] == "control") & (estimates["checkpoint"] == "tuned")
    estimates.loc[hit, ["value", "ci_low", "ci_high"]] += 0.1
    screen = _screen(replace(made, estimates=estimates))
    assert _said(screen, "how_sure")["Negative controls"] == (
        "covers 0 in all 4 models and ways of asking: 0 of 1 probe; in some of them: 1 more",
    )
    jobs = _guards(replace(made, estimates=estimates))
    assert [row.warns for row in jobs.rows] == [False, True, False, True]
    assert jobs.failed == ("tuned in plain text", "tuned in chat")
    assert screen.outstanding.probes[-1].says == (
        "negative control does not cover 0 in tuned in plain text and tuned in chat"
    )


def test_what_was_not_measured_names_cells_with_their_reason_and_kinds_that_were_not_asked() -> None:
    """Silence about a cell would read as "no bias"."""
    said = _said(_screen(audit(**PLAIN)), "not_measured")
    assert said["Not measured, 1 comparison"] == (
        "Pairs (disability): there are too few independent groups of items for an interval",
    )
    assert said["No negative control"] == ("1 of 2 probes: Pairs",)
    assert said["Behaviour"] == (
        "what the model writes: no text was generated",
        "how it leans in a chat template, as users meet it: not asked",
        "which answer it picks: no choice probe was asked",
        "whom it grants something: no decision probe was asked",
    )


def test_a_kind_that_was_asked_is_not_listed_as_missing() -> None:
    """With a probe of decisions, decisions were measured."""
    card = {"name": "Jobs", "kind": "decision"}
    said = _said(_screen(audit(manifest_changes={"probes": {JOBS: card}}, **PLAIN)), "not_measured")
    assert not any(value.startswith("whom it grants") for value in said["Behaviour"])


def test_cells_without_a_verdict_are_grouped_by_reason_and_probe() -> None:
    """The first screen stays one, and the reader learns which of the two models was at chance."""
    first, second = (f"competence of the {arm} arm includes chance" for arm in ("first", "second"))
    cells = [
        *((PAIRS, f"f{number}", True, None, None, "not measured", "too few clusters") for number in range(7)),
        *((PAIRS, f"g{number}", True, 0.2, 0.1, "not interpretable", first) for number in range(2)),
        *((JOBS, f"g{number}", True, 0.2, 0.1, "not interpretable", first) for number in range(3)),
        (JOBS, "h", True, 0.2, 0.1, "not interpretable", second),
    ]
    made = audit(cells=cells, **PLAIN)
    codes = {first: "competence at chance, first arm", second: "competence at chance, second arm"}
    coded = made.comparisons.assign(verdict_code=made.comparisons["verdict_reason"].map(codes).fillna("other"))
    said = _said(_screen(replace(made, comparisons=coded)), "not_measured")
    assert said["Not measured, 7 comparisons"] == ("Pairs (7): too few clusters",)
    assert said["Not interpretable, 6 comparisons"] == (
        "Jobs (3), Pairs (2): the base is not shown to read it better than by guessing",
        "Jobs (h): the tuned model is not shown to read it better than by guessing",
    )


def test_cells_that_the_correction_bars_are_counted() -> None:
    """Eight cells of 7 clusters: 8 x 2 / 128 = 0.125; of 9 clusters: 8 x 2 / 512 = 0.031."""
    made = audit(cells=[(PAIRS, f"f{number}", True, 0.2, 0.1, "unchanged", "") for number in range(8)], **PLAIN)
    for n_clusters, test, n_barred in ((7, SIGN_FLIP, 8), (9, SIGN_FLIP, 0), (7, "t", 0)):
        changed = made.comparisons.assign(n_clusters=n_clusters, test=test)
        _, *said, _ = _said(_screen(replace(made, comparisons=changed)), "how_sure")["Verdicts"]
        assert [part.split(" of them")[0] for part in said] == ([f"in {n_barred}"] if n_barred else [])


def test_guards_are_counted_by_probe_and_say_on_how_much_they_rest() -> None:
    """1.000 of 14 items in 7 clusters is not 1.000 of 1,400. Competence 0.5 in the tuned one: 0.479 to 0.521."""
    made = audit(**PLAIN)
    plain = made.estimates[made.estimates["framing"] == "plain"].copy()
    hit = (plain["metric"] == "competence") & (plain["checkpoint"] == "tuned")
    plain.loc[hit, ["value", "ci_low", "ci_high"]] -= 0.441
    screen = _screen(replace(made, estimates=plain))
    base, tuned = _guards(replace(made, estimates=plain)).rows
    assert (base.competence_says, tuned.competence_says) == ("above chance", "not shown above chance")
    assert base.competence_of == base.control_of == "40 items in 20 clusters"
    said = _said(screen, "how_sure")
    assert said["Competence"] == ("above chance in both models: 0 of 1 probe; in one of them: 1 more",)
    assert said["Negative controls"] == ("covers 0 in both models: 1 of 1 probe",)


def test_what_stands_out_is_listed_with_a_link_to_its_numbers() -> None:
    """Of two probes one has no items for either guard; the other passes both."""
    found = _screen(audit(**PLAIN)).outstanding
    (pairs,) = found.probes
    assert (pairs.probe, pairs.says) == ("Pairs", "competence not measured: it has no items for that")
    html = render_html(audit(**PLAIN))
    fold = html[html.index("Can the numbers be read at all?") :].split("</details>")[0]
    assert f'<span class="sign" aria-hidden="true">⚠</span> <a href="#{pairs.href}">' in fold
    assert f'id="{pairs.href}"' in html
    assert "<table" not in fold
    assert found.others == (
        "Of 1 other probe, competence is above chance in every model and framing, and no negative control fails."
    )


def test_where_nothing_stands_out_that_is_said_and_nothing_is_said_of_none() -> None:
    good = guards(audit(**PLAIN), {JOBS: "Jobs"})
    assert outstanding(good, {JOBS: "Jobs"}).others.startswith("Nothing stands out: competence is above chance")
    bad = guards(audit(with_estimates=False, **PLAIN), NAMES)
    assert (len(outstanding(bad, NAMES).probes), outstanding(bad, NAMES).others) == (2, "")
    assert outstanding((), {}).others == "No probe was asked."


def test_competence_that_is_not_above_chance_names_its_models() -> None:
    """0.5 in the tuned one, in chat alone; then 0.4 in every arm, which is below it and no more above it."""
    made = audit(**PLAIN)
    estimates = made.estimates.copy()
    of_jobs = estimates["metric"] == "competence"
    hit = of_jobs & (estimates["checkpoint"] == "tuned") & (estimates["framing"] == "chat")
    estimates.loc[hit, ["value", "ci_low", "ci_high"]] -= 0.441
    jobs = _screen(replace(made, estimates=estimates)).outstanding.probes[-1]
    assert jobs.says == "competence not shown above chance in tuned in chat"
    estimates.loc[of_jobs, ["value", "ci_low", "ci_high"]] = [0.4, 0.38, 0.42]
    jobs = _screen(replace(made, estimates=estimates)).outstanding.probes[-1]
    assert jobs.says == "competence not shown above chance in all 4 models and framings"


def test_changes_in_other_contrasts_are_named_and_their_folds_say_how_many_there_are() -> None:
    """The tiles are of one contrast; an increase in another one must not be found by opening a fold only."""
    changed = (JOBS, "gender", True, 0.4, 0.5, "increased", "D is below 0 after Holm's correction")
    same = (JOBS, "gender", True, 0.4, 0.4, "unchanged", "the 90 % interval of D lies within ±0.05")
    rows = [
        comparison(contrast, "graded", changed if contrast == "weights, chat" else same)
        for contrast in ("weights, plain", "weights, chat", "template, base")
    ]
    made = replace(audit(**PLAIN), comparisons=frame(rows, tables.COMPARISONS))
    screen = _screen(made)
    assert screen.elsewhere == ("Weights, chat (exploratory): 1 comparison increased (Jobs, gender)",)
    assert screen.leads.startswith("The answer is about the first row: the last tuned model, asked in the one")
    assert screen.without_share.startswith("Not in this table: weights, chat; template, base.")
    source = Source(audit=made, recorded=made.manifest.as_dict(), names=NAMES, level="95\u00a0%")
    shown = verdicts(source)[JOBS]
    assert [view.title for view in shown.leading] == ["The changed weights, on plain text"]
    assert [(view.title, view.n_changed) for view in shown.others] == [
        ("The changed weights, in the chat template", "1 of 1 comparison changed (1 increased)"),
        ("The chat template, around the base", "no change shown in 1 comparison"),
    ]


def test_many_changed_cells_elsewhere_are_counted_after_the_fourth() -> None:
    """Two tuned checkpoints: each is named."""
    cells = [(PAIRS, f"f{number}", True, 0.4, 0.1, "reduced", "") for number in range(6)]
    rows = [comparison("weights, plain", "graded", cell, tuned=name) for cell in cells for name in ("tuned", "dpo")]
    screen = _screen(replace(audit(**PLAIN), comparisons=frame(rows, tables.COMPARISONS)))
    assert screen.elsewhere == (
        (
            "Weights, plain, checkpoint dpo (exploratory): "
            "6 comparisons reduced (Pairs, f0; Pairs, f1; Pairs, f2; Pairs, f3; 2 more)"
        ),
    )


def test_an_audit_where_all_was_measured_says_so() -> None:
    """The heading stands, so there must be an answer under it."""
    assert _said(_screen(audit(cells=CELLS[:3], **PLAIN)), "not_measured")["Comparisons"] == ("every one was measured",)


def test_where_nothing_was_compared_not_everything_was_measured() -> None:
    """Without an answer, and where all features are pooled."""
    for nothing in (audit(headlines=(), **PLAIN), audit(cells=CELLS[1:2], **PLAIN)):
        assert _said(_screen(nothing), "not_measured")["Comparisons"] == ("the answer is about none",)


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
        "900 items in 120 clusters of shared wording or source. 4 of 5 comparisons lean clearly to begin with (base): "
        "4 with the stereotype, 0 against it."
    )


def test_the_basis_counts_leans_by_direction_and_what_the_share_leaves_out() -> None:
    """0.3 and -0.3 lean clearly, the second of them cannot be read."""
    cells = [(PAIRS, "a", True, 0.3, 0.1, "reduced", ""), (PAIRS, "b", True, 0.3, -0.3, "not interpretable", "")]
    made = audit(cells=cells, headlines=(replace(HEADLINE, n_cells=2, left_out={"not interpretable": 1}),), **PLAIN)
    against = made.comparisons["feature"] == "b"
    turned = made.comparisons.copy()
    turned.loc[against, ["first_value", "first_ci_low", "first_ci_high"]] -= 0.6
    _, said = _screen(replace(made, comparisons=turned)).answer.basis
    assert said.endswith(
        "2 of 2 comparisons lean clearly to begin with (base): 1 with the stereotype, 1 against it. "
        "1 of 2 comparisons is left out of the share (1 not interpretable)."
    )
