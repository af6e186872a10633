"""What a chat template puts around a user's turn, up to where the words of a real reply stand."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from biasaudit.errors import ChatTemplateError, UsageError
from biasaudit.framing import ChatFrame
from biasaudit.models.text.rendering import RENDERER

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TURNS: Final = ("Which of the two texts was written first?", "Say something.\n\nA. One.\nB. Two.")
_REPLIES: Final = ("Neither was, as far as one knows.", "Both of them came later.")
_ANOTHER: Final = "Name another with --chat-template."

_THOUGHT: Final = r"[\w:.-]*(?:think|thought|reason|reflect|scratch|analysis)[\w:.-]*"
_OPENS: Final = re.compile(
    rf"<(?P<bar>\|?)(?P<tag>(?!end)(?!\w*end_){_THOUGHT})(?P=bar)>|\[(?P<square>THINK\w*)\]|<\|channel\|>\s*analysis",
    re.IGNORECASE,
)
_CLOSES: Final = re.compile(
    rf"</\|?{_THOUGHT}\|?>|<\|/{_THOUGHT}\|>|<\|?end_?(?:of_)?{_THOUGHT}\|?>|\[/THINK\w*\]|<\|end\|>|<\|channel\|>\s*final",
    re.IGNORECASE,
)


def template_date(text: str | None) -> datetime | None:
    """Read the date that templates are told.

    Raises
    ------
    UsageError
        If it is not written as 2025-12-31.

    Examples
    --------
    >>> template_date("2025-12-31")
    datetime.datetime(2025, 12, 31, 0, 0)
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.date().isoformat() != text:
        raise UsageError(
            f"the date of the template is {text[:40]!r}.", fix="Write year, month and day: --template-date 2025-12-31."
        )
    return found


def render_chat(
    tokenizer: PreTrainedTokenizerBase,
    request: str,
    template: str,
    *,
    response: str | None = None,
    date: datetime | None = None,
) -> str:
    """Render a chat template around one user's turn: with the generation prompt, or with a response after it.

    Raises
    ------
    ChatTemplateError
        If it cannot be rendered, or not within the bounds of :mod:`biasaudit.models.text.rendering`.
    """
    return _Template(tokenizer, template, date).render(request, response)


def chat_frame(tokenizer: PreTrainedTokenizerBase, template: str, *, date: datetime | None = None) -> ChatFrame:
    """Return what a chat template puts around the user's turn, up to where the assistant's words begin.

    That is what it writes before a real reply, which may be more than its generation prompt (a space, an empty block
    of thought) or less (a block of thought that is left open).

    Parameters
    ----------
    tokenizer : of transformers
        Whose special tokens the template is given.
    template : str
    date : datetime, optional
        What the template is told when it asks for the date; None is now.

    Raises
    ------
    ChatTemplateError
        If it cannot be rendered, writes other things around other turns, does not write a reply as it is, begins it
        otherwise than it prompts for one, leaves a block of thought open before it, or begins with two beginning
        tokens.
    """
    rendering = _Template(tokenizer, template, date)
    before, prompts = _around(rendering.render(_TURNS[0], None), _TURNS[0])
    after = _before_reply(rendering, before)
    if not _same_place(prompts, after):
        raise ChatTemplateError(
            f"the chat template prompts for a reply with {prompts!r}, and writes {after!r} before one, so that where "
            "a reply stands is not known.",
            fix=_ANOTHER,
        )
    if _left_open(after):
        raise ChatTemplateError(
            f"the chat template writes {after!r} before a reply, so that every text would stand inside a block of "
            "thought that is left open.",
            fix="Name a template with --chat-template that closes it, or audit the plain framing only with "
            "--framing plain.",
        )
    frame = ChatFrame(before=before, after=after, dated=rendering.dated)
    for turn, reply in zip(_TURNS, reversed(_REPLIES), strict=True):
        if not rendering.render(turn, reply).startswith(frame.around(turn) + reply):
            raise ChatTemplateError("the chat template does not put the same text around every turn.", fix=_ANOTHER)
    _one_beginning(tokenizer, before + _TURNS[0])
    return frame


class _Template:
    """A template with what it is told."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template: str, date: datetime | None) -> None:
        self._template = template
        self._variables: dict[str, object] = {
            name: [str(one) for one in token] if isinstance(token, (list, tuple)) else str(token)
            for name, token in tokenizer.special_tokens_map.items()
        }
        # One moment for all renderings: a template that writes the time would differ from itself.
        self._now = (datetime.now() if date is None else date).isoformat()  # noqa: DTZ005  # as transformers' own
        if date is not None:
            self._variables["date_string"] = date.strftime("%d %b %Y")
        self.dated = False

    def render(self, request: str, response: str | None) -> str:
        turns = [{"role": "user", "content": request}]
        if response is not None:
            turns.append({"role": "assistant", "content": response})
        found = RENDERER.render(
            self._template,
            turns,
            variables=self._variables,
            add_generation_prompt=response is None,
            now=self._now,
        )
        self.dated = self.dated or found.dated
        return found.text


def _around(rendered: str, turn: str) -> tuple[str, str]:
    before, found, after = rendered.partition(turn)
    if not found or turn in after:
        raise ChatTemplateError("the chat template does not write the user's turn once and as it is.", fix=_ANOTHER)
    return before, after


def _before_reply(rendering: _Template, before: str) -> str:
    """Return what is written between the user's turn and a real reply."""
    turn, reply = _TURNS[0], _REPLIES[0]
    rendered = rendering.render(turn, reply)
    if not rendered.startswith(before + turn):
        raise ChatTemplateError(
            "the chat template renders the user's turn otherwise once a reply follows it.", fix=_ANOTHER
        )
    after, found, rest = rendered[len(before + turn) :].partition(reply)
    if not found or reply in rest:
        raise ChatTemplateError(
            "the chat template does not write the assistant's reply once and as it is, so that what stands before a "
            "reply is not known.",
            fix=_ANOTHER,
        )
    return after


def _same_place(prompts: str, before_reply: str) -> bool:
    """Whether a prompt for a reply differs from what stands before one in white space and blocks of thought only."""
    shared = next(
        (place for place, (one, other) in enumerate(zip(prompts, before_reply, strict=False)) if one != other),
        min(len(prompts), len(before_reply)),
    )
    # A tag that both have the beginning of belongs to the difference.
    opened = prompts.rfind("<", 0, shared)
    if opened > prompts.rfind(">", 0, shared):
        shared = opened
    return not _CLOSES.sub("", _OPENS.sub("", prompts[shared:])).strip()


def _left_open(after: str) -> bool:
    """Whether a block of thought is open at the end of a text."""
    opened = [found.end() for found in _OPENS.finditer(after)]
    closed = [found.end() for found in _CLOSES.finditer(after)]
    return bool(opened) and (not closed or closed[-1] < opened[-1])


def _one_beginning(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    bos = tokenizer.bos_token_id
    if bos is not None and list(tokenizer(text, add_special_tokens=False)["input_ids"])[:2] == [bos, bos]:
        raise ChatTemplateError("the chat template begins with two beginning tokens.", fix=_ANOTHER)
