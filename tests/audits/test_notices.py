"""A notice that is about several checkpoints is told once."""

from __future__ import annotations

from biasaudit.audits.notices import Notices


def test_what_is_said_of_several_is_told_once_with_their_names() -> None:
    told: list[str] = []
    notices = Notices(told.append)
    for name in ("tuned", "base"):
        notices.about(name)("the same")
        notices.about(name)(f"of {name} alone")
    assert told == []
    notices.tell()
    assert told == ["tuned, base: the same", "tuned: of tuned alone", "base: of base alone"]


def test_what_was_told_of_a_checkpoint_is_not_told_again() -> None:
    """Each is loaded twice: to be asked for sentences, and to be scored."""
    told: list[str] = []
    notices = Notices(told.append)
    for _ in range(2):
        notices.about("tuned")("odd")
        notices.about("tuned")("odd")
        notices.tell()
    notices.about("base")("odd")
    notices.tell()
    assert told == ["tuned: odd", "base: odd"]
