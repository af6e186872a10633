from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from biasaudit.align.instructions import Instruction, read_instructions
from biasaudit.errors import InstructionError, RecordError

GOOD = '{"prompt": "p", "response": "r"}'


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_records_are_read_in_their_order_with_the_hash_of_the_file(tmp_path: Path) -> None:
    text = json.dumps({"prompt": "a\u2028b", "response": "", "source": "x"}) + "\r\n\n" + GOOD
    found = read_instructions(written(tmp_path, text))
    assert found.instructions == (
        Instruction(prompt="a\u2028b", response="", line=1),
        Instruction(prompt="p", response="r", line=3),
    )
    assert (found.name, found.licence) == ("rows.jsonl", None)
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_line_separator_inside_a_text_ends_no_record(tmp_path: Path) -> None:
    text = json.dumps({"prompt": "a\u2028b\x85c", "response": "r"}, ensure_ascii=False)
    assert read_instructions(written(tmp_path, text)).instructions[0].prompt == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("line", "field", "expected"),
    [
        ('{"prompt": "p", "resp', "(the whole line)", "one complete JSON object"),
        ("[" * 100_000, "(the whole line)", "one complete JSON object"),
        ("[1]", "(the whole line)", "one JSON object"),
        ('"text"', "(the whole line)", "one JSON object"),
        ('{"prompt": "p"}', "response", "a string"),
        ('{"response": "r"}', "prompt", "a string that is not blank"),
        ('{"prompt": 3, "response": "r"}', "prompt", "a string that is not blank"),
        ('{"prompt": "p", "response": null}', "response", "a string"),
        ('{"prompt": " \\n", "response": "r"}', "prompt", "a string that is not blank"),
    ],
)
def test_a_wrong_record_is_named_with_file_line_and_field(tmp_path: Path, line: str, field: str, expected: str) -> None:
    path = written(tmp_path, f"{GOOD}\n\n{line}\n")
    with pytest.raises(RecordError) as caught:
        read_instructions(path)
    error = caught.value
    assert (error.path, error.line, error.field, error.expected) == (path, 3, field, expected)
    assert str(error).startswith(f"{path}:3: field {field!r} is ")
    assert error.exit_code == 2


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_records_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(InstructionError, match="holds no instructions"):
        read_instructions(written(tmp_path, text))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for path, expected in (
        (tmp_path / "none.jsonl", "there is no such file"),
        (tmp_path, "is a folder"),
        (written(tmp_path, b"\xff\xfe"), "is not UTF-8 text: it looks like UTF-16"),
        (tmp_path / "rows.jsonl" / "inside", "cannot be read"),
    ):
        with pytest.raises(InstructionError, match=expected):
            read_instructions(path)


@pytest.mark.parametrize("line", ["SPDX-License-Identifier: Apache-2.0", "# SPDX-License-Identifier:  Apache-2.0 "])
def test_the_licence_is_read_from_beside_the_file(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, GOOD)
    (tmp_path / "rows.jsonl.license").write_text(f"SPDX-FileCopyrightText: 2023 A\n\n{line}\n", encoding="utf-8")
    assert read_instructions(path).licence == "Apache-2.0"


@pytest.mark.parametrize("text", [b"Apache", b"\xff"])
def test_a_licence_file_that_says_nothing_is_an_error(tmp_path: Path, text: bytes) -> None:
    """To take it for "not stated" would hide a mistake of the person who wrote it."""
    path = written(tmp_path, GOOD)
    (tmp_path / "rows.jsonl.license").write_bytes(text)
    with pytest.raises(InstructionError, match=r"rows\.jsonl\.license"):
        read_instructions(path)
