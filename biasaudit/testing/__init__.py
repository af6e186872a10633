"""Instruments of known bias: to test a probe, a policy, or biasaudit itself.

Scripted models answer with probabilities that are set, so that a whole audit's result is known
beforehand. The tiny models are real transformers that learned a set co-occurrence in seconds.
"""

from __future__ import annotations

from biasaudit.testing.assertions import assert_bias_within
from biasaudit.testing.responders import (
    always_anti,
    always_stereotype,
    never_deciding,
    random_responder,
    unscorable,
)
from biasaudit.testing.scripted import Answer, ScriptedModel, choosing, leaning, noisy, scripted_audit, writing
from biasaudit.testing.tiny import tiny_biased_model, tiny_probe, tiny_tuned_child

__all__ = [
    "Answer",
    "ScriptedModel",
    "always_anti",
    "always_stereotype",
    "assert_bias_within",
    "choosing",
    "leaning",
    "never_deciding",
    "noisy",
    "random_responder",
    "scripted_audit",
    "tiny_biased_model",
    "tiny_probe",
    "tiny_tuned_child",
    "unscorable",
    "writing",
]
