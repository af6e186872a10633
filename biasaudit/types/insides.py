"""What is read inside a model while it reads the texts of tables: numbers alone, whoever read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerStates:
    """States of the layers at the last token before the continuations of a table part.

    Attributes
    ----------
    names : tuple of str, length n_layers
        ``embeddings``, ``block 0``, ...: each after it ran.
    states : array of float, shape (n_layers, 2, n_read, width)
        After context A and after context B, with the tokens that both continuations begin with.
    targets : array of int, shape (n_read, 2)
        The first token in which the continuations differ: of the first, of the second.
    log_odds : array of float, shape (2, n_read)
        What the model itself says there: log p of the first of these tokens less that of the second, in nats.
    read : tuple of int, length n_read
        Places of the tables that could be read, among those that were asked.
    left_out : tuple of str
        Why each of the others could not.
    """

    names: tuple[str, ...]
    states: NDArray[np.float32]
    targets: NDArray[np.int64]
    log_odds: NDArray[np.float64]
    read: tuple[int, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path:
    """Integrated gradients of the log odds of one table, from context B to context A.

    Attributes
    ----------
    tokens : tuple of (str, str)
        Of each place in which the contexts differ, in order: the token of A and that of B.
    attributions : array of float, shape (n_tokens,)
        What exchanging that token adds to the log odds, in nats; positive towards the first continuation.
    log_odds : tuple of float
        After context A and after context B, in nats: of the first token in which the continuations differ.
    n_steps : int
        Points of the path.
    """

    tokens: tuple[tuple[str, str], ...]
    attributions: NDArray[np.float64]
    log_odds: tuple[float, float]
    n_steps: int

    @property
    def error(self) -> float:
        """By how much the attributions miss the difference of the log odds that they must sum to, in nats."""
        return abs(float(self.attributions.sum()) - (self.log_odds[0] - self.log_odds[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Paths of several tables.

    Attributes
    ----------
    paths : tuple of Path
    read : tuple of int
        Their places among the tables that were asked.
    left_out : tuple of str
        Why each of the others has no path.
    """

    paths: tuple[Path, ...]
    read: tuple[int, ...]
    left_out: tuple[str, ...]
