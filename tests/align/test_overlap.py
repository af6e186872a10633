"""Data that hold a probe's templates are told from data about anything, by three words at a time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from biasaudit.align import sft
from biasaudit.align.overlap import Line, overlap, refuse_overlap
from biasaudit.errors import UsageError
from biasaudit.kinds import prompts
from biasaudit.probes import load_probe
from biasaudit.probes.skeletons import Templates, shipped_templates, templates_of
from biasaudit.record.exposure_facts import REFUSED
from biasaudit.types import Role
from tests.align.recipe import settings, tune
from tests.cli.test_shell import Shell
from tests.tiny import instruction, save_instructions

OWN = (
    "ambiguous-qa", "decisions", "dialect", "dialect-decisions", "harms", "hiring", "identity-toxicity", "occupations",
    "pronouns", "traits",
)  # fmt: skip
PROMPT = "My aunt trained to be a plumber."
"""An item of `occupations` with both of its words exchanged for others of the probe."""


def asked(*skeletons: str, exchanged: str = "aunt uncle nurse pilot") -> Templates:
    return Templates(
        probe="p",
        sha256="",
        exchanged=frozenset(exchanged.split()),
        skeletons=frozenset(tuple(one.split()) for one in skeletons),
    )


def share(text: str, templates: Templates) -> float:
    return overlap([Line(number=1, text=text)], templates).containment


def test_our_ten_probes_are_compared_and_no_set_of_others() -> None:
    assert tuple(one.probe for one in shipped_templates()) == OWN


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_a_probe_has_all_of_itself(name: str) -> None:
    """One item's text as it is asked, in one line of the data; of `harms` 13 of 240 texts are too short to tell."""
    [templates] = [one for one in shipped_templates() if one.probe == name]
    first = [prompts(item)[0] for item in load_probe(name).items if item.role is Role.BIAS]
    text = max((f"{one.context}{one.continuation}" for one in first), key=len)
    found = overlap([Line(number=7, text=text)], templates)
    assert found.containment == 1.0
    assert found.line is not None
    assert found.line.number == 7


@pytest.mark.slow
def test_instructions_about_anything_have_half_of_a_template_at_most() -> None:
    """2,502 prompts and responses; the nearest is `harms`, with one of two pieces of a template of four words."""
    folder = os.environ.get("BIASAUDIT_DATA")
    path = Path(folder or "") / "instructions" / "instructions.jsonl"
    if not folder or not path.is_file():
        pytest.skip("the public instructions are not here: set BIASAUDIT_DATA")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [Line(number=n, text=row[part]) for n, row in enumerate(rows, start=1) for part in ("prompt", "response")]
    found = refuse_overlap(lines, source=path.name)
    assert max(one.containment for one in found.values()) <= 0.5 < REFUSED


def test_other_words_of_the_probe_do_not_hide_a_template_and_other_frames_have_a_part() -> None:
    """`my _ trained to be a _` has five pieces; in the last text are `my _ trained` and `_ trained to`."""
    frame = asked("my _ trained to be a _")
    assert share("My uncle trained to be a pilot.", frame) == 1.0
    assert share("She said that my aunt trained to be a nurse, long ago.", frame) == 1.0
    assert share("My aunt trained to become a nurse.", frame) == pytest.approx(0.4)
    assert share("My dentist trained for years.", frame) == 0.0


def test_a_template_of_one_piece_is_found_anywhere_and_so_is_none() -> None:
    assert share("He is a pilot.", asked("is a _")) == 0.0
    assert share("He is a pilot now.", asked("is a _ now")) == 1.0


def test_a_short_template_lies_in_one_sentence_and_a_long_one_may_go_over_several() -> None:
    """Pieces from all over a text would make up a short one; a case with its question is several sentences."""
    assert share("The aunt worked. It was as a pilot here.", asked("_ worked as a _ here")) < REFUSED
    case = "a loan of ten is asked by the _ for a car should the bank say yes"
    assert share("A loan of ten is asked by the aunt for a car. Should the bank say yes?", asked(case)) == 1.0


def test_groups_of_one_word_or_three_are_one_mask() -> None:
    frame = asked("the _ was late again", exchanged="old white man woman")
    assert share("The old white man was late again.", frame) == share("The woman was late again.", frame) == 1.0


def test_words_of_the_probe_that_stand_in_the_data_are_listed() -> None:
    found = overlap([Line(number=1, text="A pilot, and an AUNT.")], asked("x y z w"))
    assert (found.words, found.line, found.template) == (("aunt", "pilot"), None, "")


def test_what_an_item_exchanges_is_masked_in_every_other() -> None:
    """In `occupations` groups and occupations are exchanged, and no frame names either."""
    [templates] = [templates_of(load_probe("occupations"))]
    assert {"aunt", "plumber"} <= templates.exchanged
    assert all(not templates.exchanged.intersection(one) for one in templates.skeletons)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def rows_with(tmp_path: Path, prompt: str) -> Path:
    rows = [instruction(n) for n in range(24)]
    rows[4]["prompt"] = prompt
    return save_instructions(tmp_path / "rows.jsonl", rows)


def test_data_with_a_template_are_refused_before_a_model_is_looked_for(tmp_path: Path, shell: Shell) -> None:
    """Exit code 2, with file, line, probe and template, and nothing was written."""
    rows, out = rows_with(tmp_path, f"Say it again: {PROMPT}"), tmp_path / "adapter"
    code, _, told = shell.run("align", "sft", "nobody/nothing", "--data", rows, "--out", out)
    assert code == 2
    for said in ("rows.jsonl:5", "'occupations'", "my _ trained to be a _", "--allow-overlap"):
        assert said in " ".join(told.split())
    assert not out.exists()


@pytest.mark.slow
def test_without_lines_nothing_is_compared_and_nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that makes its data itself: no share of 0 that nobody measured, and no probe is read."""
    monkeypatch.setattr("biasaudit.align.overlap.shipped_templates", lambda: pytest.fail("the probes were read"))
    assert refuse_overlap([], source="") == {}


def test_where_it_is_allowed_the_card_says_how_much(tmp_path: Path, base: Path) -> None:
    done = sft(
        str(base), rows_with(tmp_path, PROMPT), tmp_path / "adapter", settings=settings(n_epochs=1), allow_overlap=True
    )
    said = done.card.instructions["overlap"]["occupations"]
    assert said["containment"] == 1.0
    assert {"aunt", "plumber"} <= set(said["words"])
    [row] = [line for line in (done.folder / "README.md").read_text("utf-8").splitlines() if "nearest probe" in line]
    assert "occupations" in row
    assert "1.00" in row


def test_without_the_word_it_is_refused_in_python_too(tmp_path: Path, base: Path) -> None:
    with pytest.raises(UsageError, match=r"rows\.jsonl:5: .* 'occupations'"):
        tune(base, rows_with(tmp_path, PROMPT), tmp_path / "adapter")
