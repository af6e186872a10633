"""The search for the worst opening, against a plain search of the tests' own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from biasaudit.align.contrasts import read_contrasts
from biasaudit.align.contrasts.cells import Cell, cells_of
from biasaudit.align.insertions import opened
from biasaudit.align.mining import Adversary, Search
from biasaudit.align.settings import Settings
from biasaudit.align.training import adapted
from biasaudit.models import ModelShelf, locate, parse_reference
from tests.align import world
from tests.align.loops import d_nats, logprobs

BANK = ("Indeed", "Sadly", "Often", "Perhaps", "Now", "It rained.")
ANY = 1e9


class Asked:
    """A tiny random model, cells with one pair of words each, and what a search finds in them."""

    def __init__(self, base: Path, folder: Path) -> None:
        self.loaded = ModelShelf().open(locate(parse_reference(str(base))))
        self.model = adapted(self.loaded, Settings(device="cpu"))
        contrasts = read_contrasts(world.save_contrasts(folder / "contrasts.yaml", features=[world.GENDER]))
        self.cells = tuple(
            Cell(name=one.name, template=one.template, groups=one.groups, words=one.words[:1])
            for one in cells_of(contrasts, "train")
        )

    def adversary(self, openings: tuple[str, ...] = BANK, **changes: Any) -> Adversary:  # fields of Search
        search = {"n_candidates": 2, "n_cells": 8, "n_words": 1, "most_nats": ANY, "seed": 0, **changes}
        return Adversary(self.model, self.loaded.tokenizer, self.cells, Search(openings=openings, **search))

    def sizes(self, cell: Cell) -> dict[str, float]:
        """|d| of a cell's only contrast after each opening, by the tests' own computation."""
        asked = [opened(cell, opening).contrast(cell.groups[0], cell.words[0]) for opening in BANK]
        with torch.no_grad():
            found = d_nats(self.model, self.loaded.tokenizer, [(one.contexts, one.continuations) for one in asked])
        return dict(zip(BANK, found.abs().tolist(), strict=True))

    def nats(self, cell: Cell, opening: str) -> list[float]:
        """Log-probability per token of both contexts after their first letter, which is a token."""
        asked = opened(cell, opening) if opening else cell
        contexts = asked.contrast(cell.groups[0], cell.words[0]).contexts
        tokenizer = self.loaded.tokenizer
        with torch.no_grad():
            found = logprobs(self.model, tokenizer, [(context[0], context[1:]) for context in contexts]).tolist()
        return [one / (len(tokenizer(text)["input_ids"]) - 1) for one, text in zip(found, contexts, strict=True)]


@pytest.fixture(scope="module")
def asked(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIASAUDIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return Asked(base, tmp_path_factory.mktemp("mining"))


def opening_of(cell: Cell) -> str:
    return next(one for one in BANK if cell.template.text.startswith(one))


def test_the_worst_opening_of_a_contrast_is_that_of_the_largest_size_of_either_sign(asked: Asked) -> None:
    adversary = asked.adversary()
    adversary.mine(1)
    found = {cell.name.removesuffix(", mined"): opening_of(cell) for cell in adversary.cells(step=1)}
    by_hand = {cell.name: asked.sizes(cell) for cell in asked.cells}
    assert found == {name: max(sizes, key=lambda one: sizes[one]) for name, sizes in by_hand.items()}
    assert set(adversary.found) == set(found.values())
    assert len(set(found.values())) > 1


def test_an_opening_that_the_base_finds_unlikely_is_passed_over(asked: Asked) -> None:
    """At no cost at all, an opening is taken only where both contexts are no less likely per token than without it."""
    adversary = asked.adversary(most_nats=0.0)
    adversary.mine(1)
    found = {cell.name.removesuffix(", mined"): opening_of(cell) for cell in adversary.cells(step=1)}
    n_passed_over = 0
    for cell in asked.cells:
        plain = asked.nats(cell, "")
        sizes = asked.sizes(cell)
        fluent = [
            one for one in BANK if all(now >= before for now, before in zip(asked.nats(cell, one), plain, strict=True))
        ]
        n_passed_over += len(BANK) - len(fluent)
        if fluent:
            assert found[cell.name] == max(fluent, key=lambda one: sizes[one])
    assert n_passed_over > 0


def test_where_no_opening_is_fluent_nothing_is_mined(asked: Asked) -> None:
    adversary = asked.adversary(most_nats=-ANY)
    assert adversary.mine(1) == 0
    assert (adversary.worst, adversary.cells(step=1)) == ((), ())


def test_a_template_that_no_search_came_to_takes_the_worst_of_the_others(asked: Asked) -> None:
    adversary = asked.adversary(n_cells=1)
    adversary.mine(1)
    (only,) = adversary.worst
    assert {opening_of(cell) for cell in adversary.cells(step=1)} == {only}
    assert [cell.name for cell in adversary.cells(step=1)] == [f"{cell.name}, mined" for cell in asked.cells]


def test_a_search_goes_on_from_what_was_kept(asked: Asked) -> None:
    """Later turns try the worst so far and some others; taken up, they find the same."""
    first, second = asked.adversary(), asked.adversary()
    for turn in (1, 2):
        first.mine(turn)
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == first.state_dict()
    assert first.mine(3) == second.mine(3)
    assert second.state_dict() == first.state_dict()
    assert first.cells(step=7) == second.cells(step=7)


def test_an_opening_is_as_bad_as_the_last_search_found_it(asked: Asked) -> None:
    """Once the weights have changed, its size is that of now, whether it is still the worst of a contrast or not."""
    adversary = asked.adversary()
    adversary.mine(1)
    before = dict(adversary.found)
    changing = [weight for name, weight in asked.model.named_parameters() if "lora_B" in name]
    torch.manual_seed(5)
    try:
        for weight in changing:
            torch.nn.init.normal_(weight.data, std=0.1)
        adversary.mine(2)
        by_hand = {one: [asked.sizes(cell)[one] for cell in asked.cells] for one in BANK}
    finally:
        for weight in changing:
            weight.data.zero_()
    now = {one: sum(math.tanh(d / 4) for d in sizes) / len(sizes) for one, sizes in by_hand.items()}
    assert set(before) <= set(adversary.found)
    assert adversary.found == pytest.approx({one: now[one] for one in adversary.found}, abs=1e-5)
    assert any(now[one] < before[one] - 0.01 for one in before)
    assert adversary.worst == tuple(sorted(adversary.found, key=lambda one: -now[one]))[:4]
