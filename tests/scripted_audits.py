"""Small finished audits of scripted models."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

import biasaudit
from biasaudit.facade import Audit
from biasaudit.testing import leaning, noisy, scripted_audit
from tests.tiny import item, save_probe

SENSE = [item(1000 + number, cluster=f"c{number % 12}", role="competence", groups=[]) for number in range(96)]
"""Without them nothing would show that a model reads, and nothing could pass."""
LARGE = [*(item(number, cluster=f"c{number % 12}") for number in range(120)), *SENSE]


def save_audit(folder: Path, *, base: float = 2.0, tuned: float = 1.0, out: str = "audit") -> Audit:
    """Write an audit, plain and chat, of a model that leans by `base` nats and one tuned to `tuned`; with spread."""
    made = Path(_made(base, tuned).name)
    shutil.copytree(made / "mini", folder / "mini", dirs_exist_ok=True)
    shutil.copytree(made / "audit", folder / out)
    return biasaudit.open_audit(folder / out)


@cache
def _made(base: float, tuned: float) -> tempfile.TemporaryDirectory[str]:
    """Compute it once for all tests of a process: half a dozen seconds, for the report most of all."""
    made = tempfile.TemporaryDirectory(prefix="biasaudit-test-")
    folder = Path(made.name)
    probe = save_probe(folder / "mini", LARGE)
    models = [leaning(name, noisy(value, item_sd_nats=2.0)) for name, value in (("base", base), ("tuned", tuned))]
    scripted_audit(*models, probes=[str(probe)], framing_names=("plain", "chat"), out=folder / "audit")
    return made
