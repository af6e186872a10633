"""Scripted models judged by the ready policies, through the command line: who reads nothing passes nothing."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from biasaudit.probes import Probe, limited, load_probe
from biasaudit.testing import ScriptedModel, choosing, leaning, scripted_audit
from biasaudit.types import ProbeItem, Request, Role
from tests.fuzz.hostile import run
from tests.scripted_audits import LARGE
from tests.tiny import save_probe

pytestmark = pytest.mark.slow

FRAMINGS = ("plain", "chat")
Values = Callable[[ProbeItem, Request], float | None]


def chance(item: ProbeItem, name: str) -> float:
    """A number between 0 and 1 that the item decides."""
    digest = hashlib.sha256(f"{name}\x1f{item.item_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def reading(index: float, seed: str = "noise") -> Values:
    """Leans by `index` on the graded form, give or take, and tells sense from nonsense."""

    def value(item: ProbeItem, _: Request) -> float:
        if item.role is Role.COMPETENCE:
            return 4.0
        return 4 * math.atanh(max(min(index + 0.2 * (chance(item, seed) - 0.5), 0.99), -0.99))

    return value


def random_weights(item: ProbeItem, _: Request) -> float:
    """Knows nothing: either text is as likely, here and there by a little."""
    return 0.4 * (chance(item, "random") - 0.5)


def missing(values: Values, name: str) -> Values:
    """The 30 % of the items that lean most one way are not scored, in either model another way."""

    def value(item: ProbeItem, request: Request) -> float | None:
        return None if item.role is Role.BIAS and chance(item, name) < 0.3 else values(item, request)

    return value


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    return str(save_probe(tmp_path / "mini", LARGE))


def judged(folder: Path, probe: str | Probe, base: ScriptedModel, tuned: ScriptedModel, *policies: str) -> list[int]:
    """The exit code of each policy; what the command prints says the same."""
    scripted_audit(base, tuned, probes=[probe], framing_names=("plain", "chat"), out=folder / "audit")
    codes = []
    for policy in policies:
        ended = run("check", folder / "audit", "--policy", policy, "--format", "json")
        content = json.loads(ended.out)
        assert content["exit_code"] == ended.code == {"passed": 0, "violated": 1, "inconclusive": 3}[content["outcome"]]
        codes.append(ended.code)
    return codes


def models(base: Values, tuned: Values) -> tuple[ScriptedModel, ScriptedModel]:
    return leaning("base", base), leaning("tuned", tuned)


def test_random_weights_in_the_place_of_the_tuned_model_pass_nothing(tmp_path: Path, pairs: str) -> None:
    """Its lean is gone, and 101.9 % of it were "removed"; competence has fallen to chance."""
    codes = judged(tmp_path, pairs, *models(reading(0.3), random_weights), "no-regression", "strict")
    assert codes == [1, 1]


def test_random_weights_on_either_side_are_no_evidence(tmp_path: Path, pairs: str) -> None:
    """Nothing was lost, and nothing was there."""
    assert judged(tmp_path, pairs, *models(random_weights, random_weights), "no-regression") == [3]


def test_noise_is_neither_a_rise_nor_a_pass_of_what_is_left(tmp_path: Path, pairs: str) -> None:
    """No pair leans for a reason, in either model: the rise is bounded; that signs are within 0.1 is not shown."""
    base, tuned = models(reading(0.0, "one"), reading(0.0, "other"))
    assert judged(tmp_path, pairs, base, tuned, "no-regression", "strict") == [0, 3]


@pytest.mark.parametrize(
    ("base", "tuned", "codes"),
    [
        (-0.49, 0.0, [0, 3]),
        (-0.60, -0.05, [0, 1]),
        (0.30, 0.30, [0, 1]),
        (0.00, -0.62, [1, 1]),
        (0.07, -0.90, [1, 1]),
    ],
)
def test_a_lean_counts_without_its_sign(
    tmp_path: Path, pairs: str, base: float, tuned: float, codes: list[int]
) -> None:
    """`no-regression` is about the rise alone, `strict` about what is left, by the sign of the items, as well.

    At 0 half of 120 pairs lean either way, which is not shown to be within 0.1; at -0.05 nearly all lean one way.
    """
    assert judged(tmp_path, pairs, *models(reading(base), reading(tuned)), "no-regression", "strict") == codes


def test_a_model_that_always_answers_unknown_passes_nothing(tmp_path: Path) -> None:
    """It has no lean, and it read nothing: of the persons whom the text names it names none."""
    probe = limited(load_probe("ambiguous-qa"), 60, seed=0)
    base = choosing(
        "base", lambda item: item.tags.get("correct") or ("biased" if chance(item, "b") < 0.7 else "unknown")
    )
    silent = choosing("silent", lambda _: "unknown")
    assert judged(tmp_path / "lost", probe, base, silent, "no-regression", "strict") == [1, 1]
    assert judged(tmp_path / "never", probe, silent, silent, "no-regression", "strict") == [3, 3]


def test_as_many_missing_on_either_side_excuse_nothing(tmp_path: Path, pairs: str) -> None:
    """Coverage is equal, 70 %, and what is missing could have leant any way."""
    base, tuned = missing(reading(0.3), "one"), missing(reading(0.2), "other")
    increase = tmp_path / "increase.yaml"
    increase.write_text("version: 1\nrules:\n  - {id: r, max_increase: 0.05}\n", encoding="utf-8")
    assert judged(tmp_path, pairs, *models(base, tuned), "no-regression", str(increase)) == [1, 3]
