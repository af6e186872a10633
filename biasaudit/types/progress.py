"""How a long run tells of itself."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told what happens; the shell draws it, the API may leave it silent."""

    def say(self, text: str) -> None:
        """Tell one line."""

    def begin(self, label: str, total: int) -> None:
        """Begin a piece of work of `total` steps: requests to score, tensors to load; the one before has ended."""

    def advance(self, n_requests: int, n_tokens: int) -> None:
        """Count steps that are done; `n_tokens` were computed for them."""


class Silence:
    """Tells nothing."""

    def say(self, text: str) -> None:
        """Tell nothing."""

    def begin(self, label: str, total: int) -> None:
        """Tell nothing."""

    def advance(self, n_requests: int, n_tokens: int) -> None:
        """Tell nothing."""
