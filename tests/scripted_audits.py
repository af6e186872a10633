"""Small finished audits of scripted models, written in a second."""

from __future__ import annotations

from pathlib import Path

from biasaudit.audits.result import Audit
from biasaudit.testing import leaning, noisy, scripted_audit
from tests.tiny import item, save_probe

LARGE = [item(number, cluster=f"c{number % 12}") for number in range(120)]


def save_audit(folder: Path, *, base: float = 2.0, tuned: float = 1.0, out: str = "audit") -> Audit:
    """Write an audit, plain and chat, of a model that leans by `base` nats and one tuned to `tuned`; with spread."""
    probe = save_probe(folder / "mini", LARGE)
    models = [leaning(name, noisy(value, item_sd_nats=2.0)) for name, value in (("base", base), ("tuned", tuned))]
    return scripted_audit(*models, probes=[str(probe)], framing_names=("plain", "chat"), out=folder / out)
