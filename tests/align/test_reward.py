"""Tuning by reward through trl: what is refused, that a set stays whole, and what a training of the tiny world does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biasaudit import align
from biasaudit.align import TunedAdapter
from biasaudit.align.methods.prompt_sets import PromptSet
from biasaudit.align.methods.reward import REWARD, RewardSettings
from biasaudit.errors import TuningError, UsageError
from biasaudit.probes import load_probe
from biasaudit.types import AssociationTexts, PairTexts, Role
from tests.align import world
from tests.align.contrast_file import save_contrasts
from tests.align.loops import d_nats, logprobs, opened
from tests.align.recipe import Told
from tests.cli.test_shell import Shell


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def contrasts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.save_contrasts(tmp_path_factory.mktemp("contrasts") / "contrasts.yaml")


@pytest.fixture(scope="module")
def rewarded(world_base: Path, contrasts: Path, tmp_path_factory: pytest.TempPathFactory) -> TunedAdapter:
    """One training of some 20 s for all tests that only read it."""
    return rewarded_by(world_base, contrasts, tmp_path_factory.mktemp("rewarded") / "out", n_steps=100)


def rewarded_by(base: Path, contrasts: Path, out: Path, told: Told | None = None, **more: Any) -> TunedAdapter:
    """Tune; the fields of the settings are checked there."""
    changes = {"learning_rate": 3e-3, **more}
    settings = RewardSettings(**{"device": "cpu", "contrasts": str(contrasts), **changes})
    return align.tune("reward", str(base), None, out, settings=settings, allow_overlap=True, progress=told)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beta": 0.0}, "beta is 0.0; expected more than 0: with nothing that holds it to the base"),
        ({"num_generations": 2}, "With 2 continuations both get the reward -s_1 s_2, their advantages are exactly 0"),
        ({"num_generations": 5}, "num_generations is 5; expected an even number from 4"),
        ({"strength": 0.0}, "strength is 0.0; expected more than 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"continuations": "both"}, "expected own or slot"),
        ({"estimator": "dpo"}, "expected grpo or rloo"),
        ({"licensed_per_update": -1}, "licensed_per_update is -1"),
        ({"micro_batch_size": 7}, "expected a divisor of 24 texts"),
        ({"micro_batch_size": 7, "continuations": "own"}, "expected a divisor of 96 texts"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        RewardSettings(**changes)
    assert message in str(refused.value)


def test_contrasts_without_what_is_kept_are_refused(tmp_path: Path, contrasts: Path) -> None:
    """Before any model is looked for."""
    text = contrasts.read_text(encoding="utf-8")
    bare = tmp_path / "bare.yaml"
    bare.write_text(text[: text.index("licensed:")], encoding="utf-8")
    with pytest.raises(UsageError, match="there are 0 licensed contrasts of gender, age; expected 2 or more"):
        rewarded_by(Path("no-model"), bare, tmp_path / "out")
    with pytest.raises(UsageError, match="there is no neutral sentence"):
        rewarded_by(Path("no-model"), bare, tmp_path / "out", licensed_per_update=0)


def test_data_are_refused_by_name(tmp_path: Path, contrasts: Path) -> None:
    """They were the contrasts once, and are instructions in other methods: whoever gives some is told where they go."""
    with pytest.raises(UsageError, match=r"found --data .*contrasts\.yaml.\nName a file of contrasts with --contrasts"):
        align.tune("reward", "no-model", contrasts, tmp_path / "out")


def test_a_file_with_a_probes_own_template_is_refused_with_its_name_and_line(tmp_path: Path) -> None:
    """Before a model is looked for."""
    text = save_contrasts(tmp_path).read_text(encoding="utf-8")
    theirs = tmp_path / "theirs.yaml"
    theirs.write_text(text.replace("Under the crane {group} waved like", "Today {group} works as"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"theirs\.yaml:2: Today _ works as a _\. has a template of the probe 'occup"):
        align.tune("reward", "no-model", None, tmp_path / "out", settings=RewardSettings(contrasts=str(theirs)))


def test_the_licence_is_that_of_the_contrasts(tmp_path: Path) -> None:
    settings = RewardSettings(contrasts=str(save_contrasts(tmp_path)))
    assert (REWARD.read(None, RewardSettings()).licence, REWARD.read(None, settings).licence) == ("Apache-2.0", None)
    (tmp_path / "contrasts.yaml.license").write_text("SPDX-License-Identifier: CC-BY-4.0\n", encoding="utf-8")
    assert REWARD.read(None, settings).licence == "CC-BY-4.0"


@pytest.mark.slow
def test_the_command_has_its_options_and_tells_wrong_ones(shell: Shell, world_base: Path, tmp_path: Path) -> None:
    _, page, _ = shell.run("align", "reward", "--help")
    assert "--strength" in page
    assert "--num-generations" in page
    command = ("align", "reward", world_base, "--out", tmp_path / "out", "--device", "cpu")
    code, _, told = shell.run(*command, "--beta", 0)
    assert (code, "beta is 0.0; expected more than 0" in told) == (2, True)
    code, _, told = shell.run(*command, "--features", "height")
    assert (code, "there are no words of height" in told) == (2, True)
    code, _, told = shell.run(*command, "--data", tmp_path / "rows.jsonl")
    assert (code, "reads no data beside contrasts; found --data" in told) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_set_that_is_not_whole_in_its_batch_is_refused() -> None:
    """Its mean would be taken over something else, and nobody would see it."""
    from biasaudit.align.disparity import Expected
    from biasaudit.align.methods import policy

    updates = policy.Updates(
        order=((0, 1), (1, 0)),
        n_each=4,
        rows_each=4,
        rows_at_once=4,
        strength=1.0,
        beta=0.1,
        learning_rate=1.0,
        warmup_fraction=0.0,
        slots=False,
        longest=2,
        estimator="grpo",
        neutral=Expected(rows=(), places=()),
        neutral_order=(),
        anchor=0.0,
    )
    rollouts = policy._Rollouts((), updates)
    # Twice: an update is taken in two pieces, and trl asks for its prompts with each.
    assert rollouts.order() == [0, 0, 1, 1, 2, 2, 3, 3] * 2 + [2, 2, 3, 3, 0, 0, 1, 1] * 2
    assert list(rollouts.blocks([0, 0, 1, 1, 2, 2, 3, 3])) == [(0, 0, [0, 0, 1, 1]), (4, 1, [0, 0, 1, 1])]
    for rows in ([0, 0, 1, 2], [0, 0, 1], [0, 0, 0, 1]):
        with pytest.raises(RuntimeError, match="not whole in its batch"):
            list(rollouts.blocks(rows))
    # One text drawn twice, one not at all: the mean over the texts is the mean over the drawings.
    assert policy._per_text([1.0, 3.0, 5.0], [2, 0, 1]) == [4.0, 0.0, 5.0]
    assert policy._repeated("abc", [2, 0, 1]) == ["a", "a", "c"]


@pytest.mark.slow
def test_training_shrinks_the_lean_where_it_was_not_trained_and_keeps_what_is_licensed(
    world_base: Path, rewarded: TunedAdapter, tmp_path: Path
) -> None:
    """Held-out templates and words, both sentence forms."""
    before, after = (measured(world_base, adapter, tmp_path) for adapter in (None, rewarded.folder))
    for feature in ("gender", "age"):
        assert before[feature] > 0.6
        assert abs(after[feature]) < before[feature] / 2
        assert after[f"{feature} licensed"] > before[f"{feature} licensed"] - 0.05


@pytest.mark.slow
def test_the_card_says_what_was_trained_and_how_it_went(rewarded: TunedAdapter) -> None:
    card = rewarded.card
    assert card.method == "reward"
    assert card.instructions["trained"]["features"] == ["age", "gender"]
    assert {"nurse", "chess"} <= set(card.instructions["trained"]["words"])
    assert card.instructions["n_cells"] == 12
    curves = card.curves
    assert {"reward", "squared_disparity", "s_mean", "chose", "licensed", "kl", "neutral_kl"} <= set(curves)
    assert all([step for step, _ in curve] == list(range(1, 101)) for curve in curves.values())
    first, last = (sum(value for _, value in part) / 10 for part in (curves["reward"][:10], curves["reward"][-10:]))
    assert last > first
    page = (rewarded.folder / "README.md").read_text(encoding="utf-8")
    assert "Made by a reward that falls with the squared disparity" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "step"),
    [({"continuations": "slot"}, 3), ({"continuations": "own"}, 3), ({"estimator": "rloo", "micro_batch_size": 8}, 4)],
)
def test_an_interrupted_training_ends_with_equal_bytes(
    world_base: Path, contrasts: Path, tmp_path: Path, more: dict[str, Any], step: int
) -> None:
    """What is drawn goes on from the random numbers of the checkpoint."""

    def stop(done: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    few = {"n_steps": 5, "checkpoint_every_steps": 2, "sets_per_update": 2, "num_generations": 8, **more}
    whole = rewarded_by(world_base, contrasts, tmp_path / "whole", **few)
    with pytest.raises(KeyboardInterrupt):
        rewarded_by(world_base, contrasts, tmp_path / "out", Told(stop), **few)
    told = Told()
    again = rewarded_by(world_base, contrasts, tmp_path / "out", told, **few)
    assert f"going on after step {(step - 1) // 2 * 2} of 5" in told.lines
    assert again.card.curves == whole.card.curves
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What the trainers made of each update."""
    from biasaudit.align.methods import policy

    found: dict[str, list[Any]] = {"ours": [], "trls": [], "rows": [], "args": []}
    of_ours, scored = policy._Rollouts.rewards, policy._OverSets._generate_and_score_completions

    def rewards(self: Any, **given: Any) -> list[float]:
        rewards = of_ours(self, **given)
        found["ours"].append(list(self.advantages))
        found["rows"].append(given["row"])
        return rewards

    def generate(self: Any, inputs: Any) -> dict[str, Any]:
        done = scored(self, inputs)
        found["trls"].append(done["advantages"].tolist())
        found["args"].append(self.args)
        return done

    monkeypatch.setattr(policy._Rollouts, "rewards", rewards)
    monkeypatch.setattr(policy._OverSets, "_generate_and_score_completions", generate)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "continuations"), [("grpo", "slot"), ("grpo", "own"), ("rloo", "slot")])
def test_trl_learns_from_the_advantages_of_whole_sets(
    world_base: Path, contrasts: Path, tmp_path: Path, seen: dict[str, list[Any]], *, estimator: str, continuations: str
) -> None:
    """All texts of an update at once, two prompts a set; at the first update nothing has diverged."""
    few: dict[str, Any] = {"n_steps": 2, "sets_per_update": 4, "licensed_per_update": 2, "num_generations": 16}
    rewarded_by(world_base, contrasts, tmp_path / "out", estimator=estimator, continuations=continuations, **few)
    each = 4 if continuations == "slot" else 16
    assert [len(rows) for rows in seen["rows"]] == [6 * each] * 2
    assert any(abs(one) > 0.1 for one in seen["ours"][0])
    assert seen["trls"][0] == pytest.approx(seen["ours"][0], abs=1e-5)
    if estimator == "grpo":
        assert seen["trls"][1] == pytest.approx(seen["ours"][1], abs=1e-5)
    said = seen["args"][0]
    assert (said.bf16, said.fp16, said.beta, said.use_vllm, said.report_to) == (False, False, 0.1, False, [])
    assert said.learning_rate == 3e-3
    assert (said.temperature, said.top_k, said.top_p) == (1.0, 0, 1.0)
    if estimator == "grpo":
        assert (said.scale_rewards, said.loss_type) == ("none", "dr_grpo")


@pytest.mark.slow
def test_a_training_without_any_advantage_is_told(
    world_base: Path, contrasts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of the sets never come: the file's words are not those that the model goes on with."""
    monkeypatch.setattr(PromptSet, "read", lambda self, sides, texts: [None] * len(sides))
    with pytest.raises(TuningError, match=r"in 2 updates no .* changed: 0\.0 % of the continuations chose"):
        rewarded_by(
            world_base,
            contrasts,
            tmp_path / "out",
            n_steps=2,
            sets_per_update=1,
            neutral_per_update=0,
            continuations="own",
        )


def measured(base: Path, adapter: Path | None, folder: Path) -> dict[str, float]:
    """Return the index of each feature, and p(right) of what is licensed."""
    import torch
    from peft import PeftModel

    items = load_probe(str(world.save_probe(folder / "probe"))).items
    model, tokenizer = opened(base)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    found = {}
    with torch.no_grad():
        for feature in ("gender", "age"):
            tables = [
                (one.texts.contexts, one.texts.continuations)
                for one in items
                if one.role is Role.BIAS and one.feature == feature and isinstance(one.texts, AssociationTexts)
            ]
            found[feature] = float(torch.tanh(d_nats(model, tokenizer, tables) / 4).mean())
            kept = [
                one.texts
                for one in items
                if one.role is Role.LICENSED and one.feature == feature and isinstance(one.texts, PairTexts)
            ]
            texts = [(one.context, end) for one in kept for end in (one.first, one.second)]
            found[f"{feature} licensed"] = float(logprobs(model, tokenizer, texts).view(-1, 2).softmax(1)[:, 0].mean())
    return found
