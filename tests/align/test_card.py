from __future__ import annotations

import json
from dataclasses import replace

import pytest

from biasaudit.align import TrainingCard, TunedAdapter
from biasaudit.align.card import to_markdown
from biasaudit.align.methods.sft import SFT

HOSTILE = "x|y <img src=a onerror=b> [click](http://c) `code` **bold**\n# heading\u202e\\|"


def test_a_card_comes_back_from_its_json(tuned: TunedAdapter) -> None:
    content = json.loads(json.dumps(tuned.card.as_dict()))
    assert TrainingCard.from_dict(content) == tuned.card


def test_texts_from_outside_do_nothing_in_the_model_card(tuned: TunedAdapter) -> None:
    card = replace(
        tuned.card,
        base={**tuned.card.base, "name": HOSTILE, "on_hub": True, "revision": HOSTILE},
        instructions={**tuned.card.instructions, "licence": HOSTILE, "file": HOSTILE},
        end_of_turn=HOSTILE,
    )
    plain, text = to_markdown(tuned.card, SFT.says), to_markdown(card, SFT.says)
    front, body = text.split("\n---\n", 1)
    assert f"base_model: {json.dumps(HOSTILE)}" in front
    for active in ("<img", "](", "`code`", "**bold**", "\n# heading", "\u202e", "\\|"):
        assert active not in body, active
    assert body.count("\n") == plain.split("\n---\n", 1)[1].count("\n")
    assert body.count("|") == plain.split("\n---\n", 1)[1].count("|")


@pytest.mark.parametrize("n_steps", [1, 11, 12, 13, 314])
def test_the_curve_is_shown_in_at_most_twelve_means(tuned: TunedAdapter, n_steps: int) -> None:
    card = replace(tuned.card, loss_nats=tuple((step, float(step)) for step in range(1, n_steps + 1)))
    rows = to_markdown(card, SFT.says).split("| updates | mean loss |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    assert 1 <= len(rows) <= 12
    assert rows[0].startswith("| 1 to ")
    assert f" to {n_steps} | " in rows[-1]
    if n_steps == 314:
        # 27 updates a row: the mean of 1 to 27 is 14.
        assert rows[0] == "| 1 to 27 | 14.000 |"


def test_what_is_not_known_is_said(tuned: TunedAdapter) -> None:
    text = to_markdown(tuned.card, SFT.says)
    assert "| licence | not stated |" in text
    assert "is not measured here" in text
