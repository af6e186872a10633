"""`biasaudit init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biasaudit.cli import terminal


def init(
    folder: Annotated[Path, typer.Argument(help="A finished audit.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The policy to write; never overwritten.")] = Path(
        "policy.yaml"
    ),
) -> None:
    """Write a first policy, with the limits that a finished audit keeps."""
    import biasaudit
    from biasaudit.gate.from_audit import policy_text
    from biasaudit.outputs import check_outputs, is_stream, write_output

    check_outputs([out], inputs=[folder])
    audit = biasaudit.open_audit(folder)
    text = policy_text(
        estimates=audit.estimates,
        comparisons=audit.comparisons,
        source=f"{folder.resolve().name}, biasaudit {audit.manifest.biasaudit_version}",
    )
    write_output(out, text, inputs=[folder], new=not is_stream(out))
    if not is_stream(out):
        terminal.say_line(f"{out}: by it, this audit is {biasaudit.check(audit, out).outcome.value}.")
