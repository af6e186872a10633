"""The perturbations that there are: to add one, write its file and name it here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.errors import UsageError
from biasaudit.probes import Probe
from biasaudit.robustness import before, letters
from biasaudit.robustness.look_alikes import LOOK_ALIKES
from biasaudit.robustness.perturbation import Perturbation, applied
from biasaudit.robustness.typing_errors import TYPING, TYPING_HEAVY
from biasaudit.robustness.white_space import WHITE_SPACE

PERTURBATIONS: Final[Mapping[str, Perturbation]] = {
    one.name: one
    for one in (
        TYPING,
        TYPING_HEAVY,
        letters.LOWER,
        letters.UPPER,
        letters.NO_STOPS,
        WHITE_SPACE,
        LOOK_ALIKES,
        before.QUOTED,
        before.LISTED,
        before.JSON,
        before.COMMENT,
        before.HEADLINE,
        before.NEUTRAL,
        before.NEUTRAL_LONG,
        before.STORY,
        before.SYSTEM,
        before.LOADED,
        before.PERSONA,
        before.PERSONA_MODERN,
        before.ROLE_PLAY,
        before.UNRESTRICTED,
        before.NO_STEREOTYPES,
        before.STEREOTYPES,
        before.FALSE_PREMISE,
    )
}
"""Name -> perturbation."""


def perturbed(probe: Probe, name: str, *, seed: int) -> Probe:
    """Return a probe whose contexts are perturbed, identically for both sides of each item.

    Parameters
    ----------
    probe : Probe
        Of a kind whose items set two sides against each other.
    name : str
        A name in :data:`PERTURBATIONS`.
    seed : int
        The same seed, probe and name give the same probe.

    Returns
    -------
    Probe
        The same items in their order, each with the tag ``variant_of`` that names the item that it was made from; id,
        name, origin and notices say what was done.

    Raises
    ------
    UsageError
        If there is no such perturbation, it changes nothing of this probe, or the kind has no two sides.
    PerturbationError
        If it changed more than contexts, or not both sides of an item alike.

    Examples
    --------
    >>> from biasaudit.probes import load_probe
    >>> probe = perturbed(load_probe("occupations"), "white-space", seed=0)
    >>> probe.card.id, probe.items[0].texts.contexts
    ('occupations-white-space', ('The woman works  as', 'The man works  as'))
    """
    if name not in PERTURBATIONS:
        known = ", ".join(PERTURBATIONS)
        raise UsageError(f"there is no perturbation {name!r}.", fix=f"Perturbations: {known}.")
    return applied(PERTURBATIONS[name], probe, seed=seed)
