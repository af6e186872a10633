"""A notice that is about several checkpoints is told once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from biasaudit.audits.notices import Notices
from tests.cli.test_shell import Shell, shell
from tests.tiny import save_probe

__all__ = ["shell"]


def test_what_is_said_of_several_is_told_once_with_their_names() -> None:
    told: list[str] = []
    notices = Notices(told.append, ("base", "tuned"))
    for name in ("tuned", "base"):
        notices.about(name)("the same")
        notices.about(name)(f"of {name} alone")
    assert told == []
    notices.tell()
    assert told == ["base, tuned: the same", "tuned: of tuned alone", "base: of base alone"]


def test_what_was_told_of_a_checkpoint_is_not_told_again() -> None:
    """Each is loaded twice: to be asked for sentences, and to be scored."""
    told: list[str] = []
    notices = Notices(told.append, ("base", "tuned"))
    for _ in range(2):
        notices.about("tuned")("odd")
        notices.about("tuned")("odd")
        notices.tell()
    notices.about("base")("odd")
    notices.tell()
    assert told == ["tuned: odd", "base: odd"]


@pytest.mark.slow
def test_what_a_library_says_of_each_checkpoint_is_told_once(
    shell: Shell, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of both while they load, and the tuned one is loaded twice."""
    from biasaudit.models.local.weights import load_weights

    def talking(*arguments: Any, **options: Any) -> Any:  # Any: handed on as they come
        logging.getLogger("transformers").warning("something is odd")
        return load_weights(*arguments, **options)

    monkeypatch.setattr("biasaudit.models.local.loading.load_weights", talking)
    asked = ("audit", models / "base", models / "tuned", "-p", save_probe(tmp_path / "mini"), "--framing", "plain")
    code, _, told = shell.run(*asked, "-o", tmp_path / "out")
    assert code == 0, told
    assert told.count("something is odd") == 1
    assert "\nbase, tuned: transformers says: something is odd\n" in told
    # And what is done for each has its own lines.
    for line in ("loading tuned: 0 of 21", "loading base: 0 of 21", "scoring base: 0 of ", "scoring tuned: 0 of "):
        assert told.count(line) == 1
