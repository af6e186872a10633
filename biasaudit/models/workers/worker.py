"""What a worker does, in whatever process: open a checkpoint, score sequences through the engine, say what it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from biasaudit.errors import BiasauditError, OutOfMemoryError
from biasaudit.models.engine.engine import Engine
from biasaudit.models.foreign import foreign_collected
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.models.local.loading import ModelShelf, locate
from biasaudit.models.reference import parse_reference
from biasaudit.models.workers.messages import (
    Asked,
    Batch,
    Begun,
    Done,
    Facts,
    Job,
    Message,
    Open,
    Opened,
    Refused,
    Short,
    Task,
)


@dataclass(slots=True)
class Scorer:
    """Holds one checkpoint at a time.

    Parameters
    ----------
    job : Job
    """

    job: Job
    _shelf: ModelShelf = field(init=False)
    _loaded: LoadedModel | None = field(default=None, init=False)
    _name: str = field(default="", init=False)
    _longest: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        import torch  # noqa: PLC0415  # slow to import

        torch.set_num_threads(self.job.n_threads)
        self._shelf = ModelShelf(
            dtype=self.job.dtype, device=self.job.device, trust_remote_code=self.job.trust_remote_code
        )

    def answers(self, asked: Asked) -> Iterator[Message]:
        """Yield what comes of one request of the coordinator; the last message says that the worker waits."""
        try:
            yield from self._answers(asked)
        except OutOfMemoryError as exc:
            yield Short(message=exc.message)
        except BiasauditError as exc:
            yield Refused(message=exc.message, fix=exc.fix)

    def _answers(self, asked: Asked) -> Iterator[Message]:
        if self._loaded is None or self._name != asked.checkpoint:
            yield Opened(checkpoint=asked.checkpoint, facts=self._opened(asked.checkpoint))
        elif isinstance(asked, Open):
            yield Opened(checkpoint=asked.checkpoint, facts=self._facts(self._loaded, ()))
        if isinstance(asked, Task):
            yield Begun()
            yield from self.scored(asked)
        yield Done()

    def scored(self, task: Task) -> Iterator[Batch]:
        """Yield what the engine finds, batch by batch.

        The packs depend on the task alone, and what is left of a task after some batches is run in the packs that
        would have followed: nothing is calibrated, and the check is made for the longest text of all tasks.
        """
        loaded = self._loaded
        if loaded is None:
            return
        if task.longest != self._longest:
            loaded.checked, self._longest = None, task.longest
        with foreign_collected(lambda _: None):
            for rows, n_tokens in Engine(loaded, None, longest=task.longest).run(task.sequences, self.job.batch_tokens):
                yield Batch(
                    rows=tuple((position, tuple(values)) for position, values in rows),
                    n_tokens=n_tokens,
                    scoring=loaded.scoring,
                )

    def _opened(self, name: str) -> Facts:
        said: list[str] = []
        self._loaded, self._longest = None, 0
        self._shelf.say = said.append
        with foreign_collected(said.append):
            located = locate(parse_reference(self.job.references[name]), said.append)
            loaded = self._shelf.open(located)
        loaded.beginning = self.job.beginnings[name]
        self._loaded, self._name = loaded, name
        return self._facts(loaded, tuple(said))

    def _facts(self, loaded: LoadedModel, said: tuple[str, ...]) -> Facts:
        beginning = self.job.beginnings[self._name]
        unknown = loaded.tokenizer.unk_token_id
        return Facts(
            fingerprint=replace(loaded.fingerprint, beginning_token=beginning.token, beginning_id=beginning.token_id),
            n_ids=loaded.n_ids,
            max_length=loaded.max_length,
            unknown_id=unknown if isinstance(unknown, int) else None,
            said=said,
        )
