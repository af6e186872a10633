"""What hybrids are asked: the items of an audit, once more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from biasaudit.analysis.scoring import item_row
from biasaudit.analysis.tabulate import analysis_of_manifest
from biasaudit.audits.asked import probes_to_ask
from biasaudit.errors import AuditMismatchError, UsageError
from biasaudit.framing import template_hash
from biasaudit.models import Settings
from biasaudit.probes.sample import of_features
from biasaudit.types import Contrast, Role, Verdict, VerdictCode, stage_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from biasaudit.analysis.table import Analysis
    from biasaudit.explanations.plan import ExplanationPlan
    from biasaudit.framing import Framing, FramingName
    from biasaudit.probes import Probe
    from biasaudit.record.audit_record import AuditRecord


_TELLS_NOTHING: Final = frozenset({VerdictCode.SATURATED.value, VerdictCode.MISSING.value})
"""Codes of verdicts under which no change can be told, or be told to be none."""

_WEIGHTS: Final = {"plain": Contrast.WEIGHTS_PLAIN.value, "chat": Contrast.WEIGHTS_CHAT.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of every hybrid, and how it is analysed.

    Attributes
    ----------
    record : AuditRecord
    probe : Probe
        The items of the audit that say something of a lean or of competence, of the feature that is asked.
    framings : tuple of Framing
        The wordings of one framing.
    tuned : str
        Name of the tuned checkpoint.
    analysis : Analysis
        The audit's.
    settings : Settings
        The audit's, for the models.
    """

    record: AuditRecord
    probe: Probe
    framings: tuple[Framing, ...]
    tuned: str
    analysis: Analysis
    settings: Settings

    @property
    def references(self) -> dict[str, str]:
        """Checkpoint -> reference, of all that the audit names: what stands before texts is chosen among them."""
        plan = self.record.manifest.plan
        tuned = sorted(plan["tuned"], key=stage_place)
        return {"base": str(plan["base"]), **{name: str(plan["tuned"][name]) for name in tuned}}

    @property
    def pair(self) -> dict[str, str]:
        """The two of them whose parts are exchanged."""
        return {name: reference for name, reference in self.references.items() if name in {"base", self.tuned}}


def asked_of(plan: ExplanationPlan, record: AuditRecord) -> Asked:
    """Return what is to be asked.

    Raises
    ------
    UsageError
        If the audit has no such probe, feature, checkpoint or framing.
    AuditMismatchError
        If the probe is not the one that was audited.
    """
    audited = record.manifest.plan
    if audited.get("draws"):
        raise UsageError(
            "the audit read answers from drawn texts, and what is explained are log-probabilities.",
            fix="Audit the same checkpoints without --draws.",
        )
    tuned = _tuned(plan, record)
    framings = tuple(one for one in analysis_of_manifest(record.manifest).framings if one.framing == plan.framing)
    if not framings:
        asked = sorted({str(one["framing"]) for one in audited["framings"]})
        raise UsageError(
            f"the audit did not ask in the framing {plan.framing!r}.", fix=f"It asked in: {', '.join(asked)}."
        )
    if plan.framing == "chat" and audited.get("chat_template_sha256") != template_hash(plan.chat_template):
        raise UsageError(
            "the audit was asked with another chat template.", fix="Name it as the audit did: --chat-template."
        )
    probe = _as_audited(_probe(plan, record), record.items)
    if plan.feature is not None:
        probe = of_features(probe, (plan.feature,))
    wanted = (Role.BIAS, Role.COMPETENCE)
    return Asked(
        record=record,
        probe=replace(probe, items=tuple(item for item in probe.items if item.role in wanted)),
        framings=framings,
        tuned=tuned,
        analysis=analysis_of_manifest(record.manifest),
        settings=Settings(
            chat=plan.framing == "chat",
            chat_template=plan.chat_template,
            template_date=audited.get("template_date"),
            dtype=audited.get("dtype", "auto"),
            device=audited.get("device"),
            trust_remote_code=plan.trust_remote_code,
            batch_tokens=plan.batch_tokens,
            allow_different_lineage=bool(audited.get("allow_different_lineage")),
            allow_different_engines=bool(audited.get("allow_different_engines")),
            quantize=audited.get("quantize"),
        ),
    )


def barred(record: AuditRecord, *, probe: str, tuned: str, framing: FramingName) -> dict[str, str]:
    """Return the features of which the audit itself tells nothing, with the reason: by the values that are explained.

    Parameters
    ----------
    record : AuditRecord
    probe, tuned : str
    framing : {"plain", "chat"}
    """
    rows = record.comparisons
    here = (rows["probe"] == probe) & (rows["tuned"] == tuned) & (rows["metric"] == "graded")
    return {
        str(row["feature"]): f"the audit calls it {row['verdict']}: {row['verdict_reason']}"
        for row in rows[here & (rows["contrast"] == _WEIGHTS[framing])].to_dict("records")
        if row["verdict"] == Verdict.NOT_INTERPRETABLE.value or row["verdict_code"] in _TELLS_NOTHING
    }


def _tuned(plan: ExplanationPlan, record: AuditRecord) -> str:
    there = list(record.manifest.plan["tuned"])
    if plan.tuned is None:
        return record.headlines[0].tuned if record.headlines else there[-1]
    if plan.tuned not in there:
        raise UsageError(f"the audit has no tuned checkpoint {plan.tuned!r}.", fix=f"It has: {', '.join(there)}.")
    return plan.tuned


def _probe(plan: ExplanationPlan, record: AuditRecord) -> Probe:
    there = record.manifest.probes
    if plan.probe not in there:
        raise UsageError(f"the audit has no probe {plan.probe!r}.", fix=f"It has: {', '.join(there)}.")
    named: Sequence[str] = record.manifest.plan["probes"]
    # A folder was named by its path; its card says the id.
    refusal: UsageError | None = None
    for name in dict.fromkeys([plan.probe, *(one for one in named if one not in there)]):
        try:
            [probe] = probes_to_ask([name], data_dir=plan.data_dir)
        except UsageError as exc:
            refusal = exc
            continue
        if probe.card.id == plan.probe:
            return probe
    raise refusal or UsageError(
        f"the probe {plan.probe!r} of the audit is not found.", fix="Restore the folder that was named."
    )


def _as_audited(probe: Probe, items: pd.DataFrame) -> Probe:
    """Return the items that the audit asked, each as it was then.

    Raises
    ------
    AuditMismatchError
        If one is not there, or says something else.
    """
    audited = items[items["probe"] == probe.card.id].set_index("item_id")
    there = {item.item_id: item for item in probe.items}
    absent = [name for name in audited.index if name not in there]
    differing = [name for name in audited.index if name in there and _differs(probe, there[name], audited.loc[name])]
    if absent or differing:
        first = [*absent, *differing][0]
        raise AuditMismatchError(
            f"item {first!r} of probe {probe.card.id!r} is not what the audit asked.",
            fix="Use the version of biasaudit, or the folder of the probe, that the audit was made with.",
        )
    kept = tuple(item for item in probe.items if item.item_id in audited.index)
    return replace(probe, items=kept)


def _differs(probe: Probe, item: object, row: pd.Series) -> bool:
    now = item_row(probe, item)  # type: ignore[arg-type]  # of the probe's items
    return any(now[name] != row[name] for name in ("cluster_id", "role", "feature")) or (
        isinstance(row["texts"], str) and now["texts"] != row["texts"]
    )
