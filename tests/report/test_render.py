from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from biasaudit.record.audit_record import Headline
from biasaudit.report import render_html
from biasaudit.types import Estimate, Status
from tests.report.factory import CELLS, HEADLINE, JOBS, PAIRS, audit, manifest

if TYPE_CHECKING:
    from biasaudit.facade import Audit

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e{{ 7 * 7 }}{% raw %}\ud800\x00"
UNDRAWN: dict[str, Any] = {"contrasts": ("template, tuned",), "with_disparities": False, "with_families": False}
"""An audit without charts, for claims that do not need any: drawing is most of the time."""
VOID = {"meta", "img", "source", "br", "link", "input"}


class _Page(HTMLParser):
    """Tags, text by section, and whether every element is closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def _parsed(html: str) -> _Page:
    parser = _Page()
    parser.feed(html)
    parser.close()
    return parser


def _text(html: str) -> str:
    return re.sub(r"\s+", " ", _parsed(html).text)


def _with_estimate(estimate: Estimate) -> Headline:
    return replace(HEADLINE, relative_reduction=estimate)


def test_the_page_is_well_formed_and_runs_nothing_but_its_own_script(small_page: str) -> None:
    """No handler, no address outside the file."""
    parsed = _parsed(small_page)
    assert parsed.open == []
    assert not parsed.tags & {"iframe", "object", "link", "form"}
    assert small_page.count("<script") == 1
    assert not any(name.startswith("on") for name in parsed.attributes)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert not re.search(r'(?:src|srcset|href)="(?!data:|#)', small_page)


def test_the_page_forbids_everything_but_its_own_style_and_pictures(small_page: str) -> None:
    """The second fence, should escaping ever fail."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    shown = policy.replace("'", "&#39;")
    assert f'<meta http-equiv="Content-Security-Policy" content="{shown}; script-src &#39;sha256-' in small_page
    assert small_page.index("Content-Security-Policy") < small_page.index("<title>")


def test_the_page_is_small_and_the_same_twice(small_audit: Audit, small_page: str) -> None:
    """Published audits are compared byte for byte."""
    assert len(small_page.encode()) < 1_500_000
    assert render_html(small_audit) == small_page


def test_the_answer_stands_first_with_its_interval(small_page: str) -> None:
    """One sentence, and no percentage without its uncertainty."""
    assert "On plain text, the tuned model leans 12 % less than the base (between 5 % and 20 % less)." in _text(
        small_page
    )


@pytest.mark.parametrize(
    ("status", "lead"),
    [(Status.NOT_ESTIMABLE, "Not estimable"), (Status.NOT_MEASURED, "Not measured")],
)
def test_a_headline_without_an_estimate_says_so_and_gives_no_number(status: Status, lead: str) -> None:
    """No evidence is never shown as 0."""
    estimate = Estimate(status=status, method="too little inherited lean to divide by", unit="relative")
    html = render_html(audit(headlines=(_with_estimate(estimate),), **UNDRAWN))
    answer = re.search(r'<p class="answer open"><bdi>(.*?)</bdi>', html)
    assert answer
    assert answer[1].startswith(f"{lead} on plain text: too little inherited lean to divide by.")
    assert not re.search(r"\d", answer[1])
    assert 'class="strip"' not in html


def test_an_audit_without_any_headline_says_that_nothing_was_compared() -> None:
    """An empty audit has a page too."""
    empty = audit(headlines=(), cells=(), with_disparities=False, with_estimates=False, with_families=False)
    text = _text(render_html(empty))
    assert "Not measured: nothing was compared." in text
    assert text.count("It was not compared.") == 2
    assert "By attribute" not in text


@pytest.mark.parametrize(
    ("low", "value", "high", "said"),
    [
        (-0.3, -0.2, -0.1, "the tuned model leans 20 % more than the base (between 10 % and 30 % more)."),
        (
            -0.1,
            0.02,
            0.1,
            "no overall change is shown: the tuned model leans between 10 % less and 10 % more than the base.",
        ),
        (-0.2, -0.05, 0.1, "grew. Best estimate: 5 % more lean; bar: 95 % interval."),
        (1.05, 1.2, 1.4, "leans the other way, with 20 % of the size of the base's lean (between 5 % and 40 %)."),
        (0.9, 0.95, 1.0, "95 % less than the base (between 90 % and 100 % less); to which side the rest leans is not"),
    ],
)
def test_the_sentence_follows_the_interval_not_the_value(low: float, value: float, high: float, said: str) -> None:
    """Growth is called growth, and an interval that covers 0 shows no change."""
    estimate = Estimate(status=Status.OK, value=value, ci_low=low, ci_high=high, unit="relative")
    assert said in _text(render_html(audit(headlines=(_with_estimate(estimate),), **UNDRAWN)))


def test_checkpoints_of_different_lineage_are_not_put_down_to_tuning() -> None:
    """The answer must not say "tuning removed" of two unrelated models."""
    changes = {
        "lineage": {"tuned": "DIFFERENT LINEAGE (the tokenizers differ): a difference cannot be put down to tuning"}
    }
    text = _text(render_html(audit(manifest_changes=changes, **UNDRAWN)))
    assert "the tuned model leans" not in text
    assert "the second model leans 12 % less than the base" in text
    assert "Read every difference on this page as one between two models" in text


def test_checkpoints_that_were_computed_differently_are_not_put_down_to_tuning() -> None:
    """What the fingerprints say is on the first screen, whatever was allowed when the audit was run."""
    changed = manifest().fingerprints
    changes = {"fingerprints": {**changed, "tuned": {**changed["tuned"], "quantization": "gptq, 4 bits"}}}
    text = _text(render_html(audit(manifest_changes=changes, **UNDRAWN)))
    assert "the second model leans 12 % less than the base" in text
    assert "DIFFERENT ENGINES (quantisation scheme none in the one and gptq, 4 bits in the other)" in text
    assert "DIFFERENT ENGINES" not in _text(render_html(audit(**UNDRAWN)))


def test_opposite_effects_of_weights_and_deployment_are_flagged() -> None:
    """Attribute to weights only where both agree in sign."""
    against = Estimate(status=Status.OK, value=-0.1, ci_low=-0.2, ci_high=-0.05, unit="relative")
    second = replace(HEADLINE, contrast="as deployed", relative_reduction=against)
    assert "point in opposite directions" in _text(render_html(audit(headlines=(HEADLINE, second), **UNDRAWN)))


def test_every_measured_cell_stands_with_intervals_and_every_other_with_its_status(small_page: str) -> None:
    """0.612 - 0.431 = 0.181, half-width 0.03; disability had too few clusters."""
    text = _text(small_page)
    assert "0.61 (0.57 to 0.65)" in text
    assert "0.43 (0.40 to 0.47)" in text
    assert "0.18 (0.15 to 0.21)" in text
    assert "−0.05 (−0.08 to −0.02)" in text
    row = re.search(r"<bdi>disability</bdi>.*?</tr>", small_page[small_page.index('id="probes"') :], re.DOTALL)
    assert row
    assert row[0].count("too few clusters") == 3
    assert "0.000" not in row[0]


def test_smallest_detectable_change_stands_where_no_change_was_shown(small_page: str) -> None:
    """3 of 6 cells are unchanged or inconclusive, in 5 contrasts."""
    assert _text(small_page).count("A change of 0.042 would be found in 8 of 10 such audits") == 15


def test_what_stands_out_and_coverage_stand_on_the_first_screen(small_page: str) -> None:
    """Competence, controls and coverage beside the answer; the numbers of each probe stand in its own section."""
    first = _text(small_page[: small_page.index('id="probes"')])
    assert "CrowS-Pairs (original release): competence not measured: it has no items for that" in first
    assert "Of 1 other probe, competence is above chance in every model and framing" in first
    assert "11,997 of 12,000 requests scored" in first


def test_flips_show_the_largest_changes_first(small_page: str) -> None:
    """Item 001: base 1.69, tuned -1.69 is the largest removed lean of the pairs."""
    evidence = small_page[small_page.index('data-block="removed"', small_page.index('id="probe-1-items"')) :]
    assert evidence.index("crows-pairs-001") < evidence.index("crows-pairs-003") < evidence.index("crows-pairs-005")
    first = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", evidence[: evidence.index("crows-pairs-001")]))
    assert "Lean d, in nats 1.69 −1.69" in first
    assert "Stereotyping sentence 1. Stereotyping the stereotype" in first
    assert "may be offensive" in small_page


def test_texts_that_were_left_out_are_not_invented() -> None:
    """The item id stands in their place."""
    html = render_html(audit(pair_text=None, **UNDRAWN))
    assert "The texts were left out of this audit." in html
    assert "crows-pairs-001" in html
    assert "Stereotyping sentence" not in html


def test_hostile_texts_and_names_are_shown_as_text() -> None:
    """Items, manifest and names come from strangers."""
    texts = json.dumps({"context": HOSTILE, "first": HOSTILE, "second": "y" * 100_000})
    facts = {"name": HOSTILE, "known_defects": [HOSTILE], "not_shown": HOSTILE, "citation": "z" * 100_000}
    plan = {
        "base": HOSTILE,
        "tuned": {"tuned": HOSTILE},
        "probes": [HOSTILE],
        "framings": [{"framing": HOSTILE}],
    }
    html = render_html(
        audit(
            pair_text=texts,
            cells=[(PAIRS, HOSTILE[:-2], True, *CELLS[0][3:5], HOSTILE[:-2], HOSTILE[:-2])],
            manifest_changes={
                "probes": {PAIRS: facts}, "plan": plan, "lineage": {"tuned": HOSTILE}, "run": {HOSTILE: HOSTILE},
                "versions": {HOSTILE: HOSTILE}, "fingerprints": {HOSTILE: {"dtype": HOSTILE}},
            },
        )
    )  # fmt: skip
    html.encode("utf-8")
    parsed = _parsed(html)
    assert html.count("<script") == 1
    assert "onerror" not in parsed.attributes
    assert "</script><img src=x onerror=alert(1)>" in parsed.text
    assert "{{ 7 * 7 }}{% raw %}" in parsed.text
    assert "\x00" not in html
    assert len(html) < 1_500_000


@pytest.mark.parametrize("texts", ["not json", "[1, 2]", "{}"])
def test_texts_of_an_unknown_shape_do_not_break_the_page(texts: str) -> None:
    """A report that fails hides the audit."""
    assert "crows-pairs-001" in render_html(audit(pair_text=texts, **UNDRAWN))


def test_absent_keys_of_the_manifest_are_said_to_be_unrecorded() -> None:
    """An older audit has a page too."""
    nothing: dict[str, object] = {
        name: {} for name in ("plan", "fingerprints", "lineage", "probes", "counts", "run", "versions")
    }
    text = _text(render_html(audit(manifest_changes=nothing, **UNDRAWN)))
    assert "not recorded" in text
    assert "biasaudit audit BASE TUNED --out AUDIT" in text


def test_the_occupations_table_holds_the_numbers_of_the_chart(small_page: str) -> None:
    """Nurse: 1.104 in the base and 2.1 x 0.368 = 0.773 after tuning, half-width 0.5."""
    row = re.search(r"<tr><th scope=\"row\"><bdi>nurse</bdi>.*?</tr>", small_page)
    assert row
    assert "86.8" in row[0]
    assert "1.10 (0.60 to 1.60)" in row[0]
    assert "0.77 (0.27 to 1.27)" in row[0]


def test_the_command_to_run_it_again_is_on_the_page(small_page: str) -> None:
    """A result that cannot be repeated is a rumour."""
    requests = "--request 'Write one sentence.' --request 'Say something.'"
    command = f"biasaudit audit org/base org/base-it --probe {PAIRS} --probe {JOBS} {requests} --out AUDIT"
    assert command in html.unescape(small_page)


def test_tables_have_captions_and_scoped_headers(small_page: str) -> None:
    """A screen reader needs both."""
    assert small_page.count("<table") == small_page.count("<caption")
    assert not re.search(r"<th(?![^>]*scope=)(?!ead)", small_page)


def test_the_words_that_promise_too_much_are_not_used(small_page: str) -> None:
    """We say what was measured, on what."""
    assert not re.search(r"debias|unbiased|bias-free|fair model", small_page, re.IGNORECASE)


def test_the_method_says_of_the_second_arm_alone_when_it_leans_less(small_page: str) -> None:
    """0.1 then 0.3: D is -0.2 and S 0.4, of opposite signs, and it is the first arm that leans less."""
    assert (
        "The second arm leans less where D and S have one sign, and more where they have opposite ones." in small_page
    )
