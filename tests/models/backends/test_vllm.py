"""References that vLLM computes: the tokens of a model in this process, and an engine that is not believed unasked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from biasaudit.audits.plan import Plan
from biasaudit.errors import EngineError, MissingExtraError, ModelFilesError, ModelReferenceError, UsageError
from biasaudit.framing import request_key
from biasaudit.models import ModelShelf, locate, parse_reference, score, way_of
from biasaudit.models.backend import Backend, Settings, answers
from biasaudit.models.backends.vllm import PYTHON, VLLM
from biasaudit.models.child import scorer
from biasaudit.models.child.lora import layers_of, rank_of
from biasaudit.models.likelihood import NOT_A_NUMBER
from biasaudit.types import Failed, Request, Response, Scored
from tests.models.child.toy import as_python, logprobs
from tests.running import run, undrawn
from tests.tiny import save_probe

BOS = 0


def request(context: str, continuation: str) -> Request:
    return Request(
        key=request_key(context, continuation, templated=False),
        context=context,
        continuation=continuation,
        templated=False,
        item_id="",
        part="",
        framing_id="plain",
    )


TEXTS = [request("she is", " kind"), request("he is", " it"), request("", "a text alone"), request("she is", " kind")]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a program in the place of vLLM's Python in which something is wrong."""

    def put(mode: str) -> None:
        monkeypatch.setenv(PYTHON, str(as_python(tmp_path, mode)))

    return put


@contextmanager
def opened(reference: str, *, name: str = "base", **settings: Any) -> Iterator[Backend]:  # fields of Settings
    prepared = VLLM.locate({"base": reference, "tuned": reference}, Settings(**settings), _silent).prepared()
    with prepared.opened(_silent) as open_one:
        yield open_one(name)


def _silent(_: str) -> None:
    """Say nothing."""


def asked(reference: Path, texts: list[Request] = TEXTS, **settings: Any) -> list[Response]:  # as above
    with opened(f"vllm:{reference}", **settings) as backend:
        return answers(backend, texts, name="base")


def toy_values(reference: Path, texts: list[Request] = TEXTS) -> list[list[float]]:
    """The toy's values of the tokens that a model in this process scores."""
    loaded = ModelShelf().open(locate(parse_reference(str(reference))))
    found = []
    for text, response in zip(texts, score(loaded, texts), strict=True):
        assert isinstance(response, Scored)
        ids = loaded.tokenizer(text.context + text.continuation, add_special_tokens=False)["input_ids"]
        whole = list(ids) if text.context else [BOS, *ids]  # this tokenizer puts nothing before a text by itself
        given = whole[: -len(response.token_ids)]
        assert (*given, *response.token_ids) == tuple(whole)
        found.append(logprobs(given, response.token_ids))
    return found


def test_what_is_scored_is_what_a_model_in_this_process_would_score(
    models: Path, engine: Callable[[str], None]
) -> None:
    """Token by token, with the same beginning, in the order of the requests, and equal requests once."""
    engine("honest")
    done: list[tuple[int, int]] = []
    with opened(f"vllm:{models / 'base'}") as backend:
        found = answers(backend, TEXTS, name="base", on_progress=lambda *told: done.append(told))
        scoring, ends = backend.scoring, backend.token_ends([(TEXTS[0], [0] * 5)])
    assert [one.token_logprobs_nats for one in found if isinstance(one, Scored)] == [
        pytest.approx(values) for values in toy_values(models / "base")
    ]
    # Bytes, and a beginning where there is no context.
    assert (sum(n for n, _ in done), sum(n for _, n in done)) == (3, (6 + 5) + (5 + 3) + (1 + 12))
    assert ends == [None]
    assert scoring is not None
    assert (scoring.path, scoring.largest_difference_nats) == ("engine", 0.0)


def test_the_fingerprint_says_who_computed_and_of_which_files(models: Path, engine: Callable[[str], None]) -> None:
    """The weights' hash is that of the model in this process; the libraries are those that computed."""
    engine("honest")
    own = ModelShelf().open(locate(parse_reference(str(models / "base")))).fingerprint
    with opened(f"vllm:{models / 'base'}") as backend:
        found = backend.fingerprint
    assert (found.engine, found.device, found.dtype) == ("vllm 9.9.9+cpu", "cpu", "float32")
    assert (found.kv_dtype, found.quantization, found.reading) == (None, None, None)
    assert found.libraries == {"torch": "1.2.3"}
    assert found.reference == f"vllm:{models / 'base'}"
    for name in ("weights", "adapter", "tokenizer_sha256", "text_files_sha256", "chat_template_sha256", "architecture"):
        assert getattr(found, name) == getattr(own, name), name
    for name in ("n_parameters", "vocabulary_size", "hidden_size", "n_layers"):
        assert getattr(found, name) == getattr(own, name), name


def test_an_audit_goes_through_it_and_is_known_again(
    models: Path, tmp_path: Path, engine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter of the toy makes each token 0.25 nats less likely, which cancels where both texts are as long."""
    engine("honest")
    probe = save_probe(tmp_path / "mini")
    base = f"vllm:{models / 'base'}"
    plan = Plan(base=base, tuned=(f"{base}+{models / 'adapter'}",), probes=(str(probe),), framing_names=("plain",))
    found = run(plan, out=tmp_path / "out", render=undrawn)
    d = found.scores[found.scores["role"] == "bias"].pivot_table(index="item_id", columns="checkpoint", values="d_nats")
    # "she" has a letter more than "he", and a byte is a token.
    assert (d["tuned"] - d["base"]).to_list() == pytest.approx([-0.25] * 12)
    fingerprints = found.manifest.fingerprints
    assert {one["engine"] for one in fingerprints.values()} == {"vllm 9.9.9+cpu"}
    assert fingerprints["tuned"]["adapter"] is not None
    assert found.manifest.run["scoring"]["base"]["path"] == "engine"
    monkeypatch.setenv(PYTHON, "/nowhere")
    assert run(plan, out=tmp_path / "out", render=undrawn).manifest.to_json() == found.manifest.to_json()


def test_what_is_kept_is_not_asked_again(models: Path, engine: Callable[[str], None]) -> None:
    """Nothing is loaded where the cache has every answer: this engine would refuse to."""
    engine("honest")
    first = asked(models / "base")
    engine("refuses")
    assert asked(models / "base") == first
    with pytest.raises(EngineError, match="no such architecture"):
        asked(models / "base", [request("", "something else")])


def test_answers_of_this_process_are_not_taken_for_the_engines(models: Path, engine: Callable[[str], None]) -> None:
    """One cache, the same weights, other numbers."""
    engine("honest")
    own = way_of(str(models / "base")).locate({"base": str(models / "base")}, Settings(), _silent).prepared()
    with own.opened(_silent) as open_one:
        ours = answers(open_one("base"), TEXTS, name="base")
    assert all(one != other for one, other in zip(ours, asked(models / "base"), strict=True))


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("nan", "a log-probability of an ordinary sentence is no number"),
        ("drifts", "the same tokens differ with what follows them"),
        ("peeks", "the same tokens differ with what follows them"),
        ("splits", r"log p\(ab\) is not log p\(a\) \+ log p\(b given a\)"),
        ("short", "log-probabilities for"),
        ("one less", "gave answers to 0 of 1 texts"),
        ("certain", "gave '0.5' as a log-probability"),
        ("rounds", "computes with dtype 'bfloat16', where 'float32' was asked for"),
        ("huge", "sent a message of 2,147,483,648 bytes"),
        ("no json", "sent what is no JSON"),
        ("deep", "sent what is no"),
        ("other kind", "sent 'scored' where 'loaded' was due"),
        ("another question", "answered another question"),
        ("newer", "speaks version 2 of the protocol, not 1"),
        ("mute", "ended with exit code 3"),
    ],
)
def test_an_engine_that_is_wrong_is_refused_and_nothing_of_it_kept(
    models: Path, engine: Callable[[str], None], mode: str, said: str
) -> None:
    """What it answered while it was checked is not an answer to anything."""
    engine(mode)
    with pytest.raises(EngineError, match=f"vLLM .*{said}"):
        asked(models / "base", batch_tokens=1)
    engine("refuses")
    with pytest.raises(EngineError, match="no such architecture"):
        asked(models / "base", TEXTS[:1])


def test_what_is_no_number_later_is_a_failed_response(models: Path, engine: Callable[[str], None]) -> None:
    """As of a model in this process: counted, and not an error of the engine."""
    engine("nan later")
    first, *others = asked(models / "base", batch_tokens=1)
    assert isinstance(first, Scored)
    assert [one.reason for one in others[:2] if isinstance(one, Failed)] == [NOT_A_NUMBER] * 2


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("dies", r"ended with exit code 7\.\n(.*\n)*   \| Traceback: \\x1b\[31mno room for a block"),
        ("killed", "was killed, as a system does that is out of memory"),
    ],
)
def test_a_program_that_dies_is_told_apart_and_what_it_answered_is_kept(
    models: Path, engine: Callable[[str], None], mode: str, said: str
) -> None:
    """With the end of what it printed, which cannot act on a terminal; the first batch is not asked again."""
    engine(mode)
    with pytest.raises(EngineError, match=said):
        asked(models / "base", batch_tokens=1)
    engine("refuses")
    [kept] = asked(models / "base", TEXTS[:1])
    assert isinstance(kept, Scored)
    assert list(kept.token_logprobs_nats) == pytest.approx(toy_values(models / "base", TEXTS[:1])[0])


def test_a_program_that_hangs_is_ended(
    models: Path, engine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorer, "BATCH_SECONDS", 3.0)
    engine("hangs")
    with pytest.raises(EngineError, match=r"vLLM did not answer within 3 s"):
        asked(models / "base", batch_tokens=1)


def test_what_a_program_prints_is_in_nobodys_way(models: Path, engine: Callable[[str], None]) -> None:
    """vLLM prints to standard output, and more than a pipe holds."""
    engine("chatty")
    assert [one.key for one in asked(models / "base")] == [one.key for one in TEXTS]


def ended(pid: int) -> bool:
    """Whether a process is gone, or waits only for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def all_end(pids: list[int]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if all(ended(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")


@needs_proc
@pytest.mark.parametrize("mode", ["honest", "dies", "interrupted"])
def test_nothing_is_left_running(
    models: Path, engine: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """After an audit, after a death and after Ctrl-C, neither the program nor what it started; what was kept stays."""
    monkeypatch.setenv("FAKE_PIDS", str(tmp_path / "pids"))
    engine(mode)
    if mode == "honest":
        asked(models / "base")
    else:
        with pytest.raises(KeyboardInterrupt if mode == "interrupted" else EngineError):
            asked(models / "base", batch_tokens=1)
    pids = list(map(int, (tmp_path / "pids").read_text(encoding="utf-8").split()))
    assert len(pids) == 4  # the greeting and the loading, each with one that it started
    assert all_end(pids)
    engine("refuses")
    assert isinstance(asked(models / "base", TEXTS[:1])[0], Scored)


@needs_proc
def test_nothing_is_left_running_when_the_asking_process_is_killed(tmp_path: Path) -> None:
    """Nobody closes anything then: the program itself sees that the other end is gone, in the middle of its work."""
    code = (
        "import os, signal, sys\n"
        "from biasaudit.models.backends.vllm import start\n"
        "child = start()\n"
        "child.greeting()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, PYTHON: str(as_python(tmp_path, "honest")), "FAKE_PIDS": str(tmp_path / "pids")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = list(map(int, (tmp_path / "pids").read_text(encoding="utf-8").split()))
    assert len(pids) == 2
    assert all_end(pids)


def test_keys_are_not_handed_on(
    models: Path, tmp_path: Path, engine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program needs no key, and what it prints may be shown; nothing is fetched and nothing is sent."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "2")
    script = tmp_path / "python-env"
    script.write_text(f'#!/bin/sh\nenv > {tmp_path}/env\nexec {as_python(tmp_path, "honest")} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv(PYTHON, str(script))
    asked(models / "base", TEXTS[:1])
    seen = (tmp_path / "env").read_text(encoding="utf-8").splitlines()
    assert not any("secret" in line for line in seen)
    assert {"HF_HUB_OFFLINE=1", "VLLM_NO_USAGE_STATS=1", "VLLM_CPU_KVCACHE_SPACE=2"} <= set(seen)


def test_a_longer_text_loads_the_model_for_longer_ones(models: Path, engine: Callable[[str], None]) -> None:
    """The toy takes 512 positions, of which one is for a token that is written: 511 are scored, and 512 are not."""
    engine("honest")
    texts = [request("", "a" * n_tokens) for n_tokens in (3, 400, 510, 511)]
    with opened(f"vllm:{models / 'base'}", batch_tokens=1) as backend:
        short, long, longest, too_long = answers(backend, texts, name="base")
    assert [len(one.token_ids) for one in (short, long, longest) if isinstance(one, Scored)] == [3, 400, 510]
    assert too_long == Failed(key=texts[3].key, reason="512 tokens, more than the model's 511")


def test_the_engine_sees_the_files_that_were_hashed_and_no_others(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies beside them, code or other weights, is not there for it."""
    import shutil

    shutil.copytree(models / "base", tmp_path / "model")
    (tmp_path / "model" / "modeling_evil.py").write_text("", encoding="utf-8")
    (tmp_path / "model" / "consolidated.safetensors").write_bytes(b"")
    fake = tmp_path / "looking.py"
    source = Path(__file__).parents[1].joinpath("child", "fake_vllm.py").read_text(encoding="utf-8")
    looking = f'        Path({str(tmp_path / "seen")!r}).write_text(repr(sorted(os.listdir(asked["model"]))))\n'
    fake.write_text(source.replace("        self.n_asked = 0\n", "        self.n_asked = 0\n" + looking))
    script = tmp_path / "python-looking"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -I {fake} honest "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv(PYTHON, str(script))
    asked(tmp_path / "model", TEXTS[:1])
    assert (tmp_path / "seen").read_text() == repr(["config.json", "generation_config.json", "model.safetensors"])


def test_an_adapter_that_the_engine_leaves_out_is_told(models: Path, engine: Callable[[str], None]) -> None:
    """It would be audited as the base; told and not refused, for an adapter of zeros does the same."""
    engine("idle")
    said: list[str] = []
    reference = f"vllm:{models / 'base'}+{models / 'adapter'}"
    prepared = VLLM.locate({"base": reference, "tuned": reference}, Settings(), said.append).prepared()
    with prepared.opened(said.append) as open_one:
        answers(open_one("base"), TEXTS, name="base")
    assert any("the adapter changes nothing in the engine" in line for line in said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"use_dora": True}, r"directions of weights \(DoRA\)"),
        ({"modules_to_save": ["lm_head"]}, "whole layers"),
        ({"bias": "all"}, "biases"),
        ({"trainable_token_indices": [3]}, "single tokens"),
    ],
)
def test_adapters_that_are_more_than_plain_lora_are_refused_by_name(
    models: Path, tmp_path: Path, engine: Callable[[str], None], changes: dict[str, object], said: str
) -> None:
    """An engine may leave out what it does not know, without a word."""
    import shutil

    engine("honest")
    shutil.copytree(models / "adapter", tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")
    with pytest.raises(ModelFilesError, match=rf"changes {said} too; the engine takes plain LoRA"):
        rank_of(tmp_path / "adapter")
    assert rank_of(models / "adapter") == 8  # of rank 2: the least that room is made for


def test_lora_on_the_output_layer_is_refused_by_name(models: Path, tmp_path: Path) -> None:
    """The layers of an adapter are read from its tensors, whatever its configuration says."""
    import shutil

    from safetensors.torch import load_file, save_file

    assert layers_of(models / "adapter") == ("q_proj", "v_proj")
    shutil.copytree(models / "adapter", tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(iter(tensors))
    prefix = "base_model.model.lm_head.lora_"
    save_file(
        {
            **tensors,
            f"{prefix}A.weight": tensors[name].clone(),
            f"{prefix}B.weight": tensors[name].T.clone().contiguous(),
        },
        path,
    )
    with pytest.raises(ModelFilesError, match="changes the layer lm_head too"):
        rank_of(tmp_path / "adapter")


def test_without_vllm_it_is_said_how_to_get_it(models: Path, tmp_path: Path, engine: Any) -> None:
    """No variable, a variable that names nothing, and a Python without it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(PYTHON, raising=False)
        if __import__("importlib.util").util.find_spec("vllm") is None:
            with pytest.raises(MissingExtraError, match=r"need vLLM, which this Python does not have\.\n.*pip install"):
                asked(models / "base")
        patch.setenv(PYTHON, str(tmp_path / "nothing"))
        with pytest.raises(MissingExtraError, match=rf"{PYTHON} is '.*nothing', which is no program"):
            asked(models / "base")
    engine("absent")
    with pytest.raises(MissingExtraError, match=r"python-absent has no vLLM\.\n.*pip install"):
        asked(models / "base")


def test_references_and_settings_that_mean_nothing_here_are_refused(
    models: Path, engine: Callable[[str], None]
) -> None:
    engine("honest")
    assert way_of("vllm:org/model@main+org/adapter") is VLLM
    for text in ("vllm:", "vllm:vllm:org/model", "vllm:./nowhere"):
        with pytest.raises(ModelReferenceError):
            VLLM.parse(text)
    with pytest.raises(UsageError, match="run none of their own code"):
        VLLM.check(Settings(trust_remote_code=True))
    with pytest.raises(UsageError, match="this vLLM computes on cpu, and 'cuda' was asked for"):
        asked(models / "base", device="cuda")
