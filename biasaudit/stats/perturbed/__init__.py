"""Whether a reduction survives perturbations: three claims, three tests, over whole clusters.

docs/methods.md, section 14, defines them; docs/validation.md has their rates of false alarms and their power.
"""

from biasaudit.stats.perturbed.cell import Pair, Perturbed, Survival, UnderOne
from biasaudit.stats.perturbed.max_t import losses_p, upper_bounds
from biasaudit.stats.perturbed.survival import is_held, survival
from biasaudit.stats.perturbed.worst import Worst, worst_of

__all__ = [
    "Pair",
    "Perturbed",
    "Survival",
    "UnderOne",
    "Worst",
    "is_held",
    "losses_p",
    "survival",
    "upper_bounds",
    "worst_of",
]
