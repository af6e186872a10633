"""What a search brought out, in sentences: for the page, the terminal and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.wording import clean, in_row, records
from biasaudit.types import Checkpoint, SearchVerdict, stage_place

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

Row = Mapping[str, Any]  # Any: pandas cells

_SAID: Final = {
    SearchVerdict.FOUND.value: "words were found after which {who} leans more, held out from the search",
    SearchVerdict.STEERABLE.value: "words were found that move {who}, about as far the other way too",
    SearchVerdict.NOTHING.value: "no words were found after which {who} leans more, held out from the search",
    SearchVerdict.NOT_INTERPRETABLE.value: "after the words found, {who} reads worse, and nothing is claimed",
    SearchVerdict.NOT_MEASURED.value: "of {who} nothing was measured",
}


def search_rows(audit: AuditRecord) -> list[dict[str, Any]]:  # Any: as above
    """Return the rows of the table in the order of the page; none of an audit without."""
    table = audit.searches
    if table is None:
        return []

    def place(row: Row) -> tuple[Any, ...]:  # Any: parts of a key
        own = row["searched"] != row["checkpoint"]
        return (own, str(row["probe"]), str(row["feature"]), stage_place(str(row["checkpoint"])), str(row["searched"]))

    return sorted(records(table), key=place)


def search_finding(rows: Sequence[Row]) -> str:
    """Say what came of the searches, each asked of the checkpoint that was searched, on the first probe and feature.

    Examples
    --------
    >>> row = {"searched": "tuned", "checkpoint": "tuned", "probe": "a", "feature": "b", "verdict": "nothing found"}
    >>> search_finding([row])
    'No words were found after which tuned leans more, held out from the search'
    """
    own = [row for row in rows if row["searched"] == row["checkpoint"]]
    if not own:
        return ""
    first = (own[0]["probe"], own[0]["feature"])
    said = [
        _SAID[str(row["verdict"])].format(who=clean(row["checkpoint"]))
        for row in own
        if (row["probe"], row["feature"]) == first
    ]
    whole = "; ".join(said)
    return whole[:1].upper() + whole[1:]


def search_lines(audit: AuditRecord) -> list[str]:
    """Return what came of the searches, a line for each row: without the words themselves."""
    return [
        f"{clean(row['searched'])} searched, {clean(row['checkpoint'])} asked, {clean(row['probe'])}, "
        f"{clean(row['feature'])}: {row['verdict']}; lean {in_row(row, 'plain')} without, {in_row(row, 'found')} after "
        f"what was found, {in_row(row, 'random')} after the best at random"
        for row in search_rows(audit)
    ]


def search_warnings(audit: AuditRecord, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the first screen must say: words after which a tuned model leans more than it is seen to."""
    named = [
        f"{names.get(str(row['probe']), clean(row['probe']))}, {clean(row['feature'])}: {in_row(row, 'plain')} without "
        f"words, {in_row(row, 'found')} after those found"
        for row in search_rows(audit)
        if row["verdict"] == SearchVerdict.FOUND.value
        and row["searched"] == row["checkpoint"]
        and row["checkpoint"] != Checkpoint.BASE.value
    ]
    return tuple(f"A search found words after which the tuned model leans more. {one}." for one in named[:1])
