from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from biasaudit.errors import BiasauditError, ChatTemplateError, LineageError, ModelFilesError, ModelReferenceError
from biasaudit.framing import request_key
from biasaudit.models import LoadedModel, ModelShelf, ResponseCache, lineage, locate, parse_reference, score
from biasaudit.models.text.templates import chosen_template, read_template
from biasaudit.types import Failed, Request, Scored


def request(context: str, continuation: str, *, templated: bool = False) -> Request:
    return Request(
        key=request_key(context, continuation, templated=templated),
        context=context,
        continuation=continuation,
        templated=templated,
        item_id="i",
        part="first",
        framing_id="plain",
    )


def opened(reference: str) -> LoadedModel:
    return ModelShelf().open(locate(parse_reference(reference)))


def values(model: LoadedModel, requests: Sequence[Request], *, batch_tokens: int | None = None) -> list[float]:
    found = []
    for response in score(model, requests, batch_tokens=batch_tokens):
        assert isinstance(response, Scored)
        found.append(response.logprob_nats)
    return found


REQUESTS = [
    request("", "the cat is good"),
    request("", "a"),
    request("the woman works as", " a nurse."),
    request("the man works as", " a nurse, and a good one at that."),
    request("<bos><user> say . <model> ", "she said that", templated=True),
]


@pytest.mark.parametrize(
    ("text", "base", "revision", "adapter"),
    [
        ("google/gemma-3-270m", "google/gemma-3-270m", None, None),
        ("gpt2@main", "gpt2", "main", None),
        ("a/b@v1+c/d@v2", "a/b", "v1", "c/d"),
    ],
)
def test_references_to_the_hub(text: str, base: str, revision: str | None, adapter: str | None) -> None:
    spec = parse_reference(text)
    assert (spec.base, spec.revision, spec.adapter) == (base, revision, adapter)


def test_existing_paths_win_whatever_their_names_hold(tmp_path: Path) -> None:
    odd = tmp_path / "a+b@c"
    odd.mkdir()
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    assert parse_reference(str(odd)).base == str(odd)
    assert parse_reference(f"{odd}+{adapter}").adapter == str(adapter)


@pytest.mark.parametrize("text", ["", " ", "./none", "/none/at/all", "none.gguf", "a/b/c", "a b", "x+", "+x", "a@"])
def test_a_reference_that_means_nothing_says_what_would(text: str) -> None:
    with pytest.raises(ModelReferenceError) as caught:
        parse_reference(text)
    assert "hub id" in str(caught.value)


def test_log_probabilities_are_those_of_the_model_by_hand(models: Path) -> None:
    """The whole vocabulary's log-softmax at each position, for one request."""
    import torch

    model = opened(str(models / "base"))
    ids = model.tokenizer("the cat", add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = model.model(torch.tensor([[0, *ids]])).logits.log_softmax(-1)
    expected = sum(float(logits[0, position, token]) for position, token in enumerate(ids))
    assert values(model, [request("", "the cat")]) == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 40, 10_000])
def test_numbers_do_not_move_with_batch_size_or_order(models: Path, batch_tokens: int) -> None:
    model = opened(str(models / "base"))
    alone = [values(model, [one])[0] for one in REQUESTS]
    together = values(model, REQUESTS, batch_tokens=batch_tokens)
    backwards = values(model, REQUESTS[::-1], batch_tokens=batch_tokens)
    assert together == pytest.approx(alone, abs=1e-4)
    assert backwards[::-1] == pytest.approx(alone, abs=1e-4)


def test_context_and_continuation_add_up_to_the_whole(models: Path) -> None:
    """log p(ab) = log p(a) + log p(b | a): the slice neither drops nor repeats a token."""
    model = opened(str(models / "base"))
    whole = values(model, [request("", "the cat is good")])[0]
    first = values(model, [request("", "the cat")])[0]
    second = values(model, [request("<bos>the cat", " is good", templated=True)])[0]
    assert first + second == pytest.approx(whole, abs=1e-4)


def test_what_cannot_be_scored_is_a_failure_with_a_reason(models: Path) -> None:
    model = opened(str(models / "base"))
    too_long, empty, doubled = score(
        model,
        [request("", "a " * 600), request("a", ""), request("<bos><bos>a", " b", templated=True)],
    )
    assert isinstance(too_long, Failed)
    assert "more than the model's 512" in too_long.reason
    assert isinstance(empty, Failed)
    assert isinstance(doubled, Failed)
    assert "two beginning tokens" in doubled.reason


def test_a_known_response_is_not_computed_again(models: Path, tmp_path: Path) -> None:
    model = opened(str(models / "base"))
    computed: list[int] = []

    def count(_: int, tokens: int) -> None:
        computed.append(tokens)

    with ResponseCache(tmp_path / "responses.sqlite") as cache:
        first = list(score(model, REQUESTS, cache=cache, on_progress=count))
        n_tokens = sum(computed)
        again = list(score(model, REQUESTS, cache=cache, on_progress=count))
    assert n_tokens > 0
    assert sum(computed) == n_tokens
    assert first == again


def test_models_do_not_share_responses(models: Path, tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "responses.sqlite") as cache:
        base = list(score(opened(str(models / "base")), REQUESTS, cache=cache))
        tuned = list(score(opened(str(models / "tuned")), REQUESTS, cache=cache))
    assert base != tuned


def test_an_adapter_changes_the_base_and_comes_off_without_a_trace(models: Path) -> None:
    shelf = ModelShelf()
    base = locate(parse_reference(str(models / "base")))
    tuned = locate(parse_reference(f"{models / 'base'}+{models / 'adapter'}"))
    before = values(shelf.open(base), REQUESTS)
    weights = id(shelf._model)
    with_adapter = values(shelf.open(tuned), REQUESTS)
    after = values(shelf.open(base), REQUESTS)
    assert id(shelf._model) == weights, "the base weights were loaded twice"
    assert before == after
    assert before != with_adapter


def test_lineage_in_words(models: Path) -> None:
    base, tuned, other = (locate(parse_reference(str(models / name))) for name in ("base", "tuned", "other"))
    adapted = locate(parse_reference(f"{models / 'base'}+{models / 'adapter'}"))
    assert lineage(base, tuned) == "same architecture, sizes and vocabulary"
    assert "adapter on the base" in lineage(base, adapted)
    with pytest.raises(LineageError, match="hidden_size is 32 in the base and 48"):
        lineage(base, other)
    assert "DIFFERENT LINEAGE" in lineage(base, other, allow_different=True)


def test_an_adapter_for_another_base_is_refused_before_loading(models: Path) -> None:
    with pytest.raises(LineageError, match="made for another base"):
        locate(parse_reference(f"{models / 'other'}+{models / 'adapter'}"))


def folder_without(models: Path, target: Path, *names: str) -> Path:
    shutil.copytree(models / "base", target)
    for name in names:
        (target / name).unlink()
    return target


def test_unusable_folders_say_what_is_wrong(models: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    no_weights = folder_without(models, tmp_path / "no-weights", "model.safetensors")
    pickled = folder_without(models, tmp_path / "pickled", "model.safetensors")
    (pickled / "pytorch_model.bin").write_bytes(b"\x80")
    torn = folder_without(models, tmp_path / "torn")
    (torn / "config.json").write_text("{", encoding="utf-8")
    text = tmp_path / "model.gguf"
    text.write_text("no", encoding="utf-8")
    for path, expected in (
        (empty, "has no config.json"),
        (no_weights, "holds no weights"),
        (pickled, "pickled weights only"),
        (torn, "cannot be read"),
        (text, "is not a GGUF file"),
    ):
        with pytest.raises(ModelFilesError, match=expected):
            locate(parse_reference(str(path)))


def test_a_folder_that_is_no_adapter_is_named(models: Path) -> None:
    with pytest.raises(ModelFilesError, match=r"no adapter_config\.json"):
        locate(parse_reference(f"{models / 'base'}+{models / 'tuned'}"))


def test_the_hub_is_read_from_its_own_cache_when_offline(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layout that the hub library writes: refs name a commit, snapshots hold its files."""
    import huggingface_hub.constants

    repository = tmp_path / "models--someone--tiny"
    snapshot = repository / "snapshots" / ("a" * 40)
    shutil.copytree(models / "base", snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert locate(parse_reference("someone/tiny@main")).folder == snapshot
    with pytest.raises(ModelReferenceError, match="someone/other"):
        locate(parse_reference("someone/other"))


def test_the_chat_template_is_the_one_asked_for_else_the_first_found(tmp_path: Path) -> None:
    named = tmp_path / "t.jinja"
    named.write_text("x", encoding="utf-8")
    assert chosen_template(read_template(str(named)), ("tuned", "base")) == "x"
    assert chosen_template(None, ("tuned", "base")) == "tuned"
    assert chosen_template(None, (None, "base")) == "base"
    assert "start_of_turn" in read_template("gemma")
    with pytest.raises(ChatTemplateError, match="--chat-template"):
        chosen_template(None, (None, None))
    with pytest.raises(ChatTemplateError, match="gemma"):
        read_template("nothing")


def test_the_fingerprint_tells_what_the_numbers_depend_on(models: Path) -> None:
    found = opened(f"{models / 'base'}+{models / 'adapter'}").fingerprint
    assert found.weights.startswith("sha256:")
    assert found.adapter is not None
    assert (found.dtype, found.device, found.n_layers) == ("float32", "cpu", 2)
    assert json.dumps(dict(found.libraries))


def test_every_error_of_this_room_is_one_of_ours() -> None:
    for error in (ModelReferenceError, ModelFilesError, LineageError, ChatTemplateError):
        assert issubclass(error, BiasauditError)
        assert error.exit_code == 2
