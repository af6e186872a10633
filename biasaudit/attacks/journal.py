"""All that a search has asked so far, in a file: an interrupted one goes on from it and finds the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

from biasaudit.errors import AuditFolderError, AuditMismatchError
from biasaudit.outputs import write_output

_HEAD: Final = "search"


class Journal:
    """Queries and what came of them; on disk, each before the next is asked.

    Parameters
    ----------
    path : Path or None
        None keeps them in memory.
    identity : mapping
        What a search depends on, JSON-ready.

    Raises
    ------
    AuditMismatchError
        If the file is of another search.
    AuditFolderError
        If it cannot be read or written.
    """

    def __init__(self, path: Path | None, identity: Mapping[str, Any]) -> None:  # Any: JSON values
        self._known: dict[str, Any] = {}  # Any: as above
        self._file: TextIO | None = None
        self.n_found = 0
        if path is None:
            return
        whole = json.loads(json.dumps(dict(identity)))
        try:
            lines = path.read_bytes().split(b"\n") if path.exists() else []
            # What follows the last line break was being written when the run ended.
            read = [json.loads(line) for line in lines[:-1]]
            if read:
                self._take_up(path, read, whole)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not read or lines[-1]:
                kept = b"".join(line + b"\n" for line in lines[:-1])
                write_output(path, kept or json.dumps({_HEAD: whole}).encode() + b"\n")
            self._file = path.open("a", encoding="utf-8")
        except (ValueError, KeyError, TypeError) as exc:
            raise AuditFolderError(
                f"{path} is no journal of a search: {exc}.", fix="Remove it, or name another folder with --out."
            ) from exc
        except OSError as exc:
            raise AuditFolderError(
                f"{path} cannot be written: {exc.strerror or exc}.",
                fix="Free some space, or name another folder with --out.",
            ) from exc

    def _take_up(self, path: Path, read: list[Any], identity: Mapping[str, Any]) -> None:  # Any: JSON values
        there = read[0][_HEAD]
        if not isinstance(there, dict):
            msg = "its first line is of no search"
            raise TypeError(msg)
        if there != identity:
            names = sorted(name for name in {*there, *identity} if there.get(name) != identity.get(name))
            raise AuditMismatchError(
                f"{path} is of another search; different: {', '.join(names)}.",
                fix="Name another folder with --out, or remove this one.",
            )
        self._known = {line["asked"]: line["found"] for line in read[1:]}
        self.n_found = len(self._known)

    def found(self, *asked: object, of: Callable[[], Any]) -> Any:  # Any: JSON values
        """Return what came of a query, asked now where it is not known.

        Parameters
        ----------
        *asked : JSON values
            What names the query.
        of : callable
            Asks it.
        """
        key = json.dumps(asked)
        if key not in self._known:
            answer = of()
            self._known[key] = answer
            if self._file is not None:
                self._file.write(json.dumps({"asked": key, "found": answer}) + "\n")
                self._file.flush()
        return self._known[key]

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
