"""Workers in this process whose deaths are written down beforehand: what becomes of them, without waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.workers.messages import (
    Asked,
    Batch,
    Begun,
    Died,
    Done,
    Facts,
    Message,
    Opened,
    Ready,
    Task,
)
from biasaudit.types import ModelFingerprint

FINGERPRINT = ModelFingerprint(
    reference="m", weights="sha256:1", dtype="float32", device="cpu", tokenizer_sha256="t", architecture="A"
)
NAMED = {"m": {"weights": "sha256:1"}}


def nats(sequence: TokenSequence) -> tuple[float, ...]:
    """Return what every worker finds: a token's id in hundredths."""
    return tuple(-one / 100 for one in sequence.token_ids[sequence.n_context :])


class ScriptedPool:
    """Answers one text a batch; `dies` says before each text whether the worker is killed over it."""

    def __init__(
        self,
        n_workers: int = 2,
        *,
        dies: Callable[[int, TokenSequence], bool] = lambda *_: False,
        weights: Sequence[str] = ("sha256:1",) * 9,
    ) -> None:
        self.n_workers = n_workers
        self.n_deaths = 0
        self.n_computed = 0
        self.closed = False
        self._dies = dies
        self._weights = weights
        self._opened: set[int] = set()
        self._said: deque[tuple[int, Message]] = deque((number, Ready()) for number in range(n_workers))

    def name(self, worker: int) -> str:
        return f"worker {worker + 1}"

    def send(self, worker: int, asked: Asked) -> None:
        for message in self._answers(worker, asked):
            self._said.append((worker, message))

    def events(self) -> list[tuple[int, Message]]:
        return [self._said.popleft()]

    def close(self) -> None:
        self.closed = True

    def _answers(self, worker: int, asked: Asked) -> list[Message]:
        said: list[Message] = []
        if worker not in self._opened:
            self._opened.add(worker)
            fingerprint = replace(FINGERPRINT, weights=self._weights[worker])
            facts = Facts(fingerprint=fingerprint, n_ids=1000, max_length=None, unknown_id=None, said=())
            said.append(Opened(checkpoint=asked.checkpoint, facts=facts))
        if isinstance(asked, Task):
            said.append(Begun())
            for place, sequence in enumerate(asked.sequences):
                if self._dies(worker, sequence):
                    self.n_deaths += 1
                    self._opened.discard(worker)
                    died = Died(reason="was ended by SIGKILL", who=self.name(worker), started=True, signalled=True)
                    return [*said, died, Ready()]
                self.n_computed += 1
                said.append(Batch(rows=((place, nats(sequence)),), n_tokens=len(sequence.token_ids), scoring=None))
        return [*said, Done()]


def numbered(n_texts: int) -> list[TokenSequence]:
    return [TokenSequence((0, number), 1) for number in range(1, n_texts + 1)]
