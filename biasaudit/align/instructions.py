"""Files of instructions: JSON Lines with a prompt and the response that is wanted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from biasaudit.align.sidecar import sidecar_licence
from biasaudit.errors import InstructionError, RecordError
from biasaudit.plain_files import decoded, found_value, json_value, lines_of, plain_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction and the response that is wanted.

    Attributes
    ----------
    prompt : str
        Not blank.
    response : str
        May be blank: such records are left out of a training, and counted.
    line : int
        In its file, from 1; 0 where it comes from none.
    """

    prompt: str
    response: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionFile:
    """A file of instructions as it was read.

    Attributes
    ----------
    name : str
        Of the file, without its folder.
    sha256 : str
        Of its bytes.
    licence : str or None
        From the sidecar ``<file>.license``; None where there is none.
    instructions : tuple of Instruction
        Not empty.
    """

    name: str
    sha256: str
    licence: str | None
    instructions: tuple[Instruction, ...]


class _Row(BaseModel):
    # Sources carry columns of their own, such as where a record comes from.
    model_config = ConfigDict(extra="ignore", frozen=True)
    prompt: StrictStr = Field(pattern=r"\S")
    response: StrictStr


_EXPECTED: Final = {"prompt": "a string that is not blank", "response": "a string"}


def read_instructions(path: Path) -> InstructionFile:
    """Read and check a file of instructions.

    Parameters
    ----------
    path : Path
        JSON Lines with the fields ``prompt`` and ``response``; other fields are not read. Its
        licence is taken from ``<file>.license``, in the form of the REUSE specification: a line
        ``SPDX-License-Identifier: …``.

    Returns
    -------
    InstructionFile

    Raises
    ------
    RecordError
        With file, line, field, what was found and what was expected, for the first wrong record.
    InstructionError
        If the file cannot be read, or holds nothing.

    References
    ----------
    REUSE specification 3.3, "Comment headers" and ".license" files.
    """
    content = _content(path)
    text = decoded(content, path, error=InstructionError)
    numbered = [(number, line) for number, line in lines_of(text) if line.strip()]
    if not numbered:
        raise InstructionError(
            f"{path} holds no instructions.", fix='Write one JSON object a line: {"prompt": "...", "response": "..."}.'
        )
    return InstructionFile(
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        licence=sidecar_licence(path, error=InstructionError),
        instructions=tuple(_parsed(line, number, path) for number, line in numbered),
    )


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise InstructionError(f"{path} is a folder.", fix="Name the JSON Lines file inside it with --data.")
    return plain_bytes(path, error=InstructionError, fix="Name a JSON Lines file with --data.")


def _parsed(line: str, number: int, path: Path) -> Instruction:
    try:
        row = _Row.model_validate(json_value(line))
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        field = ".".join(found_value(step) for step in first["loc"]) or "(the whole line)"
        found = "missing" if first["type"] == "missing" else found_value(first["input"])
        expected = _EXPECTED.get(field, "one JSON object")
        raise RecordError(path=path, line=number, field=field, found=found, expected=expected) from exc
    except ValueError as exc:
        raise RecordError(
            path=path, line=number, field="(the whole line)", found=line, expected="one complete JSON object"
        ) from exc
    return Instruction(prompt=row.prompt, response=row.response, line=number)
