"""Models whose every probability is set: functions in the place of weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from biasaudit.errors import ModelReferenceError, UsageError
from biasaudit.framing import ChatFrame
from biasaudit.models.backend import Advance, Backend, Found, Prepared, Say, Settings, Way, sampling_of
from biasaudit.types import Ability, Failed, Generation, ModelFingerprint, Request, Response, Scored, Written

PREFIX: Final = "scripted:"
_CAN: Final = frozenset({Ability.LIKELIHOOD, Ability.GENERATION})
_CHAT: Final = ChatFrame(before="", after="\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a model answers.

    Attributes
    ----------
    name : str
    answer : callable
        From a request to the continuation's log-probability in nats, at most 0; None is what cannot be scored.
    writes : callable, optional
        From what is to be drawn to the texts, as many as are asked; None where the model writes nothing.
    """

    name: str
    answer: Callable[[Request], float | None]
    writes: Callable[[Generation], Sequence[str]] | None = None

    @property
    def reference(self) -> str:
        """By which a manifest names it."""
        return PREFIX + self.name

    def response(self, request: Request) -> Response:
        """Answer one request.

        Raises
        ------
        UsageError
            If the answer is not the logarithm of a probability above 0, or other than the texts that were asked.
        """
        if isinstance(request, Generation):
            return self._written(request)
        nats = self.answer(request)
        if nats is None:
            return Failed(key=request.key, reason=f"{self.name} gives no answer")
        # Two minus infinities have no difference: the item would look unscored.
        if not (math.isfinite(nats) and nats <= 0):
            raise UsageError(
                f"the scripted model {self.name!r} answers {nats} to part {request.part!r} of item "
                f"{request.item_id!r}.",
                fix="A log-probability is a finite number of at most 0; None is what cannot be scored.",
            )
        return Scored(key=request.key, token_ids=(0,), token_logprobs_nats=(float(nats),))

    def _written(self, request: Generation) -> Response:
        if self.writes is None:
            return Failed(key=request.key, reason=f"{self.name} writes nothing")
        texts = tuple(self.writes(request))
        if len(texts) != request.sampling.n:
            raise UsageError(
                f"the scripted model {self.name!r} writes {len(texts)} texts for part {request.part!r} of item "
                f"{request.item_id!r}, and {request.sampling.n} were asked.",
                fix="Return one text for each draw; an empty one is a text.",
            )
        return Written(key=request.key, texts=texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedBackend(Backend):
    """A script that answers."""

    script: Script

    @property
    def fingerprint(self) -> ModelFingerprint:
        """Which says that there are no weights."""
        return ModelFingerprint(
            reference=self.script.reference,
            weights="scripted",
            dtype="exact",
            device="none",
            tokenizer_sha256="none",
            architecture="scripted",
            n_parameters=0,
            vocabulary_size=0,
            hidden_size=0,
            n_layers=0,
        )

    @property
    def can(self) -> frozenset[Ability]:
        """Likelihood, of whole continuations: there are no tokens. And texts, where the script has some."""
        return _CAN

    def respond(self, requests: Sequence[Request], *, on_progress: Advance | None = None) -> Iterator[Response]:
        """Yield an answer to each request; equal texts of other items may have other answers."""
        for request in requests:
            yield self.script.response(request)
        if on_progress:
            on_progress(len({request.key for request in requests}), 0)


def scripted(scripts: Mapping[str, Script]) -> Way:
    """Return the way to scripted models.

    Parameters
    ----------
    scripts : mapping
        Checkpoint -> what it answers. A reference does not lead to a function: without these none is found.
    """

    def locate(references: Mapping[str, str], settings: Settings, say: Say) -> Found:  # noqa: ARG001  # of every way
        for name, reference in references.items():
            if name not in scripts:
                raise ModelReferenceError(
                    f"{name} is {reference!r}, and there is no scripted model of that name here.",
                    fix="Scripted models are functions: ask them in Python, with biasaudit.testing.scripted_audit.",
                )
        prepared = Prepared(
            relations={name: "scripted: no weights were tuned" for name in references if name != "base"},
            opened=lambda _: nullcontext(lambda name: ScriptedBackend(script=scripts[name])),
            sentences=False,
            chat=_CHAT,
            timed=False,
            libraries=("numpy", "scipy", "pandas"),
            sampling=sampling_of(settings),
        )
        # Whether a function is the one of a finished audit cannot be known.
        return Found(prepared=lambda: prepared)

    return Way(name="scripted", can=_CAN, recognises=lambda reference: reference.startswith(PREFIX), locate=locate)
