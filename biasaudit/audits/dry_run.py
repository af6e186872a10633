"""What an audit would ask, and about how long that takes: everything checked, nothing scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.audits.places import disk_bytes
from biasaudit.audits.preflight import checked_places, made_ready
from biasaudit.models.foreign import foreign_collected
from biasaudit.types import Generation
from biasaudit.types.progress import Silence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from biasaudit.audits.plan import Plan
    from biasaudit.models.local.outlook import CheckpointForecast
    from biasaudit.types.progress import Progress

DRAWN: Final = "answers are drawn in words: how long that takes is not forecast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """An audit that was not run.

    Attributes
    ----------
    checkpoints : mapping
        By name; empty where it cannot be counted before they are asked.
    n_requests : int
        Of each checkpoint.
    notices : tuple of str
        What a run would tell before it begins.
    disk_bytes : int
        Of the cache, and of the audit's folder as much again.
    """

    checkpoints: Mapping[str, CheckpointForecast]
    n_requests: int
    notices: tuple[str, ...]
    disk_bytes: int

    @property
    def memory_bytes(self) -> int:
        """The most that is needed at one time: one base is in memory at once, in each process that scores."""
        return max((one.n_processes * one.memory_bytes for one in self.checkpoints.values()), default=0)

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
    way = plan.way
    probes = checked_places(plan, out, way=way, write=False)
    with foreign_collected(told.say, progress=told, label="preparing models"):
        prepared = way.locate(plan.checkpoints, plan.settings, told.say).prepared()
        asked = made_ready(plan, probes, prepared, out).asked
        scored = [request for request in asked if not isinstance(request, Generation)]
        found = {} if prepared.forecast is None else prepared.forecast(scored)
    return Forecast(
        checkpoints=found,
        n_requests=len(asked),
        notices=(
            *(notice for probe in probes for notice in probe.notices),
            *prepared.told,
            *(() if prepared.sampling is None else (DRAWN,)),
        ),
        disk_bytes=disk_bytes(len(plan.checkpoints) * len(asked)),
    )
