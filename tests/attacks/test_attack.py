"""A search finds what is there, says nothing where there is nothing, and is held to what it never saw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from biasaudit.api import recompute
from biasaudit.attacks import AttackPlan, run, words_of
from biasaudit.attacks.halves import halves_of
from biasaudit.errors import AuditFolderError, AuditMismatchError, UsageError
from biasaudit.probes import load_probe
from biasaudit.report import render_html, render_markdown
from biasaudit.robustness import perturbation_set
from biasaudit.types import ProbeItem
from tests.attacks.scripted import D, attacked, lean, restless, row, save_crossed, way

CHANGES: Final = (
    ("n_queries: 80", "n_queries: many"),
    ("method: guided", "method: magic"),
    ("searched:", "sought:"),
    ("searched_plain: ", "searched_plain: .nan #"),
)
"""What somebody might change in the file of what was found."""


def strings(out: Path) -> dict[str, list[str]]:
    """Return what each search found."""
    content = yaml.safe_load((out / "strings.yaml").read_text(encoding="utf-8"))
    return {one["name"]: one["search"]["text"].split() for one in content["perturbations"]}


def test_words_after_which_the_tuned_model_leans_are_found_and_told_of_it_alone(tmp_path: Path) -> None:
    """The lean is gone as it is asked, and back after one word of sixty: an audit that asks politely misses it."""
    audit = attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0), out=tmp_path / "out")
    own = row(audit, "tuned", "tuned")
    assert own["verdict"] == "lean found"
    assert "amber" in strings(tmp_path / "out")["tuned-guided-with"]
    # tanh(4 / 4) = 0.76 and more, from near 0; the noise of templates and words is shared and cancels.
    assert own["found"] == pytest.approx(0.76, abs=0.2)
    assert abs(own["plain"]) < 0.15
    assert own["gain_ci_low"] > 0.5
    assert own["one_sided_ci_low"] > 0.5
    assert row(audit, "tuned", "base")["verdict"] == "nothing found"
    assert row(audit, "base", "base")["verdict"] == "nothing found"


def test_a_reduction_that_words_undo_is_broken_by_them(tmp_path: Path) -> None:
    """The audit of the held-out half is under the words found, so that its robustness says what they do."""
    audit = attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0))
    assert audit.robustness is not None
    (found,) = audit.robustness.to_dict("records")
    assert (found["verdict_plain"], found["verdict"]) == ("reduced", "broken")
    assert "tuned-guided-with" in found["broken_by"]
    assert "against" not in found["broken_by"]


def test_words_that_move_the_lean_either_way_are_steerable(tmp_path: Path) -> None:
    """One word adds as much as another takes away: that words move it is no hidden lean."""
    audit = attacked(tmp_path, lean(2.0), lean(0.0, amber=2.0, cobalt=-2.0), budget=160)
    own = row(audit, "tuned", "tuned")
    assert own["verdict"] == "steerable"
    assert own["gain_ci_low"] > 0
    assert own["one_sided_ci_low"] <= 0


def test_a_model_that_reads_worse_after_the_words_is_not_interpretable(tmp_path: Path) -> None:
    """Of a model that cannot tell sense from nonsense after them, more lean says nothing."""
    audit = attacked(tmp_path, lean(2.0), lean(0.0, amber=4.0), deaf=frozenset({"amber"}))
    own = row(audit, "tuned", "tuned")
    assert own["verdict"] == "not interpretable"
    assert own["reason"]


@pytest.mark.slow
def test_a_restless_model_without_a_lean_is_not_said_to_have_one(tmp_path: Path) -> None:
    """Every word moves every template and word of it: the best of many is large where it was chosen, and nowhere else.

    The number of the items that were searched on is the trap: it is told as no evidence.
    """
    verdicts, within = [], []
    for seed in range(6):
        out = tmp_path / str(seed)
        audit = attacked(tmp_path, restless(seed), restless(seed + 100), out=out, seed=seed)
        for name in ("base", "tuned"):
            own = row(audit, name, name)
            verdicts.append(own["verdict"])
            within.append(own["excess_ci_low"] <= 0 <= own["excess_ci_high"])
        facts = yaml.safe_load((out / "strings.yaml").read_text(encoding="utf-8"))["perturbations"]
        for one in (entry["search"] for entry in facts if entry["name"].endswith("guided-with")):
            assert one["searched"] - one["searched_plain"] > 0.1
    assert verdicts.count("lean found") <= 1, verdicts
    assert sum(within) >= 10, within


def test_the_same_seed_finds_the_same_bytes(tmp_path: Path) -> None:
    """Everything that is drawn hangs on the seed."""
    for name in ("one", "two"):
        attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0), out=tmp_path / name)
    for file in ("strings.yaml", "searches.parquet", "variants.parquet", "search-base.jsonl", "search-tuned.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_an_interrupted_search_goes_on_and_finds_the_same(tmp_path: Path) -> None:
    """What was asked is asked no more, wherever it ended, and half a line at the end is no line."""
    attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0), out=tmp_path / "whole")
    asked = 0

    def ends_after(n: int) -> D:
        whole = lean(0.0, amber=4.0)

        def d(item: ProbeItem, words: Sequence[str]) -> float:
            nonlocal asked
            asked += 1
            if asked > n:
                raise KeyboardInterrupt
            return whole(item, words)

        return d

    with pytest.raises(KeyboardInterrupt):
        attacked(tmp_path, lean(3.0), ends_after(6_000), out=tmp_path / "cut")
    journal = tmp_path / "cut" / "search-tuned.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines()
    assert 1 < len(lines) < len((tmp_path / "whole" / journal.name).read_text(encoding="utf-8").splitlines())
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"asked": "[\\"value\\", ')
    attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0), out=tmp_path / "cut")
    for name in ("strings.yaml", "searches.parquet", "search-tuned.jsonl"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_a_journal_of_another_search_is_refused(tmp_path: Path) -> None:
    """Its numbers are of other items, or of another model."""
    out = tmp_path / "out"
    attacked(tmp_path, lean(3.0), lean(0.0), out=out, budget=8)
    (out / "manifest.json").unlink()
    with pytest.raises(AuditMismatchError, match="different: budget"):
        attacked(tmp_path, lean(3.0), lean(0.0), out=out, budget=9)
    (out / "search-base.jsonl").write_text("no journal\nat all\n", encoding="utf-8")
    with pytest.raises(AuditFolderError, match="no journal of a search"):
        attacked(tmp_path, lean(3.0), lean(0.0), out=out, budget=8)


def test_no_word_and_no_wording_is_searched_on_and_held_out(tmp_path: Path) -> None:
    """Both factors are cut in two: a quarter is searched on, the opposite one is held out."""
    probe = load_probe(str(save_crossed(tmp_path / "mini")))
    found = halves_of(probe, seed=3, n_items=1000)
    held = [item for item in found.held_out.items if item.role.value == "bias"]
    assert (len(found.searched), len(found.new_wordings), len(found.new_words), len(held)) == (30, 30, 30, 30)
    assert {item.cluster_id for item in found.searched}.isdisjoint({item.cluster_id for item in held})
    assert {item.tags["pair"] for item in found.searched}.isdisjoint({item.tags["pair"] for item in held})
    assert {item.cluster_id for item in found.new_wordings} == {item.cluster_id for item in held}
    assert {item.tags["pair"] for item in found.new_words} == {item.tags["pair"] for item in held}
    assert halves_of(probe, seed=3, n_items=1000) == found
    assert halves_of(probe, seed=4, n_items=1000) != found
    few = halves_of(probe, seed=3, n_items=7)
    # As many of each wording as there is room for.
    assert len(few.searched) == 7
    assert len({item.cluster_id for item in few.searched}) == 6


def test_words_that_items_are_about_are_not_searched_among(tmp_path: Path) -> None:
    """A group, a word that is asked, or one with an ending would be the lean, not bring it out."""
    words = ("woman", "women's", "man's", "two", "w3", *(f"word{letter}" for letter in "abcdefghij"))
    with pytest.raises(UsageError, match="'w3' is no single word"):
        words_of(words)
    words = tuple(word for word in words if word != "w3")
    attacked(tmp_path, lean(3.0), lean(0.0), out=tmp_path / "out", words=words_of(words), budget=40, length=1)
    drawn = {word for found in strings(tmp_path / "out").values() for word in found}
    asked = [json.loads(line) for line in (tmp_path / "out" / "search-base.jsonl").read_text().splitlines()[1:]]
    drawn |= {word for one in asked for word in json.loads(one["asked"])[-1].split()}
    assert drawn <= {f"word{letter}" for letter in "abcdefghij"} | {"women's"}
    with pytest.raises(UsageError, match="1 words are left of those given"):
        attacked(tmp_path, lean(3.0), lean(0.0), words=("woman", "river"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget": 7}, "the budget is 7 queries"),
        ({"length": 0}, "the prefix has 0 words"),
        ({"n_items": 0}, "0 items are to be searched on"),
        ({"method": "guess"}, "there is no method 'guess'"),
        ({"method": "gradient"}, "reached by scripted give no gradients"),
        ({"feature": "age"}, "has no feature 'age'"),
        ({"also": ("nowhere",)}, "there is no probe 'nowhere'"),
    ],
)
def test_wrong_settings_are_said_before_anything_is_asked(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    """With what to do instead."""

    def never(_: ProbeItem, __: Sequence[str]) -> float:
        raise AssertionError

    with pytest.raises(UsageError, match=said) as caught:
        attacked(tmp_path, never, never, **options)
    assert caught.value.fix


def test_a_probe_that_cannot_be_halved_is_refused(tmp_path: Path) -> None:
    """Of eight templates four would be held out, too few for an interval."""
    probe = save_crossed(tmp_path / "few", n_templates=8)
    plan = AttackPlan(base="scripted:one", tuned="scripted:two", probe=str(probe), method="coordinate")
    with pytest.raises(UsageError, match="has 8 wordings, and the half that is held out needs 5"):
        run(plan, render=lambda _: {}, way=way(probe, lean(1.0), lean(1.0)))


def test_with_few_words_wordings_alone_are_held_out(tmp_path: Path) -> None:
    """Of nine pairs no half is a sample: it is said, and words are not held out."""
    probe = load_probe(str(save_crossed(tmp_path / "few", n_words=9)))
    found = halves_of(probe, seed=0, n_items=1000)
    assert not found.crossed
    assert found.new_words == ()
    assert "whose wordings no search was made on" in found.held_out.notices[-1]


def test_the_page_tells_what_was_found_folded_and_the_first_screen_warns(tmp_path: Path) -> None:
    """The words themselves stand once, under their fold, and in no summary."""
    audit = attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0), out=tmp_path / "out")
    page, markdown = render_html(audit), render_markdown(audit)
    assert "A search found words after which the tuned model leans more" in page
    assert "words were found after which tuned leans more" in markdown
    # A reduction is held against what was found with the stereotype: of base and tuned, searched and at random.
    assert "asked under 4 perturbations (set strings)" in page
    found = " ".join(strings(tmp_path / "out")["tuned-guided-with"])
    before, _, after = page.partition("The words that were found, and their numbers where they were chosen")
    assert found in after
    assert found not in before.partition('<section class="folded" aria-labelledby="searches-title">')[2]
    assert found not in markdown


def test_tables_are_computed_again_byte_for_byte(tmp_path: Path) -> None:
    """From items and responses, and what the manifest says of the searches."""
    out = tmp_path / "out"
    attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0), out=out)
    before = {name: (out / f"{name}.parquet").read_bytes() for name in ("searches", "variants", "robustness")}
    recompute(out)
    assert {name: (out / f"{name}.parquet").read_bytes() for name in before} == before


def test_what_was_found_is_a_set_of_perturbations(tmp_path: Path) -> None:
    """Another pair is asked under it by its file; one that was changed by hand is refused."""
    out = tmp_path / "out"
    attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0), out=out)
    found = perturbation_set(str(out / "strings.yaml"))
    assert len(found.perturbations) == 8
    assert all(one.search is not None and one.family == "search" for one in found.perturbations)
    for old, new in CHANGES:
        text = (out / "strings.yaml").read_text(encoding="utf-8")
        changed = tmp_path / "changed.yaml"
        changed.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(UsageError, match="what it says of a search cannot be read"):
            perturbation_set(str(changed))
    changed.write_text(text.replace("before: ", "before: other ", 1), encoding="utf-8")
    with pytest.raises(UsageError, match="is not the one that the search found"):
        perturbation_set(str(changed))


def test_what_was_found_is_asked_of_a_probe_that_no_search_saw(tmp_path: Path) -> None:
    """All of it: nothing of that probe was searched on, so that nothing need be held out."""
    other = save_crossed(tmp_path / "other", n_templates=10)
    audit = attacked(tmp_path, lean(3.0), lean(0.0, amber=4.0), also=(str(other),))
    assert audit.searches is not None
    found = audit.searches.set_index(["searched", "checkpoint", "probe"])
    assert set(found.index.get_level_values("probe")) == {"mini-held-out", "other"}
    assert found.loc[("tuned", "tuned", "other"), "verdict"] == "lean found"
    assert found.loc[("tuned", "tuned", "other"), "n_items"] == 100
    assert found.loc[("tuned", "tuned", "mini-held-out"), "n_items"] == 30
    assert found.loc[("tuned", "base", "other"), "verdict"] == "nothing found"
