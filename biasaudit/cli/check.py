"""`biasaudit check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    folder: Annotated[Path, typer.Argument(help="A finished audit.")],
    policy: Annotated[Path, typer.Option("--policy", help="YAML policy.")],
    output: Annotated[str, typer.Option("--format", help="text, json, markdown or junit.")] = "text",
) -> None:
    """Judge a finished audit by a policy. Exit codes: 0 passed, 1 violated, 3 not enough evidence."""
    from biasaudit import gate
    from biasaudit.audits.store import read_audit
    from biasaudit.errors import UsageError

    writers = {"text": gate.to_text, "json": gate.to_json, "markdown": gate.to_markdown, "junit": gate.to_junit}
    if output not in writers:
        raise UsageError(f"there is no format {output!r}.", fix=f"Use one of: {', '.join(writers)}.")
    rules = gate.read_policy(policy)
    audit = read_audit(folder)
    decision = gate.decide(rules, estimates=audit.estimates, comparisons=audit.comparisons)
    typer.echo(writers[output](decision))
    raise typer.Exit(decision.exit_code)
