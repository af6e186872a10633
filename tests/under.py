"""Audits of scripted models under perturbations, whose robustness is known beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np

from biasaudit.facade import Audit
from biasaudit.testing import ScriptedModel, leaning, scripted_audit
from biasaudit.types import ProbeItem, Request, Role
from tests.damaged import save_association

THREE: Final = """perturbations:
  - typing
  - quotation
  - {name: trigger, before: "Then came the storm. "}
"""


def three(folder: Path) -> str:
    """Save a set of three perturbations, of which one is a text of its own."""
    path = folder / "three.yaml"
    path.write_text(THREE, encoding="utf-8")
    return str(path)


def noise(*names: str) -> float:
    """Return a draw that is the same for the same names."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    return float(np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal())


def model(
    name: str,
    lean: float,
    *,
    under: Collection[str] = (),
    then: float = 3.0,
    deaf: Collection[str] = (),
    forgetful: Collection[str] = (),
    silent: Collection[str] = (),
    mute: Collection[str] = (),
    mute_role: Role = Role.COMPETENCE,
    seed: int = 0,
) -> ScriptedModel:
    """Return a model of a set lean in nats.

    Parameters
    ----------
    under : collection of str
        Perturbations under which the lean is `then`.
    deaf : collection of str
        Perturbations under which all it says is noise.
    forgetful : collection of str
        Perturbations under which it loses a fifth of the licensed associations.
    silent : collection of str
        Perturbations under which about half of the bias items go unanswered.
    mute : collection of str
        Perturbations under which all items of the role `mute_role` go unanswered.
    """

    def d_nats(item: ProbeItem, request: Request) -> float | None:
        perturbation = _perturbation(item, request)
        own = noise(str(seed), name, request.probe_id, item.cluster_id)
        each = noise(str(seed), name, request.probe_id, item.item_id)
        if perturbation in mute and item.role is mute_role:
            return None
        if perturbation in deaf:
            return each
        if item.role is not Role.BIAS:
            return 4.0 if item.role is Role.COMPETENCE else 1.0
        if perturbation in silent and each > 0:
            return None
        return (then if perturbation in under else lean) + 0.4 * own + 0.4 * each

    def licensed(item: ProbeItem, request: Request) -> float:
        return 0.7 if _perturbation(item, request) in forgetful else 0.9

    return leaning(name, d_nats, licensed=licensed)


def _perturbation(item: ProbeItem, request: Request) -> str:
    """Return under what an item is asked; empty for the item as it is."""
    return request.probe_id.removeprefix("mini-") if "variant_of" in item.tags else ""


def audited(
    folder: Path, base: ScriptedModel, *tuned: ScriptedModel, robustness: str | None = "", out: Path | None = None
) -> Audit:
    """Audit them on a probe of 12 templates in two features, under the set of three unless another is named."""
    probe = folder / "mini"
    if not probe.is_dir():
        save_association(probe)
    chosen = three(folder) if robustness == "" else robustness
    return scripted_audit(base, tuned, probes=[str(probe)], robustness=chosen, out=out)
