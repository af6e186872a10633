"""Servers over HTTP, honest and lying, driven by tiny models: what an honest one says is what the model computes."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch

HIDDEN = (7, 8, 9)
"""What a server with a hidden prompt puts before every text."""

ENDLESS = 100 << 20


class Scripted:
    """A model of two tables, of the last token and of the sum of all, so that each counts. It takes no time."""

    def __init__(self, folder: Path, seed: int) -> None:
        from transformers import AutoTokenizer

        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        rng = np.random.default_rng(seed)
        self._after, self._begun = rng.normal(scale=2.0, size=(2, len(self.tokenizer), len(self.tokenizer)))

    def after(self, ids: Sequence[int]) -> Any:
        so_far = np.cumsum(np.asarray(ids) + 1) % len(self._begun)
        logits = torch.from_numpy(self._after[list(ids)] + self._begun[so_far])
        return torch.log_softmax(logits, dim=-1)


class Weights:
    """A model whose log-probabilities are computed plainly, one text at a time."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._lock = threading.Lock()
        self._known: dict[tuple[int, ...], Any] = {}

    def after(self, ids: Sequence[int]) -> Any:
        """Log-probabilities of every token after each prefix, shape (n_ids, n_vocabulary)."""
        key = tuple(ids)
        with self._lock:
            if key not in self._known:
                with torch.no_grad():
                    logits = self._model(torch.tensor([key])).logits[0].double()
                self._known[key] = torch.log_softmax(logits, dim=-1)
            return self._known[key]


class Fake:
    """A server on this machine.

    Parameters
    ----------
    models : mapping
        Name -> what it computes with.
    dialect : str
        How it answers: prompt, echo, generate, forced, top, text, chat.
    lie : str
        What it does instead of answering as it should; see the handlers.
    lies_after : int
        Questions about texts that it answers honestly first.
    says : mapping
        What it says of itself besides.
    """

    def __init__(
        self,
        models: Mapping[str, Weights | Scripted],
        *,
        dialect: str = "prompt",
        lie: str = "",
        lies_after: int = 0,
        says: Mapping[str, Any] | None = None,
        swapped: Weights | Scripted | None = None,
    ) -> None:
        self.weights, self.swapped = dict(models), swapped
        self.dialect, self.lie, self.lies_after = dialect, lie, lies_after
        self.says = dict(says or {})
        self.n_asked = 0
        self.n_failed = 0
        self.fail_next = 0
        self.dies_after: int | None = None
        self.longest: int | None = None
        self.keys: set[str | None] = set()
        self.released = threading.Event()
        self.lock = threading.Lock()
        fake = self

        class Handler(_Handler):
            server_state = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def reference(self, name: str, tokenizer: Path | str) -> str:
        return f"{self.url}#{name}+tokenizer={tokenizer}"

    @property
    def lying(self) -> bool:
        return bool(self.lie) and self.n_asked > self.lies_after


def spoilt(
    lie: str, values: list[float | None], following: Any, table: Any, skip: int
) -> tuple[list[float | None], Any]:
    """What is said in the place of what is so: of every token, and of the next one."""
    if lie == "clips":
        floors = [None, *(float(table[place + skip - 1].topk(5).values[-1]) for place in range(1, len(values)))]
        values = [None, *(max(v, f) for v, f in zip(values[1:], floors[1:], strict=True))]  # type: ignore[type-var]
        following = following.clamp(min=float(following.topk(5).values[-1]))
    elif lie == "shifts later":
        values = [None, *([-1.0, *values[1:-1]] if len(values) > 1 else [])]
        following = table[-2] if len(table) > 1 else following
    elif lie == "shifts earlier":
        values = [None, *values[2:], float(following.max())] if len(values) > 1 else values
    elif lie == "one answer":
        values = [None, *(-1.0 - place / 7 for place in range(1, len(values)))]
        following = torch.linspace(-9, -1, len(following), dtype=torch.float64)
    elif lie == "certain":
        values = [None, *(0.0 for _ in values[1:])]
    elif lie == "rounds":
        values = [None if value is None else round(value, 2) for value in values]
        following = (following * 100).round() / 100
    return values, following


class _Handler(BaseHTTPRequestHandler):
    server_state: Fake
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits for 40 ms

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send(self, content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        fake = self.server_state
        fake.keys.add(self.headers.get("authorization"))
        if self.path == "/v1/models":
            self.send({"data": [{"id": name, "created": fake.n_asked, **fake.says} for name in fake.weights]})
        elif self.path == "/props" and fake.dialect == "forced":
            settings = {"n_ctx": 512}
            self.send({"build_info": "b1-fake", "model_ftype": "all F32", "default_generation_settings": settings})
        elif self.path == "/version" and fake.dialect in {"prompt", "echo"}:
            self.send({"version": "0.0-fake"})
        else:
            self.send({"error": "not found"}, 404)

    def do_POST(self) -> None:
        fake = self.server_state
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fake.keys.add(self.headers.get("authorization"))
        try:
            if self.path == "/tokenize":
                self.tokenize(asked)
            elif not self.misbehaves():
                self.answer(asked)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def tokenize(self, asked: dict[str, Any]) -> None:
        fake = self.server_state
        tokenizer = next(iter(fake.weights.values())).tokenizer
        ids = tokenizer(asked["content"], add_special_tokens=False)["input_ids"]
        self.send({"tokens": [number + 1 for number in ids] if fake.lie == "cuts otherwise" else ids})

    def misbehaves(self) -> bool:
        """Whether it did something that is no answer about a text."""
        fake = self.server_state
        with fake.lock:
            fake.n_asked += 1
            fails = fake.fail_next > 0
            fake.fail_next -= fails
            fake.n_failed += fails
        if fails:
            self.send({"error": "busy"}, 503, {"retry-after": "0"})
            return True
        if fake.dies_after is not None and fake.n_asked > fake.dies_after:
            self.close_connection = True
            self.connection.close()
            return True
        if not fake.lying:
            return False
        return self.no_answer(fake)

    def no_answer(self, fake: Fake) -> bool:
        """Do what a table says; whether it had anything for this lie."""
        plain: dict[str, tuple[object, int, dict[str, str]]] = {
            "html": (b"<html><script>alert(1)</script>\x1b[2J" + b"x" * 500, 200, {"content-type": "text/html"}),
            "cut json": (b'{"choices": [{"prompt_logprobs": [nul', 200, {}),
            "nan": (b'{"choices": [{"prompt_logprobs": [null, {"1": {"logprob": NaN}}]}]}', 200, {}),
            "nested": (b"[" * 100_000 + b"]" * 100_000, 200, {}),
            "busy": ({"error": "later"}, 429, {"retry-after": "0"}),
            "elsewhere": (b"", 307, {"location": "http://127.0.0.1:1/steal"}),
            "tells the key": ({"error": f"no access for {self.headers.get('authorization')}"}, 401, {}),
        }
        if fake.lie in plain:
            self.send(*plain[fake.lie])
        elif fake.lie == "stalls":
            fake.released.wait()
        elif fake.lie == "endless":
            self.send_response(200)
            self.send_header("content-length", str(ENDLESS))
            self.end_headers()
            for _ in range(ENDLESS >> 16):
                self.wfile.write(b" " * (1 << 16))
        else:
            return False
        return True

    def answer(self, asked: dict[str, Any]) -> None:
        fake = self.server_state
        if self.path == "/v1/chat/completions":
            self.send({"choices": [{"message": {"role": "assistant", "content": "Yes."}}]})
        elif fake.dialect == "chat":
            self.send({"error": "not found"}, 404)
        elif fake.longest is not None and len(asked.get("prompt", ())) > fake.longest:
            self.send({"error": "the text is too long\x1b[2J"}, 400)
        elif self.path == "/v1/completions" and fake.dialect != "generate":
            self.send(self.completion(asked))
        elif self.path == "/generate" and fake.dialect == "generate":
            self.send(self.generate(asked))
        elif self.path == "/completion" and fake.dialect == "forced":
            self.send(self.forced(asked))
        else:
            self.send({"error": "not found"}, 404)

    def told(self, name: str | None, ids: Sequence[int]) -> tuple[list[float | None], Any, int]:
        """What it says of every token, of the next one, and how many tokens it read."""
        fake = self.server_state
        weights = fake.weights[name] if name in fake.weights else next(iter(fake.weights.values()))
        lie = fake.lie if fake.lying else ""
        if lie == "other weights" and fake.swapped is not None:
            weights = fake.swapped
        read, skip = list(ids), 0
        if lie.startswith("hidden"):
            read, skip = [*HIDDEN, *ids], len(HIDDEN)
        if lie == "drops the beginning" and ids[0] == 0 and len(ids) > 1:
            read, skip = list(ids[1:]), -1
        table = weights.after(read)
        values: list[float | None] = [None]
        for place in range(1, len(ids)):
            at = place + skip - 1
            values.append(float(table[at, ids[place]]) if at >= 0 else -1.0)
        following = table[-1]
        values, following = spoilt(lie, values, following, table, skip)
        n_read = len(read) if lie == "hidden prompt" else len(ids)
        return values, following, n_read

    def completion(self, asked: dict[str, Any]) -> dict[str, Any]:
        fake, ids = self.server_state, asked["prompt"]
        values, following, n_read = self.told(asked["model"], ids)
        choice: dict[str, Any] = {"text": "x", "logprobs": None}
        moved = 1 if fake.lying and fake.lie == "other tokens" else 0
        if fake.dialect == "prompt" and "prompt_logprobs" in asked:
            found: list[Any] = [None]
            for number, value in zip(ids[1:], values[1:], strict=True):
                found.append({str(number + moved): {"logprob": value, "rank": 1, "decoded_token": "?"}})
            choice["prompt_logprobs"] = [None] if fake.lie == "[None]" else found
        names = [f"token_id:{number}" for number in ids]
        if fake.dialect == "echo" and asked.get("echo") and fake.lie != "ignores echo":
            if fake.says.get("owned_by") == "writes tokens out":
                names = [next(iter(fake.weights.values())).tokenizer.convert_ids_to_tokens(number) for number in ids]
            if moved:
                names = [*names[:-1], "another"]
            choice["logprobs"] = {"tokens": [*names, "x"], "token_logprobs": [*values, -0.5]}
        if fake.dialect == "top" and asked.get("logprobs") and not asked.get("echo"):
            best = following.topk(min(int(asked["logprobs"]), 5))
            pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            choice["logprobs"] = {"top_logprobs": [{f"token_id:{number}": value for number, value in pairs}]}
        return {"choices": [choice], "usage": {"prompt_tokens": n_read}}

    def generate(self, asked: dict[str, Any]) -> dict[str, Any]:
        ids = asked["input_ids"]
        values, _, n_read = self.told(None, ids)
        found = [[value, number, None] for value, number in zip(values, ids, strict=True)]
        return {"text": "x", "meta_info": {"prompt_tokens": n_read, "input_token_logprobs": found}}

    def forced(self, asked: dict[str, Any]) -> dict[str, Any]:
        fake, ids = self.server_state, asked["prompt"]
        _, following, n_read = self.told(asked.get("model"), ids)
        number = asked["logit_bias"][0][0]
        weights = next(iter(fake.weights.values()))
        answer: dict[str, Any] = {"content": "x", "tokens_evaluated": n_read, "truncated": False}
        if "\ufffd" in weights.tokenizer.decode([number]):
            return answer  # as llama-server does where a text ends within a character
        value = 0.0 if fake.lying and fake.lie == "certain" else float(following[number])
        best = following.topk(min(asked["n_probs"], len(following)))
        top = [{"id": i, "logprob": v} for i, v in zip(best.indices.tolist(), best.values.tolist(), strict=True)]
        return {**answer, "completion_probabilities": [{"id": number, "logprob": value, "top_logprobs": top}]}
