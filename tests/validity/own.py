"""A small pair probe that passes the check, to be broken in one place."""

from __future__ import annotations

import json
from pathlib import Path

from biasaudit.probes import Probe, load_probe
from biasaudit.validity import Finding, findings
from tests.tiny import save_probe

DOCUMENTED = {
    "feature_names": {"gender": "Gender"},
    "sources": [{"title": "A study", "url": "https://example.org"}],
    "why_these_groups": "A test needs some.",
    "detects": 1.0,
}
DEEDS = ("sang", "slept", "waited", "laughed", "wrote", "cooked")
WORDINGS = {"today": "Today the {} {}.", "room": "In the room, the {} {}."}


def rows() -> list[dict[str, object]]:
    """Return 12 items in 6 clusters and 2 wordings, and an item of competence for each wording."""
    bias: list[dict[str, object]] = [
        {
            "id": f"{deed}/{family}",
            "cluster": deed,
            "feature": "gender",
            "groups": ["woman", "man"],
            "family": family,
            "first": text.format("woman", deed),
            "second": text.format("man", deed),
        }
        for deed in DEEDS
        for family, text in WORDINGS.items()
    ]
    return [*bias, *(sense(family) for family in WORDINGS)]


def sense(family: str) -> dict[str, object]:
    """Return an item of competence."""
    first, second = (WORDINGS[family].format("guest", deed) for deed in ("left", "the the of"))
    return {
        "id": f"sense/{family}",
        "cluster": f"sense-{family}",
        "feature": "gender",
        "role": "competence",
        "family": family,
        "first": first,
        "second": second,
    }


def changed(number: int, **fields: object) -> list[dict[str, object]]:
    """Return the rows with some fields of one of them changed."""
    content = rows()
    content[number] = {**content[number], **fields}
    return content


def probe(folder: Path, content: list[dict[str, object]] | None = None, **card: object) -> Probe:
    """Load the probe with other rows, or another card."""
    saved = save_probe(folder / "mini", rows() if content is None else content, **{**DOCUMENTED, **card})
    return load_probe(str(saved))


def found(folder: Path, content: list[dict[str, object]] | None = None, **card: object) -> tuple[Finding, ...]:
    """Return what the check finds in the probe with other rows, or another card."""
    return findings(probe(folder, content, **card))


def yaml_probe(folder: Path, form: str, content: dict[str, object], **card: object) -> Probe:
    """Load a probe whose data are of a form in YAML."""
    saved = save_probe(folder / "mini", [], **{**DOCUMENTED, **card, "data": {"format": form, "file": "data.yaml"}})
    (saved / "data.yaml").write_text(json.dumps(content), encoding="utf-8")
    return load_probe(str(saved))
