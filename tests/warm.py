"""The command line again and again without the seconds that torch takes to import: each run is a fork of one process.

Run as ``python -m tests.warm``: one JSON object a line in, one out.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.faults import minding_modes

_IMPORTED = (
    "biasaudit.api",
    "biasaudit.audits.run",
    "biasaudit.cli.main",
    "biasaudit.report",
    "hypothesis.extra.pandas",  # pandera takes it in when a table is first checked
    "pandera.backends.pandas.register",
    "pyarrow.pandas_compat",
    "rich.progress",
    "rich.table",
    "torch",
    "transformers.convert_slow_tokenizer",
    "transformers.models.llama.modeling_llama",
    "vl_convert",
)


class Warm:
    """Runs `biasaudit` in forks of one process that has imported everything."""

    def __init__(self) -> None:
        environment = {**os.environ, "COLUMNS": "1000", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[1],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def run(
        self,
        *arguments: object,
        env: dict[str, str],
        largest_file: int | None = None,
        mind_modes: bool = False,
        kill_after_s: float | None = None,
    ) -> Run:
        """Run the command with these arguments.

        Parameters
        ----------
        env : dict
            Variables of the environment; an empty one is taken away.
        largest_file : int, optional
            Bytes beyond which no file can grow.
        mind_modes : bool
            Whether what is read-only cannot be written, for root too.
        kill_after_s : float, optional
            When SIGKILL comes.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "arguments": [str(one) for one in arguments],
            "env": env,
            "largest_file": largest_file,
            "mind_modes": mind_modes,
            "kill_after_s": kill_after_s,
        }
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Run(**json.loads(self._process.stdout.readline()))


class Run:
    """How a run ended."""

    def __init__(self, *, status: int, said: str, seconds: float) -> None:
        self.code = os.waitstatus_to_exitcode(status)
        self.said = said
        self.seconds = seconds

    def lines(self, *words: str) -> list[str]:
        """Lines that hold one of these words."""
        return [line for line in self.said.splitlines() if any(word in line for word in words)]


def _serve() -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(order, writing)
        os.close(writing)
        said = _all_of(reading, child, started, order["kill_after_s"])
        _, status = os.waitpid(child, 0)
        answer = {"status": status, "said": said, "seconds": time.monotonic() - started}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _all_of(reading: int, child: int, started: float, kill_after_s: float | None) -> str:
    parts: list[bytes] = []
    while True:
        left = None if kill_after_s is None else max(0.0, started + kill_after_s - time.monotonic())
        if not select.select([reading], [], [], left)[0]:
            os.kill(child, signal.SIGKILL)
            kill_after_s = None
            continue
        part = os.read(reading, 65536)
        if not part:
            os.close(reading)
            return b"".join(parts).decode()
        parts.append(part)


def _child(order: dict[str, Any], writing: int) -> None:
    from biasaudit.cli.main import main

    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.environ.update(order["env"])
    for name in [name for name, value in order["env"].items() if not value]:
        del os.environ[name]
    sys.argv = ["biasaudit", *order["arguments"]]
    limit = order["largest_file"]
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    code = 99
    try:
        if order["mind_modes"]:
            with minding_modes():
                main()
        else:
            main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException as error:  # noqa: BLE001  # the fork ends here, whatever it was
        sys.stderr.write(f"Traceback: {error!r}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
