"""What is only meaningful for weights on this machine is the way's own, and costs what it cost before."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from biasaudit.analysis.tabulate import tabulate
from biasaudit.audits.plan import Plan
from biasaudit.framing import request_key
from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.backends.local import LOCAL
from biasaudit.models.backends.local_model import LocalModel
from biasaudit.models.local.weights import load_weights
from biasaudit.types import Ability, Request, Scored
from tests.running import run
from tests.tiny import save_probe


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


def test_a_loaded_model_answers_in_the_order_of_the_requests_and_keeps_what_it_is(models: Path) -> None:
    """Equal requests have equal answers; bytes are tokens, so that they end at 1, 2, 3 characters after the space."""
    model = LocalModel(loaded=ModelShelf().open(locate(parse_reference(str(models / "base")))))
    asked = [request("she is", " kind"), request("he is", " it"), request("she is", " kind")]
    done: list[tuple[int, int]] = []
    first, other, again = model.respond(asked, on_progress=lambda *told: done.append(told))
    assert [one.key for one in (first, other, again)] == [one.key for one in asked]
    assert first == again
    assert sum(n_requests for n_requests, _ in done) == 2
    assert isinstance(first, Scored)
    assert isinstance(other, Scored)
    assert model.token_ends([(asked[0], first.token_ids), (asked[1], other.token_ids)]) == [[1, 2, 3, 4, 5], [1, 2, 3]]
    assert (
        model.can
        == LOCAL.can
        == {
            Ability.LIKELIHOOD,
            Ability.GENERATION,
            Ability.TOKEN_ENDS,
            Ability.GRADIENTS,
        }
    )
    assert model.unknown_id is None
    assert (model.fingerprint.beginning_token, model.fingerprint.vocabulary_size) == (None, 260)


def alive() -> int:
    """Count the models in memory."""
    from transformers import LlamaForCausalLM

    gc.collect()
    # By type(): some objects of torch warn when they are asked for their class.
    return sum(issubclass(type(one), LlamaForCausalLM) for one in gc.get_objects())


def audit(models: Path, tmp_path: Path) -> None:
    base, probe = str(models / "base"), str(save_probe(tmp_path / "mini"))
    run(Plan(base=base, tuned=(str(models / "tuned"),), probes=(probe,), framing_names=("plain",)))


def test_no_weights_are_in_memory_while_tables_are_made(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of 8 billion weights beside the tables of a large probe would be the most that an audit ever takes."""
    found: list[int] = []

    def counted(*arguments: Any, **options: Any) -> object:  # Any: handed on
        found.append(alive())
        return tabulate(*arguments, **options)

    before = alive()
    monkeypatch.setattr("biasaudit.audits.run.tabulate", counted)
    audit(models, tmp_path)
    assert found == [before]


@pytest.mark.slow
def test_one_model_is_in_memory_at_a_time(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two would be twice the memory, and the largest that fits would no longer fit.

    The tuned model and the base are asked for sentences, the base stays for its requests, the tuned one comes again.
    """
    found: list[int] = []

    def counted(*arguments: Any, **options: Any) -> object:  # Any: handed on
        found.append(alive())
        return load_weights(*arguments, **options)

    before = alive()
    monkeypatch.setattr("biasaudit.models.local.loading.load_weights", counted)
    audit(models, tmp_path)
    assert found == [before] * 3
