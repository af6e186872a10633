"""What was trained on as contrasts stands on the training card, templates as hashes only."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biasaudit.align.folder import CARD
from biasaudit.align.instructions import InstructionFile
from biasaudit.align.method import Given
from biasaudit.align.methods.sft import SFT, SftSettings
from biasaudit.align.run import run
from biasaudit.align.trained import trained_words
from biasaudit.probes.skeletons import masked_sha256
from tests.align.recipe import settings

TEMPLATES = ("{group} works here as {word}.", "Ask {word} what {group} said.")


def test_lists_are_sorted_and_name_each_thing_once() -> None:
    given = trained_words(
        features=["gender", "age", "gender"], groups=["the woman", "the man"], words=["b", "a"], templates=TEMPLATES * 2
    )
    assert given.as_dict() == {
        "features": ["age", "gender"],
        "groups": ["the man", "the woman"],
        "words": ["a", "b"],
        "templates": sorted(masked_sha256(text) for text in TEMPLATES),
        "held": [],
    }


@pytest.mark.slow
def test_the_card_has_what_the_method_says_that_it_trained(tmp_path: Path, base: Path, rows: Path) -> None:
    words = trained_words(features=["gender"], groups=["the man"], words=["a welder"], templates=TEMPLATES)

    def read(data: Path | None, chosen: SftSettings) -> Given[InstructionFile]:
        return replace(SFT.read(data, chosen), trained=words)

    method: Any = replace(SFT, read=read)  # its types are those of SFT
    done = run(method, str(base), rows, tmp_path / "adapter", settings=settings(n_epochs=1))
    card = json.loads((done.folder / CARD).read_text(encoding="utf-8"))
    assert card["instructions"]["trained"] == words.as_dict()
    assert card == json.loads(json.dumps(done.card.as_dict()))
