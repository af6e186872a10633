"""How many items changed sides is shown for each comparison, and a script finds the strongest of them."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from biasaudit.report import render_html
from biasaudit.report.parts.items import PART, items
from biasaudit.report.words.places import cell_places
from tests.report.factory import JOBS, PAIRS, audit
from tests.report.parts.test_asked import source
from tests.report.parts.test_strongest import section, with_tokens
from tests.report.test_render import UNDRAWN, _parsed

if TYPE_CHECKING:
    from biasaudit.facade import Audit


def find_box(html: str) -> str:
    found = re.search(r'<div class="find".*?</div>', html, re.DOTALL)
    assert found
    return found[0]


def test_each_comparison_has_a_bar_of_what_became_of_its_items(small_audit: Audit) -> None:
    """The factory's 180 items: 100, 22, 7, 48 and 3; the bar has their shares, the words beside it their names."""
    shown = items(source(small_audit))
    assert [row.feature for row in shown[PAIRS].flows] == ["age", "disability", "race-color", "religion"]
    [row] = shown[JOBS].flows
    assert row.in_words == "100 kept its lean, 22 lost it, 7 gained one, 48 never had one, 3 not scored"
    assert [part.width for part in row.parts] == ["55.56%", "12.22%", "3.89%", "26.67%", "1.67%"]


def test_items_that_were_not_scored_have_a_column_where_there_are_any(small_audit: Audit) -> None:
    """A column of noughts would be read in vain; one comparison with some is enough."""
    none = small_audit.comparisons.assign(flow_missing=0)
    whole = items(source(replace(small_audit, comparisons=none)))[PAIRS]
    assert [said for _, said in whole.fates] == ["kept its lean", "lost it", "gained one", "never had one"]
    assert all(len(row.parts) == 4 for row in whole.flows)
    some = none.assign(flow_missing=(none["feature"] == "age").astype(int))
    shown = items(source(replace(small_audit, comparisons=some)))[PAIRS]
    assert shown.fates[-1] == ("missing", "not scored")
    assert [row.parts[-1].n_items for row in shown.flows] == ["1", "0", "0", "0"]


def test_bars_and_items_lead_to_the_row_of_their_comparison(small_audit: Audit) -> None:
    """That of the contrast of the answer; a feature that was not declared has none of its own."""
    shown = items(source(small_audit))[PAIRS]
    places = cell_places(small_audit.comparisons)
    race = places["tuned", "weights, plain", PAIRS, "race-color"]
    assert [row.place for row in shown.flows if row.feature == "race-color"] == [race]
    flips = [flip for one in shown.evidence[0].directions for flip in one.flips]
    assert {flip.place for flip in flips} == {race}
    assert f'<a href="#{race}"><bdi>race-color</bdi></a>, item <bdi>{PAIRS}-001</bdi>' in section(
        render_html(small_audit)
    )
    undeclared = small_audit.comparisons.assign(declared=False)
    bare = items(source(replace(small_audit, comparisons=undeclared)))[PAIRS]
    assert bare.flows == ()
    assert {flip.place for one in bare.evidence[0].directions for flip in one.flips} == {""}


def test_the_two_models_between_which_items_changed_sides_are_named() -> None:
    given = audit(**UNDRAWN)
    assert items(source(given))[PAIRS].ways == ("base", "tuned")
    deployed = replace(given, headlines=(replace(given.headlines[0], contrast="as deployed"),))
    assert items(source(deployed))[PAIRS].ways == ("base, plain", "tuned, chat")


def test_each_tuned_checkpoint_has_its_bars_items_and_query(small_audit: Audit) -> None:
    """In the order in which they were made; with one alone its name would only repeat."""
    second = small_audit.comparisons.assign(tuned="tuned-2")
    scores = small_audit.scores[small_audit.scores["checkpoint"] == "tuned"].assign(checkpoint="tuned-2")
    both = replace(
        small_audit,
        comparisons=pd.concat([small_audit.comparisons, second], ignore_index=True),
        scores=pd.concat([small_audit.scores, scores], ignore_index=True),
    )
    shown = items(source(both))[JOBS]
    assert shown.has_several
    assert [row.tuned for row in shown.flows] == [one.tuned for one in shown.evidence] == ["tuned", "tuned-2"]
    assert "d['tuned-2'] <= 0" in shown.evidence[1].query
    assert not items(source(small_audit))[JOBS].has_several


def test_the_legend_of_shades_stands_once_for_each_probe_that_has_any() -> None:
    given = audit(**UNDRAWN)
    assert section(render_html(with_tokens(given))).count("Solid line") == 2
    assert "Solid line" not in section(render_html(given))


def test_items_stay_off_paper_which_names_where_they_are(small_page: str) -> None:
    assert not PART.prints
    assert 'class="part items screen-only"' in small_page
    [said] = re.findall(r'<p class="aside paper-only">(.*?)</p>', small_page, re.DOTALL)
    assert "scores.csv" in said
    assert "--csv" in said


def test_one_box_finds_in_the_items_of_all_probes(small_page: str) -> None:
    """At the top of the probes; the options lead to their sections."""
    assert small_page.count('id="find"') == 1
    assert (
        small_page.index('id="probes-title"')
        < small_page.index('id="find"')
        < small_page.index('<details class="probe-section')
    )
    options = re.findall(r'<option value="(probe-\d)">(.*?)</option>', find_box(small_page))
    assert [name for _, name in options] == ["CrowS-Pairs (original release)", "Gender and occupation"]
    for place, _ in options:
        assert f'<div id="{place}" class="opened">' in small_page


def test_the_box_is_hidden_until_the_script_runs_and_everything_is_there_without_it(small_page: str) -> None:
    """Progressive enhancement: no control that does nothing, no item that only the script shows."""
    box = find_box(small_page)
    assert re.match(r'<div class="find"[^>]* hidden>', box)
    assert section(small_page).count("data-fate") >= 2
    assert not re.search(r"<li[^>]*hidden", small_page)
    labels = set(re.findall(r'<label for="([^"]+)"', box))
    assert labels == {"find-word", "find-probe", "find-fate"}
    assert all(small_page.count(f'id="{name}"') == 1 for name in labels)


def test_the_script_runs_by_its_hash_alone(small_page: str) -> None:
    """The policy names the one script that the page holds; a script that a text brings along does not run."""
    scripts = re.findall(r"<script>(.*?)</script>", small_page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode("utf-8")).digest()).decode("ascii")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', small_page)
    assert policy
    assert f"script-src &#39;sha256-{digest}&#39;" in policy[1]
    assert "unsafe-inline" not in policy[1].partition("script-src")[2]


def test_a_page_without_items_runs_no_script_and_has_no_box() -> None:
    """And says so; with items it says what its script does."""
    given = audit(**UNDRAWN)
    empty = render_html(replace(given, scores=given.scores.iloc[:0]))
    assert "<script" not in empty
    assert "script-src" not in empty
    assert "runs no script" in empty
    assert 'id="find"' not in empty
    assert "runs no script" not in render_html(given)


def test_ids_are_of_one_element_each(small_page: str) -> None:
    ids = _parsed(small_page).ids
    assert len(ids) == len(set(ids))


def test_items_of_another_comparison_than_the_counts_are_said_to_be() -> None:
    """As deployed 18 may have lost their lean, and 14 on plain text, of which the strongest are shown below."""
    given = audit(**{**UNDRAWN, "contrasts": ("as deployed",)})
    deployed = replace(given, headlines=(replace(given.headlines[0], contrast="as deployed"),))
    said = "on plain text, and are not those counted above."
    assert said in section(render_html(deployed))
    assert said not in section(render_html(audit(**UNDRAWN)))


def test_no_lean_is_said_to_be_none_with_the_stereotype(small_audit: Audit) -> None:
    """An item with d below 0 leans, too."""
    assert "one that leans against it counts as having none here." in section(render_html(small_audit))
