"""What an audit is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.audits.stages import stage_names
from biasaudit.errors import Together, UsageError
from biasaudit.framing import NEUTRAL_REQUESTS, Framing, FramingName, framings, template_hash
from biasaudit.models.backend import Settings, Way
from biasaudit.models.backends import way_of, way_of_all
from biasaudit.models.local.loading import Dtype
from biasaudit.models.local.placement import DeviceMap
from biasaudit.models.local.quantized import Quantize
from biasaudit.models.text.chat import template_date
from biasaudit.probes.suites import suite_of
from biasaudit.robustness import perturbation_set
from biasaudit.visible import in_short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MOST_AT_ONCE: Final = 64
"""Requests to a server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides what an audit computes.

    Attributes
    ----------
    base : str
        Reference of the pretrained checkpoint.
    tuned : tuple of str
        References of the tuned checkpoints, in the order in which they were made.
    names : tuple of str
        Their names, or none.
    siblings : bool
        Whether each was made from the base, and none from another: no steps from one to the next are compared.
    probes : tuple of str
        Ids or folders.
    suite : str or None
        Name of the suite that the first probes are; it may narrow them. Probes after them are taken whole.
    framing_names : tuple
        ``plain``, ``chat`` or both.
    requests : tuple of str
        Neutral requests of the chat framing.
    chat_template : str or None
        Text of a Jinja template, or ``:NAME``, one of several that the tuned model names; None takes its own.
    template_date : str or None
        Date that a template is told when it asks, as 2025-12-31; None is the day of the run.
    chat_template_name : str or None
        How the template was named, a shipped one or a file: for whoever asks again.
    data_dir : Path or None
    dtype, device
        See :class:`biasaudit.models.ModelShelf`.
    quantize : {"nf4", "int8"} or None
        Scheme in which plain weights are put when they are loaded; see :mod:`biasaudit.models.local.quantized`.
    device_map : {"auto"} or None
        Spread weights over all devices, and over memory and disk where these do not suffice; see
        :mod:`biasaudit.models.local.placement`.
    margin : float
        Largest change of an index that counts as none.
    level : float
    seed : int
    batch_tokens : int or None
        Tokens that run at once; None chooses.
    concurrency : int or None
        Requests to a server at once; None is four. Models on this machine do not ask.
    limit : int or None
        About how many bias items of each probe: a seeded sample of whole clusters. None takes all.
    robustness : str or None
        Perturbations under which the probes are asked too: ``quick``, ``standard`` or a file; see
        :mod:`biasaudit.robustness.sets`. None asks under none.
    search : mapping or None
        How the words of that file were searched, JSON-ready, for whoever asks again: the options of the command
        ``biasaudit attack`` that are not at their default.
    omit_texts : bool
        Leave the texts of published data sets out of the audit and its report.
    allow_different_lineage, trust_remote_code : bool
    draws : int or None
        How many answers in words are drawn of each question, in place of log-probabilities; None draws none, where the
        model gives log-probabilities.
    allow_different_engines : bool
        Compare checkpoints that differ in engine, number format, quantisation scheme or way of reading; the report
        says so.
    workers : int or None
        Processes that score, each with the weights; None scores in this one. It changes the time; numbers agree to
        within 1e-5 nats a token.
    ray : str or None
        Address of a Ray cluster that the workers run on, ``auto`` or ``local``; None runs them on this machine.
    allow_implausible : bool
        Audit a model that finds shuffled words as likely as sentences, too; the report says so.
    """

    base: str
    tuned: tuple[str, ...]
    probes: tuple[str, ...]
    names: tuple[str, ...] = ()
    siblings: bool = False
    suite: str | None = None
    framing_names: tuple[FramingName, ...] = ("plain", "chat")
    requests: tuple[str, ...] = NEUTRAL_REQUESTS
    chat_template: str | None = None
    template_date: str | None = None
    chat_template_name: str | None = None
    data_dir: Path | None = None
    dtype: Dtype = "auto"
    device: str | None = None
    quantize: Quantize | None = None
    device_map: DeviceMap | None = None
    margin: float = 0.05
    level: float = 0.95
    seed: int = 0
    batch_tokens: int | None = None
    concurrency: int | None = None
    limit: int | None = None
    robustness: str | None = None
    search: Mapping[str, Any] | None = None  # Any: JSON values
    omit_texts: bool = False
    allow_different_lineage: bool = False
    allow_different_engines: bool = False
    trust_remote_code: bool = False
    allow_implausible: bool = False
    draws: int | None = None
    workers: int | None = None
    ray: str | None = None

    def __post_init__(self) -> None:
        check_settings(
            tuned=self.tuned,
            probes=self.probes,
            framing_names=self.framing_names,
            requests=self.requests,
            margin=self.margin,
            level=self.level,
        )
        if self.siblings and len(self.tuned) < 2:
            raise UsageError(
                "one tuned checkpoint is named, and a sibling needs another.", fix="Name the others, or no --siblings."
            )
        if self.suite is not None:
            of_suite = tuple(suite_of(self.suite).probes)
            if self.probes[: len(of_suite)] != of_suite:
                raise UsageError(
                    f"the probes do not begin with those of the suite {self.suite!r}.",
                    fix=f"Its probes, in order: {', '.join(of_suite)}.",
                )
        self._check_numbers()
        template_date(self.template_date)
        if self.robustness is not None:
            perturbation_set(self.robustness)
        together = Together()
        for reference in (self.base, *self.tuned):
            with together.noted():
                way_of(reference).parse(reference)
        together.raise_any()
        way = way_of_all(self.checkpoints, allow_several=self.allow_different_engines)
        check_workers(way, workers=self.workers, ray=self.ray)
        if self.workers is not None:
            _refuse_shared(draws=self.draws, quantize=self.quantize, device_map=self.device_map)

    def _check_numbers(self) -> None:
        for value, most, message, fix in (
            (self.batch_tokens, None, "the batch size is {}.", "It is at least 1 token."),
            (self.concurrency, MOST_AT_ONCE, "the concurrency is {}.", f"It is 1 to {MOST_AT_ONCE} requests."),
            (self.limit, None, "the limit is {} items.", "It is at least 1."),
            (self.draws, None, "{} answers are to be drawn.", "It is at least 1."),
        ):
            if value is not None and not 1 <= value <= (most or value):
                raise UsageError(message.format(value), fix=fix)

    def __repr__(self) -> str:
        """Return what is asked of which models, in two lines."""
        models = in_short(f"{name} {reference}" for name, reference in self.checkpoints.items())
        suite = "" if self.suite is None else f" (suite {self.suite})"
        framings = in_short(framing.framing_id for framing in self.framings)
        return f"Plan({models};\n     probes {in_short(self.probes)}{suite}; {framings})"

    @property
    def checkpoints(self) -> dict[str, str]:
        """Checkpoint -> reference: ``base``, ``tuned``, ``tuned-2``, ..., or as they are named."""
        return {"base": self.base, **dict(zip(stage_names(self.names, len(self.tuned)), self.tuned, strict=True))}

    @property
    def framings(self) -> tuple[Framing, ...]:
        """The framings with their wordings."""
        return framings(self.framing_names, self.requests)

    @property
    def way(self) -> Way:
        """How the checkpoints are reached."""
        return way_of_all(self.checkpoints, allow_several=self.allow_different_engines)

    @property
    def settings(self) -> Settings:
        """What is asked of the models themselves."""
        return Settings(
            chat="chat" in self.framing_names,
            chat_template=self.chat_template,
            template_date=self.template_date,
            dtype=self.dtype,
            device=self.device,
            trust_remote_code=self.trust_remote_code,
            batch_tokens=self.batch_tokens,
            concurrency=self.concurrency,
            allow_different_lineage=self.allow_different_lineage,
            draws=self.draws,
            seed=self.seed,
            allow_different_engines=self.allow_different_engines,
            quantize=self.quantize,
            device_map=self.device_map,
            workers=self.workers,
            ray=self.ray,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what identifies the audit, JSON-ready; the batch size and folders are not part of it."""
        checkpoints = self.checkpoints
        wordings: list[Mapping[str, str | None]] = [
            {"framing_id": framing.framing_id, "framing": framing.framing, "request": framing.request}
            for framing in self.framings
        ]
        return {
            "base": self.base,
            "tuned": {name: reference for name, reference in checkpoints.items() if name != "base"},
            # Only where it is so: most audits are of one tuned checkpoint, or of stages.
            **({"siblings": True} if self.siblings else {}),
            **({} if self.draws is None else {"draws": self.draws}),
            **({"allow_different_engines": True} if self.allow_different_engines else {}),
            **({} if self.quantize is None else {"quantize": self.quantize}),
            **({} if self.device_map is None else {"device_map": self.device_map}),
            **({} if self.robustness is None else {"robustness": perturbation_set(self.robustness).sha256}),
            "probes": list(self.probes),
            "suite": self.suite,
            "framings": wordings,
            "chat_template_sha256": template_hash(self.chat_template),
            "template_date": self.template_date,
            "dtype": self.dtype,
            "device": self.device,
            "margin": self.margin,
            "level": self.level,
            "seed": self.seed,
            "limit": self.limit,
            "omit_texts": self.omit_texts,
            "allow_different_lineage": self.allow_different_lineage,
            # As not set where it is not: audits from before it existed are of the same plan.
            "allow_implausible": self.allow_implausible or None,
        }

    def as_asked(self) -> dict[str, Any]:
        """Return what does not identify the audit and is needed to ask for it again, JSON-ready."""
        return {
            "chat_template": self.chat_template_name,
            "data_dir": self.data_dir is not None,
            "batch_tokens": self.batch_tokens,
            # Only where it is set: manifests of other audits stay as they are.
            **({} if self.concurrency is None else {"concurrency": self.concurrency}),
            **({} if self.workers is None else {"workers": self.workers}),
            **({} if self.robustness is None or self.search is not None else {"robustness": self.robustness}),
            **({} if self.search is None else {"search": dict(self.search)}),
            "trust_remote_code": self.trust_remote_code,
        }


def check_workers(way: Way, *, workers: int | None, ray: str | None) -> None:
    """Check whether, and by how many, checkpoints can be scored by workers.

    Raises
    ------
    UsageError
    """
    if workers is None:
        if ray is not None:
            raise UsageError("a Ray cluster is named, and no number of workers.", fix="Say how many: --workers 8.")
        return
    if workers < 1:
        raise UsageError(f"{workers} workers are to score.", fix="It is at least 1.")
    if not way.shares:
        raise UsageError(
            f"models that are reached by {way.name} are not scored by workers of ours.", fix="Leave --workers out."
        )


def _refuse_shared(**settings: object) -> None:
    """Refuse what workers do not do.

    Raises
    ------
    UsageError
    """
    named = [f"--{name.replace('_', '-')}" for name, value in settings.items() if value is not None]
    if named:
        raise UsageError(f"workers score plain weights, and do not know {', '.join(named)}.", fix="Leave one out.")


def check_settings(
    *,
    tuned: Sequence[object],
    probes: Sequence[str],
    framing_names: Sequence[FramingName],
    requests: Sequence[str],
    margin: float,
    level: float,
) -> None:
    """Check what every audit is asked to do, whoever answers.

    Raises
    ------
    UsageError
        For the first thing that is wrong.
    """
    for condition, message, fix in (
        (not tuned, "no tuned checkpoint is named.", "Name at least one after the base."),
        (not probes, "no probe is named.", "Name at least one; `biasaudit probes list` shows them."),
        (len(set(probes)) < len(probes), "a probe is named twice.", "Name each once."),
        (not framing_names, "no framing is named.", "Use plain, chat or both."),
        ("chat" in framing_names and not requests, "the chat framing needs a request.", "Give one."),
        (not 0 < margin < 1, f"the margin is {margin}.", "It lies between 0 and 1."),
        (not 0.5 < level < 1, f"the level is {level}.", "It lies between 0.5 and 1."),
    ):
        if condition:
            raise UsageError(message, fix=fix)
