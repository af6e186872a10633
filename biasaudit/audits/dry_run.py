"""What an audit would ask, and about how long that takes: everything checked, nothing scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.audits.places import disk_bytes
from biasaudit.audits.preflight import checked_places, located_all, made_ready
from biasaudit.models import ResponseCache, cache_folder, speeds
from biasaudit.models.forecast import (
    Size,
    Work,
    encoded_once,
    identity_before_loading,
    memory_bytes,
    size_of_files,
    work_of,
)
from biasaudit.models.foreign import foreign_collected
from biasaudit.models.likelihood import identity_of
from biasaudit.models.text.tokenizer import shared_tokenizer
from biasaudit.types.progress import Silence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from biasaudit.audits.plan import Plan
    from biasaudit.audits.preflight import Ready
    from biasaudit.models import Located
    from biasaudit.models.likelihood import Encoded
    from biasaudit.models.speeds import Speed
    from biasaudit.models.text.beginning import Beginning
    from biasaudit.types.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointForecast:
    """One checkpoint of an audit that was not run.

    Attributes
    ----------
    reference, weights : str
    adapter : str or None
    dtype, device : str
    size : Size
    work : Work
    memory_bytes : int
    speed : Speed
    """

    reference: str
    weights: str
    adapter: str | None
    dtype: str
    device: str
    size: Size
    work: Work
    memory_bytes: int
    speed: Speed

    @property
    def seconds(self) -> float:
        """About how long scoring takes."""
        return self.work.n_nodes / self.speed.tokens_per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """An audit that was not run.

    Attributes
    ----------
    checkpoints : mapping
        By name.
    notices : tuple of str
        What a run would tell before it begins.
    disk_bytes : int
        Of the cache, and of the audit's folder as much again.
    """

    checkpoints: Mapping[str, CheckpointForecast]
    notices: tuple[str, ...]
    disk_bytes: int

    @property
    def memory_bytes(self) -> int:
        """The most that is needed at one time: one base is in memory at once."""
        return max(one.memory_bytes for one in self.checkpoints.values())

    @property
    def seconds(self) -> float:
        """About how long scoring takes, without loading."""
        return sum(one.seconds for one in self.checkpoints.values())


def dry_run(plan: Plan, *, out: Path | None = None, progress: Progress | None = None) -> Forecast:
    """Check everything that can be known before a model is loaded, and count what would be asked.

    No audit folder and no response is written. What the cache keeps of a model (the hashes of its files, a GGUF
    file's conversion) may be, since a run needs it first of all.

    Parameters
    ----------
    plan : Plan
    out : Path, optional
    progress : Progress, optional

    Raises
    ------
    BiasauditError
        Whatever a run would refuse before it loads a model.
    """
    told = progress or Silence()
    probes = checked_places(plan, out, write=False)
    with foreign_collected(told.say):
        located = located_all(plan, told.say)
        ready = made_ready(plan, probes, located, out)
        found = forecast_of(plan, ready)
    return Forecast(
        checkpoints=found,
        notices=(*(notice for probe in probes for notice in probe.notices), *ready.told()),
        disk_bytes=disk_bytes(sum(one.work.n_requests for one in found.values())),
    )


def forecast_of(plan: Plan, ready: Ready) -> dict[str, CheckpointForecast]:
    """Count what each checkpoint would be asked, and how long that takes."""
    path = cache_folder() / "responses.sqlite"
    if not path.is_file():  # opening it would make it
        return _of_checkpoints(plan, ready, None)
    with ResponseCache(path) as cache:
        return _of_checkpoints(plan, ready, cache)


def _of_checkpoints(plan: Plan, ready: Ready, cache: ResponseCache | None) -> dict[str, CheckpointForecast]:
    requests = [request for of_probe in ready.requests.values() for request in of_probe]
    encoded: dict[tuple[int, Beginning], dict[str, Encoded | None]] = {}
    found = {}
    for name, place in ready.located.items():
        tokenizer = shared_tokenizer(place, trust_remote_code=plan.trust_remote_code)
        beginning = ready.beginnings[name]
        key_of = (id(tokenizer), beginning)
        if key_of not in encoded:
            encoded[key_of] = encoded_once(tokenizer, requests, longest=longest_of(place), beginning=beginning)
        model, dtype, device = identity_before_loading(place, dtype=plan.dtype, device=plan.device)
        identity = identity_of(model, tokenizer, beginning)
        size, work = size_of_files(place), work_of(requests, encoded[key_of], identity=identity, cache=cache)
        key = speeds.machine(size.n_parameters, dtype=dtype, device=device, adapted=place.adapter is not None)
        found[name] = CheckpointForecast(
            reference=place.spec.reference,
            weights=place.weights,
            adapter=place.adapter,
            dtype=dtype,
            device=device,
            size=size,
            work=work,
            memory_bytes=memory_bytes(size, place, dtype=dtype),
            speed=speeds.speed_of(key, size, read_share=work.n_read / max(work.n_nodes, 1), dtype=dtype, device=device),
        )
    return found


def longest_of(place: Located) -> int | None:
    """Return the tokens of the longest text that a checkpoint takes, or None where it does not say."""
    found = place.config.get("max_position_embeddings")
    return found if isinstance(found, int) else None
