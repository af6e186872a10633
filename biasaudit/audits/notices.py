"""Notices about checkpoints: what is to be said of several of them is said once, with their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Notices:
    """Gathers notices until they are told; what was told once of a checkpoint is not told of it again.

    Parameters
    ----------
    say : callable
        Told one line for each.
    order : sequence of str
        The checkpoints, as a notice names them.
    """

    def __init__(self, say: Callable[[str], None], order: Sequence[str]) -> None:
        self._say, self._order = say, list(order)
        self._of: dict[str, list[str]] = {}
        self._told: set[tuple[str, str]] = set()

    def about(self, name: str) -> Callable[[str], None]:
        """Return what takes the notices about one checkpoint."""

        def gathered(text: str) -> None:
            names = self._of.setdefault(text, [])
            if name not in names and (name, text) not in self._told:
                names.append(name)

        return gathered

    def tell(self) -> None:
        """Tell what was gathered, each notice with the checkpoints that it is about."""
        gathered, self._of = self._of, {}
        for text, names in gathered.items():
            if names:
                self._told |= {(name, text) for name in names}
                self._say(f"{', '.join(sorted(names, key=self._order.index))}: {text}")
