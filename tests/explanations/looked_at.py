"""What a lens and a linear probe show of planted children, of which it is known what was trained."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import biasaudit
from biasaudit.explanations.layers import layers
from tests.align import world
from tests.explanations.doors import asked_in, opened_of
from tests.explanations.planted import N_BLOCKS, base_of, child_of

LAST = f"block {N_BLOCKS - 1}"


def planted_layers(work: Path, seed: int, kinds: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the last layer's row of each kind of child, and of the base, with the index of each."""
    probe = world.save_probe(work / "probe", features=[world.GENDER])
    base = base_of(work, seed)
    found = {}
    for kind in kinds:
        child = child_of(work, kind, seed)
        audit = work / f"audit-{child.name}"
        biasaudit.audit(str(base), str(child), probes=[str(probe)], framing_names=("plain",), out=audit)
        table = layers(asked_in(audit, "tiny-world"), opened_of({"base": base, "tuned": child}), n_items=10_000).table
        for name, row in table[table["layer"] == LAST].set_index("checkpoint").to_dict("index").items():
            found["base" if name == "base" else kind] = {str(key): value for key, value in row.items()}
    return found


if __name__ == "__main__":
    import sys

    where, first, last = sys.argv[1:4]
    for number in range(int(first), int(last)):
        for kind, row in planted_layers(
            Path(where), number, ("head", "last block and head", "embeddings and first block", "everything", "placebo")
        ).items():
            shown = {key: row[key] for key in ("lens_d", "own_d", "decodable", "control", "selectivity", "n_contexts")}
            print(number, kind, {key: round(float(value), 3) for key, value in shown.items()}, flush=True)
