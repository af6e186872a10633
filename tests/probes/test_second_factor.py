"""A second factor on a card: what it must name, and what it does to the intervals of an audit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import biasaudit
import biasaudit.api
from biasaudit.errors import ProbeError
from biasaudit.probes import load_probe
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import ProbeItem, Request, Role
from tests.tiny import item, save_probe

SECOND = {"tag": "word", "what": "words"}


def crossed(n_words: int = 8) -> list[dict[str, object]]:
    """Six templates by some words, and sense."""
    rows = [
        item(number, id=f"t{template}-w{word}", cluster=f"t{template}", tags={"word": f"w{word}"})
        for template in range(6)
        for number, word in enumerate(range(n_words))
    ]
    sense = [item(number, id=f"s{number}", cluster=f"t{number}", role="competence", groups=[]) for number in range(6)]
    return [*rows, *sense]


def by_word(asked: ProbeItem, _: Request) -> float:
    """Every template says the same of a word: 0.5 to 4 nats."""
    return 4.0 if asked.role is Role.COMPETENCE else 0.5 * (1 + int(asked.tags["word"][1:]))


def test_a_lean_that_lies_in_the_words_has_the_words_interval(tmp_path: Path) -> None:
    """Templates agree to the last digit: by them alone the interval has no width. By word it is that of eight."""
    indices = np.tanh(0.5 * np.arange(1, 9) / 4)
    rows = {}
    for name, card in (("one", {}), ("two", {"also_clustered_by": SECOND})):
        probe = save_probe(tmp_path / name, crossed(), **card)
        audit = scripted_audit(leaning("base", by_word), leaning("tuned", 0.0), probes=[str(probe)])
        rows[name] = audit.comparisons.query("metric == 'graded'").iloc[0]
    one, two = rows["one"], rows["two"]
    assert one["reduction"] == pytest.approx(indices.mean())
    assert one["ci_high"] - one["ci_low"] == pytest.approx(0.0, abs=1e-9)
    assert two["reduction"] == pytest.approx(indices.mean())
    # V2 - V12: eight words, six times each, so that V12 is 48 / 47 * 8 / 7 / 6 * ... of V2; within a tenth of t(7).
    half = 2.3646 * indices.std(ddof=1) / 8**0.5
    assert (two["ci_high"] - two["ci_low"]) / 2 == pytest.approx(half, rel=0.1)
    assert two["test"] == "two-way t test"
    assert two["method"] == "mean of cluster means, two-way cluster-robust t interval"


def test_four_words_are_no_sample_of_words(tmp_path: Path) -> None:
    """What is said holds for these alone, and its interval is that of the templates."""
    probe = save_probe(tmp_path / "mini", crossed(4), also_clustered_by=SECOND)
    audit = scripted_audit(leaning("base", by_word), leaning("tuned", 0.0), probes=[str(probe)])
    row = audit.comparisons.query("metric == 'graded'").iloc[0]
    assert row["method"] == "mean of cluster means, t interval"


def test_the_manifest_says_over_what_else_it_generalises(tmp_path: Path) -> None:
    probe = save_probe(tmp_path / "mini", crossed(), also_clustered_by=SECOND)
    audit = scripted_audit(leaning("base", by_word), leaning("tuned", 0.0), probes=[str(probe)])
    assert audit.manifest.probes["mini"]["also"] == SECOND


@pytest.mark.parametrize(
    ("tag", "said"), [("verb", "48 of 48 bias items lack, such as 't0-w0'"), ("word", "1 of 49 bias items lack")]
)
def test_a_tag_that_items_lack_is_refused(tag: str, said: str, tmp_path: Path) -> None:
    rows = [*crossed(), item(0, id="bare")] if tag == "word" else crossed()
    probe = save_probe(tmp_path / "mini", rows, also_clustered_by={"tag": tag, "what": "words"})
    with pytest.raises(ProbeError, match=said):
        load_probe(str(probe))


@pytest.mark.parametrize(
    ("name", "fewest", "fixed"),
    [
        ("occupations", 32, ()),
        ("traits", 6, ()),
        ("harms", 8, ()),
        ("hiring", 8, ("age", "disability", "immigration", "parenthood", "religion", "sexual-orientation")),
    ],
)
def test_our_probes_that_cross_two_factors_declare_the_second(name: str, fewest: int, fixed: tuple[str, ...]) -> None:
    """Every feature has at least five of them, or, as with a single wheelchair user, holds for the words it has."""
    probe = load_probe(name)
    assert probe.card.also_clustered_by is not None
    by_feature: dict[str, set[str]] = {}
    for asked in probe.items:
        if asked.role is Role.BIAS:
            by_feature.setdefault(asked.feature, set()).add(asked.tags[probe.card.also_clustered_by.tag])
    numbers = {feature: len(seconds) for feature, seconds in by_feature.items()}
    assert sorted(feature for feature, number in numbers.items() if number < 5) == sorted(fixed)
    assert min(number for number in numbers.values() if number >= 5) == fewest


@pytest.mark.slow
def test_an_audit_from_before_second_factors_gets_them_when_it_is_computed_again(tmp_path: Path) -> None:
    """Of a probe that ships, in the version that was asked; another version may have had other tags."""
    out = tmp_path / "audit"
    scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=["occupations"], out=out)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    del manifest["own_sha256"]
    for version, test in (("2", "two-way t test"), ("1", "sign-flip permutation of clusters")):
        facts = {key: value for key, value in manifest["probes"]["occupations"].items() if key != "also"}
        earlier = {**manifest, "schema_version": 5, "probes": {"occupations": {**facts, "version": version}}}
        (out / "manifest.json").write_text(json.dumps(earlier), encoding="utf-8")
        assert biasaudit.api.recompute(out).comparisons["test"].str.startswith(test).all()
