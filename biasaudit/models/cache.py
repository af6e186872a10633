"""The response cache: one SQLite file, keyed by what the log-probabilities depend on."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from biasaudit.errors import CacheError
from biasaudit.models import database
from biasaudit.models.cache_place import CACHE_VARIABLE, cache_place
from biasaudit.models.cache_rows import COLUMNS, WRITTEN_COLUMNS, Row, response_of, row_of, written_of, written_row
from biasaudit.models.database import Database, Trouble, trouble_of
from biasaudit.types import ModelFingerprint, Response, Written

SCORING: Final = 2
"""Version of how a request becomes scored tokens; what another version scored is not an answer of this one."""

LEFT_TO_RIGHT: Final = "left to right"
"""The method of causal models: each token given all before it. Others are given another name."""

# Rows of an earlier version are in a table `responses`: without checksums, of tokens that were cut otherwise.
_TABLES: Final = {
    "checked_responses": COLUMNS,
    "written_responses": WRITTEN_COLUMNS,
    "pack_sizes": "machine TEXT PRIMARY KEY, n_nodes INTEGER NOT NULL",
}
ELSEWHERE: Final = ("engine", "quantization", "kv_dtype", "reading")
"""What a fingerprint says only of models that are not computed here and in full: without it, keys are as they were."""
_NAME: Final = "responses.sqlite"
_FIELDS: Final = "reason, token_ids, logprobs, checksum"
_CHUNK: Final = 500
_PATIENCE_S: Final = 30.0
_MOST_NODES: Final = 1 << 20
_MOST_ASIDE: Final = 3
"""Files set aside by one run; where a fresh one breaks each time, the disk is what is damaged."""


class ResponseCache:
    """Responses of all models, kept over runs.

    A file that is damaged is set aside under another name, one that is locked or read-only is gone on without: the
    run then computes again what was known, or keeps nothing for the next one, and says so once.

    Parameters
    ----------
    path : Path or None
        The SQLite file; made if absent. None keeps responses in memory.
    say : callable, optional
        Told once of each kind of trouble.
    patience_s : float
        How long a lock of another program is waited for.
    """

    def __init__(
        self, path: Path | None, *, say: Callable[[str], None] | None = None, patience_s: float = _PATIENCE_S
    ) -> None:
        self._path = path
        self._say = say
        self._said: set[str] = set()
        self._patience_s = patience_s
        self._waiting: list[Row] = []
        self._n_aside = 0
        self._database = database.in_memory(_TABLES) if path is None else self._opened(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # What another program's lock kept out: it may be gone by now.
            if self._waiting:
                self._write([])
        except CacheError:
            if error is None:
                raise
        finally:
            self._database.connection.close()

    def found(self, model: str, keys: Iterable[str]) -> dict[str, Response]:
        """Return what is known of `keys` for the model with identity `model`; damaged rows are not."""
        wanted = list(keys)
        known: dict[str, Response] = {}
        n_damaged = 0
        try:
            for start in range(0, len(wanted), _CHUNK):
                for key, *row in self._rows(model, wanted[start : start + _CHUNK]):
                    response = response_of(model, key, tuple(row))
                    n_damaged += response is None
                    if response is not None:
                        known[key] = response
        except sqlite3.Error as exc:
            self._not_read(exc)
        if n_damaged:
            self._tell(
                "damaged", f"{n_damaged} rows of the cache {self._path} are damaged; what they answered is asked again"
            )
        return known

    def keep(self, model: str, responses: Iterable[Response]) -> None:
        """Store `responses` in one transaction.

        Raises
        ------
        CacheError
            If there is no room; what was stored before stays.
        """
        self._write([row_of(model, response) for response in responses])

    def found_written(self, model: str, keys: Iterable[str]) -> dict[str, Written]:
        """Return what is known of texts that the model with identity `model` wrote; damaged rows are not."""
        known: dict[str, Written] = {}
        try:
            for key in keys:
                row = self._database.connection.execute(
                    "SELECT texts, checksum FROM written_responses WHERE model = ? AND request = ?", (model, key)
                ).fetchone()
                found = None if row is None else written_of(model, key, row)
                if found is not None:
                    known[key] = found
        except sqlite3.Error as exc:
            self._not_read(exc)
        return known

    def keep_written(self, model: str, response: Written) -> None:
        """Store what was written.

        Raises
        ------
        CacheError
            If there is no room; what was stored before stays.
        """
        if self._path is not None and not self._database.writable:
            return
        try:
            self._database.connection.execute(
                "INSERT OR REPLACE INTO written_responses VALUES (?, ?, ?, ?)", written_row(model, response)
            )
        except sqlite3.Error as exc:
            self._not_written(exc)

    def add(self, model: str, responses: Sequence[Response]) -> dict[str, Response]:
        """Store what is not there yet, in one transaction; return by key what was there before, which stays.

        Raises
        ------
        CacheError
            If there is no room; what was stored before stays.
        """
        before = self.found(model, [response.key for response in responses])
        self._write([row_of(model, response) for response in responses if response.key not in before])
        return before

    def pack_size(self, machine: str) -> int | None:
        """Return the nodes of a pack that a calibration chose for a model on a machine."""
        try:
            row = self._database.connection.execute(
                "SELECT n_nodes FROM pack_sizes WHERE machine = ?", (machine,)
            ).fetchone()
        except sqlite3.Error as exc:
            self._not_read(exc)
            return None
        known = None if row is None else row[0]
        return known if isinstance(known, int) and 1 <= known <= _MOST_NODES else None

    def keep_pack_size(self, machine: str, n_nodes: int) -> None:
        """Remember the outcome of a calibration; the first one stays.

        Raises
        ------
        CacheError
            If there is no room.
        """
        try:
            self._database.connection.execute("INSERT OR IGNORE INTO pack_sizes VALUES (?, ?)", (machine, n_nodes))
        except sqlite3.Error as exc:
            self._not_written(exc)

    def _rows(self, model: str, keys: list[str]) -> Iterable[tuple[str, object, object, object, object]]:
        marks = ",".join("?" * len(keys))
        return self._database.connection.execute(
            f"SELECT request, {_FIELDS} FROM checked_responses WHERE model = ? AND request IN ({marks})",  # noqa: S608  # only marks
            (model, *keys),
        )

    def _write(self, rows: list[Row]) -> None:
        """Write rows, and those that had to wait before."""
        if self._path is not None and not self._database.writable:
            return
        self._waiting += rows
        try:
            with database.transaction(self._database.connection):
                self._database.connection.executemany(
                    "INSERT OR REPLACE INTO checked_responses VALUES (?, ?, ?, ?, ?, ?)", self._waiting
                )
        except sqlite3.Error as exc:
            self._not_written(exc)
        else:
            self._waiting.clear()

    def _not_read(self, error: sqlite3.Error) -> None:
        """Go on after a reading that failed: what was not found is asked again.

        Raises
        ------
        CacheError
            If there is no room, which reading needs too.
        """
        if trouble_of(error) is Trouble.BROKEN:
            self._set_aside(error)
        else:
            self._not_written(error)

    def _not_written(self, error: sqlite3.Error) -> None:
        """Go on after a write that failed, if that can be.

        Raises
        ------
        CacheError
            If there is no room.
        """
        trouble = trouble_of(error)
        if trouble is Trouble.FULL:
            self._waiting.clear()
            raise _no_room(self._path, error) from error
        if trouble is Trouble.LOCKED:
            # Once is enough to wait for: each later batch would wait as long again.
            self._database.connection.execute("PRAGMA busy_timeout=0")
            self._tell("locked", f"another program has locked the cache {self._path}; the run goes on without it")
        elif trouble is Trouble.CLOSED:
            self._waiting.clear()
            self._database = Database(connection=self._database.connection, inode=self._database.inode)
            self._tell("closed", f"the cache {self._path} cannot be written: {error}; this run is not kept")
        else:
            self._set_aside(error)
            self._write([])

    def _opened(self, path: Path) -> Database:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return database.on_disk(path, _TABLES, patience_s=self._patience_s)
        except OSError as exc:
            return self._without_file(exc.strerror or str(exc))
        except sqlite3.Error as exc:
            trouble = trouble_of(exc)
            if trouble is Trouble.FULL:
                raise _no_room(path, exc) from exc
            if trouble is Trouble.BROKEN:
                return self._anew(exc, inode=None)
            return self._for_reading(path, exc)

    def _for_reading(self, path: Path, error: sqlite3.Error) -> Database:
        """Return what can be read of a file that cannot be written."""
        try:
            if trouble_of(error) is Trouble.CLOSED:
                readable = database.read_only(path, _TABLES)
                self._tell("closed", f"the cache {path} cannot be written: {error}; it is read, this run is not kept")
                return readable
        except (sqlite3.Error, OSError):
            pass
        return self._without_file(str(error))

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Go on with a fresh file in place of one that cannot be read, or in memory."""
        self._database.connection.close()
        self._database = self._anew(error, inode=self._database.inode)

    def _anew(self, reason: sqlite3.Error, *, inode: int | None) -> Database:
        if self._path is None:
            return database.in_memory(_TABLES)
        self._n_aside += 1
        if self._n_aside > _MOST_ASIDE:
            return self._without_file(str(reason))
        aside = database.set_aside(self._path, inode)
        if aside is not None:
            self._tell(
                "broken",
                f"the cache {self._path} cannot be read: {reason}; it is set aside as {aside.name}, and what it held "
                "is asked again",
            )
        try:
            return database.on_disk(self._path, _TABLES, patience_s=self._patience_s)
        except (sqlite3.Error, OSError) as exc:
            if isinstance(exc, sqlite3.Error) and trouble_of(exc) is Trouble.FULL:
                raise _no_room(self._path, exc) from exc
            return self._without_file(str(exc))

    def _without_file(self, reason: str) -> Database:
        self._tell("closed", f"the cache {self._path} cannot be used: {reason}; this run is not kept for the next one")
        return database.in_memory(_TABLES)

    def _tell(self, kind: str, what: str) -> None:
        if self._say is not None and kind not in self._said:
            self._say(what)
        self._said.add(kind)


def open_cache(say: Callable[[str], None]) -> ResponseCache:
    """Return the cache in the user's folder; where there can be none, one that ends with the process.

    Parameters
    ----------
    say : callable
        Told what is not as it should be, once.
    """
    try:
        place = cache_place()
    except CacheError as exc:
        say(str(exc))
        return ResponseCache(None)
    if place.trouble is not None:
        say(place.trouble)
    return ResponseCache(place.folder / _NAME, say=say)


def cache_identity(fingerprint: ModelFingerprint, *, method: str = LEFT_TO_RIGHT) -> str:
    """Return the hash of everything in `fingerprint` that a log-probability depends on.

    The chat template is not among it: a request holds the rendered text.

    Parameters
    ----------
    fingerprint : ModelFingerprint
    method : str
        How it scores. The usual one leaves no trace, so that caches from before there were others stay valid.
    """
    content: dict[str, object] = {
        "scoring": SCORING,
        "weights": fingerprint.weights,
        "adapter": fingerprint.adapter,
        "dtype": fingerprint.dtype,
        "device": fingerprint.device,
        "tokenizer": fingerprint.tokenizer_sha256,
        "libraries": dict(fingerprint.libraries),
        **({} if method == LEFT_TO_RIGHT else {"method": method}),
        **{name: value for name in ELSEWHERE if (value := getattr(fingerprint, name)) is not None},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _no_room(path: Path | None, error: sqlite3.Error) -> CacheError:
    return CacheError(
        f"what was computed cannot be kept: the cache {path} cannot be written ({error}).",
        fix=f"Make room there, or name another folder with {CACHE_VARIABLE}, and run the same command again: it "
        "goes on from what was kept.",
    )
