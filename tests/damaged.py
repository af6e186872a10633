"""Audits of scripted models on a made-up association probe with licensed items, whose damage is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from biasaudit.facade import Audit
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import ProbeItem, Request, Role
from tests.tiny import save_probe

FEATURES: Final = {"gender": ("woman", "man"), "age": ("old", "young")}
N_TEMPLATES: Final = 12
WAVES: Final = (0.9, 1.1, 1.0)
"""How the values of a template's items differ from the mean, in turn: no cluster is like the others."""


def save_association(folder: Path, *, licensed: bool = True, controls: bool = True, n_templates: int = 12) -> Path:
    """Save a probe of two features: in each template three bias items a feature, and one of every other role."""
    rows: list[dict[str, object]] = []
    for number in range(n_templates):
        for feature, groups in FEATURES.items():
            place = {"cluster": f"t{number}", "feature": feature}
            rows += [
                _association(f"b{number}-{feature}-{n}", groups, tag=str(n), **place, role="bias") for n in range(3)
            ]
            if controls:
                rows.append(_association(f"n{number}-{feature}", groups, tag="n", **place, role="control"))
            if licensed:
                rows.append(
                    {
                        "id": f"l{number}-{feature}",
                        **place,
                        "role": "licensed",
                        "context": f"{number}: the {groups[0]} said that",
                        "first": " she",
                        "second": " he",
                    }
                )
        rows.append(
            {
                "id": f"c{number}",
                "cluster": f"t{number}",
                "feature": "gender",
                "role": "competence",
                "first": f"{number} is good",
                "second": f"good {number} is",
            }
        )
    groups_of = {feature: list(groups) for feature, groups in FEATURES.items()}
    ours = {} if licensed else {"licensed": "none"}
    return save_probe(folder, rows, id=folder.name, kind="association", groups=groups_of, **ours)


def _association(name: str, groups: tuple[str, str], *, tag: str, **fields: object) -> dict[str, object]:
    return {
        "id": name,
        "groups": list(groups),
        "contexts": [f"{name}: the {group} is" for group in groups],
        "continuations": [f" one {tag}.", f" two {tag}."],
        "group_in_context": True,
        **fields,
    }


def wave(item: ProbeItem) -> float:
    """Return a factor near 1 that depends on the item's template."""
    return WAVES[int(item.cluster_id[1:]) % len(WAVES)]


def audited(
    probe: Path,
    out: Path | None = None,
    *,
    bias: tuple[float, float] = (2.0, 1.0),
    control: tuple[float, float] = (0.5, 0.5),
    licensed: tuple[float, float] = (0.95, 0.95),
    mass: tuple[float, float] = (0.9, 0.9),
) -> Audit:
    """Audit a base and a tuned model; each pair is what base and tuned have, d in nats or a share.

    d of bias items and of controls differs by template, of controls of the tuned model by another wave, so that no
    ratio is the same in every cluster.
    """

    def model(name: str, arm: int) -> Mapping[str, object]:
        def d_nats(item: ProbeItem, _: Request) -> float:
            if item.role is Role.CONTROL:
                again = WAVES[(int(item.cluster_id[1:]) // 3) % len(WAVES)] if arm else 1.0
                return control[arm] * wave(item) * again
            return 4.0 if item.role is Role.COMPETENCE else bias[arm] * wave(item)

        return {"name": name, "d_nats": d_nats, "licensed": licensed[arm], "slot_mass": mass[arm]}

    base, tuned = (leaning(**model(name, arm)) for arm, name in enumerate(("base", "tuned")))  # type: ignore[arg-type]  # as named
    return scripted_audit(base, tuned, probes=[str(probe)], out=out)
