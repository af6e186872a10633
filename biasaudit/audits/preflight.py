"""What can be known before anything is scored, of all checkpoints, cheap things first, and told together.

An audit that fails after hours for a reason that could be seen in a second has wasted them. Each step looks at
everything that it is about and reports all that is wrong; only then comes the next, which costs more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.audits.asked import asking_language, probes_to_ask, requests_of
from biasaudit.audits.places import check_folder, check_folder_unwritten, check_room
from biasaudit.audits.together import Together
from biasaudit.errors import UsageError
from biasaudit.models import cache_folder, check_before_loading, lineage, locate, parse_reference
from biasaudit.models.lineage import same_weights
from biasaudit.models.local.adapters import notices_of
from biasaudit.models.local.loading import found_device
from biasaudit.models.text.beginning import Beginning, Speaker, shared_beginning
from biasaudit.models.text.chat import chat_frame, template_date
from biasaudit.models.text.templates import chosen_template
from biasaudit.models.text.tokenizer import chat_templates_of, shared_tokenizer, text_files_sha256
from biasaudit.probes import limited, suite_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from biasaudit.audits.plan import Plan
    from biasaudit.framing import ChatFrame
    from biasaudit.models import Located
    from biasaudit.models.lineage import SameWeights
    from biasaudit.probes import Probe
    from biasaudit.types import Request


DATED: Final = (
    "the chat template writes the date of the day, so that the same texts are scored anew on every other day; "
    "--template-date 2025-12-31 sets one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Everything that an audit needs before a model is loaded.

    Attributes
    ----------
    located : mapping
        Checkpoint -> where its files lie.
    relations : mapping
        Tuned checkpoint -> how it relates to the base, in a sentence.
    same : mapping
        Checkpoint -> an earlier one that is the same files, tokenizer and template too.
    alike : tuple of SameWeights
        Checkpoints whose weights are those of another.
    beginnings : mapping
        Checkpoint -> what stands before its texts.
    notes : tuple of str
        What is to be said of beginnings and templates.
    chat : ChatFrame or None
        What the chat template puts around a turn; None without the chat framing.
    requests : mapping
        Probe -> what is asked of each checkpoint.
    """

    located: Mapping[str, Located]
    relations: Mapping[str, str]
    same: Mapping[str, str]
    alike: tuple[SameWeights, ...]
    beginnings: Mapping[str, Beginning]
    notes: tuple[str, ...]
    chat: ChatFrame | None
    requests: Mapping[str, list[Request]]

    def told(self) -> tuple[str, ...]:
        """Return what a reader must hear of the checkpoints, a sentence each."""
        named = tuple(f"{name}: {told}." for name, place in self.located.items() for told in notices_of(place))
        return tuple(pair.told for pair in self.alike) + named + self.notes


def checked_places(plan: Plan, out: Path | None, *, write: bool = True) -> list[Probe]:
    """Check device, folder and probes; return the probes.

    Parameters
    ----------
    plan : Plan
    out : Path or None
    write : bool
        Whether the run will write; else rights are looked at and nothing is touched.

    Raises
    ------
    BiasauditError
    """
    together, probes = Together(), []
    with together.noted():
        if plan.device not in {None, "cpu"}:  # None takes what there is; to look for others torch is imported
            found_device(plan.device)
    with together.noted():
        if out is not None:
            (check_folder if write else check_folder_unwritten)(out)
    with together.noted():
        probes = probes_of(plan)
    together.raise_any()
    return probes


def located_all(plan: Plan, say: Callable[[str], None]) -> dict[str, Located]:
    """Find and hash the files of every checkpoint.

    Raises
    ------
    BiasauditError
        What is wrong with any of them.
    """
    together = Together()
    located: dict[str, Located] = {}
    for name, reference in plan.checkpoints.items():
        with together.noted():
            located[name] = locate(parse_reference(reference), say)
    together.raise_any()
    return located


def made_ready(plan: Plan, probes: list[Probe], located: Mapping[str, Located], out: Path | None) -> Ready:
    """Check lineage, tokenizers and chat template, and gather what will be asked.

    Raises
    ------
    BiasauditError
    """
    together = Together()
    relations: dict[str, str] = {}
    for name, place in located.items():
        if name != "base":
            with together.noted():
                relations[name] = lineage(located["base"], place, allow_different=plan.allow_different_lineage)
    # Before any tokenizer: what differs in sizes need not be looked at more closely.
    together.raise_any()
    for place in {one.folder: one for one in located.values()}.values():
        with together.noted():
            check_before_loading(place, trust_remote_code=plan.trust_remote_code)
    together.raise_any()
    speakers: dict[str, Speaker] = {}
    for name, place in located.items():
        with together.noted():
            speakers[name] = _speaker(plan, place)
    together.raise_any()
    chosen = shared_beginning(speakers)
    for name, note in chosen.notes.items():
        if name in relations:
            relations[name] += f"; {note}"
    chat = _chat_frame(plan, located, speakers)
    notes = tuple(f"{name}: {note}" for name, note in chosen.notes.items())
    if chat is not None and chat.dated and plan.template_date is None:
        notes = (*notes, DATED)
    requests = {probe.card.id: requests_of(probe, plan.framings, chat) for probe in probes}
    n_responses = len(located) * sum(map(len, requests.values()))
    check_room(out, cache_folder(), n_responses=n_responses)
    return Ready(
        located=located,
        relations=relations,
        same=same_files(located),
        alike=tuple(same_weights(located)),
        beginnings=chosen.beginnings,
        notes=notes,
        chat=chat,
        requests=requests,
    )


def probes_of(plan: Plan) -> list[Probe]:
    """Load what is asked for.

    Raises
    ------
    UsageError
        If two folders hold probes of one id, which would be told apart nowhere, or one is in a language that it
        cannot be asked in.
    """
    probes = probes_to_ask(plan.probes, data_dir=plan.data_dir)
    ids = [probe.card.id for probe in probes]
    for number, name in enumerate(ids):
        if name in ids[:number]:
            raise UsageError(
                f"{plan.probes[ids.index(name)]} and {plan.probes[number]} are both named {name!r} on their cards.",
                fix="Give one of them another id.",
            )
    for probe in probes:
        asking_language(probe, plan.framings)
    if plan.suite is not None:
        chosen = suite_of(plan.suite).probes
        probes = [chosen[probe.card.id].of(probe) if probe.card.id in chosen else probe for probe in probes]
    if plan.limit is None:
        return probes
    return [limited(probe, plan.limit, seed=plan.seed) for probe in probes]


def same_files(located: Mapping[str, Located]) -> dict[str, str]:
    """Return the checkpoints that are the same files as one before them, and that one.

    Parameters
    ----------
    located : mapping
        Checkpoint -> where its files lie; the base first.
    """
    first: dict[tuple[str, str | None, str], str] = {}
    found = {}
    for name, place in located.items():
        earlier = first.setdefault((place.weights, place.adapter, text_files_sha256(place)), name)
        if earlier != name:
            found[name] = earlier
    return found


def _speaker(plan: Plan, place: Located) -> Speaker:
    inner = place.config.get("text_config")
    size = (inner if isinstance(inner, dict) else place.config).get("vocab_size")
    tokenizer = shared_tokenizer(place, trust_remote_code=plan.trust_remote_code)
    return Speaker(tokenizer=tokenizer, n_ids=size if isinstance(size, int) else None)


def _chat_frame(plan: Plan, located: Mapping[str, Located], speakers: Mapping[str, Speaker]) -> ChatFrame | None:
    """Return the template around a user's turn; the same bytes for every checkpoint."""
    if not any(framing.framing == "chat" for framing in plan.framings):
        return None
    order = [*(name for name in located if name != "base"), "base"]
    found = tuple(chat_templates_of(located[name], speakers[name].tokenizer) for name in order)
    template = chosen_template(plan.chat_template, found)
    return chat_frame(speakers[order[0]].tokenizer, template, date=template_date(plan.template_date))
