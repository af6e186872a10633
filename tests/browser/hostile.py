"""An audit in which every name and text that comes from strangers attacks the page."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.report.factory import CELLS, HEADLINE, JOBS, PAIRS, audit, families, manifest

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.facade import Audit

ATTACK: Final = (
    "</script></style><img src=x onerror=window.attacked=1><script>window.attacked=1</script>"
    "<svg onload=window.attacked=1>{{ 7 * 7 }}{% raw %}${7*7}\"'`\u202e\u2067\u05e9\u05dc\u05d5\u05ddabc"
)
SURROGATE: Final = ATTACK + "\ud800\x00"
LONG: Final = ATTACK + "w" * 100_000


def _attacking(frame: pd.DataFrame, *columns: str, text: str = ATTACK) -> pd.DataFrame:
    changed = frame.copy()
    for column in columns:
        # The text that was there keeps rows apart.
        changed[column] = (text + changed[column].astype(str)).astype(frame[column].dtype)
    return changed


def _manifest() -> dict[str, Any]:
    facts = manifest().probes[JOBS]
    card = {name: SURROGATE for name, value in facts.items() if isinstance(value, str) and name != "kind"}
    probe = {**facts, **card, "known_defects": [SURROGATE, LONG], "not_shown": LONG}
    fingerprint = dict.fromkeys(("reference", "dtype", "architecture", "device", "weights", "adapter"), SURROGATE)
    return {
        "plan": {
            "base": SURROGATE,
            "tuned": {"tuned": LONG},
            "probes": [SURROGATE],
            "framings": [{"framing_id": SURROGATE, "framing": "plain", "request": SURROGATE}],
            "margin": 0.05,
            "level": 0.95,
        },
        "probes": {PAIRS: {**probe, "kind": SURROGATE}, JOBS: probe},
        "fingerprints": {"base": fingerprint, SURROGATE: fingerprint},
        "lineage": {"tuned": "DIFFERENT LINEAGE " + SURROGATE},
        "run": {"started": SURROGATE, SURROGATE: SURROGATE},
        "versions": {SURROGATE: SURROGATE},
        "files": {SURROGATE: SURROGATE},
    }


def hostile_audit() -> Audit:
    """Names of models, probes, features, groups, wordings, items; texts; reasons of verdicts; versions; files."""
    cells = [
        (probe, ATTACK + feature, declared, first, second, verdict, LONG)
        for probe, feature, declared, first, second, verdict, _ in CELLS
    ]
    texts = json.dumps({"context": SURROGATE, "first": SURROGATE, "second": LONG})
    made = audit(
        cells=cells,
        pair_text=texts,
        manifest_changes=_manifest(),
        headlines=(HEADLINE, replace(HEADLINE, contrast=ATTACK, counts={**HEADLINE.counts, ATTACK: 1})),
    )
    assert families()
    return replace(
        made,
        items=_attacking(made.items, "item_id"),
        scores=_attacking(made.scores, "item_id", "feature"),
        families=_attacking(made.families, "family"),
        disparities=_attacking(made.disparities, "group"),
    )
