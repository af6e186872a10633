"""The whole of a transfer table, of scripted models whose every answer is known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml

from biasaudit.align.contrasts import read_contrasts
from biasaudit.align.transfer import Size, Transfer, TransferPlan, run
from biasaudit.api import rendered
from biasaudit.errors import BiasauditError, UsageError
from biasaudit.models.backends.scripted import Script, scripted
from biasaudit.types import Request

HERS = ("midwife", "maid", "nanny")
HIS = ("welder", "plumber", "roofer")
PLACES = {"train": ("town", "port", "court", "camp", "yard"), "development": ("hall", "shop", "park", "club", "inn")}


@pytest.fixture(scope="module")
def contrasts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "contrasts.yaml"
    words = [
        {"first": f"a {his}", "second": f"a {hers}", "split": split}
        for his, hers, split in zip(HIS, HERS, ("train", "train", "development"), strict=True)
    ]
    # Turned round, which no direction may depend on.
    words[1]["first"], words[1]["second"] = words[1]["second"], words[1]["first"]
    content = {
        "templates": [
            {
                "id": place,
                "order": "group_first",
                "split": split,
                "text": f"{{group}} became {{word}} near the {place}.",
            }
            for split, places in PLACES.items()
            for place in places
        ],
        "groups": {"gender": [{"a": "she", "b": "he"}]},
        "words": {"gender": words},
        "licensed": {"gender": [{"context": "The queen smiled as", "first": " she", "second": " he"}]},
        "neutral": [f"The {thing} is blue." for thing in ("cup", "lamp", "door", "roof", "boat", "sky")],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "adapter"
    folder.mkdir()
    trained = {"features": ["gender"], "groups": ["she", "he"], "words": [], "templates": []}
    card = {"method": "constraint", "instructions": {"trained": trained}, "settings": {"max_disparity": 0.1}}
    (folder / "training_card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def leaning(name: str, *, trained: float, elsewhere: float, neutral: float) -> Script:
    """Return a model whose d is set: in templates that were trained on, and in all others."""

    def answer(request: Request) -> float:
        word = next((one for one in (*HERS, *HIS) if one in request.continuation), None)
        if word is None:
            return -neutral if request.probe_id == "neutral" else -50.0
        d = trained if any(place in request.continuation for place in PLACES["train"]) else elsewhere
        fits = ("She" in request.context) == (word in HERS)
        return -20.0 + (d / 4 if fits else -d / 4)

    return Script(name=name, answer=answer)


def measured(plan: TransferPlan, out: Path | None = None) -> Transfer:
    scripts = {
        "base": leaning("base", trained=2.0, elsewhere=2.0, neutral=2.0),
        "tuned": leaning("tuned", trained=0.0, elsewhere=1.0, neutral=2.5),
    }
    return run(plan, render=rendered, out=out, way=scripted(scripts))


def plan_of(adapter: Path, contrasts: Path) -> TransferPlan:
    return TransferPlan(
        base="scripted:base", adapter=str(adapter), contrasts=contrasts, probes=("occupations",), limit=20
    )


@pytest.fixture(scope="module")
def found(adapter: Path, contrasts: Path) -> Transfer:
    return measured(plan_of(adapter, contrasts))


def test_each_part_of_the_contrasts_has_the_numbers_of_its_templates(found: Transfer) -> None:
    """The base leans 2 nats everywhere; the tuned model 0 in trained templates and 1 in others: tanh(d / 4)."""
    before, left = math.tanh(0.5), math.tanh(0.25)
    plain = {row.what: row for row in found.rows if row.framing == "plain"}
    for words, n_words in (("trained words", 2), ("held-out words", 1)):
        seen, new = plain[f"trained templates, {words}"], plain[f"held-out templates, {words}"]
        assert (seen.base, seen.tuned) == pytest.approx((before, 0.0))
        assert (new.base, new.tuned) == pytest.approx((before, left))
        assert (seen.n_items, new.n_items, new.trained, new.n_clusters) == (5 * n_words, 5 * n_words, "trained", 5)
    chat = [row.what for row in found.rows if row.framing == "chat" and row.kind == "association"]
    assert chat == ["held-out templates, held-out words", "Gender and occupation"]


def test_neutral_text_is_paired_by_sentence(found: Transfer) -> None:
    """One token a text in scripts: 2.0 and 2.5 nats, each of 6 sentences worse by 0.5."""
    [row] = [row for row in found.rows if row.what == "neutral text of the contrasts"]
    assert (row.base, row.tuned, row.difference, row.ci_low, row.n_items) == (2.0, 2.5, -0.5, -0.5, 6)


def test_facts_name_no_folder_and_say_what_was_trained(found: Transfer, adapter: Path) -> None:
    facts = found.facts
    assert (facts["adapter"], facts["method"], facts["trained_features"]) == ("adapter", "constraint", ["gender"])
    assert facts["settings"] == {"max_disparity": 0.1}
    assert str(adapter.parent) not in json.dumps(facts)


def test_an_adapter_without_a_card_says_that_it_is_not_known_what_was_trained(tmp_path: Path, contrasts: Path) -> None:
    found = measured(plan_of(tmp_path, contrasts))
    assert {row.trained for row in found.rows if row.kind == "association"} == {"unknown"}
    assert found.facts["trained_features"] is None


@pytest.mark.slow
def test_contrasts_that_are_not_those_of_the_card_are_told(adapter: Path, contrasts: Path, tmp_path: Path) -> None:
    """A line more, and nobody knows any more what was trained on and what was held out."""
    card = json.loads((adapter / "training_card.json").read_text(encoding="utf-8"))
    for named, n_told in ((read_contrasts(contrasts).sha256, 0), ("0" * 64, 1)):
        folder = tmp_path / named[:4]
        folder.mkdir()
        (folder / "training_card.json").write_text(
            json.dumps({**card, "identity": {"contrasts_sha256": named}}), encoding="utf-8"
        )
        told = [
            one for one in measured(plan_of(folder, contrasts)).told if "not those that the adapter was trained" in one
        ]
        assert len(told) == n_told


def test_the_audits_are_written_with_their_reports(adapter: Path, contrasts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measured(plan_of(adapter, contrasts), out)
    assert all((out / framing / "report.html").is_file() for framing in ("plain", "chat"))


def test_what_is_wrong_is_told_before_a_model_is_looked_for(adapter: Path, contrasts: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="limit"):
        TransferPlan(base="b", adapter="a", limit=0)
    with pytest.raises(UsageError, match="Name the base alone"):
        TransferPlan(base="base+adapter", adapter="a")
    for wrong in (
        TransferPlan(base="scripted:base", adapter=str(adapter), contrasts=tmp_path / "none.yaml"),
        TransferPlan(base="scripted:base", adapter=str(adapter), contrasts=contrasts, probes=("nothing",)),
        TransferPlan(base="scripted:base", adapter=str(adapter), contrasts=contrasts, instructions=tmp_path / "none"),
    ):
        with pytest.raises(BiasauditError, match=r"none|nothing"):
            run(wrong, render=rendered, way=scripted({}))


@pytest.mark.slow
def test_fewer_words_are_drawn_where_fewer_are_asked_for(adapter: Path, contrasts: Path) -> None:
    plan = TransferPlan(
        base="scripted:base",
        adapter=str(adapter),
        contrasts=contrasts,
        probes=("occupations",),
        limit=20,
        size=Size(templates=5, words=1),
    )
    [row] = [
        row for row in measured(plan).rows if (row.framing, row.what) == ("plain", "trained templates, trained words")
    ]
    assert row.n_items == 5
