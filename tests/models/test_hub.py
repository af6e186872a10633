"""The hub through its own library: revisions from its cache when offline, and what is said of gated and absent models.

The hub is a server of this test on 127.0.0.1, named by HF_ENDPOINT.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit.errors import ModelReferenceError
from biasaudit.models import locate, parse_reference
from biasaudit.models.backend import Settings
from biasaudit.models.backends import local
from tests.tiny import save_adapter, save_model, save_probe

TOKEN = "hf_of_this_test"
COMMIT = "c" * 40
ASK = """
import json, sys
from biasaudit.errors import ModelReferenceError
from biasaudit.models.local.files import hub_folder
found = {}
for name, revision in json.loads(sys.argv[1]):
    try:
        found[f"{name}@{revision}"] = sorted(path.name for path in hub_folder(name, revision).iterdir())
    except ModelReferenceError as exc:
        found[f"{name}@{revision}"] = str(exc)
print(json.dumps(found))
"""


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does: a model that is gated, one that is there, and nothing else."""

    folder: Path

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _error(self, code: int, name: str, message: str) -> None:
        self.send_response(code)
        self.send_header("X-Error-Code", name)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self._file(whole=False)

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[0] != "api":
            self._file(whole=True)
            return
        name, rest = "/".join(parts[2:4]), parts[4:]
        if self._refused(name):
            return
        if rest[:1] == ["tree"]:
            self._json([self._entry(path) for path in sorted(self.folder.iterdir())])
        elif rest[1:] and rest[1] not in {"main", COMMIT}:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {rest[1]}")
        else:
            siblings = [{"rfilename": path.name} for path in sorted(self.folder.iterdir())]
            self._json({"id": name, "modelId": name, "sha": COMMIT, "private": False, "siblings": siblings})

    def _refused(self, name: str) -> bool:
        if name == "someone/gated" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._error(401, "GatedRepo", "Access to model someone/gated is restricted.")
            return True
        if name not in {"someone/gated", "someone/open"}:
            self._error(404, "RepoNotFound", "Repository not found")
            return True
        return False

    @staticmethod
    def _entry(path: Path) -> dict[str, object]:
        return {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": _oid(path)}

    def _file(self, *, whole: bool) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if self._refused("/".join(parts[:2])):
            return
        path = self.folder / parts[-1]
        if not path.is_file():
            self._error(404, "EntryNotFound", "Entry not found")
            return
        self.send_response(200)
        self.send_header("ETag", f'"{_oid(path)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        if whole:
            self.wfile.write(path.read_bytes())


def _oid(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


@pytest.fixture
def endpoint(models: Path) -> Iterator[str]:
    handler = type("OfTheseModels", (Hub,), {"folder": models / "base"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(endpoint: str, home: Path, *names: tuple[str, str | None], **environment: str) -> dict[str, Any]:
    """What a process says that knows this hub alone."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(names)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**own, **settings, **environment},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_gated_absent_and_other_revisions_are_told_apart_with_what_to_do(endpoint: str, tmp_path: Path) -> None:
    """The library's own exceptions, from a server; the token is the library's own affair."""
    said = asked(
        endpoint,
        tmp_path,
        ("someone/gated", None),
        ("someone/absent", None),
        ("someone/open", "v9"),
        ("someone/open", None),
    )
    assert "hf auth login" in said["someone/gated@None"]
    assert "accept its terms" in said["someone/gated@None"]
    assert "HF_TOKEN" in said["someone/gated@None"]
    assert "Check the spelling" in said["someone/absent@None"]
    assert "accept its terms" not in said["someone/absent@None"]
    assert "no branch, tag or commit 'v9'" in said["someone/open@v9"]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(said["someone/open@None"])


@pytest.mark.slow
def test_a_token_of_the_environment_opens_a_gated_model_and_is_written_nowhere(endpoint: str, tmp_path: Path) -> None:
    said = asked(endpoint, tmp_path, ("someone/gated", None), HF_TOKEN=TOKEN)
    assert "model.safetensors" in said["someone/gated@None"]
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []
    again = asked("http://127.0.0.1:9", tmp_path, ("someone/gated", "main"), ("someone/open", None), HF_HUB_OFFLINE="1")
    assert again["someone/gated@main"] == said["someone/gated@None"]
    assert "HF_HUB_OFFLINE" in again["someone/open@None"]
    assert "hf download someone/open" in again["someone/open@None"]


def in_cache(cache: Path, hub_id: str, revision: str, folder: Path) -> None:
    """Keep a folder as one revision in the layout of the hub's cache."""
    repository = cache / f"models--{hub_id.replace('/', '--')}"
    commit = hashlib.sha1(f"{hub_id} {revision}".encode()).hexdigest()
    shutil.copytree(folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / revision).write_text(commit, encoding="utf-8")


@pytest.fixture
def cached(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache, offline, with two revisions of a base, of a tuned model and of an adapter; v2 of each has other weights.

    The tokenizer of v2 has a chat template, and that of v1 has none.
    """
    import huggingface_hub.constants

    cache = tmp_path / "hub"
    save_model(tmp_path / "v1", seed=21, chat_template=None)
    save_model(tmp_path / "v2", seed=22)
    save_adapter(tmp_path / "v1", tmp_path / "adapter-1")
    shutil.copytree(tmp_path / "adapter-1", tmp_path / "adapter-2")
    for name in ("adapter-1", "adapter-2"):
        card = tmp_path / name / "adapter_config.json"
        content = {**json.loads(card.read_text()), "base_model_name_or_path": "org/base"}
        card.write_text(json.dumps({**content, "lora_alpha": 4 if name == "adapter-1" else 16}))
    for name in ("base", "it"):
        in_cache(cache, f"org/{name}", "v1", tmp_path / "v1")
        in_cache(cache, f"org/{name}", "v2", tmp_path / "v2")
    in_cache(cache, "org/adapter", "v1", tmp_path / "adapter-1")
    in_cache(cache, "org/adapter", "v2", tmp_path / "adapter-2")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return cache


@pytest.mark.usefixtures("cached")
def test_a_revision_is_that_of_base_adapter_and_tokenizer_alike() -> None:
    """Each part has its own; another revision of any is another model."""
    one, two = (locate(parse_reference(f"org/base@{revision}")) for revision in ("v1", "v2"))
    assert one.weights != two.weights
    first, second = (locate(parse_reference(f"org/base@v1+org/adapter@{revision}")) for revision in ("v1", "v2"))
    assert first.weights == second.weights == one.weights
    assert first.adapter != second.adapter
    templates = []
    for place in (one, two):
        ready = local.made_ready({"base": place}, Settings(device="cpu"))
        with ready.opened(print, cached=False) as opened:
            templates.append(opened("base").fingerprint.chat_template_sha256)
    assert templates[0] is None
    assert templates[1] is not None
    with pytest.raises(ModelReferenceError, match="org/base@v3"):
        locate(parse_reference("org/base@v3"))


@pytest.mark.slow
@pytest.mark.usefixtures("cached")
def test_an_audit_of_revisions_records_which_they_were(tmp_path: Path) -> None:
    probe = str(save_probe(tmp_path / "mini"))
    tuned = {"sft": "org/it@v2", "lora": "org/base@v1+org/adapter@v2"}
    found = biasaudit.audit("org/base@v1", tuned, probes=[probe], framing_names=("plain",), device="cpu", siblings=True)
    assert {one["reference"] for one in found.manifest.fingerprints.values()} == {"org/base@v1", *tuned.values()}
    assert len({one["weights"] for one in found.manifest.fingerprints.values()}) == 2
    assert "adapter on the base's own weights" in found.manifest.lineage["2-lora"]
