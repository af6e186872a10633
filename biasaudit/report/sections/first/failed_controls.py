"""A negative control that leans: what has no stereotype in it shows one, so that a lean may be of something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.sections.first.certainty import headline_cells
from biasaudit.report.sections.outcome import State, state_of
from biasaudit.report.words.facts import listed
from biasaudit.report.words.wording import clean, estimate_text, present, records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.record.audit_record import AuditRecord

    Rows = Sequence[Mapping[str, Any]]  # Any: cells of pandas rows

_WAYS: Final = {"plain": "on plain text", "chat": "in the chat template"}


def failed_controls(audit: AuditRecord, names: Mapping[str, str]) -> tuple[str, ...]:
    """Say of which probes a negative control does not cover 0, and in which models: one note for all of them.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.

    Returns
    -------
    tuple of str
        Empty where none failed. Only of probes of which some comparison of the answer can be read: of the others
        nothing is claimed that a control could take back.
    """
    readable = _readable(audit)
    rows = audit.estimates[audit.estimates["metric"] == "control"]
    several = len({str(name) for name in audit.estimates["checkpoint"]} - {"base"}) > 1
    failed: dict[str, list[tuple[str, str]]] = {}
    for row in records(rows):
        if str(row["probe"]) in readable and _leans(row):
            name = names.get(str(row["probe"]), clean(row["probe"]))
            failed.setdefault(name, []).append((_model(row, several=several), estimate_text(row)))
    if not failed:
        return ()
    where = {name: listed([model for model, _ in models]) for name, models in failed.items()}
    numbers = [f"{name}: " + "; ".join(f"{number} in {model}" for model, number in failed[name]) for name in failed]
    said = f"Lean of the control, where 0 is none: {'. '.join(numbers)}."
    if len(failed) == 1:
        ((name, models),) = where.items()
        first = f"Negative control of {name} does not cover 0 in {models}: part of its lean may be no stereotype."
    else:
        of_each = listed([f"{name} (in {models})" for name, models in where.items()])
        first = f"Negative controls of {of_each} do not cover 0: part of their lean may be no stereotype."
    return (f"{first} {said}",)


def _readable(audit: AuditRecord) -> set[str]:
    cells = headline_cells(audit, audit.headlines[0] if audit.headlines else None)
    by_probe: dict[str, list[Mapping[str, Any]]] = {}  # Any: cells of pandas rows
    for row in cells:
        by_probe.setdefault(str(row["probe"]), []).append(row)
    return {probe for probe, own in by_probe.items() if state_of(own) is not State.UNREAD}


def _leans(row: Mapping[str, Any]) -> bool:  # Any: cells of a pandas row
    low, high = present(row["ci_low"]), present(row["ci_high"])
    return low is not None and high is not None and (low > 0 or high < 0)


def _model(row: Mapping[str, Any], *, several: bool) -> str:  # Any: cells of a pandas row
    name = str(row["checkpoint"])
    who = "the base" if name == "base" else clean(name) if several else "the tuned model"
    return f"{who} {_WAYS.get(str(row['framing']), clean(row['framing']))}"
