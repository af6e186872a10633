"""What is asked of the two models beside an audit: the base's own directions, neutral text, wanted responses."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from biasaudit import kinds
from biasaudit.framing import PLAIN, ChatFrame, Framing, Prompt, framed
from biasaudit.languages import ENGLISH
from biasaudit.models.backend import answers
from biasaudit.probes.units import place
from biasaudit.types import Checkpoint, Request, Scored

if TYPE_CHECKING:
    from biasaudit.align.instructions import Instruction
    from biasaudit.align.transfer.drawn import Drawn
    from biasaudit.models import Backend, Prepared
    from biasaudit.types import Response
    from biasaudit.types.progress import Progress

BASE: Final = Checkpoint.BASE.value
TUNED: Final = "tuned"
LONGEST_RESPONSE: Final = 600
"""Letters: what one long response costs, many short ones cost too."""
_TURN: Final = Framing(framing_id="chat", framing="chat")
"""A user's turn with nothing before it."""


def requests_of_tables(tables: Sequence[Drawn]) -> list[Request]:
    """Return what every table asks in plain text, as the file has it."""
    items = [one.item(turned=False) for one in tables]
    return [
        framed(prompt, item_id=item.item_id, framing=PLAIN, chat=None, probe_id="contrasts")
        for item in items
        for prompt in kinds.prompts(item, ENGLISH)
    ]


def requests_of_texts(texts: Sequence[str], *, probe: str) -> list[Request]:
    """Return one request a text, by itself."""
    return [
        framed(
            Prompt(part="text", context="", continuation=text),
            item_id=text,
            framing=PLAIN,
            chat=None,
            probe_id=probe,
        )
        for text in texts
    ]


def requests_of_instructions(instructions: Sequence[Instruction], chat: ChatFrame) -> list[Request]:
    """Return the wanted response to each instruction, as the assistant's turn."""
    return [
        framed(
            Prompt(part="response", context="", continuation=one.response, turn=one.prompt),
            item_id=f"{one.line}",
            framing=_TURN,
            chat=chat,
            probe_id="instructions",
        )
        for one in instructions
    ]


def chosen_instructions(instructions: Sequence[Instruction], *, n: int, seed: int) -> list[Instruction]:
    """Return up to `n` instructions whose response is neither blank nor long, by a seed and not by their order."""
    fitting = [one for one in instructions if one.response.strip() and len(one.response) <= LONGEST_RESPONSE]
    return sorted(fitting, key=lambda one: place(seed, one.prompt, one.response))[:n]


def answered(
    prepared: Prepared, asked: Mapping[str, Sequence[Request]], *, progress: Progress
) -> dict[str, dict[tuple[str, str, str], Response]]:
    """Return checkpoint -> (probe, item, part) -> response.

    Parameters
    ----------
    prepared : Prepared
    asked : mapping
        Checkpoint -> its requests.
    progress : Progress
    """
    found = {}
    with prepared.opened(progress.say) as opened:
        for name, requests in asked.items():
            found[name] = _of_one(opened(name), name, requests, progress)
    return found


def _of_one(
    backend: Backend, name: str, requests: Sequence[Request], progress: Progress
) -> dict[tuple[str, str, str], Response]:
    progress.begin(f"asking {name} before the audits", len({request.key for request in requests}))
    responses = answers(backend, requests, name=name, on_progress=progress.advance)
    return {
        (request.probe_id, request.item_id, request.part): response
        for request, response in zip(requests, responses, strict=True)
    }


def d_of_tables(tables: Sequence[Drawn], responses: Mapping[tuple[str, str, str], Response]) -> dict[str, float]:
    """Return item -> d in nats, of tables that could be scored."""
    parts: dict[str, dict[str, Response]] = defaultdict(dict)
    for (probe, item_id, part), response in responses.items():
        if probe == "contrasts":
            parts[item_id][part] = response
    found = {}
    for one in tables:
        item = one.item(turned=False)
        value = kinds.KINDS["association"].value
        d = None if value is None else value(parts[item.item_id], frozenset(parts[item.item_id]), {}).d_nats
        if d is not None:
            found[item.item_id] = d
    return found


def nats_per_token(probe: str, responses: Mapping[tuple[str, str, str], Response]) -> dict[str, float]:
    """Return text -> minus its mean log-probability per token, of texts that could be scored."""
    return {
        item: -math.fsum(response.token_logprobs_nats) / len(response.token_logprobs_nats)
        for (of, item, _), response in responses.items()
        if of == probe and isinstance(response, Scored) and response.token_logprobs_nats
    }
