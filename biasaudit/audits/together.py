"""Several things that are wrong, found before any is reported: mended at once, not one run after another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from biasaudit.errors import BiasauditError, SeveralErrors

if TYPE_CHECKING:
    from collections.abc import Iterator


class Together:
    """Collects errors of steps that do not need one another."""

    def __init__(self) -> None:
        self._found: list[BiasauditError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error of the block and go on after it."""
        try:
            yield
        except BiasauditError as error:
            # Base and tuned are often the same files: what is wrong with these is one thing.
            if str(error) not in {str(known) for known in self._found}:
                self._found.append(error)

    def raise_any(self) -> None:
        """Raise what was noted: one error as it is, several as one message.

        Raises
        ------
        BiasauditError
        """
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise SeveralErrors(self._found)
