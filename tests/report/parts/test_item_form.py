"""An item is shown as it was asked, in one form for every kind."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from biasaudit.probes import limited, load_probe
from biasaudit.report.parts.item_form import NOT_SCORED, ItemForm, item_form, item_texts, known
from biasaudit.testing import choosing, leaning, scripted_audit
from tests.report.factory import JOBS, PAIRS, audit, pair_texts
from tests.report.parts.test_strongest import bias_of, with_tokens
from tests.report.test_render import UNDRAWN

if TYPE_CHECKING:
    from biasaudit.facade import Audit
    from biasaudit.report.parts.item_form import ItemContext

BOTH = ("base", "tuned")


def form_of(given: Audit, probe: str, item_id: str) -> ItemForm:
    return item_form(known(given, [(probe, item_id)]), (probe, item_id), BOTH)


def rows(context: ItemContext) -> list[tuple[str, bool, tuple[str, ...]]]:
    return [(row.text, row.is_stereotype, row.shares) for row in context.rows]


def test_a_pair_is_two_texts_and_how_100_choices_between_them_fall() -> None:
    """By hand: -2 against -2.6 nats in the base, 1 / (1 + exp(-0.6)) = 0.646; -5 against -2 after, 0.047."""
    form = form_of(with_tokens(audit(**UNDRAWN)), PAIRS, f"{PAIRS}-001")
    [context] = form.contexts
    assert context.text == ""
    assert rows(context) == [
        ("Stereotyping sentence 1.", True, ("65", "4.7")),
        ("Other one 1.", False, ("35", "95")),
    ]
    assert form.d_nats == ("1.69", "−1.69")


def test_of_an_association_the_two_pairings_that_fit_are_the_stereotype() -> None:
    """A with 1 and B with 2: the same 0.646 in the base, and 0.047 after tuning, in either context."""
    form = form_of(with_tokens(audit(**UNDRAWN)), JOBS, f"{JOBS}-001")
    woman, man = form.contexts
    assert (woman.text, man.text) == ("The woman worked as", "The man worked as")
    assert rows(woman) == [("a nurse 1.", True, ("65", "4.7")), ("an engineer 1.", False, ("35", "95"))]
    assert rows(man) == [("a nurse 1.", False, ("35", "95")), ("an engineer 1.", True, ("65", "4.7"))]


@pytest.mark.parametrize("forged", [True, False])
def test_no_number_stands_beside_texts_that_were_not_scored(*, forged: bool) -> None:
    """Another key is another text, and without responses there is nothing; the lean is in the table of scores."""
    given = with_tokens(audit(**UNDRAWN), forged=True) if forged else audit(**UNDRAWN)
    form = form_of(given, PAIRS, f"{PAIRS}-001")
    assert {row.shares for row in form.contexts[0].rows} == {(NOT_SCORED, NOT_SCORED)}
    assert form.d_nats == ("1.69", "−1.69")


def test_an_item_that_was_not_scored_has_no_lean() -> None:
    """Its score failed: 10 of the pairs."""
    form = form_of(audit(**UNDRAWN), PAIRS, f"{PAIRS}-010")
    assert form.d_nats == (NOT_SCORED, NOT_SCORED)
    assert form.contexts[0].rows[0].text == "Stereotyping sentence 10."


def test_texts_that_were_left_out_leave_the_id_and_the_lean() -> None:
    form = form_of(audit(pair_text=None, **UNDRAWN), PAIRS, f"{PAIRS}-001")
    assert not form.has_texts
    assert (form.item_id, form.d_nats) == (f"{PAIRS}-001", ("1.69", "−1.69"))


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        ('{"first": "a", "second": "b"}', [("Stereotyping", "a"), ("Other", "b")]),
        ('{"foreign": "a"}', [("As stored", '{"foreign": "a"}')]),
        ("no JSON", [("As stored", "no JSON")]),
    ],
)
def test_texts_of_no_kind_are_shown_as_they_are_stored(texts: str, shown: list[tuple[str, str]]) -> None:
    """Older audits lack fields, and others may hold anything."""
    assert [(text.label, text.text) for text in item_texts(texts)] == shown
    form = form_of(audit(pair_text=texts, **UNDRAWN), PAIRS, f"{PAIRS}-001")
    assert form.contexts == ()
    assert [(text.label, text.text) for text in form.stored] == shown


def test_what_stands_before_both_texts_of_a_pair_is_shown_once() -> None:
    given = audit(pair_text=json.dumps({**json.loads(pair_texts(1)), "context": "She said:"}), **UNDRAWN)
    [context] = form_of(given, PAIRS, f"{PAIRS}-001").contexts
    assert (context.text, context.label) == ("She said:", "Context")


@pytest.mark.slow
def test_of_answers_by_letter_the_first_order_is_shown_and_the_numbers_are_means_over_all() -> None:
    """Six orders of three options, in each of which the biased answer has all of the probability."""
    few = bias_of("ambiguous-qa")
    lettered = replace(few, items=tuple(one for one in few.items if one.item_id.endswith("letters"))[:1])
    given = scripted_audit(
        choosing("base", lambda _: "biased"), choosing("tuned", lambda _: "unknown"), probes=[lettered]
    )
    form = form_of(given, "ambiguous-qa", lettered.items[0].item_id)
    [context] = form.contexts
    assert form.n_orders == "6"
    assert [(row.is_stereotype, row.shares) for row in context.rows] == [
        (True, ("100", "0.0")),
        (False, ("0.0", "0.0")),
        (False, ("0.0", "100")),
    ]
    assert f"A. {context.rows[0].text}" in context.text  # the letters stand in the question


@pytest.mark.slow
def test_the_answer_that_counts_is_the_one_that_is_shown() -> None:
    """Whether a comment is toxic: no lets it pass. d = 2 puts e to one on it for the favoured comment, 73 of 100."""
    few = limited(load_probe("identity-toxicity"), 20, seed=0)
    given = scripted_audit(leaning("base", 2.0), leaning("tuned", 0.0), probes=[few])
    items = given.items[given.items["role"] == "bias"]
    favoured, other = form_of(given, "identity-toxicity", str(items["item_id"].iloc[0])).contexts
    assert rows(favoured) == [("no", True, ("73", "50")), ("yes", False, ("27", "50"))]
    assert rows(other) == [("no", False, ("27", "50")), ("yes", True, ("73", "50"))]


def test_two_texts_that_differ_in_capitals_alone_are_two() -> None:
    """Spellings of one answer are added up, and the sides of a pair are not: one row would have all 100 choices."""
    texts = json.dumps({"context": "", "first": "They are Deaf.", "second": "They are deaf."})
    [context] = form_of(audit(pair_text=texts, **UNDRAWN), PAIRS, f"{PAIRS}-001").contexts
    assert [(row.text, row.is_stereotype) for row in context.rows] == [
        ("They are Deaf.", True),
        ("They are deaf.", False),
    ]
