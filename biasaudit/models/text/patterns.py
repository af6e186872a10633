"""Regular expressions of strangers, tried where they can be stopped."""

from __future__ import annotations

import json
import re
import subprocess  # only this very interpreter, with a program that stands here
import sys
from collections.abc import Iterable, Sequence
from typing import Final

LIMIT_SECONDS: Final = 20.0
"""Names of a large model's modules take a hundredth of a second."""

LONGEST: Final = 20_000
"""Letters of all patterns together: one that lists every layer of a large model has some thousands."""

_PLAIN: Final = re.compile(r"[\w-]+(\.[\w-]+)*")
_PROGRAM: Final = """
import json, re, sys
patterns, names = json.load(sys.stdin)
for pattern in patterns:
    for name in names:
        re.match(pattern, name)
"""


def refusal(patterns: Iterable[str], names: Sequence[str], *, limit_seconds: float = LIMIT_SECONDS) -> str | None:
    r"""Tell why `patterns` cannot be matched against `names`, or None where they can.

    A pattern such as ``(a+)+b`` takes longer than anybody waits, and Python's own matching cannot be stopped. So each
    is matched in another process first, which can be.

    Parameters
    ----------
    patterns : iterable of str
        As they will be matched from the beginning of a name.
    names : sequence of str
    limit_seconds : float

    Examples
    --------
    >>> refusal(["q_proj", r".*\.(q|v)_proj$"], ["model.layers.0.self_attn.q_proj"])
    >>> refusal(["("], ["q_proj"])
    'is no regular expression: missing ), unterminated subpattern at position 0'
    """
    suspicious = [pattern for pattern in patterns if not _PLAIN.fullmatch(pattern)]
    if not suspicious:
        return None
    if sum(map(len, suspicious)) > LONGEST:
        return f"is longer than {LONGEST:,} letters"
    try:
        tried = subprocess.run(  # noqa: S603  # this very interpreter
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=json.dumps([suspicious, list(names)]),
            capture_output=True,
            text=True,
            timeout=limit_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"takes more than {limit_seconds:g} s to be matched against {len(names)} names of modules"
    if tried.returncode:
        last = (tried.stderr.strip().splitlines() or ["the process ended"])[-1]
        return f"is no regular expression: {last.partition('rror: ')[2] or last}"
    return None
