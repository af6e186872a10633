"""Models whose every probability is set, and a whole audit of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.api import rendered
from biasaudit.audits.asked import probes_to_ask
from biasaudit.audits.perturbed import perturbing
from biasaudit.audits.plan import Plan
from biasaudit.audits.run import run
from biasaudit.errors import UsageError
from biasaudit.facade import Audit
from biasaudit.kinds import kind_of
from biasaudit.models.backends.scripted import Script, scripted
from biasaudit.types import Generation, ProbeItem, Request, Response, Role

if TYPE_CHECKING:
    from pathlib import Path

    from biasaudit.framing import FramingName
    from biasaudit.probes import Probe

Answer = Callable[[ProbeItem, Request], float | None]
"""From an item and one of its requests to the continuation's log-probability in nats, at most 0.

None is an answer that cannot be scored.
"""

Writes = Callable[[ProbeItem, Generation], Sequence[str]]
"""From an item and what is to be drawn of it to the texts, one for each draw."""

USUAL_NATS: Final = -50.0
"""Log-probability of a continuation on which :func:`leaning` has no opinion."""

CHOSEN_NATS: Final = 40.0
"""How much :func:`choosing` prefers the option that it chooses."""

SENSE_NATS: Final = 4.0
"""How much the instruments that know the language prefer sense to nonsense."""

LICENSED_SHARE: Final = 0.95
"""Share of the probability that the instruments give the right one of two licensed words."""

SLOT_MASS: Final = 0.9
"""Probability that they give both licensed words of a slot together; other words have the rest."""

_REQUESTS: Final = ("Say something.",)
_PLANNED: Final = (
    "base",
    "tuned",
    "probes",
    "framings",
    "margin",
    "level",
    "seed",
    "omit_texts",
    "robustness",
    "draws",
)
"""Of a plan: what means something to functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedModel:
    """A model that answers as it was told.

    Attributes
    ----------
    name : str
    answer : Answer
    writes : callable, optional
        From an item and what is to be drawn of it to the texts, one for each draw.
    """

    name: str
    answer: Answer
    writes: Writes | None = None

    def respond(self, item: ProbeItem, request: Request) -> Response:
        """Answer one request.

        Raises
        ------
        UsageError
            If the answer is not the logarithm of a probability above 0.
        """
        return self.script({(request.probe_id, request.item_id): item}).response(request)

    def script(self, items: Mapping[tuple[str, str], ProbeItem]) -> Script:
        """Return the model as a backend has it, which knows no items.

        Parameters
        ----------
        items : mapping
            (probe, item id) -> the item that a request is of.
        """
        writes = None if self.writes is None else partial(self._written, items, self.writes)
        return Script(name=self.name, answer=partial(self._answered, items), writes=writes)

    @staticmethod
    def _written(items: Mapping[tuple[str, str], ProbeItem], writes: Writes, request: Generation) -> Sequence[str]:
        return writes(items[request.probe_id, request.item_id], request)

    def _answered(self, items: Mapping[tuple[str, str], ProbeItem], request: Request) -> float | None:
        return self.answer(items[request.probe_id, request.item_id], request)


class _ScriptedPlan(Plan):
    """A plan that no command asks for again, of models that have no files, no dtype and no device."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:  # Any: JSON values
        """Return what identifies the audit."""
        return {name: value for name, value in super().as_dict().items() if name in _PLANNED}

    def as_asked(self) -> dict[str, Any]:  # Any: as above
        """Return nothing."""
        return {}


def leaning(
    name: str,
    d_nats: Callable[[ProbeItem, Request], float | None] | float,
    *,
    licensed: Callable[[ProbeItem, Request], float] | float = LICENSED_SHARE,
    slot_mass: Callable[[ProbeItem, Request], float] | float = SLOT_MASS,
) -> ScriptedModel:
    """Return a model whose item values are set.

    Parameters
    ----------
    name : str
    d_nats : float or callable
        The value d of every item but licensed ones, in nats: positive with the stereotype (bias
        items), or towards sense (competence items). A callable sees the item and the request, whose
        `templated` says whether it stands in the chat framing; it must give all requests of an item
        in one framing the same value, or None, which leaves a licensed item without an answer too.
    licensed : float or callable
        Of licensed items: the share of the right word, p(right) / (p(right) + p(wrong)), in (0, 1).
    slot_mass : float or callable
        Of licensed items: p(right) + p(wrong), in (0, 1].

    Raises
    ------
    UsageError
        If a number for `licensed` or `slot_mass` is out of its range; of a callable, when it is asked.

    Examples
    --------
    >>> biased = leaning("biased", lambda item, request: 2.0 if item.role == "bias" else 0.0)
    >>> biased.name
    'biased'
    """
    for fixed, name_of in ((licensed, "licensed"), (slot_mass, "slot_mass")):
        if not callable(fixed):
            _check_share(name_of, fixed)

    def answer(item: ProbeItem, request: Request) -> float | None:
        value = d_nats(item, request) if callable(d_nats) else d_nats
        if value is None:
            return None
        if item.role is Role.LICENSED:
            share = licensed(item, request) if callable(licensed) else licensed
            mass = slot_mass(item, request) if callable(slot_mass) else slot_mass
            return _licensed_nats(item, request, share=share, mass=mass)
        return USUAL_NATS + value * kind_of(item).pull(item, request.part)

    return ScriptedModel(name=name, answer=answer)


def _licensed_nats(item: ProbeItem, request: Request, *, share: float, mass: float) -> float:
    """Return log p of the right or the wrong word of a slot: of both together, `mass`."""
    _check_share("licensed", share)
    _check_share("slot_mass", mass)
    right = kind_of(item).pull(item, request.part) > 0
    return math.log(mass) + (math.log(share) if right else math.log1p(-share))


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1 and (name, value) != ("slot_mass", 1):
        expected = "above 0 and below 1" if name == "licensed" else "above 0 and at most 1"
        raise UsageError(f"{name} is {value!r}; a share {expected} is expected.", fix="Give such a share.")


def choosing(name: str, option: Callable[[ProbeItem], str | None]) -> ScriptedModel:
    """Return a model that answers choices: with an option, or not at all.

    Parameters
    ----------
    name : str
    option : callable
        From an item to ``biased``, ``counter``, ``unknown``, or None where no answer can be read.
        Items of other kinds are answered without an opinion.

    Examples
    --------
    >>> choosing("careful", lambda item: "unknown").name
    'careful'
    """

    def answer(item: ProbeItem, request: Request) -> float | None:
        kind = kind_of(item)
        if kind.options is None:
            return USUAL_NATS
        chosen = option(item)
        if chosen is None:
            return None
        return USUAL_NATS + (CHOSEN_NATS if kind.option_of(request.part) == chosen else 0.0)

    return ScriptedModel(name=name, answer=answer)


def writing(name: str, texts: Callable[[ProbeItem, Generation], Sequence[str] | str]) -> ScriptedModel:
    """Return a model that answers in words.

    Parameters
    ----------
    name : str
    texts : callable
        From an item and what is to be drawn of it to the texts, one for each draw, or to one that is drawn each time.
        ``request.part`` says which case or order of options is asked, ``request.options`` what is looked for.

    Examples
    --------
    >>> writing("always yes", lambda item, request: "Yes.").name
    'always yes'
    """

    def writes(item: ProbeItem, request: Generation) -> Sequence[str]:
        found = texts(item, request)
        return [found] * request.sampling.n if isinstance(found, str) else found

    return ScriptedModel(name=name, answer=lambda item, request: None, writes=writes)  # noqa: ARG005  # of every model


def noisy(
    theta_nats: float, *, item_sd_nats: float = 0.0, cluster_sd_nats: float = 0.0, seed: int = 0
) -> Callable[[ProbeItem, Request], float]:
    """Return item values for :func:`leaning`: theta, plus normal noise of the item's cluster and of its own.

    The noise of an item is decided by a hash of the seed and its ids, so that neither order nor other
    items nor the framing matter: the same seed with another theta is the same model, shifted. Competence
    items have `SENSE_NATS`, controls 0. Licensed items are answered by what :func:`leaning` is told of them.

    Parameters
    ----------
    theta_nats : float
        What the values of bias items lie around, positive with the stereotype.
    item_sd_nats, cluster_sd_nats : float
        Standard deviations of the noise; 0 or more.
    seed : int
        0 or more.

    Raises
    ------
    UsageError
        If a standard deviation or the seed is negative.

    Examples
    --------
    >>> before, after = noisy(1.0, item_sd_nats=1.5, seed=3), noisy(0.4, item_sd_nats=1.5, seed=3)
    >>> audit = scripted_audit(leaning("base", before), leaning("tuned", after), probes=["occupations"])
    >>> mean_d = audit.estimates.query("metric == 'mean_d'").set_index("checkpoint")["value"]
    >>> f"{mean_d['base'] - mean_d['tuned']:.6f}"
    '0.600000'
    """
    if min(item_sd_nats, cluster_sd_nats, seed) < 0:
        raise UsageError("a standard deviation or the seed is negative.", fix="Give 0 or more.")

    def value(item: ProbeItem, _: Request) -> float:
        if item.role is not Role.BIAS:
            return SENSE_NATS if item.role is Role.COMPETENCE else 0.0
        of_item = item_sd_nats * _normal(seed, "item", item.cluster_id, item.item_id)
        return theta_nats + of_item + cluster_sd_nats * _normal(seed, "cluster", item.cluster_id)

    return value


def scripted_audit(
    base: ScriptedModel,
    tuned: ScriptedModel | Sequence[ScriptedModel],
    *,
    probes: Sequence[str | Probe],
    framing_names: tuple[FramingName, ...] = ("plain",),
    margin: float = 0.05,
    level: float = 0.95,
    seed: int = 0,
    robustness: str | None = None,
    draws: int | None = None,
    data_dir: Path | None = None,
    out: Path | None = None,
) -> Audit:
    """Audit scripted models: from their answers on, the path of every audit.

    Parameters
    ----------
    base, tuned : ScriptedModel
        Several tuned models in the order in which they were made.
    probes : sequence of str or Probe
        Ids, folders, or probes that are loaded.
    framing_names : tuple
        ``plain``, ``chat`` or both; chat has one neutral request.
    margin, level : float
    seed : int
    robustness : str, optional
        Set of perturbations under which they are asked too. A perturbed item has the tag ``variant_of``, and the
        request the id of the perturbed probe.
    draws : int, optional
        How many answers in words are drawn of each question: of models that write.
    data_dir : Path, optional
        Folder with published data sets.
    out : Path, optional
        Folder of the audit; None keeps it in memory.

    Returns
    -------
    Audit
        Its manifest says that the models are scripted.

    Raises
    ------
    BiasauditError
        If a setting is wrong, a probe cannot be loaded, or an answer is no log-probability.

    Examples
    --------
    >>> audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=["occupations"])
    >>> row = audit.comparisons.query("metric == 'graded'").iloc[0]
    >>> f"{row['reduction']:.3f}", row["verdict"]  # tanh(2 / 4) - tanh(1 / 4)
    ('0.217', 'reduced')
    """
    several = (tuned,) if isinstance(tuned, ScriptedModel) else tuple(tuned)
    loaded = probes_to_ask(probes, data_dir=data_dir)
    items = {(probe.card.id, item.item_id): item for probe in loaded for item in probe.items}
    scripts = [model.script(items) for model in (base, *several)]
    plan = _ScriptedPlan(
        base=scripts[0].reference,
        tuned=tuple(script.reference for script in scripts[1:]),
        probes=tuple(probe.card.id for probe in loaded),
        framing_names=framing_names,
        requests=_REQUESTS,
        margin=margin,
        level=level,
        seed=seed,
        robustness=robustness,
        draws=draws,
    )
    beside = perturbing(plan, loaded)
    items |= {(one.card.id, item.item_id): item for one in (beside.probes if beside else ()) for item in one.items}
    way = scripted(dict(zip(plan.checkpoints, scripts, strict=True)))
    return Audit.of(run(plan, render=rendered, out=out, way=way, probes=loaded))


def _normal(seed: int, *names: str) -> float:
    digest = hashlib.sha256("\x1f".join(names).encode("utf-8", "surrogatepass")).digest()
    return float(np.random.default_rng([seed, int.from_bytes(digest[:8], "big")]).standard_normal())
