"""The perturbed probes of an audit: made before it, asked beside its own, and noted in its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.analysis.scoring import item_row, items_sha256
from biasaudit.errors import UsageError
from biasaudit.record.perturbed_facts import PerturbationFacts, Perturbed, VariantFacts
from biasaudit.robustness import added_tokens, perturbation_set, variants_of
from biasaudit.types import Contrast
from biasaudit.validity import reference_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biasaudit.audits.plan import Plan
    from biasaudit.framing import Framing
    from biasaudit.probes import Probe
    from biasaudit.robustness import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbing:
    """What is asked beside the probes themselves.

    Attributes
    ----------
    facts : Perturbed
    probes : tuple of Probe
        The perturbed probes.
    framings : tuple of Framing
        In which they are asked: of the weights alone, in plain text where the audit asks in it, else in its chats.
    """

    facts: Perturbed
    probes: tuple[Probe, ...]
    framings: tuple[Framing, ...]


def perturbing(plan: Plan, probes: Sequence[Probe]) -> Perturbing | None:
    """Make the perturbed probes that a plan asks for; None where it asks for none.

    Raises
    ------
    UsageError
        If no probe can be perturbed, or a perturbed one has the id of another.
    """
    if plan.robustness is None:
        return None
    chosen = perturbation_set(plan.robustness)
    plain = tuple(framing for framing in plan.framings if framing.framing == "plain")
    found = {probe.card.id: variants_of(probe, chosen, seed=plan.seed) for probe in probes}
    made = [variant for one in found.values() for variant in one.made]
    not_made = {name: dict(one.not_made) for name, one in found.items() if one.not_made}
    if not made:
        why = next((f"{name}: {why}" for name, of in not_made.items() for why in of.values()), "no probe is asked")
        raise UsageError(
            f"no probe can be asked under the perturbations {chosen.name!r}: {why}",
            fix="Ask without --robustness, or name a probe whose items set two texts against each other.",
        )
    ids = [probe.card.id for probe in probes] + [variant.probe.card.id for variant in made]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"a perturbed probe would have the id {twice!r}, which another has.", fix="Give that probe another id."
        )
    whole = {probe.card.id: probe for probe in probes}
    return Perturbing(
        facts=Perturbed(
            name=chosen.name,
            sha256=chosen.sha256,
            contrast=(Contrast.WEIGHTS_PLAIN if plain else Contrast.WEIGHTS_CHAT).value,
            framing_ids=tuple(framing.framing_id for framing in plain or plan.framings),
            perturbations={
                one.name: PerturbationFacts(family=one.family, summary=one.summary, search=one.search)
                for one in chosen.perturbations
            },
            variants={variant.probe.card.id: _facts(variant, whole[variant.of]) for variant in made},
            not_made=not_made,
        ),
        probes=tuple(variant.probe for variant in made),
        framings=plain or plan.framings,
    )


def _facts(variant: Variant, of: Probe) -> VariantFacts:
    return VariantFacts(
        of=variant.of,
        perturbation=variant.perturbation.name,
        sha256=variant.probe.sha256,
        items_sha256=items_sha256(item_row(variant.probe, item) for item in variant.probe.items),
        added=added_tokens(of, variant.probe, reference_tokens),
    )
