"""Checkpoints whose insides can be read, as an explanation is given them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from biasaudit.analysis.derived import read_record
from biasaudit.explanations import ExplanationPlan
from biasaudit.explanations.asked import Asked, asked_of
from biasaudit.models.backends.local_model import LocalModel
from tests.explanations.planted import loaded

if TYPE_CHECKING:
    from biasaudit.models.local.loaded import LoadedModel


def doors(models: Mapping[str, LoadedModel]) -> Callable[[str], AbstractContextManager[LocalModel]]:
    """Return what opens each of some loaded models by its name."""

    @contextmanager
    def opened(name: str) -> Iterator[LocalModel]:
        yield LocalModel(loaded=models[name])

    return opened


def opened_of(folders: Mapping[str, Path]) -> Callable[[str], AbstractContextManager[LocalModel]]:
    """Return what opens checkpoints of folders by name."""
    return doors({name: loaded(folder) for name, folder in folders.items()})


def asked_in(audit: Path, probe: str, **options: object) -> Asked:
    """Return what an explanation of a probe of an audit would ask."""
    plan = replace(ExplanationPlan(audit=audit, probe=probe), **options)  # type: ignore[arg-type]  # of the plan
    return asked_of(plan, read_record(audit))
