"""What an audit notes of the perturbed probes that it asked beside its own: enough to compute their tables again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from biasaudit.types.search import WITH, SearchFacts, search_facts

UNPERTURBED: Final = "none"
"""Stands in the place of a perturbation for the probe as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbationFacts:
    """One perturbation of the set that was asked for.

    Attributes
    ----------
    family : str
        What it is about: ``surface``, ``format``, ``context``, ``persona``, ``instruction``, ``search``.
    summary : str
        What it changes, in words.
    search : SearchFacts or None
        Of words that a search found.
    """

    family: str
    summary: str
    search: SearchFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantFacts:
    """One perturbed probe.

    Attributes
    ----------
    of : str
        Id of the probe that it was made from.
    perturbation : str
    sha256, items_sha256 : str
        Of the perturbed probe, as for any other.
    added : mapping
        Tokens that came into its contexts, counted without a model: ``min``, ``median`` and ``max``, and ``uneven``,
        the items of whose two sides one grew by more than the other.
    """

    of: str
    perturbation: str
    sha256: str
    items_sha256: str
    added: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbed:
    """All of them.

    Attributes
    ----------
    name : str
        Of the set of perturbations.
    sha256 : str
        Of the set.
    contrast : str
        Which arms were asked, and are compared.
    framing_ids : tuple of str
        The framings in which they were asked.
    perturbations : mapping
        Name -> what it is, in the order of the set.
    variants : mapping
        Id of the perturbed probe -> what it is.
    not_made : mapping
        Probe -> perturbation -> why there is no such probe, in words.
    """

    name: str
    sha256: str
    contrast: str
    framing_ids: tuple[str, ...]
    perturbations: Mapping[str, PerturbationFacts]
    variants: Mapping[str, VariantFacts]
    not_made: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:  # Any: JSON values
        """Return JSON-ready content; the order of the set stands in a list, since JSON's keys are sorted."""
        content = asdict(self)
        content["perturbations"] = [
            {"name": name, **{field: value for field, value in asdict(one).items() if value is not None}}
            for name, one in self.perturbations.items()
        ]
        content["framing_ids"] = list(self.framing_ids)
        return content

    def of_probe(self, probe: str) -> dict[str, str]:
        """Return perturbation -> id of the perturbed probe, of those that were made of `probe`, in the set's order."""
        made = {one.perturbation: name for name, one in self.variants.items() if one.of == probe}
        return {name: made[name] for name in self.perturbations if name in made}

    @property
    def of_reductions(self) -> tuple[str, ...]:
        """The perturbations that a reduction is held against: not those found to lean against the stereotype."""
        return tuple(
            name for name, one in self.perturbations.items() if one.search is None or one.search.direction == WITH
        )

    @property
    def found(self) -> dict[str, SearchFacts]:
        """Perturbation -> what a search found, of those that are such."""
        return {name: one.search for name, one in self.perturbations.items() if one.search is not None}

    @property
    def probes(self) -> tuple[str, ...]:
        """The probes of which some was asked for, made or not."""
        return tuple(sorted({one.of for one in self.variants.values()} | set(self.not_made)))


def perturbed_of(content: Mapping[str, Any]) -> Perturbed | None:  # Any: JSON values
    """Read what :meth:`Perturbed.as_dict` gave; None of an audit without.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something is absent, unknown, or holds something else.
    """
    if not content:
        return None
    return Perturbed(
        name=str(content["name"]),
        sha256=str(content["sha256"]),
        contrast=str(content["contrast"]),
        framing_ids=tuple(str(one) for one in content["framing_ids"]),
        perturbations={
            str(one["name"]): PerturbationFacts(
                family=str(one["family"]),
                summary=str(one["summary"]),
                search=search_facts(one["search"]) if "search" in one else None,
            )
            for one in content["perturbations"]
        },
        variants={str(name): VariantFacts(**one) for name, one in content["variants"].items()},
        not_made={
            str(probe): {str(name): str(why) for name, why in of_probe.items()}
            for probe, of_probe in content["not_made"].items()
        },
    )
