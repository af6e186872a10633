"""What heads and MLPs do, in sentences: for the page and the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from biasaudit.report.words.wording import clean, in_row, percent, present, with_interval

Row = Mapping[str, Any]  # Any: pandas cells

QUESTIONS: Final = {
    "base": "What carries the lean in the base",
    "tuned": "What carries the lean in the tuned model",
    "change": "What brings the change about",
}
"""Question of the tables -> its heading."""

_LEANS: Final = "the log odds lean by {whole} nats. Putting in what {unit} writes for the other context"
_LEADS: Final = {
    "base": f"In the base {_LEANS}",
    "tuned": f"In the tuned model {_LEANS}",
    "change": "With what every head, every MLP and the embeddings of the base write put into the tuned model, its log "
    "odds move by {whole} nats. Putting in what {unit} alone writes",
}

_DOES: Final = {
    "base": ("takes {effect} of it", "adds {effect} to it: it works against the lean"),
    "tuned": ("takes {effect} of it", "adds {effect} to it: it works against the lean"),
    "change": ("moves them by {effect} that way", "moves them by {effect} the other way"),
}


def component_sentence(asked: Row, rows: Sequence[Row]) -> str:
    """Say what came of one question: its strongest component that goes beyond every control, or why none is named.

    Parameters
    ----------
    asked : mapping
        The question's row.
    rows : sequence of mapping
        Its components and blocks.
    """
    heading = QUESTIONS[str(asked["question"])]
    if asked["flag"]:
        return f"{heading}: nothing is named, since {clean(asked['flag'], limit=300)}."
    named = [row for row in rows if row["confirmed"] and not row["is_block"]]
    if not named:
        return f"{heading}: no component goes beyond its controls."
    top = min(named, key=lambda row: int(row["rank"]))
    lead = _LEADS[str(asked["question"])].format(whole=in_row(asked, "whole"), unit=clean(top["unit"]))
    whole, effect = present(asked["whole"]), present(top["effect"])
    against = whole is not None and effect is not None and whole * effect < 0
    share = present(top["share"])
    does = _DOES[str(asked["question"])][against].format(effect=_size(top))
    told = "" if share is None or against else f", {percent(share, decimals=0)}"
    return f"{lead} {does}{told}; a random direction of the same length: {in_row(top, 'random')}."


def _size(row: Row) -> str:
    """Return how large an effect is, whichever way it goes, with its interval."""
    found, low, high = (present(row[one]) for one in ("effect", "effect_ci_low", "effect_ci_high"))
    if found is None or low is None or high is None:
        return in_row(row, "effect")
    return with_interval(-found, -high, -low) if found < 0 else with_interval(found, low, high)
