"""Who is given what: groups of texts go to workers, and back when one dies, halved until the guilty text is alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from biasaudit.errors import WorkerError
from biasaudit.models.shards.halves import halves
from biasaudit.models.workers.messages import (
    Batch,
    Begun,
    Died,
    Done,
    Facts,
    Message,
    Open,
    Opened,
    Ready,
    Refused,
    Short,
    Task,
)
from biasaudit.visible import in_short

if TYPE_CHECKING:
    from biasaudit.models.engine.tree import TokenSequence
    from biasaudit.models.workers.pool import Pool
    from biasaudit.types import ScoringFacts

MOST_DEATHS: Final = 3
"""Workers that die over one group, without an answer in between, before it is halved."""

MOST_UNBEGUN: Final = 10
"""Workers that are ended before they begin anything, one after the other, until no more are started."""

_NO_START: Final = (
    "See what it printed above. A script that asks for workers needs the line `if __name__ == '__main__':` before the "
    "call, since every worker imports the script."
)
_NOT_LOADED: Final = "Use fewer workers (each holds the weights once), a smaller model, or --dtype bfloat16."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a worker found.

    Attributes
    ----------
    worker : str
        Its name, for messages.
    rows : tuple of (position among all sequences, log-probabilities in nats)
    n_tokens : int
    """

    worker: str
    rows: tuple[tuple[int, tuple[float, ...]], ...]
    n_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """A sequence over which workers died, alone."""

    position: int
    reason: str


Event: TypeAlias = Answered | GivenUp


@dataclass(slots=True)
class _Group:
    """Sequences that go to one worker."""

    left: list[int]
    sent: tuple[int, ...] = ()
    n_deaths: int = 0
    has_begun: bool = False


@dataclass(slots=True)
class Coordinator:
    """Gives work to a pool and takes it back.

    Parameters
    ----------
    pool : Pool
    expected : mapping
        Checkpoint -> what the fingerprint of a worker must say of the files.
    say : callable
        Told what is lost and goes on.
    """

    pool: Pool
    expected: Mapping[str, Mapping[str, object]]
    say: Callable[[str], None]
    scoring: ScoringFacts | None = field(default=None, init=False)
    _idle: set[int] = field(default_factory=set, init=False)
    _doing: dict[int, _Group] = field(default_factory=dict, init=False)
    _facts: dict[str, tuple[str, Facts]] = field(default_factory=dict, init=False)
    _n_unbegun: int = field(default=0, init=False)

    def facts(self, checkpoint: str) -> Facts:
        """Return what workers have loaded as a checkpoint; all that wait load it, and the first to end says it.

        Raises
        ------
        WorkerError
        """
        asked: set[int] = set()
        while True:
            for worker in sorted(self._idle - asked):
                self._send(worker, Open(checkpoint=checkpoint))
                asked.add(worker)
            if checkpoint in self._facts:
                return self._facts[checkpoint][1]
            for worker, message in self.pool.events():
                if isinstance(message, Died):
                    asked.discard(worker)  # of that number is another by now
                self._handled(worker, message)

    def scored(
        self, checkpoint: str, sequences: Sequence[TokenSequence], groups: Sequence[Sequence[int]], *, longest: int
    ) -> Iterator[Event]:
        """Yield what comes of sequences, batch by batch, in whatever order workers end.

        Parameters
        ----------
        checkpoint : str
        sequences : sequence of TokenSequence
        groups : sequence of sequence of int
            Positions among them, in sorted order; each group goes to one worker, the first ones first.
        longest : int
            Tokens of the longest sequence, those included that are in no group.

        Raises
        ------
        WorkerError
            If workers cannot start, or hold another model.
        """
        self.scoring = None
        waiting = deque(_Group(left=list(members)) for members in groups)
        while waiting or self._doing:
            for worker in sorted(self._idle):
                if waiting:
                    group = waiting.popleft()
                    group.sent, group.has_begun = tuple(group.left), False
                    self._doing[worker] = group
                    self._send(
                        worker,
                        Task(
                            checkpoint=checkpoint,
                            sequences=tuple(sequences[place] for place in group.sent),
                            longest=longest,
                        ),
                    )
            for worker, message in self.pool.events():
                yield from self._worked(worker, message, waiting, sequences)

    def _send(self, worker: int, asked: Open | Task) -> None:
        self._idle.discard(worker)
        self.pool.send(worker, asked)

    def _worked(
        self, worker: int, message: Message, waiting: deque[_Group], sequences: Sequence[TokenSequence]
    ) -> Iterator[Event]:
        """Yield what one message of a worker means for the group that it has."""
        self._handled(worker, message)
        group = self._doing.get(worker)
        if group is None:
            return
        if isinstance(message, Begun):
            group.has_begun = True
        elif isinstance(message, Batch):
            yield self._answered(worker, group, message)
        elif isinstance(message, Done):
            del self._doing[worker]
            if group.left:
                raise WorkerError(
                    f"{self.pool.name(worker)} left out {len(group.left):,} of {len(group.sent):,} texts that it was "
                    "given.",
                    fix="Run the same command again: it goes on from what is kept.",
                )
        elif isinstance(message, Died | Short):
            del self._doing[worker]
            yield from self._given_back(group, message, waiting, sequences)

    def _answered(self, worker: int, group: _Group, message: Batch) -> Answered:
        rows = tuple((group.sent[place], values) for place, values in message.rows)
        done = {place for place, _ in rows}
        group.left = [place for place in group.left if place not in done]
        group.n_deaths = 0
        self._n_unbegun = 0
        self.scoring = message.scoring
        return Answered(worker=self.pool.name(worker), rows=rows, n_tokens=message.n_tokens)

    def _given_back(
        self,
        group: _Group,
        message: Died | Short,
        waiting: deque[_Group],
        sequences: Sequence[TokenSequence],
    ) -> Iterator[Event]:
        """Put a group back, in halves where workers died over it too often; yield it where it is one sequence."""
        # It had answered everything and not said so.
        if not group.left:
            return
        group.n_deaths += group.has_begun
        if isinstance(message, Died) and group.n_deaths < MOST_DEATHS:
            waiting.appendleft(group)
        elif len(group.left) == 1:
            why = f"each of {group.n_deaths} workers {message.reason}" if isinstance(message, Died) else message.message
            yield GivenUp(position=group.left[0], reason=f"no worker answered it: {why}")
        else:
            border = halves([sequences[place] for place in group.left], self.scoring)
            waiting.appendleft(_Group(left=group.left[border:]))
            waiting.appendleft(_Group(left=group.left[:border]))

    def _handled(self, worker: int, message: Message) -> None:
        """Note what a message means for the worker itself.

        Raises
        ------
        WorkerError
            If it cannot go on, or holds another model than the others.
        """
        if isinstance(message, Ready | Done | Short):
            self._idle.add(worker)
        elif isinstance(message, Opened):
            self._compared(worker, message)
        elif isinstance(message, Refused):
            raise WorkerError(f"{self.pool.name(worker)}: {message.message}", fix=message.fix)
        elif isinstance(message, Died):
            self._idle.discard(worker)
            self._mourned(worker, message)

    def _mourned(self, worker: int, message: Died) -> None:
        group = self._doing.get(worker)
        if not message.started and not message.signalled:
            raise WorkerError(f"{message.who} {message.reason} before it could begin.", fix=_NO_START)
        if group is None or not group.has_begun:
            self._n_unbegun += 1
        if self._n_unbegun >= MOST_UNBEGUN:
            raise WorkerError(
                f"{self._n_unbegun} workers ended before they began, the last: {message.who} {message.reason}.",
                fix=_NOT_LOADED,
            )
        back = f"; {len(group.left):,} texts are given to another" if group is not None and group.left else ""
        self.say(f"{message.who} {message.reason}{back}")

    def _compared(self, worker: int, message: Opened) -> None:
        """Refuse a worker whose model is not the one that was named, or not the one of the others."""
        name, found = self.pool.name(worker), asdict(message.facts.fingerprint)
        first = self._facts.get(message.checkpoint)
        others = dict(self.expected[message.checkpoint])
        whose = "this process"
        if first is not None:
            whose, facts = first
            others = asdict(facts.fingerprint)
        differing = [
            f"{what} is {in_short([str(found.get(what))])} there and {in_short([str(value)])} of {whose}"
            for what, value in others.items()
            if found.get(what) != value
        ]
        if differing:
            raise WorkerError(
                f"{name} holds another model as {message.checkpoint}: {'; '.join(differing)}.",
                fix="Give every worker the same files and the same versions of the libraries.",
            )
        if first is None:
            self._facts[message.checkpoint] = (name, message.facts)
            for line in message.facts.said:
                self.say(line)
