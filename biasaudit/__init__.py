"""Audits of how much inherited social bias instruction tuning reduced.

``import biasaudit`` is light: torch, transformers and pandas are imported when an audit runs. ``dir(biasaudit)`` shows
what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.version import __version__

__all__ = [
    "Audit",
    "__version__",
    "align",
    "attack",
    "audit",
    "audit_tuned",
    "bundles",
    "check",
    "demo",
    "explain",
    "log_to_mlflow",
    "model_against",
    "open_audit",
    "recompute",
    "score",
    "side_by_side",
    "stats",
    "testing",
    "transfer",
]

if TYPE_CHECKING:
    # The same names as below, with their types: editors and type checkers see them, and a name that is not here is one
    # that they refuse.
    from biasaudit import align, bundles, stats, testing
    from biasaudit.api import audit, check, demo, open_audit, recompute, score, side_by_side
    from biasaudit.audits.against import model_against
    from biasaudit.facade import Audit
    from biasaudit.tracking import log_to_mlflow
    from biasaudit.tuned import attack, audit_tuned, explain, transfer
else:
    _PLACES: Final = {
        **dict.fromkeys(("audit", "check", "demo", "open_audit", "recompute", "score", "side_by_side"), "api"),
        "Audit": "facade",
        "attack": "tuned",
        "audit_tuned": "tuned",
        "explain": "tuned",
        "log_to_mlflow": "tracking",
        "model_against": "audits.against",
        "transfer": "tuned",
    }
    """Name -> the module that has it, imported when the name is first asked for."""
    _ROOMS: Final = ("align", "bundles", "stats", "testing")
    """Rooms that are looked into from here."""

    def __getattr__(name: str) -> object:
        import importlib  # noqa: PLC0415  # of no use to whoever asks for nothing

        if name in _PLACES:
            return getattr(importlib.import_module(f"biasaudit.{_PLACES[name]}"), name)
        if name in _ROOMS:
            return importlib.import_module(f"biasaudit.{name}")
        msg = f"module 'biasaudit' has no attribute {name!r}"
        raise AttributeError(msg, name=name, obj=importlib.import_module("biasaudit"))


def __dir__() -> list[str]:
    """Return what there is: also what is imported only when it is asked for, and no helper of this file."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
