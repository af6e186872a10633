"""A model behind a server as one that answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.models.backend import Advance, Backend
from biasaudit.models.cache import cache_identity
from biasaudit.models.likelihood import identity_of, token_ends_all
from biasaudit.models.served.scoring import Scoring
from biasaudit.types import Ability, ModelFingerprint, Request, Response

if TYPE_CHECKING:
    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.served.handshake import Session

CAN: Final = frozenset({Ability.LIKELIHOOD, Ability.TOKEN_ENDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel(Backend):
    """A model behind a server that answers.

    Attributes
    ----------
    session : Session
    cache : ResponseCache or None
    """

    session: Session
    cache: ResponseCache | None = None

    @property
    def fingerprint(self) -> ModelFingerprint:
        """Of what the server says, which nobody here can look into."""
        session = self.session
        return ModelFingerprint(
            reference=session.spec.reference,
            weights=f"served:{session.server.says}",
            dtype="as served",
            device="server",
            tokenizer_sha256=session.texts.tokenizer_sha256,
            chat_template_sha256=session.texts.chat_template_sha256,
            text_files_sha256=session.texts.text_files_sha256,
            architecture="behind a server",
            n_parameters=session.server.n_parameters,
            vocabulary_size=session.server.n_ids,
            beginning_token=session.beginning.token,
            beginning_id=session.beginning.token_id,
            engine=session.server.engine,
            quantization=session.server.quantization,
            reading=session.reader.level,
        )

    @property
    def can(self) -> frozenset[Ability]:
        """Likelihood, and where its tokens end."""
        return CAN

    @property
    def unknown_id(self) -> int | None:
        """Of the tokenizer."""
        found = self.session.texts.tokenizer.unk_token_id
        return found if isinstance(found, int) else None

    def respond(self, requests: Sequence[Request], *, on_progress: Advance | None = None) -> Iterator[Response]:
        """Answer through cache and server; see :mod:`biasaudit.models.served.scoring`.

        Raises
        ------
        ServerError
        """
        session = self.session
        identity = identity_of(cache_identity(self.fingerprint), session.texts.tokenizer, session.beginning)
        scoring = Scoring(session, identity=identity, cache=self.cache, on_progress=on_progress)
        return iter(list(scoring.score(requests)))

    def token_ends(self, scored: Sequence[tuple[Request, Sequence[int]]]) -> list[list[int] | None]:
        """Return where the tokens of each continuation end; None where they cannot be told apart."""
        return token_ends_all(self.session.texts.tokenizer, scored)
