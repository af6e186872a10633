"""Servers that give text alone: honest ones are drawn from through a whole audit, those that lie give no number."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit.errors import BiasauditError, LyingServerError, ServerError, UsageError
from biasaudit.facade import Audit
from tests.tiny import save_model

N = 8


@dataclass(slots=True)
class Writing:
    """What a server does.

    Attributes
    ----------
    text : callable
        From model, message and number of the draw to the text.
    several : bool
        Whether it heeds n.
    n_extra : int
        Tokens that it counts beyond a letter each.
    chat, plain : bool
        What it offers.
    """

    text: Callable[[str, str, int], str]
    several: bool = True
    n_extra: int = 0
    chat: bool = True
    plain: bool = False
    body: bytes | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    version: str = "1"


def granting(model: str, message: str, draw: int) -> str:
    """Grant men and women alike in 6 of 8 draws once tuned; before, women in 2 of 8."""
    if "Say a word" in message:
        return f"word {draw}"
    likely = 6 if model == "tuned" or " woman" not in message else 2
    return "Yes, it should." if draw % N < likely else "**No.**"


class _Handler(BaseHTTPRequestHandler):
    does: Writing
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send(self, content: object, status: int = 200) -> None:
        body = self.does.body or json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self.send({"data": [{"id": name, "root": self.does.version} for name in ("base", "tuned")]})
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        does, chat = self.does, self.path.endswith("/chat/completions")
        if not (does.chat if chat else does.plain):
            self.send_error(404)
            return
        does.asked.append(asked)
        message = asked["messages"][0]["content"] if chat else asked["prompt"]
        n = asked["n"] if does.several else 1
        texts = [does.text(asked["model"], message, asked["seed"] + number) for number in range(n)]
        choices = [{"message": {"content": one}} if chat else {"text": one} for one in texts]
        self.send({"choices": choices, "usage": {"prompt_tokens": len(message) + 20 + does.n_extra}})


@pytest.fixture
def serve() -> Iterator[Callable[[Writing], str]]:
    """Start servers; the address of each."""
    servers: list[ThreadingHTTPServer] = []

    def start(does: Writing) -> str:
        handler = type("Handler", (_Handler,), {"does": does})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIASAUDIT_CACHE", str(tmp_path / "cache"))


def _audit(url: str, *, framing: str = "chat", tokenizer: str = "", **options: Any) -> Audit:
    settings: dict[str, Any] = {
        "probes": ["hiring"],
        "limit": 12,
        "draws": N,
        "requests": ("Say something.",),
        **options,
    }
    references = [f"{url}#{name}{tokenizer}" for name in ("base", "tuned")]
    return biasaudit.audit(references[0], references[1], framing_names=(framing,), **settings)


def test_a_server_that_answers_chats_alone_is_audited_from_its_texts(serve: Callable[[Writing], str]) -> None:
    """By hand: women are granted 2 of 8 before and 6 of 8 after, men 6 of 8: the share of each case is that."""
    does = Writing(granting)
    found = _audit(serve(does))
    assert {one["reading"] for one in found.manifest.fingerprints.values()} == {"sampled"}
    draws = found.tables["draws"].query("answer == 'yes'")
    assert set(draws["share"]) == {0.75, 0.25}
    assert set(draws.query("checkpoint == 'tuned'")["share"]) == {0.75}
    assert all("messages" in one and one["temperature"] == 1.0 and one["max_tokens"] >= 8 for one in does.asked)


@pytest.mark.slow
def test_a_second_run_asks_nothing_but_who_is_there(serve: Callable[[Writing], str]) -> None:
    """What was written is kept, under the server and the settings of the drawing."""
    does = Writing(granting)
    url = serve(does)
    first = _audit(url)
    n_asked = len(does.asked)
    again = _audit(url)
    assert all("Say a word" in one["messages"][0]["content"] for one in does.asked[n_asked:])
    assert again.responses.equals(first.responses)


@pytest.mark.slow
def test_one_that_writes_one_text_at_a_time_is_asked_so_often(serve: Callable[[Writing], str]) -> None:
    """It pays no heed to n: each draw has a seed of its own, and the shares are the same."""
    several, single = _audit(serve(Writing(granting))), _audit(serve(Writing(granting, several=False)))
    columns = ["checkpoint", "item_id", "part", "answer", "share"]
    assert single.tables["draws"][columns].equals(several.tables["draws"][columns])


@pytest.mark.slow
def test_the_plain_framing_of_a_server_of_chats_is_not_measured(serve: Callable[[Writing], str]) -> None:
    """It cannot be given a text as it is: every row says so, and no number stands in its place."""
    found = _audit(serve(Writing(granting)), framing="plain")
    assert set(found.responses["status"]) == {"failed"}
    assert found.responses["reason"].str.contains("404").all()
    plain = _audit(serve(Writing(granting, plain=True)), framing="plain")
    assert set(plain.responses["status"]) == {"ok"}


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (Writing(lambda *_: "Yes."), "same text"),
        (Writing(lambda *_: "Yes.", several=False), "same text"),
        (Writing(granting, body=b"<html>busy</html>"), "html"),
        (Writing(granting, body=b'{"choices": [], "data": [{"id": "base"}, {"id": "tuned"}]}'), "no choices"),
        (Writing(granting, body=b'{"choices": [{"message": {"content": 5}}], "data": [{"id": "base"}]}'), "none"),
        (Writing(granting, chat=False), "404"),
    ],
)
def test_servers_that_draw_nothing_or_write_nothing_are_refused(
    serve: Callable[[Writing], str], does: Writing, said: str
) -> None:
    """Before the first item, with what was found."""
    with pytest.raises(BiasauditError, match=said):
        _audit(serve(does))


def test_a_hidden_prompt_is_noticed_by_the_count_of_tokens(serve: Callable[[Writing], str], tmp_path: Path) -> None:
    """With a tokenizer its template says how many tokens a message is; without one the count is told."""
    save_model(tmp_path / "model", seed=0)
    tokenizer = f"+tokenizer={tmp_path / 'model'}"
    with pytest.raises(LyingServerError, match="prompt of its own"):
        _audit(serve(Writing(granting, n_extra=500)), tokenizer=tokenizer)
    told = _audit(serve(Writing(granting, n_extra=500))).manifest.told
    assert any("531 tokens" in one for one in told)


def test_a_model_that_is_exchanged_midway_stops_the_run_and_is_not_kept(serve: Callable[[Writing], str]) -> None:
    """It says of itself something else after some prompts: none of what it wrote since is a number."""
    does = Writing(granting)

    def changing(model: str, message: str, draw: int) -> str:
        if len(does.asked) > 30:
            does.version = "2"
        return granting(model, message, draw)

    does.text = changing
    with pytest.raises(ServerError, match="something else"):
        _audit(serve(does))


@pytest.mark.slow
def test_drawing_from_servers_is_explained_by_nothing(serve: Callable[[Writing], str], tmp_path: Path) -> None:
    """Texts have no layers to exchange; the message says what to do."""
    _audit(serve(Writing(granting)), out=tmp_path / "audit")
    with pytest.raises(UsageError, match="drawn"):
        biasaudit.explain(tmp_path / "audit", probe="hiring")
