"""Malformed policies and audit folders, made from seeds; and the command run on them in this process."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import typer.main
import yaml

from biasaudit.cli import main as cli
from biasaudit.gate import CRITERIA
from tests.sealing import manifest_text

PASSING = {
    "version": 1,
    "family": "holm",
    "defaults": {"framing": "plain", "contrast": "weights, plain", "inconclusive": "warn"},
    "rules": [
        {"id": "index", "max_index": 1.0},
        {"id": "rise", "max_increase": 2.0, "probes": ["mini"], "margin": 0.5},
        {"id": "coverage", "min_coverage": 0.1, "severity": "warning"},
    ],
    "waivers": [{"rule": "index", "feature": "x", "reason": "r", "owner": "o", "expires": "2999-01-01"}],
}
"""A policy that the tests' audit passes."""

COMMAND = typer.main.get_command(cli.app)
"""Built once: typer builds it anew for every run, which takes longer than the run."""

SECONDS = 20.0
"""Of the processor, from which a run counts as hanging; it takes about a hundredth. A wait would end no test."""

_WORDS = [*PASSING, *CRITERIA, "id", "probes", "groups", "rule", "owner", "expires", "pass", ""]
_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 1e308, -0.0, float("inf"), float("nan"), 10**30, "", "x", "chat", "\x1b[31m",
    "\u202e",
    [], {}, [[]], ["a"], {"a": 1}, "2027-13-45", "\ud800", "holm", "interaction",
]  # fmt: skip
_BYTES = [
    b"\x00",
    b"\xff",
    b"&a ",
    b"*a",
    b"!!python/object:os.system",
    b"{",
    b"}",
    b"[",
    b"- ",
    b": ",
    b"<<: ",
    b"\t",
    b'"',
]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run of the command ended."""

    code: int
    out: str
    err: str
    seconds: float


def run(*arguments: object) -> Ended:
    """Run the command in this process, as its entry point does."""
    out, err = io.StringIO(), io.StringIO()
    started = time.process_time()
    with (
        mock.patch.object(cli, "app", COMMAND),
        mock.patch.object(sys, "argv", ["biasaudit", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    return Ended(code=code, out=out.getvalue(), err=err.getvalue(), seconds=time.process_time() - started)


def complaint(ended: Ended) -> str:
    """Return what is wrong with a run whatever it was run on; empty if nothing is."""
    if "Traceback" in ended.err or "fault of biasaudit itself" in ended.err:
        return ended.err
    if ended.seconds > SECONDS:
        return f"{ended.seconds:.0f} s"
    if ended.code not in {0, 1, 2, 3, 4}:
        return f"exit code {ended.code}"
    if ended.code in {2, 4} and not ended.err.startswith("biasaudit: "):
        return f"no message: {ended.err!r}"
    return ""


def mutated(value: Any, chance: random.Random) -> Any:
    """Change one place of nested values: another value, a key gone, renamed or doubled, a list longer."""
    children = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not children or chance.random() < 0.25:
        return _changed(value, chance)
    place = chance.choice(children)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place] = mutated(value[place], chance)
    return copy


def _changed(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.7:
        kept = dict(value)
        found = kept.pop(chance.choice(list(kept)))
        if chance.random() < 0.5:
            kept[chance.choice(_WORDS)] = found
        return kept
    if isinstance(value, list) and value and chance.random() < 0.5:
        return value * chance.choice([0, 2, 3])
    return chance.choice(_VALUES)


def policy_bytes(chance: random.Random) -> bytes:
    """Return a policy file that may be wrong in any way."""
    content: Any = PASSING
    for _ in range(chance.randint(1, 3)):
        content = mutated(content, chance)
    with contextlib.suppress(ValueError):  # YAML writes no lone surrogates
        text = yaml.safe_dump(content, allow_unicode=chance.random() < 0.5, default_flow_style=chance.random() < 0.5)
        raw = text.encode("utf-8", "surrogatepass")
        if chance.random() < 0.5:
            return raw
        return _scarred(raw, chance)
    return _scarred(yaml.safe_dump(PASSING).encode(), chance)


def _scarred(raw: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(raw))
        until = min(len(raw), place + chance.choice([0, 0, 1, 5, 40]))
        raw = raw[:place] + chance.choice([*_BYTES, b"", b"", raw[:place][-30:]]) + raw[until:]
    return raw


def damage(folder: Path, chance: random.Random) -> bool:
    """Damage an audit folder; return whether it must be refused (else it may also be judged)."""
    manifest_path = folder / "manifest.json"
    tables = sorted(folder.glob("*.parquet"))
    name = chance.choice(tables)
    kind = chance.choice(["bytes", "gone", "folder", "pipe", "link", "manifest", "node", "files", "column", "scar"])
    if kind == "bytes":
        name.write_bytes(_scarred(name.read_bytes(), chance) + b"x")
    elif kind == "gone":
        chance.choice([manifest_path, *tables]).unlink()
    elif kind in {"folder", "pipe", "link"}:
        victim = chance.choice([manifest_path, *tables])
        victim.unlink()
        if kind == "folder":
            victim.mkdir()
        elif kind == "pipe":
            os.mkfifo(victim)
        else:
            victim.symlink_to("/dev/zero")
    elif kind == "manifest":
        raw = manifest_path.read_bytes()
        cut = chance.randrange(len(raw) - 2)
        manifest_path.write_bytes(raw[:cut] + chance.choice([b"", b"\xff", b"["]))
    elif kind == "node":
        content = mutated(json.loads(manifest_path.read_text(encoding="utf-8")), chance)
        manifest_path.write_text(manifest_text(content), encoding="utf-8")
        return False
    elif kind == "files":
        content = json.loads(manifest_path.read_text(encoding="utf-8"))
        wrong = ["../manifest.json", "/dev/zero", "a/b", "", ".", "..", "a\0b", "\\x"]
        content["files"] = {**content["files"], chance.choice(wrong): "0" * 64}
        manifest_path.write_text(manifest_text(content), encoding="utf-8")
    elif kind == "column":
        table = chance.choice(["estimates", "comparisons"])  # the third may be without rows
        _reseal(folder, f"{table}.parquet", _other_columns((folder / f"{table}.parquet").read_bytes(), chance))
    else:
        table = chance.choice(["estimates", "comparisons", "disparities"])
        _reseal(folder, f"{table}.parquet", _scarred((folder / f"{table}.parquet").read_bytes(), chance))
        return False
    return True


def _other_columns(content: bytes, chance: random.Random) -> bytes:
    """Drop a column that a check needs, give it another type, or leave a cell of it empty."""
    found = pq.read_table(io.BytesIO(content))
    column = chance.choice(["probe", "feature", "status", "n_items", "n_clusters"])
    place = found.column_names.index(column)
    how = chance.choice(["drop", "type", "null"])
    if how == "drop":
        found = found.remove_column(place)
    else:
        other = (
            pa.array([None] * (found.num_rows + 0), pa.string()) if how == "null" else pa.array([b""] * found.num_rows)
        )
        found = found.set_column(place, column, other)
    sink = io.BytesIO()
    pq.write_table(found, sink)
    return sink.getvalue()


def _reseal(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    path.write_text(manifest_text(manifest), encoding="utf-8")


def copied(folder: Path, target: Path) -> Path:
    """Copy an audit to `target`, in place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target
