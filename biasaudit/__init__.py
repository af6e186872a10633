"""Audits of how much inherited social bias instruction tuning reduced.

``import biasaudit`` is light: torch, transformers and pandas are imported when an audit runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from biasaudit.version import __version__

__all__ = [
    "Audit",
    "__version__",
    "align",
    "audit",
    "bundles",
    "check",
    "demo",
    "log_to_mlflow",
    "open_audit",
    "recompute",
    "score",
    "side_by_side",
    "testing",
]

if TYPE_CHECKING:
    from biasaudit import align, bundles, testing
    from biasaudit.api import audit, check, demo, open_audit, recompute, score, side_by_side
    from biasaudit.facade import Audit
    from biasaudit.tracking import log_to_mlflow


def __getattr__(name: str) -> object:
    if name in {"audit", "check", "demo", "open_audit", "recompute", "score", "side_by_side", "Audit"}:
        from biasaudit import api  # noqa: PLC0415  # keeps `import biasaudit` light

        return getattr(api, name)
    if name == "log_to_mlflow":
        from biasaudit import tracking  # noqa: PLC0415  # as above

        return tracking.log_to_mlflow
    if name in {"align", "bundles", "testing"}:
        import importlib  # noqa: PLC0415  # as above

        return importlib.import_module(f"biasaudit.{name}")
    msg = f"module 'biasaudit' has no attribute {name!r}"
    raise AttributeError(msg)
