"""What was gathered beside a depth profile, in a sentence each: for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from biasaudit.explanations.names import NOT_ASKED
from biasaudit.report.words.explained.components import component_sentence
from biasaudit.report.words.wording import clean, records

if TYPE_CHECKING:
    from biasaudit.explanations.record import Explanation


def evidence_sentences(explanation: Explanation) -> Iterator[str]:
    """Yield a sentence for each question of components, and for each kind of evidence that was not measured."""
    rows = records(explanation.components)
    for asked in records(explanation.questions):
        yield component_sentence(asked, [row for row in rows if row["question"] == asked["question"]])
    for name, why in explanation.evidence.unmeasured.items():
        if why != NOT_ASKED:
            yield f"{name.capitalize()} not measured: {clean(why, limit=400)}."
