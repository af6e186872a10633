"""Models whose every probability is set, and a whole audit of them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.analysis.scoring import items_frame, response_rows, responses_frame
from biasaudit.analysis.tabulate import analysis_of_probes, tabulate
from biasaudit.api import rendered
from biasaudit.audits.asked import probe_facts, probes_to_ask, requests_of
from biasaudit.audits.finish import written
from biasaudit.audits.plan import check_settings
from biasaudit.errors import UsageError
from biasaudit.facade import Audit
from biasaudit.framing import ChatFrame, framings
from biasaudit.kinds import kind_of
from biasaudit.record.manifest import Manifest, from_dict
from biasaudit.types import Failed, ModelFingerprint, ProbeItem, Request, Response, Role, Scored
from biasaudit.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from biasaudit.framing import Framing, FramingName
    from biasaudit.probes import Probe
    from biasaudit.record.audit_record import AuditRecord

Answer = Callable[[ProbeItem, Request], float | None]
"""From an item and one of its requests to the continuation's log-probability in nats, at most 0.

None is an answer that cannot be scored.
"""

USUAL_NATS: Final = -50.0
"""Log-probability of a continuation on which :func:`leaning` has no opinion."""

CHOSEN_NATS: Final = 40.0
"""How much :func:`choosing` prefers the option that it chooses."""

SENSE_NATS: Final = 4.0
"""How much the instruments that know the language prefer sense to nonsense."""

_REQUESTS: Final = ("Say something.",)
_CHAT: Final = ChatFrame(before="", after="\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedModel:
    """A model that answers as it was told.

    Attributes
    ----------
    name : str
    answer : Answer
    """

    name: str
    answer: Answer

    def respond(self, item: ProbeItem, request: Request) -> Response:
        """Answer one request.

        Raises
        ------
        UsageError
            If the answer is not the logarithm of a probability above 0.
        """
        nats = self.answer(item, request)
        if nats is None:
            return Failed(key=request.key, reason=f"{self.name} gives no answer")
        # Two minus infinities have no difference: the item would look unscored.
        if not (math.isfinite(nats) and nats <= 0):
            raise UsageError(
                f"the scripted model {self.name!r} answers {nats} to part {request.part!r} of item {item.item_id!r}.",
                fix="A log-probability is a finite number of at most 0; None is what cannot be scored.",
            )
        return Scored(key=request.key, token_ids=(0,), token_logprobs_nats=(float(nats),))


def leaning(name: str, d_nats: Callable[[ProbeItem, Request], float | None] | float) -> ScriptedModel:
    """Return a model whose item values are set.

    Parameters
    ----------
    name : str
    d_nats : float or callable
        The value d of every item, in nats: positive with the stereotype (bias items), or towards
        sense (competence items). A callable sees the item and the request, whose `templated` says
        whether it stands in the chat framing; it must give all requests of an item in one framing
        the same value, or None.

    Examples
    --------
    >>> biased = leaning("biased", lambda item, request: 2.0 if item.role == "bias" else 0.0)
    >>> biased.name
    'biased'
    """

    def answer(item: ProbeItem, request: Request) -> float | None:
        value = d_nats(item, request) if callable(d_nats) else d_nats
        if value is None:
            return None
        return USUAL_NATS + value * kind_of(item).pull(item, request.part)

    return ScriptedModel(name=name, answer=answer)


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


def noisy(
    theta_nats: float, *, item_sd_nats: float = 0.0, cluster_sd_nats: float = 0.0, seed: int = 0
) -> Callable[[ProbeItem, Request], float]:
    """Return item values for :func:`leaning`: theta, plus normal noise of the item's cluster and of its own.

    The noise of an item is decided by a hash of the seed and its ids, so that neither order nor other
    items nor the framing matter: the same seed with another theta is the same model, shifted. Competence
    items have `SENSE_NATS`, controls 0.

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
    check_settings(
        tuned=several,
        probes=[probe.card.id for probe in loaded],
        framing_names=framing_names,
        requests=_REQUESTS,
        margin=margin,
        level=level,
    )
    names = ["tuned", *(f"tuned-{number}" for number in range(2, len(several) + 1))]
    checkpoints = {"base": base, **dict(zip(names, several, strict=True))}
    asked = framings(framing_names, _REQUESTS)
    rows = _responses(checkpoints, loaded, asked)
    analysis = analysis_of_probes(loaded, asked, names, margin=margin, level=level, seed=seed)
    audit = tabulate(items_frame(loaded, omit_texts=False), responses_frame(rows), analysis)
    plan = {
        "base": _reference(base),
        "tuned": {name: _reference(model) for name, model in checkpoints.items() if name != "base"},
        "probes": [probe.card.id for probe in loaded],
        "framings": [asdict(framing) for framing in asked],
        "margin": margin,
        "level": level,
        "seed": seed,
        "omit_texts": False,
    }
    return Audit.of(written(audit, _manifest(audit, plan, checkpoints, loaded), out, render=rendered))


def _responses(
    checkpoints: Mapping[str, ScriptedModel], probes: Sequence[Probe], asked: Sequence[Framing]
) -> list[dict[str, object]]:
    chat = _CHAT
    rows: list[dict[str, object]] = []
    for name, model in checkpoints.items():
        for probe in probes:
            items = {item.item_id: item for item in probe.items}
            pairs = (
                (request, model.respond(items[request.item_id], request)) for request in requests_of(probe, asked, chat)
            )
            rows += response_rows(name, probe.card.id, pairs, omit_tokens=True)
    return rows


def _manifest(
    audit: AuditRecord, plan: dict[str, Any], checkpoints: dict[str, ScriptedModel], probes: Sequence[Probe]
) -> Manifest:
    manifest = Manifest(
        biasaudit_version=__version__,
        plan=plan,
        fingerprints={name: asdict(_fingerprint(model)) for name, model in checkpoints.items()},
        lineage={name: "scripted: no weights were tuned" for name in checkpoints if name != "base"},
        probes={probe.card.id: probe_facts(probe) for probe in probes},
        counts={str(name): int(count) for name, count in audit.responses["status"].value_counts().items()},
        headlines=tuple(asdict(headline) for headline in audit.headlines),
        run={"seconds": 0.0, "scoring_seconds": 0.0, "tokens": 0, "requests_computed": 0, "chat_frame": asdict(_CHAT)},
        versions={name: importlib.metadata.version(name) for name in ("numpy", "scipy", "pandas")},
    )
    return from_dict(json.loads(manifest.to_json()))


def _normal(seed: int, *names: str) -> float:
    digest = hashlib.sha256("\x1f".join(names).encode("utf-8", "surrogatepass")).digest()
    return float(np.random.default_rng([seed, int.from_bytes(digest[:8], "big")]).standard_normal())


def _reference(model: ScriptedModel) -> str:
    return f"scripted:{model.name}"


def _fingerprint(model: ScriptedModel) -> ModelFingerprint:
    return ModelFingerprint(
        reference=_reference(model),
        weights="scripted",
        adapter=None,
        dtype="exact",
        device="none",
        tokenizer_sha256="none",
        chat_template_sha256=None,
        architecture="scripted",
        n_parameters=0,
        vocabulary_size=0,
        hidden_size=0,
        n_layers=0,
        libraries={},
    )
