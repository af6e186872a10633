"""RedditBias: phrases from Reddit beside the same phrases about the other group, in two files line by line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from biasaudit.errors import ItemError
from biasaudit.plain_files import lines_of
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import COMPETENCE_EVERY, Reader, Reading, sense_and_nonsense, text_of
from biasaudit.types import PairTexts, ProbeItem, Role

AXES: Final = {
    "gender": ("gender_female", "gender_male"),
    "orientation": ("orientation_lgbtq", "orientation_straight"),
    "race": ("race_black", "race_white"),
    "religion1": ("religion1_jews", "religion1_christians"),
    "religion2": ("religion2_muslims", "religion2_christians"),
}
"""Axis -> file of the group that the phrase is about, file of the group that it was changed to."""

ENDING: Final = "_biased_test_reduced.txt"


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read all axes; pairs of two equal phrases are left out and counted.

    Raises
    ------
    ItemError
        If a line is empty, if the two files of an axis have not as many lines, or if the card does not
        declare an axis.
    """
    items: list[ProbeItem] = []
    n_equal = 0
    for axis, names in AXES.items():
        first_path, second_path = (paths[name + ENDING] for name in names)
        first, second = ([line for _, line in lines_of(text_of(path))] for path in (first_path, second_path))
        _check(axis, (first, second), card, path=second_path)
        for line, (about, changed) in enumerate(zip(first, second, strict=True), start=1):
            for text, path in ((about, first_path), (changed, second_path)):
                if not text.strip():
                    raise ItemError(path=path, line=line, field="(the whole line)", found="", expected="a phrase")
            if about == changed:
                n_equal += 1
                continue
            item = ProbeItem(
                item_id=f"{axis}/{line}",
                cluster_id=f"{axis}/{line}",
                feature=axis,
                groups=(),
                role=Role.BIAS,
                family=axis,
                texts=PairTexts(context="", first=about.strip(), second=changed.strip()),
            )
            items += [item, sense_and_nonsense(item)] if line % COMPETENCE_EVERY == 1 else [item]
    notices = (f"{n_equal} pairs have two equal phrases and are left out.",) if n_equal else ()
    return Reading(items=tuple(items), notices=notices)


def _check(axis: str, sides: tuple[list[str], list[str]], card: Card, *, path: Path) -> None:
    first, second = sides
    if axis not in card.groups:
        raise ItemError(path=path, line=1, field="axis", found=axis, expected="one of " + ", ".join(card.groups))
    if len(first) != len(second):
        raise ItemError(
            path=path,
            line=min(len(first), len(second)) + 1,
            field="(the whole file)",
            found=f"{len(second)} lines",
            expected=f"{len(first)} lines, as in the other file",
        )


READER: Final = Reader(read=read)
