"""A loaded checkpoint, looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biasaudit.models.insides.patches import Patcher
from biasaudit.models.text.encoding import Encoded, encode_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biasaudit.types import Request


class LocalInside(Patcher):
    """See :class:`biasaudit.models.backend.Inside`."""

    def encoded(self, requests: Sequence[Request]) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return the tokens of what can be scored, as the engine reads them."""
        asked = list({request.key: request for request in requests}.values())
        found = encode_all(self.loaded.tokenizer, asked, beginning=self.loaded.beginning)
        return {key: (one.context_ids, one.continuation_ids) for key, one in found.items() if isinstance(one, Encoded)}
