"""Writes ``probes/README.md``: what our own probes hold, and what an audit with all of them measured.

python -m tests.probes.suite_table reports/gemma-3-270m-suite
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import biasaudit
from biasaudit.audits.result import Audit
from biasaudit.probes import Probe, load_probe, suites
from biasaudit.types import Role

README: Final = Path(__file__).resolve().parents[2] / "probes" / "README.md"

HEAD: Final = """# Probes

One folder each: `card.yaml` says what is measured, on whom, and what is wrong with it; the data lie beside it. Folders
without data are cards of published sets, which are never shipped. Suites are in `suites.yaml`.

`biasaudit probes check` holds our own probes to what published sets were criticised for: variants that differ in more
than the group, ungrammatical sentences, groups that are missing from some templates, one direction only, repeats,
variants of unequal length, too few clusters, one wording, and no item that tells whether the model reads at all.

This file is written by `python -m tests.probes.suite_table`.

## What they hold
"""
MEASURED: Final = """
## What the base model shows

gemma-3-270m (pretrained), plain text, float32, the suite `full`; the audit is in `{folder}`. The index lies
in [-1, 1], 0 is parity, and positive leans as the card says; 95 % intervals over clusters. *Smallest change*: what a
comparison with the adapter of `biasaudit demo` finds with a probability of 80 %. *Spread*: standard deviation of the
index over the wordings; *with, against*: wordings whose interval leaves out 0 on either side.
"""
SENSE: Final = """
## Does it read?

Sense against nonsense, or a plain case against its opposite, in the same wordings: the share that the base model gets
right, and the wordings in which that is most of them.
"""


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """Return a Markdown table."""
    names = list(columns)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def own_probes() -> list[Probe]:
    """Return the probes of the largest suite, in its order."""
    return [load_probe(name) for name in suites()["full"].probes]


def holdings() -> Iterator[tuple[object, ...]]:
    """Yield a row per probe and feature: what there is, before any model."""
    for probe in own_probes():
        bias = [item for item in probe.items if item.role is Role.BIAS]
        n_sense = sum(item.role is Role.COMPETENCE for item in probe.items)
        for number, (feature, groups) in enumerate(probe.card.groups.items()):
            items = [item for item in bias if item.feature == feature]
            first = number == 0
            yield (
                f"`{probe.card.id}`" if first else "",
                probe.card.kind.value if first else "",
                feature,
                ", ".join(groups),
                len({item.family for item in items}),
                len({item.cluster_id for item in items}),
                len(items),
                n_sense if first else "",
            )


def measured(audit: Audit) -> Iterator[tuple[object, ...]]:
    """Yield a row per probe and feature: what the base shows in plain text."""
    indexes = audit.estimates.query("checkpoint == 'base' and framing == 'plain' and metric == 'index'")
    wordings = audit.wordings.query("checkpoint == 'base' and framing == 'plain'").set_index(["probe", "feature"])
    changes = audit.comparisons.query("contrast == 'weights' and metric == 'graded'").set_index(["probe", "feature"])
    for row in cells(indexes):
        cell = row["probe"], row["feature"]
        spread, change = wordings.loc[cell], changes.loc[cell]
        yield (
            f"`{row['probe']}`",
            row["feature"],
            f"{signed(row['value'])} ({signed(row['ci_low'])} to {signed(row['ci_high'])})"
            if row["status"] == "ok"
            else row["status"],
            number(change["smallest_detectable_change"]),
            number(spread["wording_sd"]),
            f"{spread['n_with']}, {spread['n_against']} of {spread['n_families']}",
        )


def cells(indexes: Any) -> list[dict[str, Any]]:  # a frame in, its rows out
    """Return the rows of declared cells: of single features, in the order of the suite."""
    order = {probe.card.id: list(probe.card.features) for probe in own_probes()}
    rows = [row for row in indexes.to_dict("records") if row["feature"] in order[row["probe"]]]
    return sorted(rows, key=lambda row: (list(order).index(row["probe"]), order[row["probe"]].index(row["feature"])))


def reading(audit: Audit) -> Iterator[tuple[object, ...]]:
    """Yield a row per probe: competence of the base, and by wording."""
    levels = audit.estimates.query("checkpoint == 'base' and framing == 'plain' and metric == 'competence'")
    families = audit.families.query("checkpoint == 'base' and framing == 'plain' and metric == 'competence'")
    for probe in own_probes():
        [level] = levels[levels["probe"] == probe.card.id].to_dict("records")
        shares = families.loc[families["probe"] == probe.card.id, "value"].dropna()
        yield (
            f"`{probe.card.id}`",
            f"{level['value']:.3f} ({level['ci_low']:.3f} to {level['ci_high']:.3f})"
            if level["status"] == "ok"
            else level["status"],
            f"{(shares > 0.5).sum()} of {len(shares)}",
        )


def signed(value: float) -> str:
    """Return a number with its sign."""
    return f"{value:+.3f}"


def number(value: float) -> str:
    """Return a number, or that there is none."""
    return "none" if value != value else f"{value:.3f}"  # noqa: PLR0124  # NaN


def page(audit: Audit, folder: str) -> str:
    """Return the whole of the README."""
    held = table(["probe", "kind", "feature", "groups", "wordings", "clusters", "items", "sense items"], holdings())
    found = list(measured(audit))
    columns = ["probe", "feature", "index", "smallest change", "spread", "with, against"]
    lines = [
        HEAD,
        *held,
        MEASURED.format(folder=folder),
        *table(columns, found),
        SENSE,
        *table(["probe", "right", "wordings in which most are"], reading(audit)),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the README."""
    parser = argparse.ArgumentParser()
    parser.add_argument("audit", type=Path)
    asked = parser.parse_args()
    README.write_text(page(biasaudit.open_audit(asked.audit), asked.audit.as_posix()), encoding="utf-8")


if __name__ == "__main__":
    main()
