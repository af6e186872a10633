"""Writes ``probes/README.md``: what our own probes hold, and what a pretrained model shows on all of them.

python -m tests.probes.suite_table demo:base
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import biasaudit
from biasaudit.facade import Audit
from biasaudit.probes import Probe, load_probe, suites
from biasaudit.types import Role

README: Final = Path(__file__).resolve().parents[2] / "probes" / "README.md"

HELD: Final = (
    *("probe", "kind", "feature", "groups", "wordings", "clusters", "items"),
    *("sense items", "control items", "licensed items"),
)
HEAD: Final = """# Probes

One folder each: `card.yaml` says what is measured, on whom, and what is wrong with it; the data lie beside it. Folders
without data are cards of published sets, which are never shipped. Suites are in `suites.yaml`, and what a good model
keeps, which every association is asked beside its own items, in `licensed.yaml`.

`biasaudit probes check` holds our own probes to what published sets were criticised for: variants that differ in more
than the group, ungrammatical sentences, groups that are missing from some templates, one direction only, repeats,
variants of unequal length, too few clusters, one wording, and no item that tells whether the model reads at all.

This file is written by `python -m tests.probes.suite_table`.

## What they hold
"""
MEASURED: Final = """
## What a pretrained model shows

gemma-3-270m (pretrained), plain text, float32, every item (suite `full`). The index lies in [-1, 1], 0 is parity, and
positive leans as the card says; 95 % intervals over clusters. *Spread*: standard deviation of the index over the
wordings, which holds the noise of each. *With, against*: wordings whose interval leaves out 0 on either side.
{n_leaning} of {n_cells} cells have an interval that leaves out 0.
"""
SENSE: Final = """
## Does it read?

Sense against nonsense, or a plain case against its opposite, in the same wordings: the share that the base model gets
right, and the wordings in which that is most of them.
"""
KEPT: Final = """
## What a good model keeps

Licensed items, which every association with the feature has: the share p(right) that the base model gives the right one
of two words, on average over a feature's items, the least share of an item, and the mass of the slot, p(right) +
p(wrong). What is asked is beyond argument, and this model gives the right word more than half.
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
        n_sense, n_controls = (
            sum(item.role is role for item in probe.items) for role in (Role.COMPETENCE, Role.CONTROL)
        )
        licensed = [item.feature for item in probe.items if item.role is Role.LICENSED]
        for number, (feature, groups) in enumerate(probe.card.groups.items()):
            items = [item for item in bias if item.feature == feature]
            first = number == 0
            yield (
                f"`{probe.card.id}`" if first else "",
                probe.card.kind if first else "",
                feature,
                ", ".join(groups),
                len({item.family for item in items}),
                len({item.cluster_id for item in items}),
                len(items),
                n_sense if first else "",
                (n_controls or "") if first else "",
                licensed.count(feature) or "",
            )


def measured(audit: Audit) -> Iterator[tuple[object, ...]]:
    """Yield a row per probe and feature: what the base shows in plain text."""
    indexes = audit.estimates.query("checkpoint == 'base' and framing == 'plain' and metric == 'index'")
    wordings = audit.wordings.query("checkpoint == 'base' and framing == 'plain'").set_index(["probe", "feature"])
    for row in cells(indexes):
        spread = wordings.loc[(row["probe"], row["feature"])]
        yield (
            f"`{row['probe']}`",
            row["feature"],
            f"{signed(row['value'])} ({signed(row['ci_low'])} to {signed(row['ci_high'])})"
            if row["status"] == "ok"
            else row["status"],
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
    asked = audit.scores.query("checkpoint == 'base' and framing == 'plain' and role == 'competence'")
    for probe in own_probes():
        [level] = levels[levels["probe"] == probe.card.id].to_dict("records")
        sides = asked[asked["probe"] == probe.card.id].groupby("family")["sign"].mean()
        yield (
            f"`{probe.card.id}`",
            f"{level['value']:.3f} ({level['ci_low']:.3f} to {level['ci_high']:.3f})"
            if level["status"] == "ok"
            else level["status"],
            f"{(sides > 0).sum()} of {len(sides)}",
        )


def kept(audit: Audit) -> Iterator[tuple[object, ...]]:
    """Yield a row per feature: what the base makes of its licensed items, in the probe that has the feature first."""
    answers = audit.responses.query("checkpoint == 'base' and framing_id == 'plain'")
    shares = {
        (row["probe"], row["item_id"], row["part"]): math.exp(sum(row["token_logprobs_nats"]))
        for row in answers[answers["item_id"].str.startswith("licensed/")].to_dict("records")
    }
    seen: set[str] = set()
    for probe in own_probes():
        for feature in probe.card.features:
            items = [item for item in probe.items if item.role is Role.LICENSED and item.feature == feature]
            if feature in seen or not items:
                continue
            seen.add(feature)
            both = [tuple(shares[probe.card.id, item.item_id, part] for part in ("first", "second")) for item in items]
            right = [first / (first + second) for first, second in both]
            mass = statistics.mean(map(sum, both))
            yield feature, len(items), f"{statistics.mean(right):.3f}", f"{min(right):.3f}", f"{mass:.3f}"


def signed(value: float) -> str:
    """Return a number with its sign."""
    return f"{value:+.3f}"


def number(value: float) -> str:
    """Return a number, or that there is none."""
    return "none" if value != value else f"{value:.3f}"  # noqa: PLR0124  # NaN


def page(audit: Audit) -> str:
    """Return the whole of the README."""
    held = table(HELD, holdings())
    indexes = cells(audit.estimates.query("checkpoint == 'base' and framing == 'plain' and metric == 'index'"))
    leaning = [row for row in indexes if row["ci_low"] > 0 or row["ci_high"] < 0]
    lines = [
        HEAD,
        *held,
        MEASURED.format(n_leaning=len(leaning), n_cells=len(indexes)),
        *table(["probe", "feature", "index", "spread", "with, against"], measured(audit)),
        SENSE,
        *table(["probe", "right", "wordings in which most are"], reading(audit)),
        KEPT,
        *table(["feature", "items", "right", "least", "mass"], kept(audit)),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the README."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", help="reference of a pretrained model")
    asked = parser.parse_args()
    # Against itself: the levels are the base's, and nothing is compared.
    audit = biasaudit.audit(asked.model, asked.model, suite="full", framing_names=("plain",))
    README.write_text(page(audit), encoding="utf-8")


if __name__ == "__main__":
    main()
