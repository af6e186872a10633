from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from biasaudit.analysis.items_seen import asked_texts
from biasaudit.kinds.segments import Segment
from biasaudit.probes import Probe, limited, load_probe
from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.parts.strongest import AT_MOST, Evidence, Flip, evidence
from biasaudit.report.words.shading import STEPS, shaded_texts
from biasaudit.testing import choosing, leaning, scripted_audit
from biasaudit.types import Role
from tests.report.factory import JOBS, PAIRS, audit, frame, job_texts, pair_texts
from tests.report.test_render import HOSTILE, UNDRAWN, _parsed

if TYPE_CHECKING:
    from biasaudit.facade import Audit

Row = dict[str, Any]


def response(
    item: Mapping[Any, Any], part: str, checkpoint: str, *, ends: list[int] | None, nats: list[float], key: str
) -> Row:
    return {
        "checkpoint": checkpoint, "framing_id": "plain", "probe": item["probe"], "item_id": item["item_id"],
        "part": part, "key": key, "status": "ok", "reason": None, "token_ids": None, "token_logprobs_nats": nats,
        "token_ends": ends,
    }  # fmt: skip


def with_tokens(given: Audit, *, forged: bool = False) -> Audit:
    """Give every item words as tokens; the first word of each text makes all the difference."""
    rows = []
    for item in given.items.to_dict("records"):
        for part, (key, text) in asked_texts(item["texts"]).items():
            ends = [found.end() for found in re.finditer(r"\s*\S+", text)]
            first = part in {"first", "1|A", "2|B"}
            for checkpoint, lead in (("base", -1.0 if first else -1.6), ("tuned", -4.0 if first else -1.0)):
                nats = [lead, *([-0.5] * (len(ends) - 1))]
                rows.append(response(item, part, checkpoint, ends=ends, nats=nats, key="0" * 64 if forged else key))
    return replace(given, responses=frame(rows, tables.RESPONSES))


def section(html: str) -> str:
    """The parts of all probes that show items which changed sides."""
    return "".join(re.findall(r'<section class="part items.*?</section>', html, re.DOTALL))


def of_tuned(given: Audit, probe: str) -> Evidence:
    return evidence(given, {}, contrast="weights, plain")[probe][0]


def flips_of(given: Audit, probe: str, *, introduced: bool = False) -> tuple[Flip, ...]:
    return of_tuned(given, probe).directions[introduced].flips


def test_each_word_is_shaded_by_what_it_adds_in_base_and_in_tuned() -> None:
    """By hand: the first words add -1 - -1.6 = 0.6 in the base and -4 - -1 = -3 after tuning."""
    shown = section(render_html(with_tokens(audit(**UNDRAWN))))
    assert '<mark class="with-2" title="+0.60 nats">Stereotyping sentence</mark>' in shown
    assert 'class="against-4" title="−3.00 nats">' in shown
    assert "“Stereotyping sentence” / “Other one”</bdi> +0.60" in shown


def test_of_an_association_each_continuation_is_set_against_itself() -> None:
    """A word is shaded by how much likelier it is after the one context than after the other."""
    flip = flips_of(with_tokens(audit(**UNDRAWN)), JOBS, introduced=True)[0]
    assert flip.form.columns == ("base", "tuned")
    assert [[text.label for text in one.texts] for one in flip.shadings] == [["Continuation A", "Continuation B"]] * 2
    assert flip.shadings[0].texts[0].shades[0].title == "+0.60 nats"
    assert not flip.is_all_shaded  # four texts are compared, two are shaded


def test_a_pair_stands_in_shades_alone(small_audit: Audit) -> None:
    """Its two texts would else be there three times."""
    whole = with_tokens(small_audit)
    assert flips_of(whole, PAIRS)[0].is_all_shaded
    assert not flips_of(small_audit, PAIRS)[0].is_all_shaded
    shown = section(render_html(with_tokens(audit(**UNDRAWN))))
    assert "<bdi>Stereotyping sentence 1.</bdi>" not in shown
    assert re.sub(r"<[^>]+>", "", shown).count("Stereotyping sentence 1.") == 2


def test_texts_that_are_not_those_that_were_scored_are_not_shaded() -> None:
    """The key is the hash of what was asked; under other words the shades would lie."""
    shown = section(render_html(with_tokens(audit(**UNDRAWN), forged=True)))
    assert "<mark" not in shown
    assert "Stereotyping sentence 1." in shown


def test_an_audit_without_token_ends_shows_the_texts_without_shades() -> None:
    """Audits of earlier versions have none."""
    whole = with_tokens(audit(**UNDRAWN))
    older = replace(whole, responses=whole.responses.drop(columns="token_ends"))
    shown = section(render_html(older))
    assert "<mark" not in shown
    assert "Solid line" not in shown
    assert "Stereotyping sentence 1." in shown


def test_shades_come_in_steps_and_their_texts_are_the_text() -> None:
    """No colour is computed: a stretch has a class, or adds too little for one."""
    nats = [0.05, *STEPS, -0.05, *(-step for step in STEPS)]
    text = shaded_texts([Segment(first=f"w{n} ", second="", nats=value) for n, value in enumerate(nats)], ("A", "B"))
    assert len(text) == 1
    classes = [shade.css_class for shade in text[0].shades]
    assert classes == [
        "",
        "with-1",
        "with-2",
        "with-3",
        "with-4",
        "",
        "against-1",
        "against-2",
        "against-3",
        "against-4",
    ]
    assert "".join(shade.text for shade in text[0].shades) == "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 "


def test_a_long_text_is_cut_in_its_shades_too() -> None:
    """100,000 characters are no evidence that anybody reads."""
    text = shaded_texts([Segment(first="x" * 100_000, second="y", nats=3.0)], ("A", "B"))
    assert sum(len(shade.text) for shade in text[0].shades) == 600
    assert text[0].cut == "… (99,400 more characters)"
    assert text[1].cut == ""


def bias_of(name: str) -> Probe:
    """About 40 bias items of a probe, without the 90 that show whether a model reads."""
    part = limited(load_probe(name), 40, seed=0)
    return replace(part, items=tuple(one for one in part.items if one.role is Role.BIAS))


@pytest.mark.slow
def test_probabilities_stand_in_the_place_of_shades_for_choices_and_decisions() -> None:
    """Base: biased by 40 nats, tuned: counter. At d = 2 a yes has e to one for it, 73 of 100, and against it."""
    given = scripted_audit(
        choosing("base", lambda _: "biased"),
        choosing("tuned", lambda _: "counter"),
        probes=[bias_of("ambiguous-qa")],
    )
    part = flips_of(given, "ambiguous-qa")[0]
    rows = {row.labels: (row.is_stereotype, *row.shares) for row in part.form.contexts[0].rows}
    assert rows == {
        ("Biased answer",): (True, "100", "0.0"),
        ("Other answer",): (False, "0.0", "100"),
        ("Unknown",): (False, "0.0", "0.0"),
    }
    assert part.shadings == ()
    decided = scripted_audit(leaning("base", 2.0), leaning("tuned", -2.0), probes=[bias_of("decisions")])
    form = flips_of(decided, "decisions")[0].form
    assert [context.label for context in form.contexts] == ["Favoured case", "Other case"]
    assert [(row.text, row.is_stereotype, row.shares) for context in form.contexts for row in context.rows] == [
        ("yes", True, ("73", "27")),
        ("no", False, ("27", "73")),
        ("yes", False, ("27", "73")),
        ("no", True, ("73", "27")),
    ]


def test_at_most_five_of_either_kind_stand_on_the_page_and_all_are_counted() -> None:
    """The query beside them gives the rest, and the same number."""
    given = scripted_audit(
        leaning("base", 2.0), leaning("tuned", -2.0), probes=[limited(load_probe("occupations"), 40, seed=0)]
    )
    part = of_tuned(given, "occupations")
    removed, introduced = part.directions
    assert (len(removed.flips), len(introduced.flips)) == (AT_MOST, 0)
    n_bias = len(given.items[given.items["role"] == "bias"])
    assert removed.n_items == f"{n_bias:,}"
    scope = {"scores": given.scores}
    lines = [line for line in part.query.splitlines() if line.startswith(("bias", "d =", "removed"))]
    exec("\n".join(lines), scope)  # the query of our own page
    found = scope["removed"]
    assert isinstance(found, pd.DataFrame)
    assert len(found) == n_bias


def test_of_one_scene_and_its_groups_one_item_is_shown() -> None:
    """Variants of one sentence are one observation; the counts are of all items."""
    whole = audit(**UNDRAWN)
    one_scene, scenes = (
        replace(whole, items=whole.items.assign(cluster_id=clusters)) for clusters in ("c0", whole.items["item_id"])
    )
    shown, every = (of_tuned(of, PAIRS).directions[0] for of in (one_scene, scenes))
    assert (len(shown.flips), len(every.flips)) == (1, 3)
    assert shown.flips[0] == every.flips[0]
    assert shown.n_items == every.n_items


def test_the_text_of_an_item_stands_before_its_code(small_page: str) -> None:
    """A code says nothing to a reader."""
    shown = section(small_page)
    assert shown.index("Stereotyping sentence 1.") < shown.index("crows-pairs-001")


def test_hostile_items_stay_text_where_they_are_shaded() -> None:
    """Tags, directions, templates and surrogates in an item, cut into tokens."""
    texts = json.dumps({"context": "", "first": f"{HOSTILE} {{{{ 7*7 }}}} one", "second": f"{HOSTILE} two"})
    html = render_html(with_tokens(audit(pair_text=texts, **UNDRAWN)))
    html.encode("utf-8")
    parsed = _parsed(html)
    assert parsed.open == []
    assert "onerror" not in parsed.attributes
    assert html.count("<script") == 1
    assert "{{ 7*7 }}" in parsed.text
    assert "\ud800" not in html
    assert "<mark" in section(html)


@pytest.mark.parametrize("texts", [pair_texts(1), job_texts(1)])
def test_the_evidence_comes_out_the_same_twice(texts: str) -> None:
    """The same audit gives the same bytes."""
    given = with_tokens(audit(pair_text=texts, **UNDRAWN))
    assert render_html(given) == render_html(given)
    assert PAIRS in {str(probe) for probe in given.items["probe"]}
