"""A bound on the disparity of every cell, held by an augmented Lagrangian."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from biasaudit.align import anchored
from biasaudit.align.anchored import AnchoredRows, AnchoredSettings
from biasaudit.align.card import CardWords
from biasaudit.align.method import Job, Method, Trained
from biasaudit.align.settings import above_zero, described


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintSettings(AnchoredSettings):
    """Settings of a bound on the disparity of every cell.

    Attributes
    ----------
    rho : float
        Weight of the quadratic part of the augmented Lagrangian.
    eta : float
        How fast the multipliers follow.

    Examples
    --------
    >>> ConstraintSettings(features="gender, age").feature_names
    ('gender', 'age')
    """

    rho: float = field(default=4.0, metadata=described("Weight of the quadratic part of the augmented Lagrangian."))
    eta: float = field(default=0.5, metadata=described("How fast the multipliers follow."))

    def __post_init__(self) -> None:
        above_zero("rho", self.rho)
        above_zero("eta", self.eta)
        AnchoredSettings.__post_init__(self)


def _train(job: Job[ConstraintSettings, AnchoredRows]) -> Trained:
    from biasaudit.align.methods.constrained import train  # noqa: PLC0415  # imports torch

    return train(job)


CONSTRAINT: Final = Method(
    name="constraint",
    summary="Tune an adapter until no template tells groups apart by more than a bound.",
    recipe="constraint-1",
    settings=ConstraintSettings,
    data="Optional: JSON Lines with the fields prompt and response, to be learned beside.",
    read=anchored.read,
    prepare=anchored.prepare,
    train=_train,
    says=CardWords(
        title="a bound on the disparity of every template",
        data="Contrasts",
        data_rows=anchored.data_rows,
        training="Contexts differ in the group, or in the word, alone. y is Yule's Y of a table of groups and words, "
        "and g the mean of |y| in a template less the bound. The loss is the augmented Lagrangian of g at most 0, and "
        "divergences from the base on neutral text, on what is licensed, and of the slot's mean over the groups.",
        of_loss="of the whole loss.",
    ),
    told=anchored.told,
    needs_data=False,
    needs_template=False,
    needs=(),
)
