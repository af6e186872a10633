"""Named selections of our own probes: ``suites.yaml`` beside them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel

from biasaudit.errors import UsageError
from biasaudit.probes.card import Slug, Text, parse_yaml
from biasaudit.probes.registry import Probe, shipped_folder
from biasaudit.probes.sample import limited, of_features, thinned

SUITE_SEED = 0
"""Suites are the same for every audit, so that audits with them can be compared."""

Count = Annotated[int, Field(ge=1)]


class Chosen(BaseModel):
    """What a suite takes of a probe; what is None or empty is not narrowed.

    Attributes
    ----------
    features : tuple of str
    per_group : int or None
        Items of each cluster and groups: :func:`biasaudit.probes.sample.thinned`.
    limit : int or None
        About how many bias items, in whole clusters: :func:`biasaudit.probes.sample.limited`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[Slug, ...] = ()
    per_group: Count | None = None
    limit: Count | None = None

    def of(self, probe: Probe) -> Probe:
        """Return what is taken of `probe`, with a notice where that is not all.

        Raises
        ------
        ProbeError
            If the probe lacks a feature that is asked for.
        """
        if self.features:
            probe = of_features(probe, self.features)
        if self.per_group is not None:
            probe = thinned(probe, self.per_group)
        return probe if self.limit is None else limited(probe, self.limit, seed=SUITE_SEED)


class Suite(BaseModel):
    """A named selection.

    Attributes
    ----------
    says : str
        For whom it is, in a sentence.
    probes : mapping of str to Chosen
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    says: Text
    probes: dict[Slug, Chosen] = Field(min_length=1)


class _Suites(RootModel[dict[str, Suite]]):
    """The whole of ``suites.yaml``."""


def suites() -> dict[str, Suite]:
    """Return the shipped suites: name -> suite, the smallest first.

    Raises
    ------
    ProbeError
        If their file is absent or wrong.
    """
    return parse_yaml(shipped_folder() / "suites.yaml", _Suites).root


def suite_of(name: str) -> Suite:
    """Return a suite.

    Raises
    ------
    UsageError
        If there is none of that name.

    Examples
    --------
    >>> "occupations" in suite_of("quick").probes
    True
    """
    known = suites()
    if name not in known:
        raise UsageError(f"there is no suite {name!r}.", fix=f"Suites: {', '.join(known)}.")
    return known[name]
