"""`biasaudit bundle` and `biasaudit verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biasaudit.cli import terminal


def bundle(
    folder: Annotated[Path, typer.Argument(help="A finished audit.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The zip to write; never overwritten.")],
    policy: Annotated[
        str | None, typer.Option("--policy", help="YAML policy, or the name of a ready one: the decision goes along.")
    ] = None,
) -> None:
    """Write audit, policy, decision and checksums into one file, the same bytes every time."""
    from biasaudit.bundles import write_bundle
    from biasaudit.bundles.archive import sha256_of_file

    decision = write_bundle(folder, out, policy=policy)
    if decision is not None:
        terminal.say_line(f"decision: {decision.outcome.value}")
    terminal.say_line(f"{sha256_of_file(out)}  {out}")


def verify(
    file: Annotated[Path, typer.Argument(help="A file of `biasaudit bundle`.")],
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute every number again from the responses, without a model.")
    ] = False,
) -> None:
    """Check a bundle. Exit codes: 0 whole, 1 altered (what differs is printed), 2 no bundle."""
    from biasaudit.bundles import verify_bundle

    found = verify_bundle(file, recompute=recompute)
    for difference in found.differences:
        terminal.say_line(f"{file}: {difference}")
    for unchecked in found.unchecked:
        terminal.say_line(f"{file}: not checked: {unchecked}")
    if found.differences:
        raise typer.Exit(1)
    checked = "every number computed again" if found.recomputed else "every checksum right"
    terminal.say_line(f"{file}: {found.n_members} members, {checked}")
    terminal.say_line(f"{found.sha256}  {file}")
