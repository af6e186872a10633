"""`biasaudit demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biasaudit.cli import terminal


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the audit.")] = Path("reports/demo"),
) -> None:
    """Audit a small model that comes with the package and two tuned from it, without a hub."""
    from biasaudit import api
    from biasaudit.cli.progress import Shown
    from biasaudit.cli.verdicts import print_verdicts

    with Shown() as shown:
        found = api.demo(out, progress=shown)
    print_verdicts(found)
    terminal.say_line(f"Report: {out / 'report.html'}")
