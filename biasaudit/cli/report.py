"""`biasaudit report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="A finished audit.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File; default FOLDER/report.html.")] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute every table again first, from the responses.")
    ] = False,
) -> None:
    """Write the HTML report of a finished audit again."""
    from biasaudit import api

    if recompute:
        api.recompute(folder)
    target = out or folder / "report.html"
    api.open_audit(folder).to_html(target)
    typer.echo(str(target))
