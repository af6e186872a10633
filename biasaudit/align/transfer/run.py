"""From a base and an adapter to the transfer table: two audits, and what is asked beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.align.contrasts import read_contrasts
from biasaudit.align.folder import CARD
from biasaudit.align.instructions import read_instructions
from biasaudit.align.transfer import asked, drawn, rows
from biasaudit.align.transfer.table import Transfer
from biasaudit.audits.asked import probes_to_ask
from biasaudit.audits.finish import Render
from biasaudit.audits.places import check_folder
from biasaudit.audits.plan import Plan
from biasaudit.audits.run import run as run_audit
from biasaudit.errors import ChatTemplateError, UsageError
from biasaudit.framing import NEUTRAL_REQUESTS, FramingName
from biasaudit.models.plausibility import sentences
from biasaudit.plain_files import excerpt
from biasaudit.probes import limited, suite_of
from biasaudit.types.progress import Progress, Silence
from biasaudit.version import __version__

if TYPE_CHECKING:
    from biasaudit.align.contrasts.sets import Contrasts
    from biasaudit.align.instructions import Instruction
    from biasaudit.models import Prepared, Way
    from biasaudit.probes import Probe
    from biasaudit.record.audit_record import AuditRecord

PROBES: Final = ("occupations", "traits", "decisions", "pronouns")
"""Kinds of probe that are asked besides the contrasts."""
SUITE: Final = "quick"
"""Its part of a probe is asked, unless a limit is set."""
LIMIT: Final = 120
"""About so many items of a probe that the suite does not have."""
N_NEUTRAL: Final = 60
N_INSTRUCTIONS: Final = 24
FRAMINGS: Final[tuple[FramingName, ...]] = ("plain", "chat")
_IN_CHAT: Final = (drawn.BOTH_NEW,)
"""Parts of the contrasts that are asked in the chat template, too, beside the probes of their kind."""
_KIND: Final = "association"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlan:
    """What a transfer table is asked to hold.

    Attributes
    ----------
    base, adapter : str
        A model reference without an adapter, and the adapter's folder or hub id.
    contrasts : path or None
        The file that was trained on; None is our own.
    probes : tuple of str
        Ids of shipped probes, or folders.
    instructions : path or None
        JSON Lines with prompt and response; None leaves that row not measured.
    limit : int or None
        About how many bias items of each probe, by :func:`biasaudit.probes.sample.limited`. None takes what the suite
        ``quick`` takes, and about 120 of a probe that is not in it.
    size : Size
        How much of the contrasts.
    seed : int
        Of what is drawn, and of the audits.
    settings : mapping
        Further fields of :class:`biasaudit.audits.plan.Plan`: data_dir, dtype, device, chat_template, ...
    """

    base: str
    adapter: str
    contrasts: Path | None = None
    probes: tuple[str, ...] = PROBES
    instructions: Path | None = None
    limit: int | None = None
    size: drawn.Size = field(default_factory=drawn.Size)
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: the fields of a plan

    def __post_init__(self) -> None:
        if "+" in self.base and not Path(self.base).exists():
            raise UsageError(f"the base {excerpt(self.base)} has an adapter on it.", fix="Name the base alone.")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"the limit is {self.limit} items.", fix="It is at least 1.")

    @property
    def tuned(self) -> str:
        """Reference of the base with the adapter on it."""
        return f"{self.base}+{self.adapter}"

    def audit(self, framing: FramingName, probes: Sequence[str]) -> Plan:
        """Return the plan of the audit in one framing."""
        given: dict[str, Any] = {"requests": NEUTRAL_REQUESTS[:1], **self.settings}  # Any: as above
        return Plan(
            base=self.base, tuned=(self.tuned,), probes=tuple(probes), framing_names=(framing,), seed=self.seed, **given
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    """What is asked, before any model is looked for."""

    contrasts: Contrasts
    seen: drawn.Seen | None
    tables: tuple[drawn.Drawn, ...]
    probes: list[Probe]
    instructions: list[Instruction]
    card: Mapping[str, Any]  # Any: JSON values

    @property
    def trained(self) -> frozenset[str] | None:
        """Features that were trained; None where no card says."""
        return None if self.seen is None else self.seen.features


def run(
    plan: TransferPlan,
    *,
    render: Render,
    out: Path | None = None,
    progress: Progress | None = None,
    way: Way | None = None,
) -> Transfer:
    """Measure a transfer table.

    The base is asked first which way it leans on the contrasts; then follow an audit in plain text and one in the chat
    template, each with a test family of its own, so that every verdict is that of an audit. In the chat template are
    asked, with one wording of the request, the associations of which nothing was trained: contrasts and probes.

    Parameters
    ----------
    plan : TransferPlan
    render : callable
        Draws the reports of the audits; see :data:`biasaudit.audits.finish.Render`.
    out : Path, optional
        Folder: its ``plain`` and ``chat`` are the audits. None keeps them in memory.
    progress : Progress, optional
    way : Way, optional
        How the models are reached; None asks their references.

    Raises
    ------
    BiasauditError
        One message with the fix; responses computed so far are in the cache.
    """
    told = progress or Silence()
    notices: list[str] = []
    data = _read(plan)
    if out is not None:
        check_folder(out)
    way = way or plan.audit("plain", plan.probes).way
    prepared = _prepared(plan, way, told, notices)
    directions, collateral = _beside(data, prepared, told)
    source = data.contrasts.name or "contrasts"
    found: list[rows.Row] = []
    for framing in FRAMINGS:
        if framing == "chat" and prepared.chat is None:
            found.append(_no_chat())
            continue
        names = None if framing == "plain" else _IN_CHAT
        parts = drawn.probes(data.tables, directions, trained=data.trained, source=source, names=names)
        probes = [*parts, *(one for one in data.probes if framing == "plain" or one.card.kind == _KIND)]
        if not probes:
            continue
        audit = _audited(probes, plan, framing, out, way=way, render=render, told=told)
        found += rows.rows_of_audit(
            audit,
            framing=framing,
            names={
                **{part.name: part.says for part in drawn.PARTS if part.name in audit.manifest.probes},
                **{probe.card.id: probe.card.name for probe in data.probes if probe in probes},
            },
            trained=data.trained,
        )
        found += [row for row in collateral if row.framing == framing]
        notices += [notice for probe in probes for notice in probe.notices]
    notices += _other_contrasts(data)
    return Transfer(rows=tuple(found), facts=_facts(plan, data), told=tuple(dict.fromkeys(notices)))


def _other_contrasts(data: _Data) -> list[str]:
    """Say where the contrasts that are asked are not those that the card names: of them nobody knows the splits."""
    identity = data.card.get("identity")
    named = identity.get("contrasts_sha256") if isinstance(identity, dict) else None
    if named in (None, data.contrasts.sha256):
        return []
    said = (
        f"The contrasts of {data.contrasts.name} are not those that the adapter was trained on, by its card: what is "
        "trained and what is held out is what this file says. Name the file of the training with --contrasts."
    )
    return [said]


def _read(plan: TransferPlan) -> _Data:
    contrasts = read_contrasts(plan.contrasts)
    card = _card(plan.adapter)
    seen = _seen(card)
    loaded = probes_to_ask(plan.probes, data_dir=plan.settings.get("data_dir"))
    instructions = () if plan.instructions is None else read_instructions(plan.instructions).instructions
    return _Data(
        contrasts=contrasts,
        seen=seen,
        tables=drawn.drawn(contrasts, seen=seen, size=plan.size, seed=plan.seed),
        probes=[_narrowed(one, plan) for one in loaded],
        instructions=asked.chosen_instructions(instructions, n=N_INSTRUCTIONS, seed=plan.seed),
        card=card,
    )


def _narrowed(probe: Probe, plan: TransferPlan) -> Probe:
    chosen = suite_of(SUITE).probes
    if plan.limit is None and probe.card.id in chosen:
        return chosen[probe.card.id].of(probe)
    return limited(probe, plan.limit or LIMIT, seed=plan.seed)


def _card(adapter: str) -> Mapping[str, Any]:  # Any: JSON values
    """Return the training card beside an adapter; nothing where there is none that can be read."""
    try:
        found = json.loads((Path(adapter).expanduser() / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seen(card: Mapping[str, Any]) -> drawn.Seen | None:  # Any: JSON values
    data = card.get("instructions")
    trained = data.get("trained") if isinstance(data, dict) else None
    if not isinstance(trained, dict):
        return None
    features, groups = (frozenset(map(str, trained.get(name) or ())) for name in ("features", "groups"))
    return drawn.Seen(features=features, groups=groups)


def _prepared(plan: TransferPlan, way: Way, told: Progress, notices: list[str]) -> Prepared:
    """Find the models with a chat template, or without one where there is none and none was asked for."""
    try:
        return _found(plan, way, "chat", told)
    except ChatTemplateError as exc:
        if plan.settings.get("chat_template") is not None:
            raise
        notices.append(f"Nothing was asked in a chat template: {exc.message}")
        told.say(notices[-1])
    return _found(plan, way, "plain", told)


def _found(plan: TransferPlan, way: Way, framing: FramingName, told: Progress) -> Prepared:
    asked_of = plan.audit(framing, plan.probes)
    return way.locate(asked_of.checkpoints, asked_of.settings, told.say).prepared()


def _beside(
    data: _Data, prepared: Prepared, told: Progress
) -> tuple[dict[tuple[drawn.Pairing, str], bool], list[rows.Row]]:
    """Ask the base for its directions, and both models for neutral text and wanted responses."""
    texts = asked.requests_of_texts(data.contrasts.neutral[:N_NEUTRAL], probe="neutral")
    texts += asked.requests_of_texts([sense for sense, _ in sentences()], probe="ordinary")
    if prepared.chat is not None:
        texts += asked.requests_of_instructions(data.instructions, prepared.chat)
    both = asked.answered(
        prepared, {asked.BASE: [*asked.requests_of_tables(data.tables), *texts], asked.TUNED: texts}, progress=told
    )
    first, second = both[asked.BASE], both[asked.TUNED]
    collateral = [
        rows.row_of_texts(
            what,
            asked.nats_per_token(probe, first),
            asked.nats_per_token(probe, second),
            framing=framing,
        )
        for what, probe, framing in (
            ("neutral text of the contrasts", "neutral", "plain"),
            ("ordinary sentences, in no training", "ordinary", "plain"),
            ("responses to instructions", "instructions", "chat"),
        )
    ]
    return drawn.directions(data.tables, asked.d_of_tables(data.tables, first)), collateral


def _no_chat() -> rows.Row:
    return rows.Row(what="everything in the chat template", framing="chat", kind=rows.COLLATERAL, status="not measured")


def _audited(
    probes: list[Probe],
    plan: TransferPlan,
    framing: FramingName,
    out: Path | None,
    *,
    way: Way,
    render: Render,
    told: Progress,
) -> AuditRecord:
    return run_audit(
        plan.audit(framing, [probe.card.id for probe in probes]),
        render=render,
        out=None if out is None else out / framing,
        progress=told,
        way=way,
        probes=probes,
    )


def _facts(plan: TransferPlan, data: _Data) -> dict[str, Any]:  # Any: JSON values
    """Return what was asked of which models; of folders their names alone."""
    card = data.card
    settings = card.get("settings")
    return {
        "base": Path(plan.base).name,
        "adapter": Path(plan.adapter).name,
        "method": card.get("method"),
        "settings": settings if isinstance(settings, dict) else None,
        "training_seconds": card.get("seconds"),
        "trained_features": None if data.trained is None else sorted(data.trained),
        "contrasts": data.contrasts.name,
        "contrasts_sha256": data.contrasts.sha256,
        "probes": [probe.card.id for probe in data.probes],
        "limit": plan.limit,
        "size": asdict(plan.size),
        "n_instructions": len(data.instructions),
        "seed": plan.seed,
        "biasaudit": __version__,
    }
