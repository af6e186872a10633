"""Progress without a terminal: a line at begin and end, and a notice once. With one: see test_terminal."""

from __future__ import annotations

import re

import pytest

from biasaudit.cli.progress import Shown
from tests.cli.test_terminal import in_a_terminal


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    return err.splitlines()


def test_without_a_terminal_each_piece_of_work_has_a_line_at_begin_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Shown() as shown:
        shown.begin("loading base", 2)
        assert told(capsys) == ["loading base: 0 of 2"]
        shown.advance(2, 0)
        assert told(capsys) == ["loading base: 2 of 2 in a second"]
        shown.begin("scoring base", 1200)
        for _ in range(12):
            shown.advance(100, 5)
    assert told(capsys) == ["scoring base: 0 of 1,200", "scoring base: 1,200 of 1,200 in a second"]


def test_work_that_breaks_off_says_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        with Shown() as shown:
            shown.begin("scoring base", 100)
            shown.advance(40, 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert told(capsys)[-1] == "scoring base: 40 of 100 in a second"


def test_a_checkpoint_that_is_loaded_again_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is loaded to be asked for sentences, and once more to be scored."""
    with Shown() as shown:
        for label in ("loading tuned", "loading base", "loading tuned"):
            shown.say("adding the adapter")
            shown.begin(label, 3)
            shown.advance(3, 0)
    lines = told(capsys)
    assert lines.count("adding the adapter") == 1
    assert [line for line in lines if "loading tuned" in line] == [
        "loading tuned: 0 of 3", "loading tuned: 3 of 3 in a second"
    ]  # fmt: skip


def test_a_long_notice_is_not_broken_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with Shown() as shown:
        shown.say("word " * 60)
        shown.advance(1, 1)  # nothing was begun
    assert told(capsys) == ["word " * 60]


@pytest.mark.parametrize("environment", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}], ids=str)
def test_a_bar_is_of_letters_that_the_terminal_has_and_without_colours_if_none_are_wanted(
    environment: dict[str, str],
) -> None:
    code = """
from biasaudit.cli import terminal
from biasaudit.cli.progress import Shown
with terminal.guarded(), Shown() as shown:
    shown.begin("scoring base", 2)
    shown.advance(2, 0)
"""
    found = in_a_terminal(code, columns=80, more={"NO_COLOR": "1", **environment})
    assert "scoring base --------" in found
    assert found.isascii()
    assert not re.search(r"\x1b\[[0-9;]*m", found)
    assert "\u2501" in in_a_terminal(code, columns=80, more={"LC_ALL": "C.UTF-8"})


@pytest.mark.slow
def test_what_the_cache_answers_at_once_does_not_count_for_the_time_left() -> None:
    """900 of 1,000 at once, then 1 of the 100 in about a second: 99 s are left, and not a second."""
    code = """
import time
from biasaudit.cli import terminal
from biasaudit.cli.progress import Shown
with terminal.guarded(), Shown() as shown:
    shown.begin("scoring base", 1000)
    shown.advance(900, 0)
    time.sleep(1)
    shown.advance(1, 50)
    time.sleep(0.3)
"""
    found = re.findall(r"(\d+) min \d+ s left", in_a_terminal(code, columns=80))
    assert set(found) <= {"1", "2"}
    assert found


@pytest.mark.slow
def test_in_a_terminal_a_bar_says_how_long_is_left_and_fits_80_columns() -> None:
    code = """
import time
from biasaudit.cli import terminal
from biasaudit.cli.progress import Shown
with terminal.guarded():
    with Shown() as shown:
        shown.begin("scoring tuned-2", 2640)
        for n in range(1, 5):
            time.sleep(0.4)
            shown.advance(600, 9_999)
        shown.advance(240, 9_999)
"""
    found = in_a_terminal(code, columns=80)
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in re.split(r"[\r\n]+", found)]
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"(a second|\d s) left$", line.rstrip()) for line in lines)
    last = next(line for line in reversed(lines) if line.strip()).split()
    assert last[:2] == ["scoring", "tuned-2"]
    assert "2640/2640" in last
    assert "in" in last[-3:]
