"""A response as a row of the cache, with a checksum; and back, if nothing of it was damaged."""

from __future__ import annotations

import array
import hashlib
import json
import math
from typing import Final

from biasaudit.types import Failed, Response, Scored, Written

COLUMNS: Final = (
    "model TEXT NOT NULL, request TEXT NOT NULL, reason TEXT, token_ids BLOB, logprobs BLOB, "
    "checksum BLOB NOT NULL, PRIMARY KEY (model, request)"
)
WRITTEN_COLUMNS: Final = (
    "model TEXT NOT NULL, request TEXT NOT NULL, texts TEXT NOT NULL, checksum BLOB NOT NULL, "
    "PRIMARY KEY (model, request)"
)
Row = tuple[str, str, str | None, bytes | None, bytes | None, bytes]


def row_of(model: str, response: Response) -> Row:
    """Return a response as a row.

    Parameters
    ----------
    model : str
        Identity of the model that gave it.
    response : Scored or Failed

    Raises
    ------
    TypeError
        If it is another response.
    """
    reason: str | None = None
    ids = logprobs = None
    if isinstance(response, Failed):
        reason = response.reason
    elif not isinstance(response, Scored):
        msg = f"{type(response).__name__} has no log-probabilities to keep"
        raise TypeError(msg)
    else:
        ids = array.array("i", response.token_ids).tobytes()
        logprobs = array.array("d", response.token_logprobs_nats).tobytes()
    return model, response.key, reason, ids, logprobs, _checksum(model, response.key, reason, ids, logprobs)


def response_of(model: str, key: str, row: tuple[object, ...]) -> Response | None:
    """Return the response that a row holds.

    Parameters
    ----------
    model, key : str
        What was asked for.
    row : tuple
        Reason, ids, log-probabilities and checksum, as they were read: of any type, since SQLite holds any.

    Returns
    -------
    Response or None
        None if the row is not what was written: it is then to be asked again.

    Examples
    --------
    >>> whole = row_of("m", Scored(key="k", token_ids=(5, 6), token_logprobs_nats=(-0.5, -2.0)))
    >>> response_of("m", "k", whole[2:]).logprob_nats
    -2.5
    >>> response_of("m", "k", (*whole[2:4], whole[4][:8], whole[5])) is None
    True
    """
    reason, ids, logprobs, checksum = row
    if checksum != _checksum(model, key, reason, ids, logprobs):
        return None
    if isinstance(reason, str) and ids is None and logprobs is None:
        return Failed(key=key, reason=reason)
    if reason is not None or not isinstance(ids, bytes) or not isinstance(logprobs, bytes):
        return None
    return _scored(key, ids, logprobs)


def _scored(key: str, ids: bytes, logprobs: bytes) -> Scored | None:
    """Return numbers that can be log-probabilities of these tokens, also where a wrong program wrote the checksum."""
    token_ids, values = array.array("i"), array.array("d")
    if len(ids) % token_ids.itemsize or len(logprobs) % values.itemsize:
        return None
    token_ids.frombytes(ids)
    values.frombytes(logprobs)
    if not token_ids or len(token_ids) != len(values) or min(token_ids) < 0:
        return None
    if not all(math.isfinite(value) and value <= 0 for value in values):
        return None
    return Scored(key=key, token_ids=tuple(token_ids), token_logprobs_nats=tuple(values))


def written_row(model: str, response: Written) -> tuple[str, str, str, bytes]:
    """Return texts that a model wrote as a row."""
    texts = json.dumps(response.texts)
    return model, response.key, texts, _checksum(model, response.key, texts, None, None)


def written_of(model: str, key: str, row: tuple[object, ...]) -> Written | None:
    """Return the texts that a row holds, None if it is not what was written.

    Examples
    --------
    >>> whole = written_row("m", Written(key="k", texts=("Yes", "")))
    >>> written_of("m", "k", whole[2:]).texts
    ('Yes', '')
    >>> written_of("m", "k", ('["No"]', whole[3])) is None
    True
    """
    texts, checksum = row
    if not isinstance(texts, str) or checksum != _checksum(model, key, texts, None, None):
        return None
    try:
        found = json.loads(texts)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        return None
    return Written(key=key, texts=tuple(found))


def _checksum(model: str, key: str, reason: object, ids: object, logprobs: object) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    # Lengths stand before the bytes, so that no two rows give one sequence.
    blobs = [blob if isinstance(blob, bytes) else b"" for blob in (ids, logprobs)]
    head = json.dumps([model, key, reason if isinstance(reason, str) else None, *map(len, blobs)])
    digest.update(head.encode("ascii"))
    for blob in blobs:
        digest.update(blob)
    return digest.digest()
