"""The check of probes: whether a set measures what its card says, as far as its texts and its size can tell.

What is looked for follows the critique of published sets in Blodgett et al. (2021), Stereotyping Norwegian Salmon.
"""

from __future__ import annotations

from biasaudit.validity.check import findings, notices, own_probes
from biasaudit.validity.finding import CODES, Finding
from biasaudit.validity.lengths import reference_tokens

__all__ = ["CODES", "Finding", "findings", "notices", "own_probes", "reference_tokens"]
