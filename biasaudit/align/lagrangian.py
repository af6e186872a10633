"""The augmented Lagrangian of a bound on the disparity of every cell. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

_NEARLY: Final = 0.02
"""Mean g of an update up to which its cells count as meeting the bound."""
_SHARE: Final = 0.5
"""Of the excess of other cells, what the bound is tightened by at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """What the constraint adds to the loss of one update.

    Attributes
    ----------
    loss : Tensor
        (1 / 2 rho) times the mean over the cells of max(0, lambda + rho g)^2 - lambda^2.
    excess : dict of str to float
        g of each cell: mean |y| less the bound; above 0 where it is broken.
    active : bool
        Whether some cell gives a gradient: lambda + rho g is above 0.
    """

    loss: Tensor
    excess: dict[str, float]
    active: bool


class Multipliers:
    """One multiplier a cell, from 0; kept in the checkpoints of a training.

    Parameters
    ----------
    bound : float
        Largest mean |y| of a cell.
    rho : float
        Weight of the quadratic part.
    eta : float
        How fast multipliers follow: by eta rho g at each update that sees their cell.

    References
    ----------
    Bertsekas (1982), Constrained Optimization and Lagrange Multiplier Methods, section 3.1, for inequalities.
    """

    def __init__(self, *, bound: float, rho: float, eta: float) -> None:
        self._bound, self._rho, self._eta = bound, rho, eta
        self._of: dict[str, float] = {}
        self._tighter = 0.0
        self._last_g = bound

    @property
    def values(self) -> Mapping[str, float]:
        """The multiplier of each cell that was seen."""
        return self._of

    def penalty(self, y: Tensor, cells: Sequence[str]) -> Penalty:
        """Return what the constraint adds, from y of contrasts and the cell of each.

        The absolute value stands inside of the mean, so that contrasts of a cell cannot compensate each other, and no
        direction of a stereotype is needed.
        """
        at: dict[str, list[int]] = {}
        for position, cell in enumerate(cells):
            at.setdefault(cell, []).append(position)
        g = torch.stack([y[positions].abs().mean() for positions in at.values()]) - self._bound + self._tighter
        before = torch.tensor([self._of.get(cell, 0.0) for cell in at], dtype=g.dtype, device=g.device)
        pressed = torch.clamp(before + self._rho * g, min=0)
        loss = ((pressed**2 - before**2) / (2 * self._rho)).mean()
        excess = dict(zip(at, g.detach().tolist(), strict=True))
        return Penalty(loss=loss, excess=excess, active=bool((pressed > 0).any()))

    def follow(self, excess: Mapping[str, float]) -> None:
        """Move the multipliers of cells that were seen: lambda becomes max(0, lambda + eta rho g)."""
        self._last_g = math.fsum(excess.values()) / len(excess)
        for cell, g in excess.items():
            self._of[cell] = max(0.0, self._of.get(cell, 0.0) + self._eta * self._rho * g)

    def tighten(self, excess: float) -> None:
        """Ask for less where the cells that are trained meet the bound and those that are not exceed it.

        Parameters
        ----------
        excess : float
            By how much they do; below 0 takes back what was tightened.
        """
        if self._last_g <= _NEARLY:
            self._tighter = min(max(self._tighter + _SHARE * excess, 0.0), self._bound)

    def state_dict(self) -> dict[str, Any]:  # numbers
        """Return what is to be kept."""
        return {"of": dict(self._of), "tighter": self._tighter, "last_g": self._last_g}

    def load_state_dict(self, state: dict[str, Any], /) -> None:  # as above
        """Take up what was kept."""
        self._of = {str(cell): float(value) for cell, value in state["of"].items()}
        self._tighter, self._last_g = float(state["tighter"]), float(state["last_g"])
