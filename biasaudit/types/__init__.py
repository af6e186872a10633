"""What passes between the rooms: frozen dataclasses and enums, without logic of their own.

The way of the data::

    ProbeItem -> Request -> Response -> score rows -> Estimate -> Comparison -> GateDecision
"""

from __future__ import annotations

from biasaudit.types.estimates import Estimate, Power
from biasaudit.types.items import (
    AssociationTexts,
    ChoiceTexts,
    CompletionTexts,
    DecisionTexts,
    ItemTexts,
    LikelihoodTexts,
    PairTexts,
    ProbeItem,
)
from biasaudit.types.models import ModelFingerprint, ModelSpec, ScoringFacts
from biasaudit.types.responses import Counted, Failed, Generation, Request, Response, Sampling, Scored, Written
from biasaudit.types.vocabulary import (
    Ability,
    Checkpoint,
    ClusterDesign,
    Contrast,
    Exposure,
    Reading,
    Robustness,
    Role,
    SearchVerdict,
    Status,
    Task,
    Verdict,
    VerdictCode,
    stage_place,
)

__all__ = [
    "Ability",
    "AssociationTexts",
    "Checkpoint",
    "ChoiceTexts",
    "ClusterDesign",
    "CompletionTexts",
    "Contrast",
    "Counted",
    "DecisionTexts",
    "Estimate",
    "Exposure",
    "Failed",
    "Generation",
    "ItemTexts",
    "LikelihoodTexts",
    "ModelFingerprint",
    "ModelSpec",
    "PairTexts",
    "Power",
    "ProbeItem",
    "Reading",
    "Request",
    "Response",
    "Robustness",
    "Role",
    "Sampling",
    "Scored",
    "ScoringFacts",
    "SearchVerdict",
    "Status",
    "Task",
    "Verdict",
    "VerdictCode",
    "Written",
    "stage_place",
]
