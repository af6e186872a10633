"""Heads and MLPs: chosen on one half, tested on the other, beside their controls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import biasaudit
from biasaudit.audits.asked import requests_of
from biasaudit.errors import UsageError
from biasaudit.explanations import EVIDENCE, read_explanation
from biasaudit.explanations.cases import CHOOSE, TEST, cases_of
from biasaudit.explanations.component_tables import ComponentFacts, component_tables
from biasaudit.explanations.components import JOINT, QUESTIONS, WHOLE
from biasaudit.framing import PLAIN
from biasaudit.probes import load_probe
from biasaudit.report import render_explanation
from biasaudit.report.words.explained.components import component_sentence
from biasaudit.report.words.wording import records
from biasaudit.types import ClusterDesign
from tests.attacks.scripted import save_crossed
from tests.explanations import planted, planted_blocks

FACTS = ComponentFacts(design=ClusterDesign.DESIGNED, level=0.95, seed=0, barred={})


def measured(values: dict[tuple[str, str, str], Any], *, n_wordings: int = 8, question: str = "base") -> pd.DataFrame:
    """Return rows as they are measured: (half, unit, what) -> value of each wording, two items a wording."""
    rows = []
    for (half, unit, what), given in values.items():
        for at, value in enumerate(np.broadcast_to(np.asarray(given, dtype=float), n_wordings)):
            rows += [
                {
                    "question": question,
                    "item_id": f"{half}/{at}/{item}",
                    "cluster_id": f"{half} {at}",
                    "also_cluster_id": "",
                    "half": half,
                    "unit": unit,
                    "what": what,
                    "nats": value + (0.01 if item else -0.01),
                }
                for item in range(2)
            ]
    return pd.DataFrame(rows)


HEAD, MLP, BLOCK = "block 1, head 0, last token", "block 0, MLP, between", "block 1"
SPREAD = np.linspace(-0.1, 0.1, 8)


def by_hand(*, slope: float = 1.0, whole: Any = 2.0, random: float = 0.1) -> pd.DataFrame:
    """Return a question in which a head does 1 of 2 nats, an MLP 0.2, and both together 1.5."""
    values: dict[tuple[str, str, str], Any] = {
        ("test", "", "lean"): 2.0 + SPREAD,
        ("test", WHOLE, "effect"): whole + SPREAD,
    }
    for unit, effect in ((HEAD, 1.0), (MLP, 0.2), (BLOCK, 1.1)):
        values |= {
            ("choose", unit, "first order"): effect,
            ("test", unit, "first order"): effect * slope,
            ("test", unit, "effect"): effect + SPREAD,
            ("test", unit, "random direction"): random + SPREAD[::-1],
            ("test", unit, "same side"): 0.3 - SPREAD,
        }
    values["test", JOINT, "effect"] = 1.5 + SPREAD
    return measured(values)


def test_what_was_measured_becomes_the_right_numbers() -> None:
    components, questions = component_tables(by_hand(), FACTS)
    (asked,) = records(questions)
    assert asked["flag"] == ""
    assert (asked["lean"], asked["whole"], asked["joint"]) == pytest.approx((2.0, 2.0, 1.5))
    # Blocks are no part of the sum: their components would count twice.
    assert asked["summed"] == pytest.approx(1.2)
    assert asked["held_out_share"] == pytest.approx(1.0)
    assert (asked["n_choose"], asked["n_test"], asked["n_clusters"], asked["n_same_side"]) == (16, 16, 8, 16)
    rows = {row["unit"]: row for row in records(components)}
    assert (rows[HEAD]["effect"], rows[HEAD]["share"]) == pytest.approx((1.0, 0.5))
    assert (rows[HEAD]["random"], rows[HEAD]["same_side"]) == pytest.approx((0.1, 0.3))
    assert (rows[HEAD]["rank"], rows[MLP]["rank"], rows[BLOCK]["rank"]) == (1, 2, 1)
    # The MLP does less than another context of the same side.
    assert {unit: row["confirmed"] for unit, row in rows.items()} == {HEAD: True, MLP: False, BLOCK: True}
    # Eight wordings that all agree: one of 256 flips is as large, in each of three families.
    assert rows[HEAD]["p_adjusted"] == pytest.approx(3 / 256, abs=1e-6)
    assert asked["same_side_asked"]
    said = component_sentence(asked, records(components))
    assert said.startswith("In the base the log odds lean by 2.00")
    assert f"Putting in what {HEAD} writes for the other context takes 1.00 (0.94 to 1.06) of it, 50" in said
    assert "a random direction of the same length: 0.10" in said


def test_a_component_that_works_against_the_lean_is_said_to() -> None:
    rows = by_hand()
    rows.loc[rows["unit"].isin([HEAD]), "nats"] *= -1
    components, questions = component_tables(rows, FACTS)
    said = component_sentence(records(questions)[0], records(components))
    assert f"what {HEAD} writes for the other context adds 1.00 (0.94 to 1.06) to it: it works against the lean" in said


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"slope": 0.51}, "does not come back on the other (0.51 of it)"),
        ({"slope": -1.0}, "does not come back on the other (-1.00 of it)"),
        ({"whole": 0.0}, "not shown to differ from 0"),
    ],
)
def test_nothing_is_named_where_the_other_half_does_not_show_it(given: dict[str, Any], why: str) -> None:
    components, questions = component_tables(by_hand(**given), FACTS)
    assert why in questions["flag"].iloc[0]
    assert not components["confirmed"].any()
    assert "nothing is named" in component_sentence(records(questions)[0], records(components))


def test_a_control_that_too_few_clusters_have_is_said_not_to_be_asked() -> None:
    rows = by_hand()
    few = rows[~((rows["what"] == "same side") & ~rows["cluster_id"].isin(["test 0", "test 1"]))]
    components, questions = component_tables(few, FACTS)
    assert not questions["same_side_asked"].iloc[0]
    assert questions["n_same_side"].iloc[0] == 4
    # Two families of tests are left.
    (row,) = [row for row in records(components) if row["unit"] == HEAD]
    assert row["p_adjusted"] == pytest.approx(2 / 256, abs=1e-6)


def test_a_random_direction_that_does_as_much_is_the_threshold() -> None:
    components, _ = component_tables(by_hand(random=1.05), FACTS)
    assert not components[components["unit"] == HEAD]["confirmed"].iloc[0]


def test_too_few_wordings_have_no_interval_and_nothing_is_named() -> None:
    rows = by_hand()
    few = rows[rows["cluster_id"].isin([f"{half} {at}" for half in ("choose", "test") for at in range(4)])]
    components, questions = component_tables(few, FACTS)
    assert "too few clusters" in questions["flag"].iloc[0]
    assert components["effect"].isna().all()
    assert not components["confirmed"].any()


def test_what_bars_a_question_is_said() -> None:
    facts = replace(FACTS, barred={"base": "competence of the base includes chance"})
    components, questions = component_tables(by_hand(), facts)
    assert questions["flag"].tolist() == ["competence of the base includes chance"]
    assert not components["confirmed"].any()


def test_halves_share_no_wording_and_no_word_and_uneven_items_are_counted(tmp_path: Path) -> None:
    probe = load_probe(str(save_crossed(tmp_path / "mini")))
    requests = requests_of(probe, (PLAIN,), None)
    # One token a word.
    encoded = {
        one.key: (tuple(map(hash, one.context.split())), tuple(map(hash, one.continuation.split()))) for one in requests
    }
    found = cases_of(probe.items, requests, encoded, also="pair", seed=1)
    assert found.crossed
    wordings, words = (
        [{getattr(one, name) for one in found.cases if one.half == half} for half in (CHOOSE, TEST)]
        for name in ("cluster_id", "also_id")
    )
    assert not wordings[0] & wordings[1]
    assert not words[0] & words[1]
    assert min(map(len, (*wordings, *words))) >= 5
    few = cases_of(probe.items, requests, encoded, also="pair", seed=1, n_items=7)
    assert [sum(one.half == half for one in few.cases) for half in (CHOOSE, TEST)] == [7, 7]
    first = probe.items[0].item_id
    longer = {
        request.key: ((*encoded[request.key][0], 7), encoded[request.key][1])
        for request in requests
        if request.item_id == first and request.part.endswith("A")
    }
    assert cases_of(probe.items, requests, {**encoded, **longer}, also="pair", seed=1).n_uneven == found.n_uneven + 1


@pytest.fixture(scope="module")
def audit(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished audit of random weights, which no test changes."""
    folder = tmp_path_factory.mktemp("components")
    # Words of as many letters: the tokens are letters.
    probe = save_crossed(folder / "mini", groups=("mother", "father"))
    given: dict[str, Any] = {"framing_names": ("plain",), "device": "cpu", "out": folder / "audit"}
    biasaudit.audit(str(models / "base"), str(models / "tuned"), probes=[str(probe)], **given)
    return folder / "audit"


def test_random_weights_are_flagged_and_everything_is_kept(audit: Path, tmp_path: Path) -> None:
    found = biasaudit.explain(audit, probe="mini", evidence=("components",), out=tmp_path / "out")
    assert found.questions["question"].tolist() == list(QUESTIONS)
    assert (found.questions["flag"] != "").all()
    assert not found.components["confirmed"].any()
    # Everything put in is the other context: the whole is d itself.
    swapped = found.questions[found.questions["question"] != "change"]
    np.testing.assert_allclose(swapped["whole"], swapped["lean"], atol=1e-4)
    again = read_explanation(tmp_path / "out")
    barred = dict(zip(found.questions["question"], found.questions["flag"], strict=True))
    facts = replace(FACTS, seed=found.facts.seed, design=found.facts.design, barred=barred)
    components, questions = component_tables(again.evidence.tables["patches"], facts)
    pd.testing.assert_frame_equal(components, again.components)
    pd.testing.assert_frame_equal(questions, again.questions)
    page = render_explanation(again)
    assert page.count("nothing is named, since") == 3
    assert "Not measured" not in page.split('id="components"')[1].split("</section>")[0]


def test_halves_that_cannot_be_made_are_a_status(models: Path, tmp_path: Path) -> None:
    """A probe of one wording has nothing to choose on."""
    one = save_crossed(tmp_path / "one", n_templates=1, groups=("mother", "father"))
    given: dict[str, Any] = {"framing_names": ("plain",), "device": "cpu", "out": tmp_path / "audit"}
    biasaudit.audit(str(models / "base"), str(models / "tuned"), probes=[str(one)], **given)
    found = biasaudit.explain(tmp_path / "audit", probe="one", evidence=("components",))
    assert "one half of the wordings has no item" in found.evidence.unmeasured["components"]
    assert "one half of the wordings has no item" in render_explanation(found)


def test_evidence_that_was_not_asked_for_is_said(audit: Path) -> None:
    found = biasaudit.explain(audit, probe="mini", evidence=())
    assert dict(found.evidence.unmeasured) == dict.fromkeys(EVIDENCE, "it was not asked for")
    assert found.components.empty
    assert "it was not asked for" in render_explanation(found)
    with pytest.raises(UsageError, match="no evidence 'hearts'"):
        biasaudit.explain(audit, probe="mini", evidence=("hearts",))
    with pytest.raises(UsageError, match="records are not among the evidence"):
        biasaudit.explain(audit, probe="mini", evidence=("words",), records=audit / "manifest.json")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 5])
def test_the_block_that_was_trained_comes_first_beyond_its_controls(tmp_path: Path, seed: int) -> None:
    """Block 0 and block 5 of a leaning base; with sides drawn anew nothing is named, nor in drawn weights."""
    base = planted.base_of(tmp_path, seed, steps=planted.BASE_STEPS // 2)
    child, block = planted_blocks.child_of(tmp_path, seed)
    components, asked = planted_blocks.change(base, child, seed=seed)
    first = components.iloc[0]
    assert (first["unit"], first["confirmed"]) == (f"block {block}", True)
    assert first["effect_ci_low"] > first["random_ci_high"]
    top = components[~components["is_block"]].iloc[0]
    assert top["unit"].startswith(f"block {block}, ")
    assert top["confirmed"]
    assert 0.75 <= asked["held_out_share"].iloc[0] <= 1.25
    permuted, _ = planted_blocks.carried(planted.loaded(base), seed=seed, permuted=True)
    assert not permuted["confirmed"].any()
    drawn, of_drawn = planted_blocks.carried(planted_blocks.scrambled(base, seed), seed=seed)
    assert of_drawn["flag"].iloc[0]
    assert not drawn["confirmed"].any()


def test_no_section_says_more_than_its_evidence(audit: Path) -> None:
    """What is read off a model is not what it uses, and one model says nothing of a change."""
    page = render_explanation(biasaudit.explain(audit, probe="mini"))
    for name in ("components", "words", "layers", "training-data"):
        section = page.split(f'id="{name}"')[1].split("</section>")[0].lower()
        assert not [word for word in ("still inside", "removed", "robust", "forgotten") if word in section]
    assert "nothing" in page.split('id="layers"')[1].split("</section>")[0]
