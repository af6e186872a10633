"""`biasaudit compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biasaudit.cli import terminal


def compare(
    folders: Annotated[list[Path], typer.Argument(help="Finished audits.")],
) -> None:
    """Print the verdicts of finished audits one below the other."""
    from biasaudit import api
    from biasaudit.cli.verdicts import print_verdicts

    for folder in folders:
        terminal.say_line(f"== {folder}")
        print_verdicts(api.open_audit(folder))
