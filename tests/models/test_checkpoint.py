from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import ModelFilesError, ModelReferenceError
from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.local.checkpoint import INDEX, WEIGHTS, alone, model_files
from tests.models.test_engine import TEXTS, values


def copied(models: Path, target: Path) -> Path:
    return shutil.copytree(models / "base", target)


def sharded(models: Path, target: Path) -> Path:
    """The base in two files and an index."""
    from safetensors.torch import load_file, save_file

    copied(models, target)
    tensors = load_file(target / WEIGHTS)
    (target / WEIGHTS).unlink()
    names = sorted(tensors)
    places = {}
    for number, part in enumerate((names[:10], names[10:]), 1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, target / file, {"format": "pt"})
        places.update(dict.fromkeys(part, file))
    (target / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    return target


def index_naming(folder: Path, old: str, new: str) -> None:
    path = folder / INDEX
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


SECOND = "model-00002-of-00002.safetensors"


def refused(folder: Path, match: str) -> None:
    with pytest.raises(ModelFilesError, match=match):
        locate(parse_reference(str(folder)))


def test_shards_give_the_numbers_of_one_file(models: Path, tmp_path: Path) -> None:
    found = locate(parse_reference(str(sharded(models, tmp_path / "m"))))
    assert [path.name for path in found.files.weights] == ["model-00001-of-00002.safetensors", SECOND]
    plain = ModelShelf(dtype="float32").open(locate(parse_reference(str(models / "base"))))
    assert values(ModelShelf(dtype="float32").open(found), TEXTS) == values(plain, TEXTS)


@pytest.mark.parametrize("way", ["../other/{}", "/etc/{}", "a/../../other/{}", "..\\\\{}"])
def test_an_index_may_name_nothing_outside_its_folder(models: Path, tmp_path: Path, way: str) -> None:
    """It loaded other weights under the hash of a decoy that lay in the folder."""
    folder = sharded(models, tmp_path / "m")
    (tmp_path / "other").mkdir()
    shutil.copy(folder / SECOND, tmp_path / "other" / SECOND)
    index_naming(folder, SECOND, way.format(SECOND))
    refused(folder, "outside the folder")


@pytest.mark.parametrize("link", ["weights", "shard", "config.json"])
def test_links_that_leave_the_folder_are_refused(models: Path, tmp_path: Path, link: str) -> None:
    folder = sharded(models, tmp_path / "m") if link == "shard" else copied(models, tmp_path / "m")
    path = folder / {"weights": WEIGHTS, "shard": SECOND, "config.json": "config.json"}[link]
    outside = tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    refused(folder, "is a link to .*outside the folder of the model")


def test_a_link_within_the_folder_and_a_link_to_the_folder_are_fine(models: Path, tmp_path: Path) -> None:
    folder = copied(models, tmp_path / "m")
    (folder / WEIGHTS).rename(folder / "kept")
    (folder / WEIGHTS).symlink_to("kept")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    assert (
        locate(parse_reference(str(tmp_path / "link"))).weights == locate(parse_reference(str(models / "base"))).weights
    )


def test_an_index_that_names_pickles_is_refused(models: Path, tmp_path: Path) -> None:
    folder = sharded(models, tmp_path / "m")
    index_naming(folder, SECOND, "pytorch_model.bin")
    refused(folder, "'pytorch_model.bin', which is no safetensors file")


def test_a_shard_that_is_not_there_is_named_before_anything_is_loaded(models: Path, tmp_path: Path) -> None:
    folder = sharded(models, tmp_path / "m")
    (folder / SECOND).unlink()
    refused(folder, f"names 2 files, and 1 of them are not there: {SECOND}")


def test_a_tensor_that_no_shard_holds_is_named(models: Path, tmp_path: Path) -> None:
    folder = sharded(models, tmp_path / "m")
    index_naming(folder, '"lm_head.weight"', '"lm_hat.weight"')
    refused(folder, "'lm_hat.weight' .*none of 2 files holds")


def test_a_tensor_in_two_shards_is_refused(models: Path, tmp_path: Path) -> None:
    """Which of them is loaded would be a matter of order."""
    folder = sharded(models, tmp_path / "m")
    shutil.copy(models / "tuned" / WEIGHTS, folder / SECOND)
    refused(folder, "which another file of this model holds too")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_pointer_of_git_lfs_is_said_to_be_one(models: Path, tmp_path: Path, name: str) -> None:
    folder = copied(models, tmp_path / "m")
    (folder / name).write_bytes(POINTER)
    refused(folder, "is a pointer of git-LFS, not the file itself")


@pytest.mark.parametrize("left", [0, 5, 8, 100, 5000, -1])
def test_a_truncated_file_is_said_to_be_one(models: Path, tmp_path: Path, left: int) -> None:
    folder = copied(models, tmp_path / "m")
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:left])
    refused(folder, "is not a whole safetensors file")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path must be short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("put", [a_pipe, a_socket, a_device, a_folder, a_link_to_itself])
@pytest.mark.parametrize("name", [WEIGHTS, "config.json", INDEX, "adapter_config.json", "generation_config.json"])
def test_what_is_no_plain_file_is_not_read(
    models: Path, tmp_path: Path, name: str, put: Callable[[Path], None]
) -> None:
    """A pipe never ends, nor does /dev/zero."""
    folder = sharded(models, tmp_path / "m") if name == INDEX else copied(models, tmp_path / "m")
    (folder / name).unlink(missing_ok=True)
    put(folder / name)
    refused(folder, "is no plain file|cannot be read")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"[" * 200_000, "nested too deeply"),
        (b"{", "cannot be read as JSON"),
        (b"[]", "holds list; expected an object"),
        (b'{"a": ' + b"1" * 5000 + b"}", "cannot be read as JSON"),
        (b"\xff\xfe{}", "cannot be read as JSON"),
        (b" " * (4 * 1024**2 + 1), "expected at most 4,194,304"),
        (b"{}", "names no model_type"),
    ],
    ids=["deep", "torn", "list", "long number", "not utf-8", "large", "empty"],
)
def test_a_configuration_that_cannot_be_read_is_one_message(
    models: Path, tmp_path: Path, content: bytes, match: str
) -> None:
    folder = copied(models, tmp_path / "m")
    (folder / "config.json").write_bytes(content)
    refused(folder, match)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"weight_map": {}},
        {"weight_map": []},
        {"weight_map": {"a": 3}},
        {"weight_map": {"a": ""}},
        {"weight_map": {"a": "x\0y.safetensors"}},
    ],
)
def test_an_index_that_maps_nothing_is_refused(models: Path, tmp_path: Path, content: object) -> None:
    folder = sharded(models, tmp_path / "m")
    (folder / INDEX).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelFilesError):
        locate(parse_reference(str(folder)))


def with_header(path: Path, header: object, payload: bytes = b"") -> None:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + payload)


@pytest.mark.parametrize(
    "header",
    [
        [],
        b"[" * 100_000,
        {"a": 3},
        {"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [10**40], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}},
        {"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}},
        {"a": {"dtype": "F32", "shape": [1]}, "b": {}},
    ],
    ids=str,
)
def test_a_header_that_lies_is_refused(models: Path, tmp_path: Path, header: object) -> None:
    folder = copied(models, tmp_path / "m")
    with_header(folder / WEIGHTS, header, b"\0" * 4)
    refused(folder, "is not a whole safetensors file")


def test_a_header_longer_than_the_file_is_refused(models: Path, tmp_path: Path) -> None:
    folder = copied(models, tmp_path / "m")
    (folder / WEIGHTS).write_bytes((2**62).to_bytes(8, "little") + b"{}")
    refused(folder, "is not a whole safetensors file")


def test_weights_under_another_name_are_not_guessed(models: Path, tmp_path: Path) -> None:
    folder = copied(models, tmp_path / "m")
    (folder / WEIGHTS).rename(folder / "model.fp16.safetensors")
    refused(folder, "holds neither model.safetensors nor .*but model.fp16.safetensors")


def test_a_configuration_may_not_name_other_weights(models: Path, tmp_path: Path) -> None:
    """transformers would load them in place of model.safetensors."""
    folder = copied(models, tmp_path / "m")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": "x.safetensors"}), "utf-8")
    refused(folder, "names other weights, 'x.safetensors'")


def test_an_adapter_in_the_folder_of_a_model_is_not_put_on_unasked(models: Path, tmp_path: Path) -> None:
    folder = copied(models, tmp_path / "m")
    for path in (models / "adapter").iterdir():
        if path.name.startswith("adapter"):
            shutil.copy(path, folder)
    refused(folder, rf"holds a model and an adapter(?s:.)*{models / 'base'}\+{folder}")


def test_the_loader_itself_would_have_put_it_on(models: Path, tmp_path: Path) -> None:
    """What the folder of its own guards against: beside a card the same weights get an adapter."""
    folder = copied(models, tmp_path / "m")
    files = model_files(folder)
    for path in (models / "adapter").iterdir():
        if path.name.startswith("adapter"):
            shutil.copy(path, folder)
    from transformers import AutoModelForCausalLM

    with alone(files) as inside:
        assert not hasattr(AutoModelForCausalLM.from_pretrained(inside), "peft_config")
    assert AutoModelForCausalLM.from_pretrained(folder).peft_config


def test_an_adapter_alone_is_no_model_and_its_base_is_named(models: Path) -> None:
    refused(
        models / "adapter", rf"holds an adapter, not a model(?s:.)*Name both: {models / 'base'}\+{models / 'adapter'}"
    )


def test_a_folder_of_checkpoints_names_what_could_be_meant(models: Path, tmp_path: Path) -> None:
    """As trainers leave them."""
    for number in (500, 1000):
        copied(models, tmp_path / "out" / f"checkpoint-{number}")
    (tmp_path / "out" / "trainer_state.json").write_text("{}", encoding="utf-8")
    refused(tmp_path / "out", r"has no config\.json\. It holds 'checkpoint-500' and 1 more, which could be meant")


def test_a_merged_folder_without_a_tokenizer_is_refused_with_the_fix(models: Path, tmp_path: Path) -> None:
    """It was audited, and everything was `not measured`: transformers makes an empty tokenizer of nothing."""
    folder = copied(models, tmp_path / "m")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    refused(folder, "(?s)without a tokenizer.*Copy the tokenizer of the base")


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", INDEX, SECOND])
def test_every_file_that_is_read_is_in_the_hash(models: Path, tmp_path: Path, name: str) -> None:
    folder = sharded(models, tmp_path / "m")
    before = locate(parse_reference(str(folder))).weights
    path = folder / name
    if path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**content, "a_line": "more"}), encoding="utf-8")
    else:
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(bytes(raw))
    os.utime(path, (1, 1))
    assert locate(parse_reference(str(folder))).weights != before


def test_what_is_not_read_is_not_in_the_hash(models: Path, tmp_path: Path) -> None:
    folder = copied(models, tmp_path / "m")
    before = locate(parse_reference(str(folder))).weights
    (folder / "README.md").write_text("x", encoding="utf-8")
    shutil.copy(folder / WEIGHTS, folder / "consolidated.safetensors")
    assert locate(parse_reference(str(folder))).weights == before


def test_locating_needs_no_torch(models: Path) -> None:
    """A finished audit is returned without the seconds that torch takes to import."""
    command = (
        "import sys; from biasaudit.models import locate, parse_reference; "
        f"locate(parse_reference({str(models / 'base')!r})); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


REMOTE = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model-00001-of-00002.safetensors",
    SECOND,
    INDEX,
    "model.fp16-00001-of-00002.safetensors",
    "consolidated.safetensors",
    "original/params.json",
    "original/consolidated.00.safetensors",
    "onnx/model.safetensors",
    "pytorch_model.bin",
    "additional_chat_templates/tools.jinja",
    "README.md",
)


def hub_of(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: Iterable[str]) -> list[str]:
    """A hub of one repository, behind the library's own filter, in its cache's layout; what was fetched, in order."""
    import huggingface_hub
    from huggingface_hub.utils._paths import filter_repo_objects

    remote = sharded(models, tmp_path / "remote")
    fetched: list[str] = []
    repository = tmp_path / "hub" / "models--someone--tiny"
    (repository / "blobs").mkdir(parents=True)

    def fetch(hub_id: str, *, revision: str | None, allow_patterns: list[str], ignore_patterns: Any = None) -> str:
        assert revision in {"main", "a" * 40}
        snapshot = repository / "snapshots" / ("a" * 40)
        for name in filter_repo_objects(names, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns):
            target = snapshot / name
            if target.is_symlink():
                continue
            fetched.append(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            blob = repository / "blobs" / name.replace("/", "-")
            source = remote / name
            blob.write_bytes(source.read_bytes() if source.is_file() else b"x")
            target.symlink_to(os.path.relpath(blob, target.parent))
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    return fetched


def test_only_what_the_index_names_is_fetched_from_the_hub(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = hub_of(models, tmp_path, monkeypatch, REMOTE)
    found = locate(parse_reference("someone/tiny@main"))
    assert [name for name in fetched if name.endswith((".safetensors", ".bin"))] == [
        "model-00001-of-00002.safetensors",
        SECOND,
    ]
    assert not [name for name in fetched if name.startswith(("original/", "onnx/"))]
    assert "additional_chat_templates/tools.jinja" in fetched
    assert fetched.index(INDEX) < fetched.index(SECOND)
    plain = ModelShelf(dtype="float32").open(locate(parse_reference(str(models / "base"))))
    assert values(ModelShelf(dtype="float32").open(found), TEXTS) == values(plain, TEXTS)


def test_the_cache_of_the_hub_may_keep_files_in_its_blobs_and_nowhere_else(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_of(models, tmp_path, monkeypatch, REMOTE)
    found = locate(parse_reference("someone/tiny@main"))
    outside = tmp_path / "hub" / "models--someone--other" / "blobs"
    outside.mkdir(parents=True)
    link = found.folder / SECOND
    shutil.copy(link.resolve(), outside / "x")
    link.unlink()
    link.symlink_to(outside / "x")
    with pytest.raises(ModelFilesError, match="outside the folder of the model"):
        locate(parse_reference("someone/tiny@main"))


def test_a_shard_that_the_cache_lacks_offline_is_named(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library answers with what it has; it does not know what the index asks for."""
    import huggingface_hub.constants

    repository = tmp_path / "models--someone--tiny"
    snapshot = repository / "snapshots" / ("a" * 40)
    sharded(models, snapshot)
    (snapshot / SECOND).unlink()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFilesError, match=f"not there: {SECOND}"):
        locate(parse_reference("someone/tiny@main"))


@pytest.mark.parametrize("name", ["x.gguf", "x"])
def test_a_pipe_as_a_model_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises((ModelFilesError, ModelReferenceError)):
        locate(parse_reference(str(tmp_path / name)))
