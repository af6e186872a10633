"""The rows of a transfer table: from the tables of an audit, and from texts that were asked beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from biasaudit.align.transfer.drawn import PARTS
from biasaudit.analysis.arms import ALL
from biasaudit.stats import mean_estimate
from biasaudit.stats.clusters import clustered
from biasaudit.types import ClusterDesign, Contrast, Estimate, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from biasaudit.record.audit_record import AuditRecord

    Cells = Mapping[str, Any]  # Any: cells of a pandas row

CONTRASTS: Final = {"plain": Contrast.WEIGHTS_PLAIN.value, "chat": Contrast.WEIGHTS_CHAT.value}
"""Framing -> what is compared in it: the base with the adapter on it, both asked the same way."""
COLLATERAL: Final = "collateral"
"""What should stay as it is, in the place of a kind of probe."""
_PARTS: Final = {part.name: part.says for part in PARTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity in base and tuned model.

    Attributes
    ----------
    what : str
        What was asked, in words.
    framing : {"plain", "chat"}
    kind : str
        Kind of probe, or ``collateral``: what should stay as it is.
    probe, feature : str
        Empty where there is none.
    trained : {"trained", "not trained", "unknown", ""}
        Whether the feature was trained, by the training card.
    measure : str
        ``index`` (0 is parity), ``share`` (1 is best), ``nats per token`` (less is better), or ``ratio``, of tuned
        to base: 1 is as before.
    status : str
        Of the difference: ``ok``, or why there is none.
    base, base_low, base_high, tuned, tuned_low, tuned_high : float or None
        With the intervals of either index; of what is collateral the difference alone has one.
    difference, ci_low, ci_high : float or None
        Difference: base minus tuned. Of an index positive is less with the stereotype, of a share it is a loss, of
        nats per token a gain; in its place stands a ratio.
    gone_status : str
    gone, gone_low, gone_high : float or None
        Share of the base's index that is gone.
    verdict, verdict_code : str
        Of the audit's own rule; empty for what is collateral.
    n_items, n_clusters : int
    """

    what: str
    framing: str
    kind: str
    probe: str = ""
    feature: str = ""
    trained: str = ""
    measure: str = "index"
    status: str = Status.OK.value
    base: float | None = None
    base_low: float | None = None
    base_high: float | None = None
    tuned: float | None = None
    tuned_low: float | None = None
    tuned_high: float | None = None
    difference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    gone_status: str = ""
    gone: float | None = None
    gone_low: float | None = None
    gone_high: float | None = None
    verdict: str = ""
    verdict_code: str = ""
    n_items: int = 0
    n_clusters: int = 0


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a table."""
    found = pd.DataFrame([asdict(row) for row in rows], columns=list(Row.__dataclass_fields__))
    numbers = [name for name, field in Row.__dataclass_fields__.items() if "float" in str(field.type)]
    found[numbers] = found[numbers].astype(float)
    return found


def rows_of_audit(
    audit: AuditRecord, *, framing: str, names: Mapping[str, str], trained: frozenset[str] | None
) -> Iterator[Row]:
    """Yield the cells of an audit, in the order of its probes: first every index, then what is collateral.

    Parameters
    ----------
    audit : AuditRecord
        Of one tuned checkpoint.
    framing : {"plain", "chat"}
    names : mapping
        Probe -> name to show, in the order of the rows.
    trained : frozenset of str or None
    """
    compared = audit.comparisons
    chosen = compared[
        (compared["contrast"] == CONTRASTS[framing]) & (compared["metric"] == "graded") & compared["declared"]
    ]
    kinds = {probe: str(facts["kind"]) for probe, facts in audit.manifest.probes.items()}
    by_probe = {probe: _cells(chosen[chosen["probe"] == probe]) for probe in names}
    for probe, name in names.items():
        for cell in by_probe[probe]:
            yield _index(cell, what=name, framing=framing, kind=kinds[probe], trained=trained)
    for probe, name in names.items():
        for cell in by_probe[probe][:1]:  # of a probe, and not of its features
            if cell["competence_loss_status"] != Status.NOT_MEASURED.value or probe not in _PARTS:
                yield _competence(cell, what=f"{name}: sense over nonsense", framing=framing)
    yield from _damage(audit.tables.get("damage"), framing=framing, names=names, trained=trained)


def _index(cell: Cells, *, what: str, framing: str, kind: str, trained: frozenset[str] | None) -> Row:
    measured = cell["status"] == Status.OK.value
    gone = cell["relative_status"] == Status.OK.value
    return Row(
        what=what,
        framing=framing,
        kind=kind,
        probe=str(cell["probe"]),
        feature=str(cell["feature"]),
        trained=whether_trained(str(cell["feature"]), trained),
        status=str(cell["status"]),
        base=_number(cell["first_value"]),
        base_low=_number(cell["first_ci_low"]),
        base_high=_number(cell["first_ci_high"]),
        tuned=_number(cell["second_value"]),
        tuned_low=_number(cell["second_ci_low"]),
        tuned_high=_number(cell["second_ci_high"]),
        difference=_number(cell["reduction"]) if measured else None,
        ci_low=_number(cell["ci_low"]) if measured else None,
        ci_high=_number(cell["ci_high"]) if measured else None,
        gone_status=str(cell["relative_status"]),
        gone=_number(cell["relative_reduction"]) if gone else None,
        gone_low=_number(cell["relative_ci_low"]) if gone else None,
        gone_high=_number(cell["relative_ci_high"]) if gone else None,
        verdict=str(cell["verdict"]),
        verdict_code=str(cell["verdict_code"]),
        n_items=int(cell["n_items"]),
        n_clusters=int(cell["n_clusters"]),
    )


def _competence(cell: Cells, *, what: str, framing: str) -> Row:
    measured = cell["competence_loss_status"] == Status.OK.value
    return Row(
        what=what,
        framing=framing,
        kind=COLLATERAL,
        probe=str(cell["probe"]),
        measure="share",
        status=str(cell["competence_loss_status"]),
        base=_number(cell["competence_first"]),
        tuned=_number(cell["competence_second"]),
        difference=_number(cell["competence_loss"]) if measured else None,
        ci_low=_number(cell["competence_loss_ci_low"]) if measured else None,
        ci_high=_number(cell["competence_loss_ci_high"]) if measured else None,
        n_items=int(cell["competence_loss_items"]),
        n_clusters=int(cell["competence_loss_clusters"]),
    )


def _damage(
    damage: pd.DataFrame | None, *, framing: str, names: Mapping[str, str], trained: frozenset[str] | None
) -> Iterator[Row]:
    """Yield what a good model keeps; nothing of audits that have no such table.

    Parts of the contrasts are left out: the licensed contrasts of a training are trained on.
    """
    if damage is None:
        return
    here = damage[damage["contrast"] == CONTRASTS[framing]]
    elsewhere = [(probe, name) for probe, name in names.items() if probe not in _PARTS]
    for read in (_licensed, _blunting):
        for probe, name in elsewhere:
            for cell in _cells(here[here["probe"] == probe]):
                if cell["feature"] != ALL:
                    yield read(cell, name, framing=framing, trained=trained)


def _licensed(cell: Cells, name: str, *, framing: str, trained: frozenset[str] | None) -> Row:
    measured = cell["licensed_status"] == Status.OK.value
    return Row(
        what=f"{name}: licensed associations",
        framing=framing,
        kind=COLLATERAL,
        probe=str(cell["probe"]),
        feature=str(cell["feature"]),
        trained=whether_trained(str(cell["feature"]), trained),
        measure="share",
        status=str(cell["licensed_status"]),
        base=_number(cell["licensed_first"]),
        tuned=_number(cell["licensed_second"]),
        difference=_number(cell["licensed_drop"]) if measured else None,
        ci_low=_number(cell["licensed_drop_ci_low"]) if measured else None,
        ci_high=_number(cell["licensed_drop_ci_high"]) if measured else None,
        n_items=int(cell["licensed_items"]),
        n_clusters=int(cell["licensed_clusters"]),
    )


def _blunting(cell: Cells, name: str, *, framing: str, trained: frozenset[str] | None) -> Row:
    measured = cell["blunting_status"] == Status.OK.value
    return Row(
        what=f"{name}: size of d where nothing was trained",
        framing=framing,
        kind=COLLATERAL,
        probe=str(cell["probe"]),
        feature=str(cell["feature"]),
        trained=whether_trained(str(cell["feature"]), trained),
        measure="ratio",
        status=str(cell["blunting_status"]),
        difference=_number(cell["blunting"]) if measured else None,
        ci_low=_number(cell["blunting_ci_low"]) if measured else None,
        ci_high=_number(cell["blunting_ci_high"]) if measured else None,
        n_items=int(cell["blunting_items"]),
        n_clusters=int(cell["blunting_clusters"]),
    )


def row_of_texts(what: str, first: Mapping[str, float], second: Mapping[str, float], *, framing: str) -> Row:
    """Return how likely texts are in base and tuned model, paired by text.

    Parameters
    ----------
    what : str
    first, second : mapping
        Text -> nats per token, of base and tuned model; texts that could not be scored are absent.
    framing : {"plain", "chat"}

    Returns
    -------
    Row
        Its means and its interval are over the texts that both have scored, each of which is its own cluster.
    """
    both = [text for text in first if text in second]
    of_base, of_tuned, difference = (
        _mean(values, both) for values in (first, second, {text: first[text] - second[text] for text in both})
    )
    return Row(
        what=what,
        framing=framing,
        kind=COLLATERAL,
        measure="nats per token",
        status=difference.status.value,
        base=of_base.value,
        tuned=of_tuned.value,
        difference=difference.value,
        ci_low=difference.ci_low,
        ci_high=difference.ci_high,
        n_items=len(both),
        n_clusters=len(both),
    )


def _mean(values: Mapping[str, float], texts: Sequence[str]) -> Estimate:
    return mean_estimate(clustered([values[text] for text in texts], texts), ClusterDesign.NONE, unit="nats per token")


def whether_trained(feature: str, trained: frozenset[str] | None) -> str:
    """Return whether a feature was trained, in words.

    Examples
    --------
    >>> whether_trained("age", frozenset({"gender"})), whether_trained("age", None)
    ('not trained', 'unknown')
    """
    if trained is None:
        return "unknown"
    return "trained" if feature in trained else "not trained"


def _cells(frame: pd.DataFrame) -> list[Cells]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def _number(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
