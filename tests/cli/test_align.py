from __future__ import annotations

import json
from pathlib import Path

import pytest

from biasaudit.cli.progress import Shown
from biasaudit.types.progress import Silence
from tests.cli.test_shell import Shell
from tests.tiny import TURNS, save_instructions, save_model


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuning") / "base"
    save_model(folder, seed=1, chat_template=None)
    return folder


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "turns.jinja"
    path.write_text(TURNS, encoding="utf-8")
    return path


@pytest.mark.slow
def test_an_adapter_from_the_shell(shell: Shell, base: Path, template: Path, tmp_path: Path) -> None:
    rows, out = save_instructions(tmp_path / "rows.jsonl"), tmp_path / "out"
    command: list[object] = ["align", "sft", base, "--data", rows, "--out", out, "--chat-template", template]
    command += ["--epochs", 1, "--lora-rank", 2, "--lora-alpha", 4, "--seed", 5, "--batch-size", 4]
    command += ["--learning-rate", 0.01, "--max-length", 100, "--device", "cpu", "--data-license", "CC0-1.0"]
    code, printed, told = shell.run(*command)
    assert code == 0, told
    assert "24 of 24 records used" in printed
    assert f"+{out}" in printed
    card = json.loads((out / "training_card.json").read_text(encoding="utf-8"))
    settings = card["settings"]
    assert {name: settings[name] for name in ("n_epochs", "lora_rank", "lora_alpha", "seed", "batch_size")} == {
        "n_epochs": 1,
        "lora_rank": 2,
        "lora_alpha": 4,
        "seed": 5,
        "batch_size": 4,
    }
    assert (settings["learning_rate"], settings["max_length_tokens"]) == (0.01, 100)
    assert card["instructions"]["licence"] == "CC0-1.0"
    assert (out / "chat_template.jinja").read_text(encoding="utf-8") == TURNS
    code, _, told = shell.run(*command)
    assert code == 0
    assert "nothing was trained" in told
    code, _, told = shell.run(*command, "--seed", 6)
    assert code == 2
    assert "seed is 5 there and 6 here" in told
    assert shell.run("model", f"{base}+{out}")[0] == 0


@pytest.mark.slow
def test_bad_input_gets_one_message_with_the_fix(shell: Shell, base: Path, template: Path, tmp_path: Path) -> None:
    rows, torn, out = save_instructions(tmp_path / "rows.jsonl"), tmp_path / "torn.jsonl", tmp_path / "out"
    torn.write_text('{"prompt": "p"}\n', encoding="utf-8")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    good = ("--data", rows, "--out", out, "--chat-template", template)
    for arguments, expected in (
        ((base, "--data", torn, *good[2:]), "torn.jsonl:1"),
        ((base, "--data", tmp_path / "none", *good[2:]), "no such file"),
        ((base, "--data", tmp_path, *good[2:]), "is a folder"),
        ((base, *good[:4]), "--chat-template"),
        ((base, *good[:4], "--chat-template", "gemma"), "no special token"),
        ((base, *good[:4], "--chat-template", "nothing"), "gemma"),
        ((f"{base}+{base}", *good), "Name the base alone"),
        ((tmp_path / "none", *good), "hub id"),
        ((base, *good, "--out", tmp_path / "file"), "is a file"),
        ((base, *good, "--epochs", 0), "n_epochs is 0"),
        ((base, *good, "--dtype", "float7"), "float32"),
        ((base, *good, "--device", "tpu"), "cpu"),
        ((base, "--out", out), "--data"),
    ):
        code, _, told = shell.run("align", "sft", *arguments)
        assert code == 2, (arguments, told)
        assert expected in told, (arguments, told)
        assert "Traceback" not in told
    assert not out.exists()


@pytest.mark.slow
def test_an_interrupt_says_that_the_same_command_goes_on(
    shell: Shell, base: Path, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    rows, out = save_instructions(tmp_path / "rows.jsonl"), tmp_path / "out"
    command = ("align", "sft", base, "--data", rows, "--out", out, "--chat-template", template, "--device", "cpu")
    with monkeypatch.context() as patch:
        patch.setattr(Shown, "advance", interrupt)
        code, _, told = shell.run(*command)
    assert code == 130
    assert "the last checkpoint" in told
    monkeypatch.setattr(Shown, "advance", Silence.advance)
    assert shell.run(*command)[0] == 0


HELP = """\
align sft [OPTIONS] {base}

  Tune an adapter on instructions and responses. Again: goes on from the last
  checkpoint.

Arguments:
  base <str>  Pretrained model: hub id[@revision], folder or .gguf file.
              [required]

Options:
  --data <path>                   JSON Lines with the fields prompt and
                                  response.  [required]
  -o, --out <path>                Folder for the adapter.  [required]
  --data-license <str>            Licence of the data, for the card; else from
                                  FILE.license.
  --chat-template <str>           Jinja file or shipped name (gemma); default
                                  the base's own.
  --allow-overlap                 Train on lines with templates of a shipped
                                  probe all the same.
  --audit PROBE                   Audit base against the finished adapter with
                                  this probe, into OUT/audit; repeat for more.
  --epochs <int>                  How often each record is seen.  [default: 2]
  --learning-rate <float>         Its highest value.  [default: 0.0003]
  --warmup-fraction <float>       Share of the updates in which it rises.
                                  [default: 0.03]
  --batch-size <int>              Records of one update.  [default: 8]
  --micro-batch-size <int>        Records computed at once: fewer need less
                                  memory; default up to 4.
  --keep-checkpoints <int>        Updates after which the weights are kept, to
                                  ask which records did what; 0 for none.
                                  [default: 3]
  --lora-rank <int>               Rank of the adapter.  [default: 8]
  --lora-alpha <int>              Its change is scaled by alpha / rank.
                                  [default: 16]
  --max-length <int>              Longest record in tokens; longer ones are
                                  left out.  [default: 512]
  --seed <int>                    Seed of the adapter's first weights and the
                                  order of records.  [default: 0]
  --checkpoint-every <int>        Updates between two checkpoints.  [default:
                                  25]
  --dtype <str>                   auto, float32 or bfloat16.  [default:
                                  float32]
  --device <str>                  cpu, cuda or mps; default the best there is.
  --trust-remote-code / --no-trust-remote-code
                                  Let code that comes with a model run.
                                  [default: no-trust-remote-code]
  --help                          Show this message and exit.
"""


def test_the_help_is_what_it_was_before_commands_were_made_from_methods(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts that people have name these options, with these defaults."""
    monkeypatch.setenv("COLUMNS", "80")
    code, printed, _ = shell.run("align", "sft", "--help")
    # Before it stands how this process was called.
    assert (code, printed.split("biasaudit ", 1)[1]) == (0, HELP)
