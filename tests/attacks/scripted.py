"""Scripted models whose lean after some words is known, and a probe of two crossed factors to search before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.api import rendered
from biasaudit.attacks import AttackPlan, run
from biasaudit.facade import Audit
from biasaudit.kinds import kind_of
from biasaudit.models.backends.scripted import Script, scripted
from biasaudit.probes import load_probe
from biasaudit.types import ProbeItem, Request, Role
from tests.tiny import save_probe as save

if TYPE_CHECKING:
    from biasaudit.models import Way

WORDS: Final = tuple(
    f"{first}{last}"
    for first in ("amb", "cob", "dal", "fer", "gol", "lim")
    for last in ("er", "alt", "ia", "ik", "on", "um", "or", "is", "ath", "en")
)
"""Sixty words, of which `amber` and `cobalt` mean something to some models."""

D = Callable[[ProbeItem, Sequence[str]], float]
"""From an item and the words before it to its value in nats."""


def save_crossed(
    folder: Path, *, n_templates: int = 12, n_words: int = 10, groups: tuple[str, str] = ("woman", "man")
) -> Path:
    """Save a probe of one feature in which every template has every pair of words."""
    if (folder / "card.yaml").is_file():
        return folder
    rows: list[dict[str, Any]] = []  # Any: JSON values
    for number in range(n_templates):
        place = {"cluster": f"t{number}", "feature": "gender"}
        for word in range(n_words):
            rows.append(
                {
                    "id": f"b{number}-{word}",
                    **place,
                    "groups": list(groups),
                    "contexts": [f"{number}: the {group} is" for group in groups],
                    "continuations": [f" one w{word}.", f" two w{word}."],
                    "group_in_context": True,
                    "tags": {"pair": f"w{word}"},
                }
            )
        rows.append(
            {
                "id": f"l{number}",
                **place,
                "role": "licensed",
                "groups": list(groups),
                "context": f"{number}: the {groups[0]} said that",
                "first": " she",
                "second": " he",
            }
        )
        rows.append(
            {
                "id": f"c{number}",
                **place,
                "role": "competence",
                "groups": [],
                "context": f"It {number}",
                "first": " is good",
                "second": " good is",
            }
        )
    return save(
        folder,
        rows,
        id=folder.name,
        kind="association",
        groups={"gender": list(groups)},
        also_clustered_by={"tag": "pair", "what": "pairs of words"},
    )


def noise(*names: object) -> float:
    """Return a draw that is the same for the same names."""
    digest = hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()
    return float(np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal())


def lean(nats: float, *, seed: int = 0, **after: float) -> D:
    """Return a lean in nats, with noise of templates and words, and what each of some words adds to it."""

    def d(item: ProbeItem, words: Sequence[str]) -> float:
        own = 0.3 * noise(seed, item.cluster_id) + 0.3 * noise(seed, item.tags.get("pair"))
        return nats + own + sum(after.get(word, 0.0) for word in words)

    return d


def restless(seed: int) -> D:
    """Return a model without a lean that every word moves: each template, each pair and each item in its own way."""

    def d(item: ProbeItem, words: Sequence[str]) -> float:
        places = (item.cluster_id, item.tags.get("pair"), item.item_id)
        own = sum(noise(seed, place) for place in places)
        return own + sum(noise(seed, word, place) for word in words for place in places)

    return d


def way(probe: Path, base: D, tuned: D, *, deaf: frozenset[str] = frozenset()) -> Way:
    """Return how two models are reached; the tuned one cannot tell sense from nonsense after the words `deaf`."""
    items = {item.item_id: item for item in load_probe(str(probe)).items}

    def answering(name: str, d: D, lost: frozenset[str]) -> Script:
        return Script(name=name, answer=lambda request: _answer(items[request.item_id], request, d, lost))

    return scripted({"base": answering("one", base, frozenset()), "tuned": answering("two", tuned, deaf)})


def _answer(item: ProbeItem, request: Request, d: D, deaf: frozenset[str]) -> float:
    contexts = kind_of(item).contexts
    assert contexts is not None
    first, second = contexts.of(item.texts)
    own = second if request.part.endswith("B") else first
    assert request.context.endswith(own)
    words = request.context.removesuffix(own).split()
    if item.role is not Role.BIAS:
        lost = not deaf.isdisjoint(words)
        right = noise(item.item_id) if lost else 3.0
        return -20.0 + (right if request.part == "first" else 0.0)
    side = 1.0 if request.part in {"1|A", "2|B"} else -1.0
    return -50.0 + side * d(item, words) / 4


def attacked(
    folder: Path, base: D, tuned: D, *, out: Path | None = None, deaf: frozenset[str] = frozenset(), **options: Any
) -> Audit:  # Any: of the plan
    """Search two models without gradients, among sixty words, and audit the other half."""
    probe = save_crossed(folder / "mini")
    plan = AttackPlan(
        base="scripted:one",
        tuned="scripted:two",
        probe=str(probe),
        **{"method": "coordinate", "words": WORDS, "budget": 80, "length": 2, **options},
    )
    return Audit.of(run(plan, render=rendered, out=out, way=way(probe, base, tuned, deaf=deaf)))


def row(audit: Audit, searched: str, checkpoint: str) -> dict[str, Any]:  # Any: pandas cells
    """Return one row of the table of searches."""
    assert audit.searches is not None
    rows = audit.searches
    found = rows[(rows["searched"] == searched) & (rows["checkpoint"] == checkpoint)]
    return {str(name): value for name, value in found.iloc[0].items()}
