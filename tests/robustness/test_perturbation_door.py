"""A perturbation is one file and one line, changes contexts alone, and makes a probe that is audited as any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biasaudit.errors import PerturbationError, UsageError
from biasaudit.probes import Probe, load_probe
from biasaudit.probes.registry import content_sha256
from biasaudit.robustness import PERTURBATIONS, VARIANT_OF, Perturbation, perturbed, reframed
from biasaudit.robustness.frames import sides
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import (
    AssociationTexts,
    ChoiceTexts,
    DecisionTexts,
    LikelihoodTexts,
    PairTexts,
    ProbeItem,
    Request,
    Role,
)
from biasaudit.types.items import ItemTexts
from tests.examples import example
from tests.tiny import save_probe

PAIR = PairTexts(context="People say it.", first="She is a nurse", second="He is a nurse")
ASSOCIATION = AssociationTexts(
    contexts=("Last week the lady works as", "Last week the gentleman works as"),
    continuations=(" a nurse.", " a surgeon."),
    group_in_context=True,
)
CHOICE = ChoiceTexts(
    context="The grandfather and the grandson met outside.",
    question="Who was lost?",
    biased="The grandfather",
    counter="The grandson",
    unknown="Not known",
    reading="texts",
)
DECISION = DecisionTexts(
    favoured="Paul is 30 and has paid.", other="Aisha is 30 and has paid.", reply=" I say", yes=(" yes",), no=(" no",)
)
TEXTS = [PAIR, ASSOCIATION, CHOICE, DECISION]


def item(texts: ItemTexts, item_id: str = "i", **more: Any) -> ProbeItem:  # fields of ProbeItem
    fields = {"cluster_id": "c", "feature": "gender", "groups": ("woman", "man"), "role": Role.BIAS, "family": "w"}
    return ProbeItem(item_id=item_id, texts=texts, **{**fields, **more})


def probe_of(tmp_path: Path, *items: ProbeItem) -> Probe:
    made = load_probe(str(save_probe(tmp_path / "mini")))
    return replace(made, items=items, sha256=content_sha256(items))


def added(monkeypatch: pytest.MonkeyPatch, change: Callable[[Probe], Probe]) -> str:
    """Add a perturbation to the mapping, and return its name."""
    monkeypatch.setitem(
        PERTURBATIONS, "mine", Perturbation(name="mine", summary="by a test", apply=lambda probe, _: change(probe))
    )
    return "mine"


def each(change: Callable[[ProbeItem], ProbeItem]) -> Callable[[Probe], Probe]:
    return lambda probe: replace(probe, items=tuple(change(one) for one in probe.items))


@pytest.mark.slow
def test_a_perturbation_of_a_file_of_its_own_is_audited_as_any_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of docs/robustness.md; a model that leans less after one of its sentences shows by how much."""
    module = example("robustness.md", "biasaudit/robustness/preface.py", tmp_path, monkeypatch)
    with pytest.raises(UsageError, match=r"there is no perturbation 'preface'.\nPerturbations: typing, "):
        perturbed(load_probe("occupations"), "preface", seed=0)
    monkeypatch.setitem(PERTURBATIONS, "preface", module.PREFACE)
    plain = load_probe(str(save_probe(tmp_path / "mini")))
    probe = perturbed(plain, "preface", seed=0)

    def swayed(_: ProbeItem, request: Request) -> float:
        return 1.0 if request.context.startswith(module.SENTENCES) else 3.0

    audit = scripted_audit(
        leaning("base", 3.0), leaning("tuned", swayed), probes=[plain, probe], out=tmp_path / "audit"
    )
    rows = audit.comparisons.query("metric == 'graded' and feature == 'gender'").set_index("probe")
    # tanh(3 / 4) - tanh(1 / 4) in the perturbed probe, and nothing in the one that it was made from.
    assert rows.loc["mini-preface", "reduction"] == pytest.approx(0.635149 - 0.244919, abs=1e-5)
    assert rows.loc["mini", "reduction"] == pytest.approx(0, abs=1e-9)
    said = audit.manifest.probes["mini-preface"]
    assert said["sha256"] == probe.sha256 == content_sha256(probe.items) != plain.sha256
    assert said["notices"][-1].endswith("18 of 18 items have another context (preface, seed 0).")
    assert "perturbed: a neutral sentence before the context" in (tmp_path / "audit" / "report.html").read_text("utf-8")


def test_items_are_the_same_and_name_what_they_were_made_from() -> None:
    plain = load_probe("occupations")
    probe = perturbed(plain, "white-space", seed=0)
    assert (probe.card.id, probe.card.measures) == ("occupations-white-space", plain.card.measures)
    assert probe.origin == f"{plain.origin}, perturbed: two spaces between the words of the context"
    assert [one.tags[VARIANT_OF] for one in probe.items] == [one.item_id for one in plain.items]
    for one, other in zip(plain.items, probe.items, strict=True):
        assert replace(other, texts=one.texts, tags=one.tags) == one


def test_the_benchmark_scores_of_a_perturbed_set_are_told_apart(published_data: Path) -> None:
    """They are computed like those of the paper, of other texts."""
    probe = perturbed(load_probe("winogender", data_dir=published_data), "white-space", seed=0)
    assert probe.notices[-1].endswith("not of those that its paper has.")


def test_a_perturbed_probe_can_be_perturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = added(monkeypatch, each(lambda one: reframed(one, lambda before, after: (f"So: {before}", after))))
    twice = perturbed(perturbed(probe_of(tmp_path, item(PAIR)), "white-space", seed=0), name, seed=0)
    assert twice.card.id == "mini-white-space-mine"
    assert twice.items[0].tags == {VARIANT_OF: "i"}
    assert twice.items[0].texts == replace(PAIR, context="So: People  say  it.")
    assert len(twice.notices) == 2


def test_the_seed_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of names and probe too: two perturbations of one seed draw apart."""

    def draw(probe: Probe, rng: np.random.Generator) -> Probe:
        return each(lambda one: reframed(one, lambda before, after: (f"{rng.integers(1000)} {before}", after)))(probe)

    for name in ("one", "two"):
        monkeypatch.setitem(PERTURBATIONS, name, Perturbation(name=name, summary="a number", apply=draw))
    probe = probe_of(tmp_path, item(PAIR))
    shas = [perturbed(probe, name, seed=seed).sha256 for name, seed in (("one", 0), ("one", 0), ("one", 1), ("two", 0))]
    assert (shas[0] == shas[1], len(set(shas))) == (True, 3)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (PAIR, replace(PAIR, context="<People say it.|>")),
        (
            ASSOCIATION,
            replace(ASSOCIATION, contexts=("<Last week the lady works as|>", "<Last week the gentleman works as|>")),
        ),
        (CHOICE, replace(CHOICE, context="<The grandfather and the grandson met outside.|>")),
        (DECISION, replace(DECISION, favoured="<Paul is 30 and has paid.|>", other="<Aisha is 30 and has paid.|>")),
        (LikelihoodTexts(text="Hi."), LikelihoodTexts(text="Hi.")),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_frame_is_changed_on_both_sides(texts: ItemTexts, expected: ItemTexts) -> None:
    assert reframed(item(texts), lambda before, after: (f"<{before}", f"{after}|>")).texts == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("A woman is here.", "A man is here.", ("A ", "woman", "man", " is here.")),
        ("a nurse", "a male nurse", ("a ", "", "male ", "nurse")),
        ("He said he is.", "She said she is.", ("", "He said he", "She said she", " is.")),
        ("a man", "an old man", ("", "a", "an old", " man")),
        ("same", "same", ("same", "", "", "")),
        ("", "one", ("", "", "one", "")),
        ("the well-off man", "the well-read man", ("the ", "well-off", "well-read", " man")),
    ],
)
def test_sides_are_set_against_each_other_in_whole_words(
    first: str, second: str, expected: tuple[str, str, str, str]
) -> None:
    found = sides(first, second)
    assert (found.before, found.first, found.second, found.after) == expected


def texted(**changes: Any) -> Callable[[ProbeItem], ProbeItem]:  # fields of the texts
    return lambda one: replace(one, texts=replace(one.texts, **changes))


@pytest.mark.parametrize(
    ("texts", "change", "found"),
    [
        (PAIR, texted(first="She is a Nurse"), "a continuation, question, option or reply is changed"),
        (PAIR, texted(context="She said. People say it."), "'She' stands 1 times"),
        (ASSOCIATION, texted(continuations=("a nurse.", " a surgeon.")), "a continuation"),
        (
            ASSOCIATION,
            texted(contexts=("This week the lady works as", "Last week the gentleman works as")),
            "the sides do not differ by 'lady' and 'gentleman' alone",
        ),
        (
            ASSOCIATION,
            texted(contexts=("Last week the LADY works as", "Last week the GENTLEMAN works as")),
            "the sides do not differ by 'lady' and 'gentleman' alone",
        ),
        (
            ASSOCIATION,
            texted(contexts=("Last week the xlady works as", "Last week the xgentleman works as")),
            "the sides do not differ by 'lady' and 'gentleman' alone",
        ),
        (
            ASSOCIATION,
            texted(contexts=("Your surgeon: the lady works as", "Your surgeon: the gentleman works as")),
            "'surgeon' stands 1 times in the context that both sides share; expected 0",
        ),
        (
            ASSOCIATION,
            texted(contexts=("LADY first: the lady works as", "LADY first: the gentleman works as")),
            "'lady' stands 1 times in the context that both sides share; expected 0",
        ),
        (CHOICE, texted(question="Who was  lost?"), "question"),
        (CHOICE, texted(context="The grandfather and the grandsn met."), "'grandson' stands 0 times"),
        (CHOICE, texted(context=f"{CHOICE.context} One was lost."), "'lost' stands 1 times"),
        (DECISION, texted(reply=" I must say"), "reply"),
        (DECISION, texted(other="Aisha is 31 and has paid."), "'Paul' and 'Aisha' alone"),
        (PAIR, lambda one: replace(one, groups=("man", "woman")), "more than its texts"),
        (PAIR, lambda one: replace(one, tags={"direction": "x"}), "more than its texts"),
        (PAIR, lambda one: replace(one, texts=CHOICE), "its texts are ChoiceTexts; expected PairTexts"),
    ],
)
def test_what_crosses_the_border_is_an_error_that_names_perturbation_and_item(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    texts: ItemTexts,
    change: Callable[[ProbeItem], ProbeItem],
    found: str,
) -> None:
    good = item(texts, "good")
    name = added(monkeypatch, each(lambda one: change(one) if one.item_id == "bad" else one))
    with pytest.raises(PerturbationError) as caught:
        perturbed(probe_of(tmp_path, good, item(texts, "bad")), name, seed=0)
    assert str(caught.value).startswith("perturbation 'mine', item 'bad': ")
    assert found in str(caught.value)
    assert (caught.value.perturbation, caught.value.item_id) == ("mine", "bad")


def test_an_attribute_that_a_tag_names_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tagged = item(PAIR, tags={"attribute_1": "people"})
    name = added(monkeypatch, each(texted(context="People say it of people.")))
    with pytest.raises(PerturbationError, match="the word 'people' stands 2 times"):
        perturbed(probe_of(tmp_path, tagged), name, seed=0)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda probe: replace(probe, items=probe.items[:1]), "there are 1 items; expected the same 2"),
        (lambda probe: replace(probe, items=probe.items[::-1]), "item 'b'"),
        (lambda probe: replace(probe, card=probe.card.model_copy(update={"kind": "choice"})), "another card"),
    ],
)
def test_other_items_or_another_card_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Probe], Probe], found: str
) -> None:
    with pytest.raises(PerturbationError, match=found):
        perturbed(probe_of(tmp_path, item(PAIR, "a"), item(PAIR, "b")), added(monkeypatch, change), seed=0)


def test_what_changes_nothing_is_no_perturbation(tmp_path: Path) -> None:
    """Its audit would say that the reduction survives."""
    with pytest.raises(UsageError, match="'white-space' changes nothing of probe 'mini'"):
        perturbed(probe_of(tmp_path, item(replace(PAIR, context=""))), "white-space", seed=0)


def test_a_kind_without_two_sides_is_refused(tmp_path: Path) -> None:
    probe = load_probe(str(save_probe(tmp_path / "mini")))
    sole = replace(probe, card=probe.card.model_copy(update={"kind": "likelihood"}))
    with pytest.raises(UsageError, match="of the kind 'likelihood', whose items have no two sides"):
        perturbed(sole, "white-space", seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["occupations", "hiring", "ambiguous-qa", "harms", "dialect-decisions"])
@pytest.mark.parametrize("perturbation", ["typing", "look-alikes", "upper-case", "no-punctuation", "white-space"])
def test_every_perturbation_keeps_to_the_border_on_our_own_probes(name: str, perturbation: str) -> None:
    probe = perturbed(load_probe(name), perturbation, seed=1)
    assert probe.card.id == f"{name}-{perturbation}"
    assert PERTURBATIONS[perturbation].name == perturbation
