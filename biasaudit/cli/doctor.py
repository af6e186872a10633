"""`biasaudit doctor`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from biasaudit.cli import terminal


def doctor() -> None:
    """Print what a report of a problem needs: versions, device, cache, data."""
    import os
    import platform

    import biasaudit
    from biasaudit.models.local.files import cache_folder
    from biasaudit.models.local.loading import best_device, library_versions
    from biasaudit.probes import DATA_VARIABLE, available

    terminal.say_line(f"biasaudit  {biasaudit.__version__}, Python {platform.python_version()}, {platform.system()}")
    for name, version in library_versions().items():
        terminal.say_line(f"{name:<14} {version}")
    terminal.say_line(f"device     {best_device()}")
    terminal.say_line(f"cache      {_cache(cache_folder)}")
    terminal.say_line(f"data       {os.environ.get(DATA_VARIABLE, f'{DATA_VARIABLE} is not set')}")
    terminal.say_line(f"probes     {', '.join(available())}")


def _cache(folder: Callable[[], Path]) -> str:
    """Return where the cache is, or why there is none: that is what a report of a problem needs most."""
    from biasaudit.errors import BiasauditError

    try:
        return str(folder())
    except (BiasauditError, OSError, RuntimeError) as exc:
        return f"none: {exc}"
