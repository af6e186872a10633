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
    from biasaudit.errors import UsageError
    from biasaudit.gate.from_audit import policy_text

    audit = biasaudit.open_audit(folder)
    text = policy_text(
        estimates=audit.estimates,
        comparisons=audit.comparisons,
        source=f"{folder.resolve().name}, biasaudit {audit.manifest.biasaudit_version}",
    )
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise UsageError(f"{out} is there already.", fix="Name another file with --out; nothing was written.") from exc
    except OSError as exc:
        raise UsageError(f"{out} cannot be written: {exc.strerror}.", fix="Name another file with --out.") from exc
    terminal.say_line(f"{out}: by it, this audit is {biasaudit.check(audit, out).outcome.value}.")
