"""Counterfactual data augmentation with anchors: the baseline that a constraint has to beat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from biasaudit.align import anchored
from biasaudit.align.anchored import AnchoredRows, AnchoredSettings
from biasaudit.align.card import CardWords
from biasaudit.align.method import Job, Method, Trained
from biasaudit.align.settings import above_zero, described


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterfactualSettings(AnchoredSettings):
    """Settings of counterfactual data augmentation.

    Attributes
    ----------
    weight : float
        Of the loss of the swapped texts, beside what is kept.
    """

    weight: float = field(default=1.0, metadata=described("Weight of the loss of the swapped texts."))

    def __post_init__(self) -> None:
        above_zero("weight", self.weight)
        AnchoredSettings.__post_init__(self)


def _train(job: Job[CounterfactualSettings, AnchoredRows]) -> Trained:
    from biasaudit.align.methods.swapped import train  # noqa: PLC0415  # imports torch

    return train(job)


COUNTERFACTUAL: Final = Method(
    name="counterfactual",
    summary="Tune an adapter on texts with each group in the other's place: the baseline of constraint.",
    recipe="counterfactual-1",
    settings=CounterfactualSettings,
    data="Optional: JSON Lines with the fields prompt and response, to be learned beside.",
    read=anchored.read,
    prepare=anchored.prepare,
    train=_train,
    says=CardWords(
        title="counterfactual data augmentation",
        data="Contrasts",
        data_rows=anchored.data_rows,
        training="Every text is seen with either group and with either word, equally often. The loss is taken on all "
        "of its tokens, beside divergences from the base on neutral text, on what is licensed, and of the slot's mean "
        "over the groups.",
        of_loss="of the whole loss.",
    ),
    told=anchored.told,
    needs_data=False,
    needs_template=False,
    needs=(),
)
