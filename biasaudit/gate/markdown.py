"""The decision for a pull request or a job summary, in Markdown."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from biasaudit.gate.vocabulary import Effect
from biasaudit.gate.wording import HEADER, IMPORTANCE, circumstances, headline, printable, texts

if TYPE_CHECKING:
    from biasaudit.gate.decision import GateDecision

MAX_CHARACTERS: Final = 60_000
"""A comment on a pull request holds 65,536."""

# As entities, because a backslash before a pipe is undone by a backslash that the name brings along.
_ENTITIES: Final = {ord(letter): f"&#{ord(letter)};" for letter in "\\`*_[]()!|~#@:"}
_SIGNS: Final = {
    Effect.PASSED: "✅",
    Effect.VIOLATED: "❌",
    Effect.INCONCLUSIVE: "❔",
    Effect.WARNING: "⚠️",
    Effect.WAIVED: "✋",
    Effect.ACCEPTED: "🆗",
}


def to_markdown(decision: GateDecision, *, max_characters: int = MAX_CHARACTERS) -> str:
    """Return the decision as Markdown: the outcome, what needs a reader, and the rest folded away.

    Parameters
    ----------
    decision : GateDecision
    max_characters : int
        From about here rows are left out, the least important first, and counted.

    Returns
    -------
    str
        Names can neither end a cell nor start a link, an image or a mention.
    """
    sign = _SIGNS[Effect(decision.outcome.value)]
    lines = [f"{sign} **biasaudit: {decision.outcome.value}** — {escaped(headline(decision))}", ""]
    if said := circumstances(decision):
        lines += [escaped(said), ""]
    if decision.notes:
        lines += [
            f"- {_SIGNS[note.effect]} **{note.effect.value}** {escaped(note.subject)}: {escaped(note.message)}"
            for note in decision.notes
        ]
        lines.append("")
    results = sorted(decision.results, key=lambda result: IMPORTANCE.index(result.effect))
    rows = [
        (result.effect is Effect.PASSED, f"| {' | '.join(_cells(_SIGNS[result.effect], texts(result)))} |")
        for result in results
    ]
    budget = max_characters - sum(len(line) + 1 for line in lines)
    kept: list[tuple[bool, str]] = []
    for row in rows:
        budget -= len(row[1]) + 1
        if budget < 0:
            break
        kept.append(row)
    lines += _table([line for passed, line in kept if not passed])
    passed = [line for passed, line in kept if passed]
    if passed:
        lines += ["<details>", f"<summary>{len(passed)} passed</summary>", "", *_table(passed), "</details>"]
    if len(kept) < len(rows):
        lines += ["", f"{len(rows) - len(kept)} more results are in the JSON and JUnit forms."]
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """Return text that is nothing but text in Markdown."""
    # Ours last: html.escape would escape the ampersands of the entities.
    return html.escape(printable(text), quote=False).translate(_ENTITIES)


def _cells(sign: str, shown: tuple[str, ...]) -> list[str]:
    first, *rest = (escaped(text) for text in shown)
    return [f"{sign} {first}", *rest]


def _table(rows: list[str]) -> list[str]:
    return [f"| {' | '.join(HEADER)} |", f"|{'---|' * len(HEADER)}", *rows, ""] if rows else []
