"""A large synthetic audit: 100,000 items, 40 cells, two checkpoints in two framings."""

from __future__ import annotations

import hashlib
import json
import pickle
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from biasaudit.record import tables
from biasaudit.report import render_html
from tests.report import factory

if TYPE_CHECKING:
    import pandera.pandas as pa

    from biasaudit.facade import Audit

N_ITEMS = 100_000
PROBES = tuple(f"probe-{number}" for number in range(4))
FEATURES = tuple(f"feature-{number}" for number in range(10))
VERDICTS = ("reduced", "unchanged", "increased", "inconclusive")


def _items(n_items: int) -> pd.DataFrame:
    number = np.arange(n_items)
    texts = [json.dumps({"context": "", "first": f"One text, {i}.", "second": f"Another, {i}."}) for i in number]
    return pd.DataFrame(
        {
            "probe": np.array(PROBES)[number % len(PROBES)],
            "item_id": [f"item-{i:06d}" for i in number],
            "kind": "pair",
            "cluster_id": [f"c{i // 100}" for i in number],
            "feature": np.array(FEATURES)[(number // len(PROBES)) % len(FEATURES)],
            "groups": "",
            "role": "bias",
            "family": "f",
            "texts": texts,
            "tags": "{}",
        }
    )


def _scores(items: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    lean = rng.normal(0.5, 2.0, len(items))
    arms = []
    for checkpoint, drop in (("base", 0.0), ("tuned", 0.3)):
        for framing, framing_id in (("plain", "plain"), ("chat", "chat-1")):
            d_nats = lean - drop + rng.normal(0, 0.5, len(items))
            arm = items[["probe", "item_id", "cluster_id", "feature", "family", "role"]].copy()
            arm = arm.assign(
                also_cluster_id="",
                checkpoint=checkpoint,
                framing=framing,
                framing_id=framing_id,
                status="ok",
                d_nats=d_nats,
            )
            arms.append(arm.assign(d_per_token_nats=np.nan, sign=np.sign(d_nats), graded=np.tanh(d_nats / 4)))
    return pd.concat(arms, ignore_index=True)


def _contract(made: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    for name, column in schema.columns.items():
        kind = str(column.dtype)
        if name not in made:
            made[name] = None
        if kind != "object":
            made[name] = made[name].astype(kind if kind in {"float64", "int64", "bool"} else "str")
    return tables.checked(made[list(schema.columns)], schema)


def big_audit(n_items: int = N_ITEMS) -> Audit:
    """Texts are kept, so that the evidence has to be chosen among all items."""
    cells = [
        (probe, feature, True, 0.5, 0.4, VERDICTS[number % len(VERDICTS)], "as made")
        for probe in PROBES
        for number, feature in enumerate(FEATURES)
    ]
    items = _items(n_items)
    card = factory.manifest().probes[factory.PAIRS]
    headline = replace(factory.HEADLINE, n_cells=len(cells))
    return replace(
        factory.audit(
            cells=cells,
            headlines=(headline,),
            manifest_changes={"probes": {probe: {**card, "name": probe} for probe in PROBES}},
        ),
        items=_contract(items, tables.ITEMS),
        scores=_contract(_scores(items), tables.SCORES),
    )


def main() -> None:
    """Render the audit that is named on the command line, pickled: making one takes more memory than showing it."""
    with Path(sys.argv[1]).open("rb") as file:
        made: Audit = pickle.load(file)
    started = time.perf_counter()
    html = render_html(made).encode("utf-8")
    sys.stdout.write(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - started, 2),
                "peak_bytes": peak_bytes(),
                "page_bytes": len(html),
                "sha256": hashlib.sha256(html).hexdigest(),
            }
        )
    )


def peak_bytes() -> int:
    """Largest resident memory of this program.

    `getrusage` would give that of the process it was forked from, where that was larger.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        found = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(found.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def rendered(made: Path) -> dict[str, Any]:
    """Render a pickled audit in a process of its own; seconds, peak_bytes, page_bytes and sha256 of the page."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.report.big", str(made)], capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise RuntimeError(run.stderr[-2000:])
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def pickled(folder: Path, n_items: int = N_ITEMS) -> Path:
    """Write the audit where another process can read it."""
    path = folder / "audit.pickle"
    path.write_bytes(pickle.dumps(big_audit(n_items)))
    return path


if __name__ == "__main__":
    main()
