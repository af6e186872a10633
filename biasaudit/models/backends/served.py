"""Models behind a server: vLLM, SGLang, llama.cpp's, and whoever gives log-probabilities as they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from biasaudit.errors import LineageError, Together, UsageError
from biasaudit.framing import ChatFrame
from biasaudit.models.backend import LIBRARIES, Found, Prepared, Say, Settings, Way, sampling_of
from biasaudit.models.backends.local import DATED, said_once
from biasaudit.models.cache import open_cache
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.served.client import Client, api_key
from biasaudit.models.served.handshake import Session, shaken
from biasaudit.models.served.model import CAN, ServedModel
from biasaudit.models.served.reference import ServedSpec, is_served, parse_served
from biasaudit.models.served.tokens import Texts, texts_of
from biasaudit.models.served.writing import ServedWriter, Writer, looked_at
from biasaudit.models.text.beginning import Chosen, Speaker, shared_beginning
from biasaudit.models.text.chat import chat_frame, template_date
from biasaudit.models.text.templates import chosen_template
from biasaudit.models.text.tokenizer import chat_templates_of
from biasaudit.types import Ability

CONCURRENCY: Final = 4
"""Requests at once, where nobody says how many."""

RELATION: Final = "served: whether it was tuned from the base is taken on trust"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedReady:
    """Servers that were looked at closely.

    Attributes
    ----------
    sessions : mapping
        Checkpoint -> its server.
    notes : tuple of str
        What is to be said of beginnings and templates.
    chat : ChatFrame or None
        What the chat template puts around a turn; None without the chat framing.
    """

    sessions: Mapping[str, Session]
    notes: tuple[str, ...]
    chat: ChatFrame | None

    def prepared(self) -> Prepared:
        """Return what an audit is to know of them."""
        told = said_once((name, f"{session.told}.") for name, session in self.sessions.items())
        return Prepared(
            relations={name: RELATION for name in self.sessions if name != "base"},
            opened=self.opened,
            sentences=True,
            chat=self.chat,
            same=self._same,
            told=(*told, *self.notes),
            cache=cache_folder(),
            libraries=("transformers", "tokenizers", "httpx2", *LIBRARIES),
        )

    @contextmanager
    def opened(self, say: Say) -> Iterator[Callable[[str], ServedModel]]:
        """Answer by name; nothing is loaded."""
        with open_cache(say) as cache:
            yield lambda name: ServedModel(session=self.sessions[name], cache=cache)

    @property
    def _same(self) -> dict[str, str]:
        """Checkpoints that are the same model of the same server as one before them, and that one."""
        first: dict[str, str] = {}
        earlier = {name: first.setdefault(one.spec.reference, name) for name, one in self.sessions.items()}
        return {name: other for name, other in earlier.items() if other != name}


def _ready(specs: Mapping[str, ServedSpec], settings: Settings, say: Say) -> ServedReady:
    """Load the tokenizers, then ask the servers.

    Raises
    ------
    BiasauditError
        What is wrong with any of them.
    """
    together = Together()
    texts: dict[str, Texts] = {}
    for name, spec in specs.items():
        with together.noted():
            texts[name] = texts_of(spec, say, trust_remote_code=settings.trust_remote_code)
    together.raise_any()
    if not settings.allow_different_lineage:
        _one_vocabulary(texts)
    chosen = shared_beginning({name: _speaker(one) for name, one in texts.items()})
    chat = _chat_frame(texts, settings) if settings.chat else None
    sessions = _sessions(specs, texts, chosen, settings, say)
    _one_level(sessions)
    notes = said_once(chosen.notes.items())
    if chat is not None and chat.dated and settings.template_date is None:
        notes = (*notes, DATED)
    return ServedReady(sessions=sessions, notes=notes, chat=chat)


def _sessions(
    specs: Mapping[str, ServedSpec], texts: Mapping[str, Texts], chosen: Chosen, settings: Settings, say: Say
) -> dict[str, Session]:
    together = Together()
    clients: dict[str, Client] = {}
    sessions: dict[str, Session] = {}
    first = {spec: name for name, spec in reversed(list(specs.items()))}
    for name, spec in specs.items():
        if first[spec] in sessions:
            sessions[name] = sessions[first[spec]]
            continue
        say(f"asking the server of {name} what it can do")
        with together.noted():
            # One for all models of a server: it may ask to be spared.
            client = clients.setdefault(spec.url, Client(spec.url))
            sessions[name] = shaken(
                spec,
                texts[name],
                chosen.beginnings[name],
                client=client,
                concurrency=settings.concurrency or CONCURRENCY,
            )
    together.raise_any()
    return sessions


def _speaker(texts: Texts) -> Speaker:
    return Speaker(tokenizer=texts.tokenizer, n_ids=None)


def _one_vocabulary(texts: Mapping[str, Texts]) -> None:
    """Refuse checkpoints that write the same text in other tokens.

    Raises
    ------
    LineageError
    """
    base = texts["base"].tokenizer.get_vocab()
    for name, one in texts.items():
        here = one.tokenizer.get_vocab()
        equal = sum(base.get(token) == number for token, number in here.items())
        if equal < min(len(base), len(here)):
            raise LineageError(
                f"{name} has another vocabulary than the base: {equal:,} of {len(base):,} tokens are the same.",
                fix="Name the base that it was tuned from, or compare all the same with --allow-different-lineage.",
            )


def _one_level(sessions: Mapping[str, Session]) -> None:
    """Refuse checkpoints that are read in different ways.

    Raises
    ------
    UsageError
    """
    levels = {name: session.reader.level for name, session in sessions.items()}
    if len(set(levels.values())) > 1:
        said = ", ".join(f"{name} as {level}" for name, level in levels.items())
        raise UsageError(
            f"the servers can be read in different ways: {said}.",
            fix="Serve all checkpoints with one program: a difference between ways of reading would look like one "
            "between checkpoints.",
        )


def _chat_frame(texts: Mapping[str, Texts], settings: Settings) -> ChatFrame:
    """Return the template around a user's turn; the same bytes for every checkpoint."""
    order = [*(name for name in texts if name != "base"), "base"]
    found = tuple(chat_templates_of(texts[name].located, texts[name].tokenizer) for name in order)
    template = chosen_template(settings.chat_template, found)
    return chat_frame(texts[order[0]].tokenizer, template, date=template_date(settings.template_date))


def _found(references: Mapping[str, str], settings: Settings, say: Say) -> Found:
    together = Together()
    specs: dict[str, ServedSpec] = {}
    for name, reference in references.items():
        with together.noted():
            specs[name] = parse_served(reference)
    with together.noted():
        api_key()
    together.raise_any()
    if settings.draws is not None:
        return Found(prepared=lambda: _drawn(specs, settings, say))
    # Whether a server has the weights of a finished audit cannot be known: it is made anew, from what is kept.
    return Found(prepared=lambda: partial(_ready, specs, settings, say)().prepared())


def _drawn(specs: Mapping[str, ServedSpec], settings: Settings, say: Say) -> Prepared:
    """Look at servers whose texts are drawn; a tokenizer is needed of none, and compared where one is named.

    Raises
    ------
    BiasauditError
    """
    together = Together()
    clients: dict[str, Client] = {}
    writers: dict[str, Writer] = {}
    for name, spec in specs.items():
        say(f"asking the server of {name} what it writes")
        with together.noted():
            trust = settings.trust_remote_code
            texts = None if spec.tokenizer is None else texts_of(spec, say, trust_remote_code=trust)
            client = clients.setdefault(spec.url, Client(spec.url))
            concurrency = settings.concurrency or CONCURRENCY
            writers[name] = looked_at(spec, client=client, texts=texts, concurrency=concurrency)
    together.raise_any()

    @contextmanager
    def opened(say: Say) -> Iterator[Callable[[str], ServedWriter]]:
        with open_cache(say) as cache:
            yield lambda name: ServedWriter(writer=writers[name], cache=cache)

    return Prepared(
        relations={name: RELATION for name in specs if name != "base"},
        opened=opened,
        sentences=False,
        # The server puts its own template around a turn.
        chat=ChatFrame(before="", after=""),
        told=said_once((name, f"{writer.told}.") for name, writer in writers.items()),
        cache=cache_folder(),
        libraries=("httpx2", *LIBRARIES),
        sampling=sampling_of(settings),
    )


def _check(settings: Settings) -> None:
    """Refuse settings that a server decides."""
    asked = {"--dtype": settings.dtype != "auto", "--device": settings.device, "--batch-tokens": settings.batch_tokens}
    set_here = [name for name, value in asked.items() if value]
    if set_here:
        raise UsageError(
            f"{' and '.join(set_here)} {'mean' if len(set_here) > 1 else 'means'} nothing to models behind a server.",
            fix="Leave it out: the server decides how it computes. --concurrency sets how many requests go at once.",
        )


SERVED: Final = Way(
    name="served", can=CAN | {Ability.GENERATION}, recognises=is_served, locate=_found, parse=parse_served, check=_check
)
