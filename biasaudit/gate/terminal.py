"""The decision for a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from biasaudit.gate.vocabulary import Effect
from biasaudit.gate.wording import IMPORTANCE, circumstances, headline, limit, measured, printable, reason

if TYPE_CHECKING:
    from biasaudit.gate.decision import GateDecision

# A word stands beside each: colour alone tells nothing.
_STYLES: Final = {
    Effect.PASSED: "green",
    Effect.VIOLATED: "bold red",
    Effect.INCONCLUSIVE: "bold yellow",
    Effect.WARNING: "yellow",
    Effect.WAIVED: "cyan",
    Effect.ACCEPTED: "dim",
}


def show(decision: GateDecision, console: Console) -> None:
    """Print a decision, what needs a reader first.

    Parameters
    ----------
    decision : GateDecision
    console : rich.console.Console
    """
    outcome = Effect(decision.outcome.value)
    console.print(
        Text.assemble((outcome.value.upper(), _STYLES[outcome]), f": {printable(headline(decision))}"), highlight=False
    )
    if said := circumstances(decision):
        console.print(Text(printable(said), style="dim"))
    for note in decision.notes:
        console.print(
            Text.assemble(
                (note.effect.value, _STYLES[note.effect]), f": {printable(note.subject)}: {printable(note.message)}"
            )
        )
    if not decision.results:
        return
    table = Table(show_lines=False, expand=False)
    for heading in ("outcome", "rule", "cell", "measured", "limit", "reason"):
        table.add_column(heading, overflow="fold")
    for result in sorted(decision.results, key=lambda one: IMPORTANCE.index(one.effect)):
        names = (result.tuned, result.probe, result.feature, result.group, result.framing_or_contrast)
        table.add_row(
            Text(result.effect.value, style=_STYLES[result.effect]),
            Text(printable(result.rule_id)),
            Text(printable(", ".join(name for name in names if name))),
            Text(measured(result)),
            Text(limit(result)),
            Text(printable(reason(result))),
        )
    console.print(table)
