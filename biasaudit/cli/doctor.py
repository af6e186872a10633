"""`biasaudit doctor`."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Print what a report of a problem needs: versions, device, cache, data."""
    import os
    import platform

    import biasaudit
    from biasaudit.models.files import cache_folder
    from biasaudit.models.loading import best_device, library_versions
    from biasaudit.probes import DATA_VARIABLE, available

    typer.echo(f"biasaudit  {biasaudit.__version__}, Python {platform.python_version()}, {platform.system()}")
    for name, version in library_versions().items():
        typer.echo(f"{name:<14} {version}")
    typer.echo(f"device     {best_device()}")
    typer.echo(f"cache      {cache_folder()}")
    typer.echo(f"data       {os.environ.get(DATA_VARIABLE, f'{DATA_VARIABLE} is not set')}")
    typer.echo(f"probes     {', '.join(available())}")
