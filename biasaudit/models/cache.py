"""The response cache: one SQLite file, keyed by what the log-probabilities depend on."""

from __future__ import annotations

import array
import hashlib
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from biasaudit.types import Failed, ModelFingerprint, Response, Scored

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS responses (
    model TEXT NOT NULL, request TEXT NOT NULL, reason TEXT, token_ids BLOB, logprobs BLOB,
    PRIMARY KEY (model, request)
) WITHOUT ROWID
"""
_SIZES: Final = "CREATE TABLE IF NOT EXISTS pack_sizes (machine TEXT PRIMARY KEY, n_nodes INTEGER NOT NULL)"
_CHUNK: Final = 500


class ResponseCache:
    """Responses of all models, kept over runs.

    Parameters
    ----------
    path : Path
        The SQLite file; made if absent.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_SCHEMA)
        self._connection.execute(_SIZES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def found(self, model: str, keys: Iterable[str]) -> dict[str, Response]:
        """Return what is known of `keys` for the model with identity `model`."""
        wanted = list(keys)
        known: dict[str, Response] = {}
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            rows = self._connection.execute(
                f"SELECT request, reason, token_ids, logprobs FROM responses WHERE model = ? AND request IN ({marks})",  # noqa: S608  # only marks
                (model, *chunk),
            )
            known.update((key, _response(key, reason, ids, logprobs)) for key, reason, ids, logprobs in rows)
        return known

    def keep(self, model: str, responses: Iterable[Response]) -> None:
        """Store `responses` in one transaction."""
        rows = [(model, *_row(response)) for response in responses]
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")

    def pack_size(self, machine: str) -> int | None:
        """Return the nodes of a pack that a calibration chose for a model on a machine."""
        row = self._connection.execute("SELECT n_nodes FROM pack_sizes WHERE machine = ?", (machine,)).fetchone()
        return None if row is None else int(row[0])

    def keep_pack_size(self, machine: str, n_nodes: int) -> None:
        """Remember the outcome of a calibration; the first one stays."""
        self._connection.execute("INSERT OR IGNORE INTO pack_sizes VALUES (?, ?)", (machine, n_nodes))


def cache_identity(fingerprint: ModelFingerprint) -> str:
    """Return the hash of everything in `fingerprint` that a log-probability depends on.

    The chat template is not among it: a request holds the rendered text.
    """
    content = {
        "weights": fingerprint.weights,
        "adapter": fingerprint.adapter,
        "dtype": fingerprint.dtype,
        "device": fingerprint.device,
        "tokenizer": fingerprint.tokenizer_sha256,
        "libraries": dict(fingerprint.libraries),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _row(response: Response) -> tuple[str, str | None, bytes | None, bytes | None]:
    if isinstance(response, Failed):
        return response.key, response.reason, None, None
    ids = array.array("i", response.token_ids).tobytes()
    return response.key, None, ids, array.array("d", response.token_logprobs_nats).tobytes()


def _response(key: str, reason: str | None, ids: bytes | None, logprobs: bytes | None) -> Response:
    if ids is None or logprobs is None:
        return Failed(key=key, reason=reason or "unknown")
    token_ids, values = array.array("i"), array.array("d")
    token_ids.frombytes(ids)
    values.frombytes(logprobs)
    return Scored(key=key, token_ids=tuple(token_ids), token_logprobs_nats=tuple(values))
