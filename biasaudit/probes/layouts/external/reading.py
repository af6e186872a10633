"""What the readers of published sets share: rows with their place, checked fields, sense and nonsense."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from biasaudit.errors import ItemError, ProbeError
from biasaudit.plain_files import found_value, json_value, lines_of, plain_text
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.unrelated import with_unrelated_word
from biasaudit.types import PairTexts, ProbeItem, Role

COMPETENCE_EVERY: Final = 5
"""Each fifth pair also asks whether its first sentence is preferred to the same with one unrelated word."""


CONFIG: Final = "(configuration)"
"""Key under which a row of the hub says of which configuration it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader found.

    Attributes
    ----------
    items : tuple of ProbeItem
    notices : tuple of str
        What a reader must hear: rows that were left out, with their number and the reason.
    unexpected : tuple of str
        In what the data differ from what the card describes.
    """

    items: tuple[ProbeItem, ...]
    notices: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How a published set becomes items.

    Attributes
    ----------
    read : callable
        From the files, by the names that the card gives them, and the card.
    of_hub : callable or None
        From rows of the hub, each with its number, the card, and where they came from; None where
        the hub's rows do not hold what the items need.
    """

    read: Callable[[Mapping[str, Path], Card], Reading]
    of_hub: Callable[[Iterable[tuple[int, Mapping[str, Any]]], Card, Path], Reading] | None = None


def table_rows(path: Path, *, delimiter: str = ",", quoted: bool = True) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table with a header, each with the line on which it ends.

    Parameters
    ----------
    path : Path
    delimiter : str
    quoted : bool
        False where quotation marks are part of the text.

    Raises
    ------
    ProbeError
        If the file cannot be read as a table, or holds no rows.
    ItemError
        If a row has more or fewer fields than the header.
    """
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    n_rows = 0
    file = io.StringIO(text_of(path), newline="")
    try:
        reader = csv.DictReader(file, delimiter=delimiter, quoting=quoting, restkey="(more fields)")
        for row in reader:
            n_rows += 1
            if None in row.values() or "(more fields)" in row:
                n_fields = len(reader.fieldnames or ())
                raise ItemError(
                    path=path,
                    line=reader.line_num,
                    field="(the whole row)",
                    found=delimiter.join(str(value) for value in row.values()),
                    expected=f"{n_fields} fields",
                )
            yield reader.line_num, row
    except csv.Error as exc:
        raise ProbeError(f"{path}: cannot be read as a table: {exc}.") from exc
    if not n_rows:
        raise ProbeError(f"{path}: holds no rows.", fix="Restore the file from its source.")


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a file of JSON lines, each with its line.

    Raises
    ------
    ProbeError
        If the file cannot be read, or holds no rows.
    ItemError
        If a line is not one JSON object.
    """
    n_lines = 0
    for number, line in lines_of(text_of(path)):
        if not line.strip():
            continue
        n_lines += 1
        try:
            row = json_value(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise ItemError(
                path=path,
                line=number,
                field="(the whole line)",
                found=line,
                expected="one complete JSON object; the file may be half-written",
            )
        yield number, row
    if not n_lines:
        raise ProbeError(f"{path}: holds no rows.", fix="Restore the file from its source.")


def json_file(path: Path) -> Any:  # Any: JSON
    """Return what a JSON file holds.

    Raises
    ------
    ProbeError
        If the file cannot be read as JSON.
    """
    try:
        return json_value(text_of(path))
    except ValueError as exc:
        raise ProbeError(f"{path}: is not valid JSON: {exc}.", fix="Restore the file from its source.") from exc


def text_of(path: Path) -> str:
    """Return the text of a file.

    Raises
    ------
    ProbeError
        If the file cannot be read as UTF-8.
    """
    return plain_text(path, error=ProbeError, fix="Restore the file from its source.")


def text_field(row: Mapping[str, Any], name: str, *, path: Path, line: int) -> str:
    """Return a field that must be a text that is not empty.

    Raises
    ------
    ItemError
        With file, line and field.
    """
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        found = "missing" if value is None else found_value(value)
        raise ItemError(path=path, line=line, field=name, found=found, expected="a text")
    return value


def one_of(row: Mapping[str, Any], name: str, allowed: Iterable[str], *, path: Path, line: int) -> str:
    """Return a field that must be one of `allowed`.

    Raises
    ------
    ItemError
        With file, line and field.
    """
    value = row.get(name)
    known = list(allowed)
    if not isinstance(value, str) or value not in known:
        found = "missing" if value is None else found_value(value)
        raise ItemError(path=path, line=line, field=name, found=found, expected="one of " + ", ".join(known))
    return value


def sense_and_nonsense(item: ProbeItem, *, language: str = "en") -> ProbeItem:
    """Return a competence item: the first text of a pair against itself with one unrelated word."""
    if not isinstance(item.texts, PairTexts):
        msg = "only a pair has a first text"
        raise TypeError(msg)
    return ProbeItem(
        item_id=f"{item.item_id}/unrelated",
        cluster_id=item.cluster_id,
        feature=item.feature,
        groups=(),
        role=Role.COMPETENCE,
        family=item.family,
        texts=PairTexts(
            context=item.texts.context,
            first=item.texts.first,
            second=with_unrelated_word(item.texts.first, seed=item.item_id, language=language),
        ),
    )
