from __future__ import annotations

import re
from pathlib import Path

import pytest

from biasaudit.align.contrasts import GroupPair, Template, WordPair, read_contrasts
from biasaudit.align.contrasts.cells import Cell
from biasaudit.align.insertions import Insertions, opened, read_insertions, refuse_telling
from biasaudit.errors import ContrastsError

PAIR = GroupPair(feature="gender", a="the woman", b="the man")
WORDS = WordPair(feature="gender", first="a welder", second="a midwife")


def cell(text: str, order: str = "group_first", groups: GroupPair = PAIR) -> Cell:
    template = Template(id="t", order=order, split="train", text=text, features=("gender",))  # type: ignore[arg-type]
    return Cell(name="gender/t", template=template, groups=(groups,), words=(WORDS,))


def test_our_own_openings_are_read_and_name_nobody_of_our_contrasts() -> None:
    bank = read_insertions()
    assert len(bank.openings) >= 50
    assert re.fullmatch("[0-9a-f]{64}", bank.sha256)
    assert (bank.name, bank.openings[0]) == ("insertions.txt", "Honestly,")
    refuse_telling(bank, read_contrasts())


def test_comments_and_empty_lines_are_not_openings(tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text("# what it is\n\nIn fact,\n  It was late.  \n", encoding="utf-8")
    assert read_insertions(file).openings == ("In fact,", "It was late.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("In fact,\nOften\nIn fact,\n", r"own\.txt:3: 'In fact,' stands in line 1 too"),
        ("Often {group}\n", r"own\.txt:1: .* has braces"),
        ("a" * 201 + "\n", r"own\.txt:1: .* has 201 letters; expected 200 or fewer"),
        ("# nothing\n", r"own\.txt: holds no openings"),
        ("".join(f"Opening {n}\n" for n in range(1001)), r"own\.txt:1001: .* comes after 1000 others"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "own.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ContrastsError, match=message):
        read_insertions(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContrastsError, match="text file with one opening a line"):
        read_insertions(tmp_path / "none.txt")


@pytest.mark.parametrize("opening", ["Said the man,", "Unlike a MIDWIFE,", "Every welder knows:"])
def test_an_opening_that_names_a_group_or_a_word_is_refused(opening: str, tmp_path: Path) -> None:
    """What it did to the difference would be its own."""
    file = tmp_path / "contrasts.yaml"
    file.write_text(
        """
templates:
  - {id: a, order: group_first, text: "Here {group} works as {word}."}
  - {id: b, order: word_first, split: development, text: "Ask {word} what {group} said."}
groups: {gender: [{a: the woman, b: the man}]}
words:
  gender:
    - {first: a welder, second: a midwife}
    - {first: a beautician, second: a bricklayer, split: development}
""",
        encoding="utf-8",
    )
    contrasts = read_contrasts(file)
    with pytest.raises(ContrastsError, match="which the contrasts exchange"):
        refuse_telling(Insertions(openings=("In fact,", opening), sha256="", name="own.txt"), contrasts)
    refuse_telling(Insertions(openings=("The woodman said:", "Manfully,"), sha256="", name="own.txt"), contrasts)


@pytest.mark.parametrize(
    ("text", "opening", "context"),
    [
        ("Today {group} works as {word}.", "Honestly,", "Honestly, today the woman works as"),
        ("Today {group} works as {word}.", "It rained.", "It rained. Today the woman works as"),
        ("I hear {group} works as {word}.", "In fact,", "In fact, I hear the woman works as"),
        ("A note says {group} works as {word}.", "Often", "Often a note says the woman works as"),
        ("TV says {group} works as {word}.", "Often", "Often TV says the woman works as"),
        ("{group} works as {word}.", "In fact,", "In fact, the woman works as"),
        ("{group} works as {word}.", "It rained.", "It rained. The woman works as"),
    ],
)
def test_an_opening_takes_the_capital_of_what_follows_a_comma(text: str, opening: str, context: str) -> None:
    """Of the template's own words; a group keeps its own."""
    found = opened(cell(text), opening).contrast(PAIR, WORDS)
    # Both words begin with "a".
    assert found.contexts[0] == f"{context} a"
    assert found.continuations == (" welder", " midwife")
    assert found.cell == "gender/t"


def test_a_group_that_is_written_with_a_capital_keeps_it() -> None:
    asians = GroupPair(feature="race", a="Asian people", b="Black people")
    found = opened(cell("{group} work as {word}.", groups=asians), "In fact,").contrast(asians, WORDS)
    assert found.contexts == ("In fact, Asian people work as a", "In fact, Black people work as a")
