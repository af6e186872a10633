"""`biasaudit bundle` and `biasaudit verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
        typer.echo(f"decision: {decision.outcome.value}")
    typer.echo(f"{sha256_of_file(out)}  {out}")


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
        typer.echo(f"{file}: {difference}")
    if found.differences:
        raise typer.Exit(1)
    checked = "every number computed again" if found.recomputed else "every checksum right"
    typer.echo(f"{file}: {found.n_members} members, {checked}")
    typer.echo(f"{found.sha256}  {file}")
