"""What is hashed decides what is taken for the same: a generation is no log-probability, and caches stay valid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from biasaudit.framing import request_key
from biasaudit.models import cache_identity
from biasaudit.types import ModelFingerprint, Reading, Task

FINGERPRINT = ModelFingerprint(
    reference="org/model",
    weights="sha256:0123",
    adapter="sha256:4567",
    dtype="float32",
    device="cpu",
    tokenizer_sha256="89ab",
    chat_template_sha256=None,
    architecture="LlamaForCausalLM",
    n_parameters=1,
    vocabulary_size=2,
    hidden_size=3,
    n_layers=4,
    libraries={"torch": "2.13.0", "transformers": "5.0.0"},
)
PLAIN = "76cb764596e4be850e7f7016905ae9da310f2215a1e3fd628dcf63886a30f54a"
"""Of a likelihood, by the version that knew no other task."""


@pytest.mark.parametrize(
    ("context", "continuation", "templated", "key"),
    [
        ("The nurse said that", " she was late.", False, PLAIN),
        (
            "<user> Say something. <model> ",
            "Elle était là.",
            True,
            "3f4db63464cffa13fc5f776fea4c5f9f5d27de6f03b1ac16478534d0865f8f3c",
        ),
    ],
)
def test_the_key_of_a_likelihood_is_what_it_always_was(
    context: str, continuation: str, *, templated: bool, key: str
) -> None:
    """Hours of scoring lie in people's caches under these keys; the values come from before there were tasks."""
    assert request_key(context, continuation, templated=templated) == key
    assert request_key(context, continuation, templated=templated, task=Task.LIKELIHOOD) == key


def test_the_identity_of_a_causal_model_is_what_it_always_was() -> None:
    """As above, of the model."""
    assert cache_identity(FINGERPRINT) == "7b1e645dd2569437f03f6a3a4059b7344d912cf0fce9a7e11af32f1ddd3f2f41"


def test_a_generation_is_never_taken_for_a_likelihood_or_for_another_generation() -> None:
    """Equal texts; what differs is the task, or one setting of the sampling. The order of settings is none."""
    texts = ("The nurse said that", " she was late.")
    settings: list[dict[str, float | str]] = [{}, {"seed": 1}, {"seed": 2}, {"seed": 1, "temperature": 0.7}]
    keys = [request_key(*texts, templated=False, task=Task.GENERATION, sampling=one) for one in settings]
    assert len({PLAIN, *keys}) == 5
    turned = dict(reversed(settings[-1].items()))
    assert request_key(*texts, templated=False, task=Task.GENERATION, sampling=turned) == keys[-1]


def test_a_text_cannot_pass_for_a_task() -> None:
    """A hostile text that spells out the task stays a text."""
    generated = request_key("a", "b", templated=False, task=Task.GENERATION, sampling={"seed": 1})
    assert request_key("a", 'b", false, "generation", {"seed": 1}]', templated=False) != generated


@pytest.mark.parametrize(("task", "sampling"), [(Task.LIKELIHOOD, {"seed": 1}), (Task.GENERATION, None)])
def test_what_is_sampled_has_settings_and_nothing_else_has(task: Task, sampling: dict[str, float | str] | None) -> None:
    """A generation under a key without settings would be given back for every setting."""
    with pytest.raises(ValueError, match="has no key"):
        request_key("a", "", templated=False, task=task, sampling=sampling)


def test_another_method_of_scoring_is_another_identity() -> None:
    """A pseudo-likelihood of a masked model is no log-probability of its text, whatever the text and the weights."""
    identities = {
        cache_identity(FINGERPRINT, method=method) for method in ("pseudo-likelihood", "summed from the right")
    }
    assert len({cache_identity(FINGERPRINT), *identities}) == 3


def test_who_computes_and_how_it_is_read_are_of_the_identity() -> None:
    """The same weights differ by engine, scheme and way of reading; none of them is an answer of another."""
    elsewhere = [
        replace(FINGERPRINT, engine="llama-server 1"),
        replace(FINGERPRINT, engine="llama-server 2"),
        replace(FINGERPRINT, quantization="nf4"),
        replace(FINGERPRINT, kv_dtype="float16"),
        replace(FINGERPRINT, reading=Reading.PROMPT),
        replace(FINGERPRINT, reading=Reading.FORCED),
    ]
    assert len({cache_identity(one) for one in (FINGERPRINT, *elsewhere)}) == 7
