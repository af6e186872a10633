"""A bound on the disparity of every template: what it changes, what it says, and that nothing is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biasaudit import align
from biasaudit.align import METHODS, TunedAdapter, folder
from biasaudit.align.anchored import data_rows
from biasaudit.align.methods.constraint import CONSTRAINT, ConstraintSettings
from biasaudit.align.methods.counterfactual import COUNTERFACTUAL, CounterfactualSettings
from biasaudit.errors import ChatTemplateError, ContrastsError, InstructionError, TuningError, UsageError
from tests.align.contrast_file import save_contrasts
from tests.align.recipe import Told, weights_of
from tests.cli.test_shell import Shell
from tests.tiny import save_model

SETTINGS = {
    "constraint": (ConstraintSettings, {"rho": 20.0, "eta": 0.1}),
    "counterfactual": (CounterfactualSettings, {}),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_contrasts(tmp_path_factory.mktemp("contrasts"))


def tuned(
    base: Path, file: Path, out: Path, *, method: str = "constraint", data: Path | None = None, **more: Any
) -> TunedAdapter:
    told = more.pop("told", None)
    kind, own = SETTINGS[method]
    common = {"learning_rate": 0.003, "n_steps": 6, "check_every": 2, "checkpoint_every_steps": 2, "device": "cpu"}
    settings = kind(**{**common, **own, "contrasts": str(file), **more})
    return align.tune(method, str(base), data, out, settings=settings, progress=told)


@pytest.fixture(scope="module")
def done(base: Path, file: Path, tmp_path_factory: pytest.TempPathFactory) -> TunedAdapter:
    return tuned(base, file, tmp_path_factory.mktemp("done") / "out", max_disparity=0.01, n_steps=12)


def test_trained_templates_lean_less_and_the_curves_say_so(done: TunedAdapter) -> None:
    curves = done.card.curves
    assert curves["g, mean"][-1][1] < curves["g, mean"][0][1] - 0.05
    assert curves["lambda, mean"][-1][1] > 0
    assert [step for step, _ in curves["development bound"]] == [2, 4, 6, 8, 10, 12]
    assert {"slot KL", "context KL", "neutral KL", "licensed KL", "g, largest", "lambda, largest"} <= set(curves)
    written = json.loads((done.folder / folder.CARD).read_text(encoding="utf-8"))
    assert written["curves"]["g, mean"] == [list(point) for point in curves["g, mean"]]
    assert written["instructions"]["trained"]["groups"] == ["Ann", "Bob"]


def test_a_licence_that_is_named_in_the_call_does_not_take_the_place_of_one_that_is_known(done: TunedAdapter) -> None:
    """Of our own contrasts it is known; of a file that names none it is what was said."""
    named = {**done.card.instructions, "licence": "MIT"}
    for known, told in (("Apache-2.0", "Apache-2.0"), ("not stated", "MIT")):
        card = replace(done.card, instructions={**named, "licence of the contrasts": known})
        assert data_rows(card)["licence"] == told


def test_a_bound_that_is_not_met_is_told_and_the_adapter_is_written(done: TunedAdapter) -> None:
    """On the card, on the model card, in the lines that are printed."""
    assert done.card.facts["outcome"] == "infeasible"
    assert CONSTRAINT.told(done.card)[0].startswith("Infeasible in 12 updates: |B| ")
    assert "| outcome | infeasible |" in (done.folder / "README.md").read_text(encoding="utf-8")
    assert max(float(one.abs().max()) for one in weights_of(done.folder).values()) > 0


def test_a_bound_that_asks_for_nothing_changes_nothing(base: Path, file: Path, tmp_path: Path) -> None:
    """To the bit: the half of the adapter that begins at 0 is there still. No update is needed to see it."""
    found = tuned(base, file, tmp_path / "out", max_disparity=1.0)
    assert found.card.facts["outcome"] == "held before"
    assert (found.card.n_steps, found.card.loss_nats) == (0, ())
    assert CONSTRAINT.told(found.card)[0].startswith("Held before: |B| ")
    changing = {name: one for name, one in weights_of(found.folder).items() if "lora_B" in name}
    assert changing
    assert all(not one.any() for one in changing.values())
    facts = found.card.facts
    assert facts["held-out neutral loss"] == facts["held-out neutral loss, base"]
    assert facts["licensed"] == facts["licensed, base"]


def test_updates_change_nothing_as_long_as_no_cell_breaks_the_bound(
    base: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where development cells do not meet the bound, and every cell that an update sees does."""
    monkeypatch.setattr("biasaudit.align.development.upper_bound", lambda _: 1.0)
    found = tuned(base, file, tmp_path / "out", max_disparity=0.999)
    assert (found.card.n_steps, found.card.facts["outcome"]) == (6, "infeasible")
    assert all(not one.any() for name, one in weights_of(found.folder).items() if "lora_B" in name)


def test_a_training_ends_when_the_development_templates_meet_the_bound(base: Path, file: Path, tmp_path: Path) -> None:
    """After some of the updates that were asked for, and what is asked again is known as finished."""
    bound = 0.9
    found = tuned(base, file, tmp_path / "out", n_steps=40, max_disparity=bound, slack=1.0)
    assert found.card.facts["outcome"] == "met"
    assert 2 <= found.card.n_steps < 40
    assert float(str(found.card.facts["upper bound of it"])) <= bound
    assert CONSTRAINT.told(found.card)[0].startswith(f"Met after {found.card.n_steps} updates: |B| ")
    again = tuned(base, file, tmp_path / "out", n_steps=40, max_disparity=bound, slack=1.0)
    assert again.was_there


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "step"), [("constraint", 1), ("constraint", 3), ("constraint", 4), ("counterfactual", 3)]
)
def test_an_interrupted_training_goes_on_to_equal_bytes(
    base: Path, file: Path, tmp_path: Path, method: str, step: int
) -> None:
    """Multipliers and optimizer too: begun anew, they would take other steps."""

    def interrupt(at: int) -> None:
        if at == step:
            raise KeyboardInterrupt

    whole = tuned(base, file, tmp_path / "whole", method=method)
    with pytest.raises(KeyboardInterrupt):
        tuned(base, file, tmp_path / "out", method=method, told=Told(interrupt))
    told = Told()
    again = tuned(base, file, tmp_path / "out", method=method, told=told)
    assert (f"going on after step {step // 2 * 2} of 6" in told.lines) == (step >= 2)
    assert (again.card.loss_nats, again.card.curves) == (whole.card.loss_nats, whole.card.curves)
    assert again.card.facts == whole.card.facts
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


@pytest.mark.slow
def test_one_that_is_interrupted_after_the_bound_was_met_does_not_go_on(
    base: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: dict[str, Any] = {"n_steps": 40, "max_disparity": 0.9, "slack": 1.0}
    whole = tuned(base, file, tmp_path / "whole", **more)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("biasaudit.align.training.finished", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tuned(base, file, tmp_path / "out", **more)
    again = tuned(base, file, tmp_path / "out", **more)
    assert again.card.loss_nats == whole.card.loss_nats
    assert again.card.files["adapter_model.safetensors"] == whole.card.files["adapter_model.safetensors"]


def test_instructions_are_learned_beside_and_their_loss_has_a_curve(
    base: Path, file: Path, rows: Path, tmp_path: Path
) -> None:
    """Also where the bound asks for nothing: then the training does not end early."""
    found = tuned(base, file, tmp_path / "out", data=rows, max_disparity=1.0, n_steps=12, learning_rate=0.01)
    task = [value for _, value in found.card.curves["task"]]
    assert len(task) == 12
    assert task[-1] < task[0]
    assert found.card.instructions["instructions"] == rows.name
    assert found.card.identity["instructions_sha256"]
    assert found.card.end_of_turn == "<eos>"


def test_instructions_that_are_left_out_are_counted_and_the_models_own_limit_holds(
    base: Path, file: Path, tmp_path: Path
) -> None:
    """As in instruction tuning: the tiny model reads 512 tokens, a letter each, whatever is asked for."""
    told = ({"prompt": "p", "response": "r"}, {"prompt": "p", "response": " "}, {"prompt": "p", "response": "r" * 600})
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, told)), encoding="utf-8")
    found = tuned(base, file, tmp_path / "out", data=rows, n_steps=1, max_length_tokens=2000)
    counts = {"n_records": 3, "n_used": 1, "n_without_response": 1, "n_too_long": 1}
    assert found.card.instructions["instructions_read"] == counts
    said = "1 of 3 records used; 1 have no response, 1 are too long."
    assert CONSTRAINT.told(found.card)[-1] == f"Instructions: {said}"
    page = (found.folder / "README.md").read_text(encoding="utf-8")
    assert f"| instructions | rows.jsonl&#58; {said} |" in page
    rows.write_text("\n".join(map(json.dumps, told[1:])), encoding="utf-8")
    with pytest.raises(InstructionError, match=r"none of the 2 records .*: 1 are longer than 512 tokens, 1 have no"):
        tuned(base, file, tmp_path / "none", data=rows, n_steps=1, max_length_tokens=2000)


def test_card_and_model_card_name_the_licences_that_stand_beside_the_files(
    base: Path, rows: Path, tmp_path: Path
) -> None:
    """Of contrasts alone it is the card's; beside instructions, whose licence the card's then is, it has a row."""
    file = save_contrasts(tmp_path)
    (tmp_path / "contrasts.yaml.license").write_text("SPDX-License-Identifier: CC-BY-4.0\n", encoding="utf-8")
    alone = tuned(base, file, tmp_path / "alone", n_steps=1)
    assert alone.card.instructions["licence"] == "CC-BY-4.0"
    assert "| licence | CC-BY-4.0 |" in (alone.folder / "README.md").read_text(encoding="utf-8")
    both = tuned(base, file, tmp_path / "both", n_steps=1, data=rows)
    assert both.card.instructions["licence"] == "not stated"
    page = (both.folder / "README.md").read_text(encoding="utf-8")
    assert "| licence | CC-BY-4.0 |" in page
    assert "| licence of the instructions | not stated |" in page
    (tmp_path / "contrasts.yaml.license").unlink()
    page = (tuned(base, file, tmp_path / "none", n_steps=1).folder / "README.md").read_text(encoding="utf-8")
    assert "| licence | not stated |" in page


def test_instructions_need_a_chat_template(file: Path, rows: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "bare", seed=2, chat_template=None)
    with pytest.raises(ChatTemplateError, match="has no chat template, and instructions need one"):
        tuned(tmp_path / "bare", file, tmp_path / "out", data=rows)


def test_the_baseline_learns_both_ways_of_every_text(base: Path, file: Path, tmp_path: Path) -> None:
    """Its own loss falls; its card has no multipliers."""
    found = tuned(base, file, tmp_path / "out", method="counterfactual", n_steps=12, learning_rate=0.01)
    loss = [value for _, value in found.card.curves["swapped texts"]]
    assert loss[-1] < loss[0]
    assert "lambda, mean" not in found.card.curves
    assert found.card.facts["outcome"] in {"met", "infeasible"}
    assert COUNTERFACTUAL.told(found.card)[1].startswith("Held-out neutral text: ")


def test_a_loss_that_is_no_number_ends_the_training(base: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(TuningError, match="diverged"):
        tuned(base, file, tmp_path / "far", learning_rate=1e30, max_disparity=0.01)


def test_too_little_memory_is_told_with_options_that_the_method_has(
    base: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Smaller updates are other updates, so that they do not go on in the same folder."""

    def full(*_: object, **__: object) -> None:
        msg = "DefaultCPUAllocator: can't allocate memory"
        raise RuntimeError(msg)

    monkeypatch.setattr("torch.optim.AdamW.step", full)
    with pytest.raises(TuningError) as told:
        tuned(base, file, tmp_path / "out", max_disparity=0.01)
    assert str(told.value) == (
        "the training broke off: DefaultCPUAllocator: can't allocate memory\nSee that there is space and memory, and "
        "run the same command again: it goes on from its last checkpoint. With a smaller --cells-per-step or "
        "--word-pairs it needs less memory, and is another training, in another folder."
    )


@pytest.mark.parametrize(
    ("without", "says"),
    [
        (", split: development", "0 templates have split development"),
        (", Snow is white., The lake is deep., Iron is hard., The hill is high.", "1 neutral sentences; expected 4"),
    ],
)
def test_contrasts_that_cannot_be_held_on_to_are_refused(base: Path, tmp_path: Path, without: str, says: str) -> None:
    with pytest.raises(ContrastsError, match=says):
        tuned(base, save_contrasts(tmp_path, without=without), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max_disparity", 0.0, "above 0 and at most 1"),
        ("max_disparity", 1.01, "above 0 and at most 1"),
        ("rho", 0.0, "more than 0"),
        ("eta", float("nan"), "more than 0"),
        ("keep_licensed", -1.0, "0 or more"),
        ("n_steps", 0, "1 or more"),
    ],
)
def test_settings_out_of_their_range_are_refused(name: str, value: float, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        ConstraintSettings(**{name: value})  # type: ignore[arg-type]


def test_a_feature_that_the_contrasts_lack_is_named(base: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no words of height"):
        tuned(base, file, tmp_path / "out", features="height")


def test_a_file_with_a_probes_own_template_is_refused_with_its_line(
    base: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before a model is looked for."""
    theirs = tmp_path / "theirs.yaml"
    text = file.read_text(encoding="utf-8").replace("Under the crane {group} waved like", "Today {group} works as")
    theirs.write_text(text, encoding="utf-8")
    shell = Shell(monkeypatch, capsys)
    code, _, told = shell.run("align", "constraint", base, "--contrasts", theirs, "--out", tmp_path / "out")
    assert code == 2
    assert "theirs.yaml:2: Today _ works as a _. has a template of the probe 'occupations'" in told


def test_both_are_methods_like_any_other() -> None:
    assert METHODS["constraint"] is CONSTRAINT
    assert METHODS["counterfactual"] is COUNTERFACTUAL
