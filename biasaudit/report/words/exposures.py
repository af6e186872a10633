"""Whether cells were held out from the training, in words; of audits from before that was asked, nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from biasaudit.report.words.facts import counted, listed
from biasaudit.report.words.wording import clean, number, present, records
from biasaudit.types import Exposure, stage_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.record.audit_record import AuditRecord

Row: TypeAlias = "Mapping[str, Any]"  # Any: cells of a pandas row
Cell: TypeAlias = tuple[str, str, str]
"""Tuned checkpoint, probe and feature."""

TRAINED_ON: Final = "Trained on: left out of the share"
"""Beside a verdict."""

_FEW_WORDS: Final = 8
_ORDER: Final = (Exposure.TRAINED_ON, Exposure.WORDS_SEEN, Exposure.HELD_OUT, Exposure.UNKNOWN)


def exposures(audit: AuditRecord) -> dict[Cell, Row]:
    """Return cell -> its row of the table ``exposure``; empty where the audit has none."""
    table = audit.further.get("exposure")
    rows = [] if table is None else records(table)
    return {(str(row["tuned"]), str(row["probe"]), str(row["feature"])): row for row in rows}


def was_trained_on(found: Mapping[Cell, Row], cell: Cell) -> bool:
    """Whether a cell was trained on, as far as is known."""
    return cell in found and str(found[cell]["exposure"]) == Exposure.TRAINED_ON.value


def of_probe(found: Mapping[Cell, Row], probe: str) -> tuple[str, ...]:
    """Return how near a probe is to what was trained: a sentence for each checkpoint and state, the nearest first.

    Parameters
    ----------
    found : mapping
        Of :func:`exposures`.
    probe : str
    """
    several = len({tuned for tuned, _, _ in found}) > 1
    of_all = [(tuned, row) for (tuned, name, _), row in found.items() if name == probe]
    n_features = Counter(tuned for tuned, _ in of_all)
    alike: dict[tuple[str, str, str], list[Row]] = {}
    for tuned, row in sorted(of_all, key=lambda one: (stage_place(one[0]), _place(one[1]))):
        alike.setdefault((tuned, str(row["exposure"]), str(row["unknown_because"])), []).append(row)
    return tuple(
        (f"{clean(tuned)}: " if several else "") + _sentence(rows, of_all=len(rows) == n_features[tuned])
        for (tuned, _, _), rows in alike.items()
    )


def summary(found: Mapping[Cell, Row], tuned: str) -> str:
    """Return how many comparisons of a checkpoint were held out from its training; empty where that was not asked."""
    rows = [row for (name, _, _), row in found.items() if name == tuned]
    if not rows:
        return ""
    counts = Counter(str(row["exposure"]) for row in rows)
    unknown = {str(row["unknown_because"]) for row in rows if str(row["exposure"]) == Exposure.UNKNOWN.value}
    why = f" ({clean(next(iter(unknown)), limit=300)})" if len(unknown) == 1 else ""
    states = [f"{counts[state.value]} {state.value}" for state in _ORDER if counts[state.value]]
    return f"Of {counted(len(rows), 'comparison', 'comparisons')}, by the training: {', '.join(states)}{why}."


def _place(row: Row) -> int:
    states = [state.value for state in _ORDER]
    state = str(row["exposure"])
    return states.index(state) if state in states else len(states)


def _sentence(rows: Sequence[Row], *, of_all: bool) -> str:
    """Say what is so of the features of one probe that have one state."""
    state = str(rows[0]["exposure"])
    where = "" if of_all else f" ({listed([clean(row['feature']) for row in rows])})"
    if state == Exposure.TRAINED_ON.value:
        said = (
            f"Trained on{where}: a template of this probe stands in what was trained{_how_much(rows[0])}. A change "
            "here shows the training; it is left out of the share."
        )
    elif state == Exposure.WORDS_SEEN.value:
        said = f"Words seen{where}: its templates were not trained, but these words were: {_few(rows, 'words_seen')}."
    elif state == Exposure.HELD_OUT.value:
        said = f"Held out{where}: neither its templates nor the words of its attributes were trained."
    else:
        return f"Unknown whether it was trained on{where}: {clean(rows[0]['unknown_because'], limit=300)}."
    groups = _few(rows, "groups_seen")
    return f"{said} Words for groups that were trained: {groups}." if groups else said


def _how_much(row: Row) -> str:
    share = present(row["containment"])
    return "" if share is None or row["has_template"] else f" ({number(share, decimals=2)} of its pieces)"


def _few(rows: Sequence[Row], column: str) -> str:
    words = sorted({word for row in rows for word in str(row[column]).split(", ") if word})
    more = len(words) - _FEW_WORDS
    return ", ".join(clean(word) for word in words[:_FEW_WORDS]) + (f" and {more} more" if more > 0 else "")
