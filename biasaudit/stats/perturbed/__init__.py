"""Whether a reduction survives perturbations: three claims, three tests, over whole clusters.

docs/methods.md, section 14, defines them; docs/validation.md has their rates of false alarms and their power.
"""

from biasaudit.stats.perturbed.max_t import largest_t, losses_p
from biasaudit.stats.perturbed.survival import Pair, Perturbed, Survival, UnderOne, survival
from biasaudit.stats.perturbed.worst import Worst, worst_of

__all__ = ["Pair", "Perturbed", "Survival", "UnderOne", "Worst", "largest_t", "losses_p", "survival", "worst_of"]
