"""A program in the place of a Python that has vLLM: speaks as the real worker does, about a model of a line.

    python fake_vllm.py MODE … WORKER SOCKET

What it answers, over the worker's own loop, is tests/models/child/toy.py, but for what the mode says is wrong.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

# Doctests are looked for in every file, this one imported among them.
ARGUMENTS = sys.argv[1:] if __name__ == "__main__" else ["honest", "", "0"]
MODE, WORKER, SOCKET = ARGUMENTS[0], ARGUMENTS[-2], int(ARGUMENTS[-1])
CHECK = 8
"""Questions of the check: after it some modes go wrong at once, and others after one answer."""


def logprob(before: list[int], token: int) -> float:
    """As tests/models/child/toy.py has it."""
    return -0.5 - zlib.crc32(repr((before, token)).encode()) % 1000 / 250


def worker() -> Any:
    spec = importlib.util.spec_from_file_location("worker", WORKER)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{WORKER} is no script")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Fake:
    """A model that is wrong in one way."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.n_asked = 0
        if MODE == "refuses":
            raise ValueError("no such architecture\x1b[2J")

    def loaded(self) -> dict[str, Any]:
        dtype = "bfloat16" if MODE == "rounds" else self.asked["dtype"]
        return {"device": "cpu", "dtype": dtype, "kv_dtype": None, "quantization": None}

    def logprobs(self, sequences: list[tuple[list[int], int]], *, bare: bool) -> list[list[float]]:
        self.n_asked += 1
        if MODE == "chatty":
            os.write(1, b"loading: 50 %\r" * 20_000)
            os.write(2, b"to the other stream\n")
        if self.n_asked > CHECK + 1:
            fail()
        longest = max(len(ids) for ids, _ in sequences)
        if longest >= self.asked["longest"]:
            raise ValueError(f"{longest} tokens and one more are over {self.asked['longest']}")
        shift = -0.25 if self.asked["adapter"] is not None and not bare and MODE != "idle" else 0.0
        found = []
        for ids, n_given in sequences:
            values = [logprob(ids[:at], ids[at]) + shift for at in range(n_given, len(ids))]
            found.append(self.spoilt(values, ids, n_given))
        return found[:-1] if MODE == "one less" and self.n_asked > CHECK else found

    def spoilt(self, values: list[float], ids: list[int], n_given: int) -> list[float]:
        """Return values that are wrong as the mode says, some only once the check is passed."""
        moved = {"drifts": self.n_asked, "peeks": len(ids), "splits": n_given}
        if MODE in moved:
            return [value - 0.01 * moved[MODE] for value in values]
        if MODE == "nan" or (MODE == "nan later" and self.n_asked > CHECK + 1):
            return [float("nan"), *values[1:]]
        if self.n_asked <= CHECK:
            return values
        return {"short": values[:-1], "certain": [0.5] * len(values)}.get(MODE, values)


def fail() -> None:
    """End, or answer no more, as the mode says."""
    if MODE == "dies":
        os.write(2, b"Traceback: \x1b[31mno room for a block\n")
        os._exit(7)
    if MODE == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if MODE == "interrupted":
        os.kill(os.getppid(), signal.SIGINT)
    if MODE in {"hangs", "interrupted"}:
        time.sleep(1000)


def lie(link: socket.socket, protocol: Any) -> None:
    """Greet, and then send what is no message."""
    link.sendall(protocol.packed(protocol.hello() | {"version": "9.9.9"}))
    protocol.received(link)
    if MODE == "huge":
        link.sendall(struct.pack(">I", 1 << 31))
    elif MODE == "no json":
        link.sendall(struct.pack(">I", 3) + b"{]}")
    elif MODE == "deep":
        link.sendall(struct.pack(">I", 200_000) + b"[" * 200_000)
    elif MODE == "other kind":
        link.sendall(protocol.packed({"kind": "scored"}))
    time.sleep(1000)


def main() -> None:
    link = socket.socket(fileno=SOCKET)
    protocol = worker()
    threading.Thread(target=protocol.end_with, args=(link,), daemon=True).start()
    if "FAKE_PIDS" in os.environ:
        started = subprocess.Popen(["sleep", "1000"])
        with Path(os.environ["FAKE_PIDS"]).open("a") as file:
            file.write(f"{os.getpid()}\n{started.pid}\n")
    if MODE in {"huge", "no json", "deep", "other kind"}:
        lie(link, protocol)
    greeting = protocol.hello() | {"version": "9.9.9", "device": "cpu", "libraries": {"torch": "1.2.3"}}
    if MODE == "absent":
        greeting["version"] = None
    if MODE == "newer":
        greeting["protocol"] += 1
    if MODE == "mute":
        sys.exit(3)
    if MODE == "another question":
        whole = protocol.answer

        def other(message: Any, engine: Any, make: Any) -> Any:
            said, engine = whole(message, engine, make)
            return {**said, "number": -1}, engine

        protocol.answer = other
    protocol.serve(link, Fake, greeting=greeting)


if __name__ == "__main__":
    main()
