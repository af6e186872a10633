"""What can be known before anything is scored, of all checkpoints, cheap things first, and told together.

An audit that fails after hours for a reason that could be seen in a second has wasted them. Each step looks at
everything that it is about and reports all that is wrong; only then comes the next, which costs more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.audits.asked import asking_language, probes_to_ask, requests_of
from biasaudit.audits.perturbed import perturbing
from biasaudit.audits.places import check_folder, check_folder_unwritten, check_room
from biasaudit.errors import ChatTemplateError, Together, UsageError
from biasaudit.probes import limited, suite_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from biasaudit.audits.perturbed import Perturbing
    from biasaudit.audits.plan import Plan
    from biasaudit.models import Prepared, Way
    from biasaudit.probes import Probe
    from biasaudit.types import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Everything that an audit needs before a checkpoint is opened.

    Attributes
    ----------
    prepared : Prepared
        The checkpoints.
    requests : mapping
        Probe -> what is asked of each checkpoint; the perturbed probes after the others.
    perturbing : Perturbing or None
        The perturbed probes, where some are asked for.
    """

    prepared: Prepared
    requests: Mapping[str, list[Request]]
    perturbing: Perturbing | None = None

    @property
    def asked(self) -> list[Request]:
        """What is asked of each checkpoint, probe by probe."""
        return [request for of_probe in self.requests.values() for request in of_probe]


def checked_places(
    plan: Plan, out: Path | None, *, way: Way, write: bool = True, given: Sequence[Probe] | None = None
) -> list[Probe]:
    """Check settings, folder and probes; return the probes.

    Parameters
    ----------
    plan : Plan
    out : Path or None
    way : Way
        How the checkpoints are reached.
    write : bool
        Whether the run will write; else rights are looked at and nothing is touched.
    given : sequence of Probe, optional
        The probes of the plan, where they are loaded already.

    Raises
    ------
    BiasauditError
    """
    together, probes = Together(), []
    with together.noted():
        way.check(plan.settings)
    with together.noted():
        if out is not None:
            (check_folder if write else check_folder_unwritten)(out)
    with together.noted():
        probes = probes_of(plan, way=way, given=given)
    together.raise_any()
    return probes


def made_ready(plan: Plan, probes: list[Probe], prepared: Prepared, out: Path | None) -> Ready:
    """Gather what will be asked, and make sure that the answers have room.

    Raises
    ------
    ChatTemplateError
        If a chat is to be asked of models without one.
    UsageError
        If answers are to be drawn from models that write no texts.
    BiasauditError
    """
    if prepared.chat is None and any(framing.framing == "chat" for framing in plan.framings):
        raise ChatTemplateError(
            f"the chat framing was asked for, and models that are reached as {plan.base} is have no chat template.",
            fix="Ask in plain framing only: --framing plain.",
        )
    if plan.draws is not None and prepared.sampling is None:
        raise UsageError(
            f"answers were to be drawn, and models that are reached as {plan.base} is write no texts.",
            fix="Leave --draws out.",
        )
    requests = {
        probe.card.id: requests_of(probe, plan.framings, prepared.chat, sampling=prepared.sampling) for probe in probes
    }
    beside = perturbing(plan, probes)
    if beside is not None:
        of_variants = {
            one.card.id: requests_of(one, beside.framings, prepared.chat, sampling=prepared.sampling)
            for one in beside.probes
        }
        requests = {**requests, **of_variants}
    n_responses = len(plan.checkpoints) * sum(map(len, requests.values()))
    check_room(out, prepared.cache, n_responses=n_responses)
    return Ready(prepared=prepared, requests=requests, perturbing=beside)


def probes_of(plan: Plan, *, way: Way | None = None, given: Sequence[Probe] | None = None) -> list[Probe]:
    """Load what is asked for.

    Parameters
    ----------
    plan : Plan
    way : Way, optional
        How the models are reached that will be asked.
    given : sequence of Probe, optional
        The probes of the plan, where they are loaded already.

    Raises
    ------
    UsageError
        If two folders hold probes of one id, which would be told apart nowhere, or one is in a language that it
        cannot be asked in.
    """
    probes = probes_to_ask(plan.probes if given is None else given, data_dir=plan.data_dir, way=way)
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
