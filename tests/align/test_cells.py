"""Cells are a feature's templates; what an update sees of them hangs on the seed and its number alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from biasaudit.align.contrasts import read_contrasts
from biasaudit.align.contrasts.cells import Contrast, cells_of, control_cells, drawn, settled, trained_on
from tests.align.contrast_file import save_contrasts


def test_a_cell_is_a_template_of_one_form_with_the_words_of_its_split(tmp_path: Path) -> None:
    found = read_contrasts(save_contrasts(tmp_path))
    train, development = cells_of(found, "train"), cells_of(found, "development")
    assert [one.name for one in train] == ["gender/crane", "gender/crane-back"]
    assert [one.name for one in development] == [
        "gender/ferry",
        "gender/ferry-back",
        "gender/attic",
        "gender/attic-back",
    ]
    assert [pair.first for pair in train[0].words] == ["a diver", "a miner"]
    assert [pair.first for pair in development[0].words] == ["a clown"]


def test_a_contrast_ends_with_its_second_slot_and_what_both_begin_with_is_context(tmp_path: Path) -> None:
    """What follows the slot is left out, in either form; the article of two jobs is expected of nobody."""
    first, back = cells_of(read_contrasts(save_contrasts(tmp_path)), "train")
    assert first.contrast(first.groups[0], first.words[0]) == Contrast(
        cell="gender/crane",
        contexts=("Under the crane Ann waved like a", "Under the crane Bob waved like a"),
        continuations=(" diver", " baker"),
    )
    assert back.contrast(back.groups[0], back.words[0]) == Contrast(
        cell="gender/crane-back",
        contexts=("Under the crane a diver waved at", "Under the crane a baker waved at"),
        continuations=(" Ann", " Bob"),
    )


def test_an_article_that_only_one_word_has_stays_with_it(tmp_path: Path) -> None:
    first, _ = cells_of(read_contrasts(save_contrasts(tmp_path)), "train")
    usher = first.contrast(first.groups[0], replace(first.words[0], second="an usher"))
    assert (usher.contexts[0], usher.continuations) == ("Under the crane Ann waved like", (" a diver", " an usher"))


def test_controls_stand_in_the_place_of_the_groups_of_trained_templates(tmp_path: Path) -> None:
    """Of two forms of words for no group each template takes those that it says."""
    file = save_contrasts(tmp_path)
    assert control_cells(read_contrasts(file)) == ()
    more = "controls: [{a: Boat one, b: Boat two}, {a: Both lakes, b: Both hills, form: many}]\n"
    text = file.read_text(encoding="utf-8").replace("{id: crane,", "{id: crane, group_forms: [many],")
    file.write_text(
        text.replace("gender: [{a: Ann, b: Bob}]", "gender: [{a: Ann, b: Bob}, {a: A, b: B, form: many}]") + more
    )
    cells = control_cells(read_contrasts(file))
    assert [one.name for one in cells] == ["control/gender/crane", "control/gender/crane-back"]
    assert [[pair.a for pair in one.groups] for one in cells] == [["Both lakes"], ["Boat one"]]
    assert cells[1].contrast(cells[1].groups[0], cells[1].words[0]) == Contrast(
        cell="control/gender/crane-back",
        contexts=("Under the crane a diver waved at Boat", "Under the crane a baker waved at Boat"),
        continuations=(" one", " two"),
    )


def test_a_template_with_groups_of_its_own_takes_no_control_unless_it_says_which(tmp_path: Path) -> None:
    """Where "her" and "his" stand, the guests at a table do not fit."""
    file = save_contrasts(tmp_path)
    own = file.read_text(encoding="utf-8").replace("{id: crane,", "{id: crane, groups: {gender: [{a: her, b: his}]},")
    file.write_text(own + "controls: [{a: Boat one, b: Boat two}]\n", encoding="utf-8")
    assert [one.name for one in control_cells(read_contrasts(file))] == ["control/gender/crane-back"]


def test_every_cell_has_its_turn_and_an_update_is_the_same_whenever_it_is_drawn() -> None:
    cells = cells_of(read_contrasts(None), "train")
    size = {"n_cells": 5, "n_words": 2}
    n_steps = len(cells)
    updates = [drawn(cells, seed=3, step=step, **size) for step in range(1, n_steps + 1)]
    assert {len({one.cell for one in update}) for update in updates[:1]} == {5}
    turns = Counter(cell for update in updates for cell in {one.cell for one in update})
    assert set(turns) == {one.name for one in cells}
    # The 5 rounds may put a cell into one update twice.
    assert max(turns.values()) == 5
    assert min(turns.values()) >= 4
    assert drawn(cells, seed=3, step=7, **size) == updates[6]
    assert drawn(cells, seed=4, step=7, **size) != updates[6]


def test_what_is_asked_again_and_again_is_a_sample_of_every_cell() -> None:
    cells = cells_of(read_contrasts(None), "development")
    found = settled(cells, seed=0, n_groups=2, n_words=3)
    counts = Counter(one.cell for one in found)
    assert set(counts) == {one.name for one in cells}
    assert counts["gender/" + cells[0].template.id] == 3 * min(2, len(cells[0].groups))
    assert len(set(found)) == len(found)


def test_the_card_names_groups_and_words_of_both_splits(tmp_path: Path) -> None:
    found = trained_on(read_contrasts(save_contrasts(tmp_path)))
    assert found.groups == ("Ann", "Bob")
    assert found.words == ("a baker", "a clown", "a diver", "a guard", "a miner", "a tutor")
    assert len(found.templates) == 5  # in the attic both orders leave the same words
