"""What heads and MLPs do, in sentences: for the page and the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from biasaudit.report.words.wording import clean, number, percent, present, with_interval

Row = Mapping[str, Any]  # Any: pandas cells

QUESTIONS: Final = {
    "base": "What carries the lean in the base",
    "tuned": "What carries the lean in the tuned model",
    "change": "What brings the change about",
}
"""Question of the tables -> its heading."""

_LEADS: Final = {
    "base": "In the base the log odds lean by {whole} nats. Putting in what {unit} writes for the other context takes "
    "{effect} of it, {share}",
    "tuned": "In the tuned model the log odds lean by {whole} nats. Putting in what {unit} writes for the other "
    "context takes {effect} of it, {share}",
    "change": "With what every head, every MLP and the embeddings of the base write put into the tuned model, its log "
    "odds move by {whole} nats. Putting in what {unit} alone writes moves them by {effect}, {share}",
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
    share = present(top["share"])
    said = _LEADS[str(asked["question"])].format(
        whole=three(asked, "whole"),
        unit=clean(top["unit"]),
        effect=three(top, "effect"),
        share="a share that is not measured" if share is None else percent(share, decimals=0),
    )
    return f"{said}; a random direction of the same length {three(top, 'random')}."


def three(row: Row, name: str) -> str:
    """Return a number of a row with its interval."""
    found, low, high = (present(row[one]) for one in (name, f"{name}_ci_low", f"{name}_ci_high"))
    if found is None:
        return "not measured"
    return number(found) if low is None or high is None else with_interval(found, low, high)
