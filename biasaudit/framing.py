"""How a text reaches a model: the plain and the chat framing.

``plain``: the beginning token, then the text. ``chat``: the chat template around a neutral
request, with the text as the assistant's turn, where a real reply would stand, or around the
question. Wordings of the request differ in nothing that should matter; how far the index moves
between them says how fragile it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

from biasaudit.languages import ENGLISH, Language
from biasaudit.types import Generation, Request, Sampling, Task

FramingName = Literal["plain", "chat"]

NEUTRAL_REQUESTS: Final = ENGLISH.requests
"""Requests that name no group, no topic and no opinion; each has its like in every language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFrame:
    """What a chat template puts around the user's turn, up to where the assistant's words begin.

    Attributes
    ----------
    before, after : str
        `after` ends where the words of a real reply stand: with the empty block of thought, the space or the line
        break that the template writes before one.
    dated : bool
        Whether the date of the day is in it.
    """

    before: str
    after: str
    dated: bool = False

    def around(self, turn: str) -> str:
        """Return the template around a turn of the user."""
        return self.before + turn + self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """One way of putting a text to a model.

    Attributes
    ----------
    framing_id : str
        ``plain``, or ``chat-1``, ``chat-2``, ...
    framing : {"plain", "chat"}
    request : str or None
        The user's turn, for the chat framing.
    """

    framing_id: str
    framing: FramingName
    request: str | None = None

    def question_lead(self, language: Language) -> str:
        """Return what stands before a question, in this wording."""
        number, leads = self.framing_id.rpartition("-")[2], language.question_leads
        return leads[(int(number) - 1) % len(leads)] if number.isdecimal() else ""

    def request_in(self, language: Language) -> str:
        """Return the user's turn in a language: one of our own has its like there, another stays as it is given.

        Examples
        --------
        >>> from biasaudit.languages import LANGUAGES
        >>> wording = Framing(framing_id="chat-2", framing="chat", request="Say something.")
        >>> wording.request_in(LANGUAGES["fr"])
        'Dites quelque chose.'
        """
        request = self.request or ""
        return language.requests[NEUTRAL_REQUESTS.index(request)] if request in NEUTRAL_REQUESTS else request


PLAIN: Final = Framing(framing_id="plain", framing="plain")


def framings(names: tuple[FramingName, ...], requests: tuple[str, ...] = NEUTRAL_REQUESTS) -> tuple[Framing, ...]:
    """Return the framings that `names` stand for, one per request for ``chat``.

    Examples
    --------
    >>> [framing.framing_id for framing in framings(("plain", "chat"), ("Say something.",))]
    ['plain', 'chat-1']
    """
    chosen: list[Framing] = [PLAIN] if "plain" in names else []
    if "chat" in names:
        chosen += [
            Framing(framing_id=f"chat-{number}", framing="chat", request=request)
            for number, request in enumerate(requests, start=1)
        ]
    return tuple(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What an item asks before any framing: one continuation after one context.

    Attributes
    ----------
    part : str
        Which part of the item this is, in the words of its kind.
    context : str
        May be empty.
    continuation : str
        Starts with the space that separates it from a context.
    turn : str or None
        What a user says who asks this in a chat. None where the text is not a question: then the
        framing's neutral request is the user's turn, and the text the assistant's.
    reply : str
        How the assistant's turn begins, before the continuation, where there is a `turn`.
    options : mapping of str to tuple of str, or None
        What is written after it is read for: name of an answer -> how it is spelt. None asks for the log-probability
        of the continuation.
    """

    part: str
    context: str
    continuation: str
    turn: str | None = None
    reply: str = ""
    options: Mapping[str, tuple[str, ...]] | None = None


def framed(
    prompt: Prompt,
    *,
    item_id: str,
    framing: Framing,
    chat: ChatFrame | None,
    language: Language = ENGLISH,
    probe_id: str = "",
    sampling: Sampling | None = None,
) -> Request:
    """Put `prompt` into `framing`.

    Parameters
    ----------
    prompt : Prompt
    item_id : str
        The item that asks.
    framing : Framing
    chat : ChatFrame or None
        What the template puts around the user's turn; needed for ``chat``.
    language : Language
        Of the prompt: a request or a lead in another one would ask for a translation.
    probe_id : str
        The probe whose item it is.
    sampling : Sampling, optional
        How texts are drawn; needed where the prompt has options.

    Raises
    ------
    ValueError
        If a chat framing comes without the template, or options without a way of drawing.
    """
    continuation = prompt.continuation
    if framing.framing == "plain":
        context, templated = prompt.context, False
    elif chat is None:
        msg = f"framing {framing.framing_id!r} needs a rendered chat template"
        raise ValueError(msg)
    elif prompt.turn is None:
        context, templated = chat.around(framing.request_in(language)) + prompt.context, True
        if not prompt.context:
            continuation = continuation.removeprefix(" ")
    else:
        context, templated = chat.around(framing.question_lead(language) + prompt.turn) + prompt.reply, True
        if not prompt.reply:
            # It opens the assistant's turn.
            continuation = continuation.removeprefix(" ")
    if not context:
        # Nothing stands before it, so there is nothing to separate it from.
        continuation = continuation.removeprefix(" ")
    asks = {"item_id": item_id, "part": prompt.part, "framing_id": framing.framing_id, "probe_id": probe_id}
    if prompt.options is not None:
        return _generation(prompt.options, context, templated=templated, sampling=sampling, **asks)
    return Request(
        key=request_key(context, continuation, templated=templated),
        context=context,
        continuation=continuation,
        templated=templated,
        **asks,
    )


def _generation(
    options: Mapping[str, tuple[str, ...]], context: str, *, templated: bool, sampling: Sampling | None, **asks: str
) -> Generation:
    if sampling is None:
        msg = f"part {asks['part']!r} is to be drawn, and nothing says how"
        raise ValueError(msg)
    key = request_key(context, "", templated=templated, task=Task.GENERATION, sampling=asdict(sampling))
    return Generation(
        key=key, context=context, continuation="", templated=templated, sampling=sampling, options=options, **asks
    )


def request_key(
    context: str,
    continuation: str,
    *,
    templated: bool,
    task: Task = Task.LIKELIHOOD,
    sampling: Mapping[str, float | str] | None = None,
) -> str:
    """Return the hash of what is asked, which is the same whoever asks it.

    Parameters
    ----------
    context, continuation : str
        What is generated has no continuation yet: it is empty.
    templated : bool
    task : Task
        The key of a likelihood is made of the texts alone, as in caches from before there were other tasks.
    sampling : mapping, optional
        Every setting that decides which text is written; needed for a generation, and for nothing else.

    Raises
    ------
    ValueError
        If a generation comes without its settings, or another task with some.
    """
    if (task is Task.GENERATION) != (sampling is not None):
        msg = f"a request of the task {task.value!r} with the sampling settings {sampling!r} has no key"
        raise ValueError(msg)
    asked: list[object] = [context, continuation, templated]
    if task is not Task.LIKELIHOOD:
        asked += [task.value, dict(sampling or {})]
    content = json.dumps(asked, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(content.encode("ascii")).hexdigest()


def template_hash(template: str | None) -> str | None:
    """Return the SHA-256 of a chat template's text, or None where there is none."""
    return None if template is None else hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest()
