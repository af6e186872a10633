from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.record.audit_record import NEEDED
from biasaudit.report.outputs.csv_files import csv_bytes
from tests.report.factory import PAIRS, audit

HOSTILE = '</script><img src=x onerror=alert(1)>\u202e{{ 7*7 }}\ud800\n"x",=1'


def read_rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))


def test_every_table_is_written_with_its_columns_and_rows(tmp_path: Path) -> None:
    """Nothing that the folder of the audit holds is missing."""
    given_audit = audit()
    written = given_audit.to_csv(tmp_path / "csv")
    assert [path.stem for path in written] == [*NEEDED, "wordings"]
    for path in written:
        frame = getattr(given_audit, path.stem)
        read = pd.read_csv(path)
        assert list(read.columns) == list(frame.columns)
        assert len(read) == len(frame)


def test_numbers_come_back_as_they_were(tmp_path: Path) -> None:
    """Negative ones too: they are numbers, not formulas."""
    given_audit = audit()
    given_audit.to_csv(tmp_path)
    read = pd.read_csv(tmp_path / "comparisons.csv")
    assert read["reduction"].tolist() == pytest.approx(given_audit.comparisons["reduction"].tolist(), nan_ok=True)
    assert (read["reduction"] < 0).any()


def test_lists_are_json_and_absent_ones_empty() -> None:
    """A list of tokens can be read again by any program."""
    frame = pd.DataFrame({"ids": [[1, 2], None], "nats": [[-0.5, -1.25], None]})
    rows = csv_bytes(frame).decode().splitlines()
    assert rows == ["ids,nats", '"[1, 2]","[-0.5, -1.25]"', ","]
    assert json.loads("[-0.5, -1.25]") == frame["nats"][0]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(start: str) -> None:
    """=HYPERLINK in the name of a group would send the table away when it is opened."""
    frame = pd.DataFrame({"text": [f'{start}cmd|" /C calc"!A0', f"a{start}"], "number": [-1.0, 2.0]})
    rows = read_rows(csv_bytes(frame))
    assert rows[1] == [f"'{frame['text'][0]}".replace("\r", "\n"), "-1.0"]
    assert rows[2] == [f"a{start}".replace("\r", "\n"), "2.0"]


def test_a_carriage_return_begins_no_row() -> None:
    """A spreadsheet would, and compute what comes after it."""
    assert csv_bytes(pd.DataFrame({"text": ["a\r=1+1", "b\r\nc"]})) == b'text\n"a\n=1+1"\n"b\nc"\n'


def test_hostile_texts_stay_in_their_cells(tmp_path: Path) -> None:
    """Quotes, lines, surrogates and 100,000 characters."""
    texts = json.dumps({"context": "", "first": HOSTILE, "second": "y" * 100_000})
    given_audit = audit(pair_text=texts)
    # Object: pandas's own texts cannot hold a lone surrogate, but those of a caller can.
    hostile = pd.Series([HOSTILE] * len(given_audit.items), dtype=object)
    items = given_audit.items.assign(feature=hostile)
    replace(given_audit, items=items).to_csv(tmp_path)
    read = pd.read_csv(tmp_path / "items.csv")
    assert len(read) == len(items)
    assert set(read["feature"]) == {HOSTILE.replace("\ud800", "\ufffd").replace("\u202e", "\ufffd")}
    assert json.loads(read.loc[read["probe"] == PAIRS, "texts"].iloc[0])["second"] == "y" * 100_000


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=5))
def test_no_cell_of_text_begins_as_a_formula(texts: list[str]) -> None:
    """Whatever a text begins with."""
    rows = read_rows(csv_bytes(pd.DataFrame({"text": texts})))
    assert len(rows) == len(texts) + 1
    assert not any(row and row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in rows)


def test_the_tables_come_out_the_same_twice(tmp_path: Path) -> None:
    """Equal tables give equal bytes."""
    given_audit = audit()
    for folder in ("a", "b"):
        given_audit.to_csv(tmp_path / folder)
    for name in (*NEEDED, "wordings"):
        assert (tmp_path / "a" / f"{name}.csv").read_bytes() == (tmp_path / "b" / f"{name}.csv").read_bytes()
