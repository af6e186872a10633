"""Checkpoints whose insides can be read, as an explanation is given them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from biasaudit.analysis.derived import read_record
from biasaudit.explanations import ExplanationPlan
from biasaudit.explanations.asked import Asked, asked_of
from biasaudit.models.backends.local_model import LocalModel
from biasaudit.models.insides.gradients import path_attributions
from biasaudit.models.insides.states import layer_states, lens_log_odds
from tests.explanations.planted import loaded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.types import Request
    from biasaudit.types.insides import LayerStates, Paths


class Door(LocalModel):
    """A loaded checkpoint that answers and can be looked into."""

    def paths(self, tables: Sequence[Sequence[Request]]) -> Paths:
        return path_attributions(self.loaded, tables)

    def layers(self, tables: Sequence[Sequence[Request]]) -> LayerStates:
        return layer_states(self.loaded, tables)

    def lens(self, states: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
        return lens_log_odds(self.loaded, states, targets)


def doors(models: Mapping[str, LoadedModel]) -> Callable[[str], AbstractContextManager[Door]]:
    """Return what opens each of some loaded models by its name."""

    @contextmanager
    def opened(name: str) -> Iterator[Door]:
        yield Door(loaded=models[name])

    return opened


def opened_of(folders: Mapping[str, Path]) -> Callable[[str], AbstractContextManager[Door]]:
    """Return what opens checkpoints of folders by name."""
    return doors({name: loaded(folder) for name, folder in folders.items()})


def asked_in(audit: Path, probe: str, **options: object) -> Asked:
    """Return what an explanation of a probe of an audit would ask."""
    plan = replace(ExplanationPlan(audit=audit, probe=probe), **options)  # type: ignore[arg-type]  # of the plan
    return asked_of(plan, read_record(audit))
