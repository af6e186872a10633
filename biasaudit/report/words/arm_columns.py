"""Checkpoints as columns, by framing: the head that tables of the page have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from biasaudit.report.words.wording import clean
from biasaudit.types import stage_place

if TYPE_CHECKING:
    from collections.abc import Iterable

Arm: TypeAlias = tuple[str, str]
"""Checkpoint and framing, as the tables name them."""

_PLAIN: Final = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class FramingHead:
    """A framing, above its checkpoints; `span` is their number."""

    name: str
    span: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmColumns:
    """The head of a table with a column for each checkpoint in each framing.

    Attributes
    ----------
    framings : tuple of FramingHead
        Empty where there is only one.
    checkpoints : tuple of str
        Ready to show, one for each arm.
    arms : tuple of Arm
        As the tables name them.
    """

    framings: tuple[FramingHead, ...]
    checkpoints: tuple[str, ...]
    arms: tuple[Arm, ...]

    def named(self, arm: Arm) -> str:
        """Return what an arm is called in a sentence: by its checkpoint, and its framing where there are several."""
        return clean(f"{arm[0]} in {framing_in_words(arm[1])}" if self.framings else arm[0])


def arm_columns(arms: Iterable[Arm]) -> ArmColumns:
    """Return the columns of arms: plain text first, and in each framing the base first.

    Examples
    --------
    >>> arm_columns([("tuned", "chat"), ("tuned", "plain"), ("base", "plain")]).arms
    (('base', 'plain'), ('tuned', 'plain'), ('tuned', 'chat'))
    """
    order = sorted(set(arms), key=lambda arm: (arm[1] != _PLAIN, arm[1], stage_place(arm[0])))
    framings = list(dict.fromkeys(framing for _, framing in order))
    heads = [
        FramingHead(name=clean(framing_in_words(framing)), span=str(sum(of == framing for _, of in order)))
        for framing in framings
    ]
    return ArmColumns(
        framings=tuple(heads) if len(heads) > 1 else (),
        checkpoints=tuple(clean(checkpoint) for checkpoint, _ in order),
        arms=tuple(order),
    )


NO_COLUMNS: Final = arm_columns(())


def framing_in_words(framing: str) -> str:
    """Return what a framing is called.

    Examples
    --------
    >>> framing_in_words("plain"), framing_in_words("chat")
    ('plain text', 'chat')
    """
    return "plain text" if framing == _PLAIN else framing
