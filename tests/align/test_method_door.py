"""A tuning method is one file and one line: the example of docs/tuning.md, added here, is one like any other."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from biasaudit import align
from biasaudit.align import METHODS, SftSettings, TrainingCard, TunedAdapter, folder
from biasaudit.align.card import to_markdown
from biasaudit.align.method import Method
from biasaudit.align.methods.sft import SFT
from biasaudit.align.settings import Settings, described
from biasaudit.errors import ChatTemplateError, TuningError, TuningFolderError, UsageError
from biasaudit.models import ModelShelf, locate, parse_reference
from tests.align.recipe import Told, tune
from tests.cli.test_shell import Shell
from tests.examples import example
from tests.tiny import save_model

pytestmark = pytest.mark.slow

DEMO = Path(align.__file__).resolve().parents[1] / "models" / "demo_adapter" / "training_card.json"
IDENTITY_BEFORE = "b573823a7894cee34c79a14b08bebdfdfe249be6eb63088c16fe6141ecc25242"
"""Of the shared adapter, as the version before this door wrote it; but for the two hashes that libraries may change."""


@pytest.fixture
def recite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Method[Any, Any, Any]:
    """The example, added to the mapping; nothing else of the package is touched."""
    method = example("tuning.md", "biasaudit/align/methods/recite.py", tmp_path, monkeypatch).RECITE
    assert isinstance(method, Method)
    monkeypatch.setitem(METHODS, "recite", method)
    return method


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base without a chat template."""
    folder = tmp_path_factory.mktemp("bare") / "base"
    save_model(folder, seed=2, chat_template=None)
    return folder


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def recited(
    method: Method[Any, Any, Any], base: Path, out: Path, told: Told | None = None, **more: Any
) -> TunedAdapter:
    settings = method.settings(**{"learning_rate": 0.01, "checkpoint_every_steps": 2, "device": "cpu", **more})
    return align.tune("recite", str(base), None, out, settings=settings, progress=told)


def test_a_method_of_a_file_of_its_own_trains_an_adapter_that_an_audit_reads(
    recite: Method[Any, Any, Any], bare: Path, tmp_path: Path
) -> None:
    """Its loss falls, its card and its model card name it, and the adapter does what was trained."""
    done = recited(recite, bare, tmp_path / "out")
    losses = [loss for _, loss in done.card.loss_nats]
    assert len(losses) == 6
    assert losses[-1] < losses[0] - 0.1
    assert done.card.method == "recite"
    assert done.card.identity["recipe"] == "recite-1"
    assert done.card.instructions == {"sentence": str(done.card.identity["sentence"]), "licence": "CC0-1.0"}
    assert set(done.card.libraries) >= {"biasaudit", "torch", "peft"}
    written = json.loads((done.folder / folder.CARD).read_text(encoding="utf-8"))
    assert TrainingCard.from_dict(written) == done.card
    page = (done.folder / "README.md").read_text(encoding="utf-8")
    assert "Made by learning one sentence by heart (`recite`) with biasaudit." in page
    assert "| n&#95;steps | 6 |\n| lora&#95;rank | 8 |" in page
    assert "end of turn" not in page
    assert not (done.folder / "chat_template.jinja").exists()
    base, tuned = (ModelShelf().open(locate(parse_reference(one))) for one in (str(bare), f"{bare}+{done.folder}"))
    ids = tuple(base.tokenizer(done.card.instructions["sentence"])["input_ids"])
    before, after = (sum(one.continuation_logprobs([(ids[:1], ids[1:])])[0]) for one in (base, tuned))
    assert after > before + 0.1 * (len(ids) - 1)


def test_its_adapter_is_known_as_finished_and_of_no_other_method(
    recite: Method[Any, Any, Any], base: Path, rows: Path, tmp_path: Path
) -> None:
    first = recited(recite, base, tmp_path / "out")
    told = Told()
    again = recited(recite, base, tmp_path / "out", told)
    assert (again.was_there, again.card, told.step) == (True, first.card, 0)
    with pytest.raises(TuningFolderError, match=r"learning_rate is 0\.01 there and 0\.02 here"):
        recited(recite, base, tmp_path / "out", learning_rate=0.02)
    with pytest.raises(TuningFolderError, match="recipe is 'recite-1' there and 1 here"):
        tune(base, rows, tmp_path / "out")


@pytest.mark.parametrize("step", [1, 3, 4])
def test_updates_of_its_own_go_on_from_their_checkpoint_to_equal_bytes(
    recite: Method[Any, Any, Any], bare: Path, tmp_path: Path, step: int
) -> None:
    """The optimizer too: begun anew, it would take other steps."""

    def stop(done: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    whole = recited(recite, bare, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        recited(recite, bare, tmp_path / "out", Told(stop))
    told = Told()
    again = recited(recite, bare, tmp_path / "out", told)
    assert (f"going on after step {step // 2 * 2} of 6" in told.lines) == (step >= 2)
    assert again.card.loss_nats == whole.card.loss_nats
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    assert {path.name for path in again.folder.iterdir()} == {path.name for path in whole.folder.iterdir()}


def test_a_loop_keeps_two_checkpoints_and_ends_where_the_loss_is_no_number(
    recite: Method[Any, Any, Any], bare: Path, tmp_path: Path
) -> None:
    seen: list[set[str]] = []
    out = tmp_path / "out"
    recited(recite, bare, out, Told(lambda _: seen.append({one.name for one in out.glob(".training/checkpoint-*")})))
    assert max(map(len, seen)) == 2
    with pytest.raises(TuningError, match="diverged"):
        recited(recite, bare, tmp_path / "far", learning_rate=1e30)


def test_it_has_a_command_with_its_own_options(
    recite: Method[Any, Any, Any], bare: Path, tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made from the object: those of its own first, one without a default is asked for."""
    assert re.search(r"recite +Tune an adapter to say one sentence\.", shell.run("align", "--help")[1])
    _, page, _ = shell.run("align", "recite", "--help")
    options = [line.split()[0] for line in page.splitlines() if line.startswith("  --")]
    common = ["--data", "--data-license", "--chat-template", "--allow-overlap"]
    assert options[:7] == [*common, "--audit", "--learning-rate", "--steps"]
    command = ("align", "recite", bare, "--out", tmp_path / "out", "--device", "cpu")
    code, _, told = shell.run(*command)
    assert (code, "--learning-rate" in told) == (2, True)
    code, printed, told = shell.run(*command, "--learning-rate", 0.01, "--steps", 2)
    assert code == 0, told
    assert printed.splitlines()[0] == "2 updates."
    assert f"+{tmp_path / 'out'}" in printed
    monkeypatch.delitem(METHODS, "recite")
    code, _, told = shell.run(*command, "--learning-rate", 0.01)
    assert (code, "No such command 'recite'" in told) == (2, True)


def test_what_a_method_needs_is_asked_for(
    recite: Method[Any, Any, Any], bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = recite.settings(learning_rate=0.01, device="cpu")
    with pytest.raises(UsageError, match=r"there is no tuning method 'dpo'.\nMethods: sft, .*recite"):
        align.tune("dpo", str(bare), None, tmp_path / "out")
    with pytest.raises(UsageError, match="are ReciteSettings, not SftSettings"):
        align.tune("recite", str(bare), None, tmp_path / "out", settings=SftSettings())
    monkeypatch.setitem(METHODS, "recite", replace(recite, needs_data=True))
    with pytest.raises(UsageError, match=r"'recite' needs data: Not read\."):
        align.tune("recite", str(bare), None, tmp_path / "out", settings=settings)
    monkeypatch.setitem(METHODS, "recite", replace(recite, needs_template=True))
    with pytest.raises(ChatTemplateError, match="has no chat template"):
        align.tune("recite", str(bare), None, tmp_path / "out", settings=settings)
    assert not (tmp_path / "out").exists()


def test_facts_and_curves_of_a_method_are_on_its_card(tuned: TunedAdapter) -> None:
    """Multipliers, hashes of what was trained on; without any, the card is as it was."""
    assert not {"facts", "curves"} & set(tuned.card.as_dict())
    card = replace(tuned.card, facts={"rule|": "x"}, curves={"lambda": ((1, 0.5), (2, 1.5))})
    assert TrainingCard.from_dict(json.loads(json.dumps(card.as_dict()))) == card
    page = to_markdown(card, SFT.says)
    assert "| rule&#124; | x |" in page
    # 12 rows at most: each update has its own.
    assert "## lambda\n\n| updates | mean lambda |\n|---|---|\n| 1 to 1 | 0.500 |\n| 2 to 2 | 1.500 |" in page


def test_a_training_without_updates_has_a_card(tuned: TunedAdapter) -> None:
    assert "## Loss" not in to_markdown(replace(tuned.card, loss_nats=()), SFT.says)


def test_an_adapter_that_was_finished_before_there_were_methods_is_known(tuned: TunedAdapter) -> None:
    """The identity is that of earlier versions: nothing was added, and nothing is named otherwise."""
    made_here = {"base_weights": "weights", "tokenizer_sha256": "tokenizer"}
    identity = json.dumps({**tuned.card.identity, **made_here}, sort_keys=True)
    assert hashlib.sha256(identity.encode()).hexdigest() == IDENTITY_BEFORE
    shipped = json.loads(DEMO.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(TrainingCard.from_dict(shipped).as_dict())) == shipped
    assert shipped["identity"].keys() == tuned.card.identity.keys()
    assert shipped["identity"]["recipe"] == SFT.recipe
    assert shipped["identity"]["settings"] == SftSettings(device="cpu").that_matter()


def test_the_methods_are_told_apart() -> None:
    """By the name in the mapping, and by the recipe in the identity of their adapters."""
    assert list(METHODS) == [method.name for method in METHODS.values()]
    recipes = [method.recipe for method in METHODS.values()]
    assert len(set(recipes)) == len(recipes)
    for method in METHODS.values():
        assert method.recipe == 1 if method is SFT else str(method.recipe).startswith(f"{method.name}-")


def test_a_setting_without_a_description_is_told() -> None:
    """It would be an option without help, and in the identity or not by chance."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Bare(Settings):
        strength: float = 1.0

    with pytest.raises(TypeError, match="the setting 'strength' has no description"):
        Bare().that_matter()


def test_settings_of_a_method_stand_before_those_of_all() -> None:
    """In the help and on the card, wherever they come from; what changes no adapter is not in its identity."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Own(Settings):
        strength: float = field(default=1.0, metadata=described("How much."))
        n_workers: int = field(default=1, metadata=described("Beside each other.", matters=False))

    assert list(Own().as_dict()) == ["strength", "n_workers", *Settings().as_dict()]
    assert set(Own().as_dict()) - set(Own().that_matter()) == {
        "n_workers",
        "checkpoint_every_steps",
        "trust_remote_code",
    }
