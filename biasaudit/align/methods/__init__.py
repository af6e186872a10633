"""The tuning methods: to add one, write its file and name it in :data:`METHODS`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from biasaudit.align.method import Method
from biasaudit.align.methods.constraint import CONSTRAINT
from biasaudit.align.methods.counterfactual import COUNTERFACTUAL
from biasaudit.align.methods.sft import SFT
from biasaudit.align.run import TunedAdapter, run
from biasaudit.align.settings import Settings
from biasaudit.errors import UsageError
from biasaudit.types.progress import Progress

__all__ = ["METHODS", "tune"]

METHODS: Final[Mapping[str, Method[Any, Any, Any]]] = {  # each has settings and data of its own
    method.name: method for method in (SFT, CONSTRAINT, COUNTERFACTUAL)
}


def tune(
    method: str,
    base: str,
    data: str | Path | None,
    out: str | Path,
    *,
    settings: Settings | None = None,
    chat_template: str | None = None,
    data_license: str | None = None,
    allow_overlap: bool = False,
    progress: Progress | None = None,
) -> TunedAdapter:
    """Tune a LoRA adapter on `base` by the method of a name.

    Parameters
    ----------
    method : str
        A name in :data:`METHODS`.
    base, data, out, settings, chat_template, data_license, allow_overlap, progress
        As of :func:`biasaudit.align.run.run`; the settings are those of the method.

    Returns
    -------
    TunedAdapter

    Raises
    ------
    UsageError
        If there is no such method, or the call, the data, the base, the template or the folder cannot be used.
    TuningError
        If the training breaks off.
    """
    if method not in METHODS:
        known = ", ".join(METHODS)
        raise UsageError(f"there is no tuning method {method!r}.", fix=f"Methods: {known}.")
    return run(
        METHODS[method],
        base,
        data,
        out,
        settings=settings,
        chat_template=chat_template,
        data_license=data_license,
        allow_overlap=allow_overlap,
        progress=progress,
    )
