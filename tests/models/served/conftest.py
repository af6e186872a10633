from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from biasaudit.models import plausibility
from biasaudit.models.served import client
from tests.models.served.fake import Fake, Scripted
from tests.tiny import item, save_probe


class Serve(Protocol):
    def __call__(self, **settings: Any) -> Fake: ...  # those of Fake


@pytest.fixture
def serve(models: Path) -> Iterator[Serve]:
    """Start fake servers, of scripted models where nothing else is said; all are closed at the end."""
    with ExitStack() as stack:

        def start(**settings: Any) -> Fake:
            named = {name: Scripted(models / "base", seed) for seed, name in enumerate(("base", "tuned", "swapped"))}
            settings.setdefault("swapped", named.pop("swapped"))
            return stack.enter_context(Fake(settings.pop("weights", named), **settings))

        yield start


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute in the place of two, and three tries: a lie that shows as a failing test and not as a long one."""
    monkeypatch.setattr(client, "BOUNDS", client.Bounds(answer_s=30.0, tries=3, longest_wait_s=0.05))


@pytest.fixture(autouse=True)
def _few_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ordinary sentences: each letter of them is a question to a server that reads token by token."""
    few = plausibility.sentences()[:2]
    monkeypatch.setattr(plausibility, "sentences", lambda: few)


@pytest.fixture
def probe(tmp_path: Path) -> str:
    """Six pairs and three of competence."""
    sense = [
        item(100 + n, role="competence", groups=[], first="the cat is good", second="the good cat is is")
        for n in range(3)
    ]
    return str(save_probe(tmp_path / "mini", [*(item(n) for n in range(6)), *sense]))
