from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes import load_probe
from biasaudit.probes.layouts.external.reading import json_lines, table_rows, text_of
from tests.probes.layouts.external.test_discrim_eval import cases, save
from tests.probes.sets import bbq_question, save_bbq

LETTERS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"]


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_of_published_sets_end_at_a_line_feed_alone(tmp_path: Path, letter: str, mark: bytes, end: str) -> None:
    """With a mark at its beginning a file was no JSON; with one of these letters in a text a row was two."""
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"a{letter}b"}, {"text": "c"}]
    path.write_bytes(mark + end.join(json.dumps(row, ensure_ascii=letter < " ") for row in rows).encode())
    assert list(json_lines(path)) == [(1, rows[0]), (2, rows[1])]
    table = tmp_path / "rows.csv"
    table.write_bytes(mark + end.join(["text,more", f'"a{letter}b",1', "c,2"]).encode())
    assert [row for _, row in table_rows(table)] == [{"text": f"a{letter}b", "more": "1"}, {"text": "c", "more": "2"}]


def test_a_question_of_bbq_may_hold_a_separator_of_lines(tmp_path: Path) -> None:
    questions = [bbq_question(n) for n in range(40)]
    folder = save_bbq(tmp_path, questions)
    before = load_probe("bbq", data_dir=folder)
    questions[0]["context"] += "\u2028Then they left."
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in questions)
    (folder / "bbq" / "Age.jsonl").write_text(text, encoding="utf-8")
    assert len(load_probe("bbq", data_dir=folder).items) == len(before.items)


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", "9" * 5000, "[" * 5000, '{"a": "\\ud800"}', '{"a": 1, "a": 2}', "\x00", '{"a": ' + "9" * 5000 + "}"],
)
def test_a_row_that_is_no_object_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "b"}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(ItemError, match=r"rows.jsonl:3: .*one complete JSON object") as caught:
        list(json_lines(path))
    assert len(str(caught.value)) < 500 + len(str(path))


def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"a\n\xff")
    os.mkfifo(tmp_path / "pipe")
    cases_ = {
        "bytes": "line 2 has the byte 0xff",
        "pipe": "it is a pipe",
        "absent": "there is no such file",
        ".": "it is a folder",
    }
    for name, said in cases_.items():
        with pytest.raises(ProbeError, match=said):
            text_of(tmp_path / name)


def test_a_file_that_unfolds_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed file of 300 kilobytes can hold 300 megabytes of blanks."""
    folder = save(tmp_path, cases(1))
    path = folder / "discrim-eval" / "explicit.jsonl.gz"
    monkeypatch.setattr("biasaudit.probes.layouts.external.discrim_eval.MOST_BYTES", 100_000)
    path.write_bytes(gzip.compress(b" " * 200_000))
    with pytest.raises(ProbeError, match="unfolds to more than 100,000 bytes"):
        load_probe("discrim-eval", data_dir=folder)
    path.write_bytes(gzip.compress(b" " * 200_000)[:100])
    with pytest.raises(ProbeError, match="cannot be read"):
        load_probe("discrim-eval", data_dir=folder)


def test_a_number_of_thousands_of_digits_is_no_traceback(tmp_path: Path) -> None:
    def changed(**changes: Any) -> Path:  # Any: JSON
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return save(folder, [{**cases(1)[0], **changes}])

    for folder in (changed(age="9" * 5000), changed(age=1e308), changed(decision_question_id="9" * 5000)):
        with pytest.raises(ItemError):
            load_probe("discrim-eval", data_dir=folder)
