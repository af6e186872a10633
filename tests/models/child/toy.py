"""A model whose every log-probability anyone can compute, and a program that answers with it in the place of vLLM."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

FAKE = Path(__file__).with_name("fake_vllm.py")


def logprob(before: Sequence[int], token: int) -> float:
    """Return between -0.5 and -4.5 nats, by a checksum of all tokens up to this one."""
    return -0.5 - zlib.crc32(repr((list(before), token)).encode()) % 1000 / 250


def logprobs(given: Sequence[int], tokens: Sequence[int]) -> list[float]:
    """Return those of tokens after others."""
    whole = [*given, *tokens]
    return [logprob(whole[:at], whole[at]) for at in range(len(given), len(whole))]


def as_python(folder: Path, mode: str) -> Path:
    """Write a program that takes a Python's arguments and speaks as a worker in which something is as `mode` says."""
    path = folder / f"python-{mode.replace(' ', '-')}"
    path.write_text(f"#!/bin/sh\nexec {sys.executable} -I {FAKE} '{mode}' \"$@\"\n", encoding="utf-8")
    path.chmod(0o755)
    return path
