"""Adversarial tuning: a lean that one word brings out, which a bound without a search leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biasaudit import align
from biasaudit.align import METHODS, TunedAdapter
from biasaudit.align.methods.adversarial import ADVERSARIAL, AdversarialSettings
from biasaudit.errors import ContrastsError, UsageError
from tests.align import world
from tests.align.loops import d_nats, opened
from tests.align.recipe import Told

STRONG: dict[str, Any] = {"learning_rate": 3e-3, "keep_licensed": 10.0, "cells_per_step": 8, "word_pairs": 4}
"""Every training template in each update: on models this small, two seconds."""


def openings(folder: Path, words: tuple[str, ...] = world.BANK) -> str:
    file = folder / "openings.txt"
    file.write_text("\n".join(words) + "\n", encoding="utf-8")
    return str(file)


def tuned(method: str, base: Path, folder: Path, *, told: Told | None = None, **changes: Any) -> TunedAdapter:
    """Tune on the world's contrasts of gender; the changes are fields of the method's settings."""
    contrasts = folder.parent / f"{folder.name}.yaml"
    if method == "adversarial" and "insertions" not in changes:
        changes["insertions"] = openings(folder.parent)
    settings = METHODS[method].settings(
        contrasts=str(world.save_contrasts(contrasts, features=[world.GENDER])), device="cpu", **changes
    )
    return align.tune(method, str(base), None, folder, settings=settings, progress=told)


def under_attack(base: Path, adapter: Path) -> tuple[float, float]:
    """Return B on held-out templates and occupations without an opening, and after the worst by a loop over words."""
    import torch
    from peft import PeftModel

    model, tokenizer = opened(base)
    model = PeftModel.from_pretrained(model, str(adapter))
    found = []
    for opening in ("", *world.BANK):
        tables = []
        for form in world.GENDER.forms:
            for pair in world.GENDER.words["audit"] if form.split == "audit" else ():
                fields = world.table(form, world.GENDER.groups, pair, opening)
                tables.append((fields["contexts"], fields["continuations"]))
        with torch.no_grad():
            found.append(float((d_nats(model, tokenizer, tables) / 4).tanh().mean()))  # type: ignore[arg-type]
    return found[0], max(found[1:], key=abs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mine_every": 0}, "mine_every is 0; expected 1 or more"),
        ({"candidates": 0}, "candidates is 0; expected 1 or more"),
        ({"mined_cells": 0}, "mined_cells is 0; expected 1 or more"),
        ({"mined_words": 0}, "mined_words is 0; expected 1 or more"),
        ({"fluency": -0.1}, "fluency is -0.1; expected 0 or more"),
        ({"fluency": float("inf")}, "fluency is inf; expected 0 or more"),
        ({"rho": 0.0}, "rho is 0.0; expected more than 0"),
        ({"max_disparity": 0.0}, "max_disparity is 0.0; expected above 0"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        AdversarialSettings(**changes)


def test_what_is_searched_is_part_of_an_adapters_identity(tmp_path: Path) -> None:
    """Other openings are another training; the contrasts are the licence's, unless the openings are somebody's own."""
    ours = ADVERSARIAL.read(None, AdversarialSettings())
    own = ADVERSARIAL.read(None, AdversarialSettings(insertions=openings(tmp_path, ("In fact,",))))
    assert ours.identity["insertions_sha256"] != own.identity["insertions_sha256"]
    assert ours.identity["contrasts_sha256"] == own.identity["contrasts_sha256"]
    assert (ours.licence, own.licence) == ("Apache-2.0", None)
    assert ours.trained == own.trained == METHODS["constraint"].read(None, METHODS["constraint"].settings()).trained


def test_openings_that_name_a_group_are_refused_before_a_model_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ContrastsError, match=r"openings\.txt: 'Then he said,' names 'he'"):
        tuned("adversarial", tmp_path, tmp_path / "out", insertions=openings(tmp_path, ("Then he said,",)))


@pytest.mark.slow
def test_it_goes_on_to_equal_bytes_with_what_was_found(base: Path, tmp_path: Path) -> None:
    """Interrupted between two searches: the openings and both kinds of multipliers are taken up."""
    few: dict[str, Any] = {
        "n_steps": 5,
        "checkpoint_every_steps": 2,
        "mine_every": 2,
        "check_every": 5,
        "cells_per_step": 2,
    }
    few |= {"word_pairs": 1, "mined_cells": 2, "candidates": 2}

    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    whole = tuned("adversarial", base, tmp_path / "whole", max_disparity=1e-4, **few)
    with pytest.raises(KeyboardInterrupt):
        tuned("adversarial", base, tmp_path / "out", told=Told(stop), max_disparity=1e-4, **few)
    told = Told()
    again = tuned("adversarial", base, tmp_path / "out", told=told, max_disparity=1e-4, **few)
    assert "going on after step 2 of 5" in told.lines
    assert again.card.curves == whole.card.curves
    assert again.card.facts == whole.card.facts
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    assert {"lambda, no opening", "lambda, after an opening", "mined |y|"} <= set(whole.card.curves)
    assert [step for step, _ in whole.card.curves["mined |y|"]] == [2, 4]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_lean_after_one_word_is_found_and_goes_where_a_bound_alone_leaves_it(
    triggered_base: Path, tmp_path: Path, seed: int
) -> None:
    """The attack that measures is a loop of the tests' own over held-out templates and words."""
    left = tuned("constraint", triggered_base, tmp_path / "constraint", seed=seed, **STRONG)
    plain, attacked = under_attack(triggered_base, left.folder)
    assert abs(plain) < 0.1
    assert attacked >= 0.5
    # What is fluent is another question: on some processors this base finds the word a nat less likely than others.
    mined = tuned("adversarial", triggered_base, tmp_path / "adversarial", seed=seed, **STRONG, fluency=3.0)
    plain, attacked = under_attack(triggered_base, mined.folder)
    assert abs(plain) <= 0.1
    assert abs(attacked) <= 0.1
    assert str(mined.card.facts["worst openings"]).split(", ")[0] == world.TRIGGER
    assert any(f"worst of the base: {world.TRIGGER}" in line for line in ADVERSARIAL.told(mined.card))
