"""Which files decide what a checkpoint is given to read, where templates are found, and what damage does."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from transformers import AutoTokenizer

from biasaudit import api
from biasaudit.align import sft
from biasaudit.errors import AuditMismatchError, BiasauditError, ChatTemplateError, ModelFilesError
from biasaudit.models import Located, locate, parse_reference
from biasaudit.models.text.encoding import Encoded, encode_all
from biasaudit.models.text.templates import templates_in
from biasaudit.models.text.tokenizer import (
    TEXT_FILES,
    TOKENIZER_FILES,
    chat_frame,
    chat_template_of,
    chat_templates_of,
    load_tokenizer,
    shared_tokenizer,
    text_files_sha256,
    tokenizer_sha256,
)
from biasaudit.types import Request
from tests.models.worded import asked, save, tokenizer_of
from tests.running import run, undrawn
from tests.tiny import TEMPLATE, TURNS, save_adapter, save_instructions, save_model, save_probe

PLACES = {
    "jinja": ("chat_template.jinja", TURNS),
    "config": ("tokenizer_config.json", json.dumps({"chat_template": TURNS})),
    "config-list": (
        "tokenizer_config.json",
        json.dumps({"chat_template": [{"name": "rag", "template": "x"}, {"name": "default", "template": TURNS}]}),
    ),
    "json": ("chat_template.json", json.dumps({"chat_template": TURNS})),
    "processor": ("processor_config.json", json.dumps({"chat_template": TURNS})),
    "folder": ("additional_chat_templates/default.jinja", TURNS),
    "other-folder": ("chat_templates/default.jinja", TURNS),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    save_model(folder / "base", seed=1, chat_template=TEMPLATE)
    save_adapter(folder / "base", folder / "adapter")
    return folder


def located(base: Path, adapter: Path | None = None) -> Located:
    return locate(parse_reference(str(base) + (f"+{adapter}" if adapter else "")))


@pytest.mark.parametrize("name", PLACES)
def test_an_adapter_brings_its_template_wherever_transformers_would_find_it(
    name: str, place: Path, tmp_path: Path
) -> None:
    """The base's was used in its stead, and nothing was said."""
    adapter = tmp_path / "adapter"
    shutil.copytree(place / "adapter", adapter)
    file, text = PLACES[name]
    (adapter / file).parent.mkdir(exist_ok=True)
    (adapter / file).write_text(text, encoding="utf-8")
    found = located(place / "base", adapter)
    assert chat_template_of(found, load_tokenizer(found)) == TURNS
    assert text_files_sha256(found) != text_files_sha256(located(place / "base", place / "adapter"))


def test_a_file_of_its_own_comes_before_the_configuration(tmp_path: Path) -> None:
    """As transformers reads them."""
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "config"}), encoding="utf-8")
    (tmp_path / "chat_template.json").write_text(json.dumps({"chat_template": "legacy"}), encoding="utf-8")
    assert templates_in(tmp_path) == {"default": "config"}
    (tmp_path / "chat_template.jinja").write_text("jinja", encoding="utf-8")
    assert templates_in(tmp_path) == {"default": "jinja"}


@pytest.mark.slow
def test_a_template_of_several_is_chosen_by_name_and_never_for_the_user(tmp_path: Path) -> None:
    """Without a default, transformers itself refuses; the base's template must not stand in for them."""
    save_model(tmp_path / "base", seed=1, chat_template=TEMPLATE)
    save_model(tmp_path / "tuned", seed=2, chat_template=None)
    folder = tmp_path / "tuned" / "additional_chat_templates"
    folder.mkdir()
    for name, text in (("chat", TURNS), ("tool_use", TURNS.replace("<user>", "TOOL"))):
        (folder / f"{name}.jinja").write_text(text, encoding="utf-8")
    references, probe = (str(tmp_path / "base"), str(tmp_path / "tuned")), str(save_probe(tmp_path / "probe"))
    with pytest.raises(ChatTemplateError, match=r"no default: 'chat', 'tool_use'") as caught:
        api.audit(*references, probes=[probe])
    assert "--chat-template :chat" in str(caught.value)
    with pytest.raises(ChatTemplateError, match="no chat template named 'rag'; it names: 'chat', 'tool_use'"):
        api.audit(*references, probes=[probe], chat_template=":rag")
    audit = api.audit(
        *references, probes=[probe], chat_template=":tool_use", requests=("Say.",), framing_names=("chat",)
    )
    assert audit.manifest.run["chat_frame"]["before"] == "<bos>TOOL "
    plain = api.audit(*references, probes=[probe], framing_names=("plain",))
    assert plain.manifest.fingerprints["tuned"]["chat_template_sha256"] is None
    with pytest.raises(ChatTemplateError, match="no default"):
        sft(references[1], save_instructions(tmp_path / "i.jsonl"), tmp_path / "adapter")


def test_every_file_that_decides_a_number_changes_the_fingerprint(place: Path, tmp_path: Path) -> None:
    """Those of the tokenizer change the name that responses are kept under, too; a template is in the text."""
    base = tmp_path / "base"
    shutil.copytree(place / "base", base)
    seen, kept = {text_files_sha256(located(base))}, {tokenizer_sha256(located(base))}
    for name in (*TOKENIZER_FILES, *TEXT_FILES, "additional_chat_templates/x.jinja", "chat_templates/x.jinja"):
        (base / name).parent.mkdir(exist_ok=True)
        before = (base / name).read_bytes() if (base / name).exists() else b""
        (base / name).write_bytes(before + b" ")
        found = located(base)
        assert text_files_sha256(found) not in seen, name
        assert (tokenizer_sha256(found) in kept) == (name not in TOKENIZER_FILES), name
        seen.add(text_files_sha256(found))
        kept.add(tokenizer_sha256(found))


@pytest.mark.slow
@pytest.mark.parametrize("file", ["chat_template.jinja", "generation_config.json"])
def test_a_mended_template_or_tokenizer_is_another_audit(file: str, tmp_path: Path) -> None:
    """The same command gave the old audit back."""
    for number, name in enumerate(("base", "tuned")):
        save_model(tmp_path / name, seed=number)
    probe, out = str(save_probe(tmp_path / "probe")), tmp_path / "out"
    ask = (str(tmp_path / "base"), str(tmp_path / "tuned"))
    plan = api.planned(*ask, probes=[probe], requests=("Say.",))
    first = run(plan, out=out, render=undrawn)
    assert run(plan, out=out).manifest == first.manifest
    path = tmp_path / "tuned" / file
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(AuditMismatchError, match=r"tokenizer or chat template\.tuned"):
        run(plan, out=out)
    assert len(api.open_audit(out).comparisons)


@pytest.mark.slow
def test_a_dated_template_is_announced_and_its_date_is_part_of_the_plan(tmp_path: Path) -> None:
    """Otherwise the same command asks anew on every other day, and nobody knows why."""
    dated = TEMPLATE.replace("{{ bos_token }}", "{{ bos_token }}{{ strftime_now('%Y-%m-%d') }}")
    for number, name in enumerate(("base", "tuned")):
        save_model(tmp_path / name, seed=number, chat_template=dated)
    said: list[str] = []

    class Told:
        def say(self, text: str) -> None:
            said.append(text)

        def begin(self, what: str, total: int) -> None: ...

        def advance(self, n_requests: int, n_tokens: int) -> None: ...

    ask = (str(tmp_path / "base"), str(tmp_path / "tuned"))
    probe = str(save_probe(tmp_path / "probe"))
    few: dict[str, Any] = {"probes": [probe], "framing_names": ("chat",), "requests": ("Say.",)}
    api.audit(*ask, **few, progress=Told())
    assert any("--template-date" in text for text in said)
    said.clear()
    fixed = api.audit(*ask, **few, progress=Told(), template_date="2025-01-02")
    assert not any("--template-date" in text for text in said)
    assert fixed.manifest.plan["template_date"] == "2025-01-02"
    assert fixed.manifest.run["chat_frame"]["before"] == "<bos>2025-01-02<user> "


def test_equal_files_are_loaded_once_and_changed_ones_anew(place: Path, tmp_path: Path) -> None:
    """An audit needs each tokenizer twice; a large one takes seconds to load."""
    shutil.copytree(place / "base", tmp_path / "copy")
    first = shared_tokenizer(located(place / "base"))
    assert shared_tokenizer(located(tmp_path / "copy")) is first
    tokenizer_of().save_pretrained(tmp_path / "copy")
    assert shared_tokenizer(located(tmp_path / "copy")) is not first


def test_a_pipe_or_a_huge_file_is_named_and_not_read(place: Path, tmp_path: Path) -> None:
    """Reading a pipe never ends."""
    base = tmp_path / "base"
    shutil.copytree(place / "base", base)
    template = base / "chat_template.jinja"
    template.unlink(missing_ok=True)
    os.mkfifo(template)
    with pytest.raises(ModelFilesError, match="no regular file"):
        load_tokenizer(located(base))
    template.unlink()
    with template.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ModelFilesError, match="more than any tokenizer"):
        load_tokenizer(located(base))
    with template.open("wb") as file:
        file.truncate(1 << 21)
    with pytest.raises(ChatTemplateError, match="2,097,152 bytes"):
        templates_in(base)


def test_an_adapter_that_brings_no_tokenizer_shares_the_base_s(place: Path, tmp_path: Path) -> None:
    """A vocabulary of 262,144 words takes seconds to read; a template of the adapter's own is no reason to."""
    adapter = tmp_path / "adapter"
    shutil.copytree(place / "adapter", adapter)
    (adapter / "chat_template.jinja").write_text(TURNS, encoding="utf-8")
    tuned = located(place / "base", adapter)
    base = shared_tokenizer(located(place / "base"))
    assert shared_tokenizer(tuned) is base
    assert chat_template_of(tuned, base) == TURNS
    for path in (place / "base").glob("tokenizer*.json"):
        shutil.copy(path, adapter)
    assert shared_tokenizer(tuned) is not base


def _changed(content: bytes, chance: Random) -> bytes:
    """Change, move or drop one value of a JSON file that stays one: what people do by hand."""
    whole = json.loads(content)
    places = list(_places(whole))
    holder, key = chance.choice(places)
    way = chance.randrange(4)
    if way == 0:
        del holder[key]
    elif way == 1:
        holder[key] = chance.choice([None, "", "a", "<eos>", -1, 0, 1, 7, 10**30, True, [], {}, [0], {"a": 0}])
    else:
        other, there = chance.choice(places)
        holder[key], other[there] = json.loads(json.dumps(other[there])), json.loads(json.dumps(holder[key]))
    return json.dumps(whole).encode()


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    """Yield every value of a JSON file as what holds it and its key there."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _damaged(content: bytes, chance: Random) -> bytes:  # noqa: PLR0911  # one return a way
    """Flip, cut, double or fill: what disks, networks and people do to files."""
    if not content:
        return b"\xff"
    start = chance.randrange(len(content))
    stop = min(len(content), start + chance.randrange(1, 40))
    way = chance.randrange(7)
    if way == 0:
        return content[:start]
    if way == 1:
        return content[:start] + bytes(chance.randrange(256) for _ in range(stop - start)) + content[stop:]
    if way == 2:
        return content[:start] + content[stop:]
    if way == 3:
        return content[:start] + content[start:stop] * 3 + content[stop:]
    if way == 4:
        return bytes(len(content))
    if way == 5:
        words = [b"null", b"[]", b"{}", b"-1", b"9" * 5000, b'""', b"1e999", b"true", b"\xef\xbb\xbf", b"[" * 3000]
        return content[:start] + chance.choice(words) + content[stop:]
    text = content.replace(b":", b': null, "x":', 1) if way == 6 and chance.random() < 0.5 else content
    return text.replace(b'"', b"'", 3)


MUTATIONS = 400
SECONDS = 60

ASKED = (asked("", "the cat"), asked("ab", " c"), asked("<bos>x", "y", templated=True))


def _freshly(folder: Path, request: Request) -> list[int]:
    """Return the tokens of a request by the plain tokenizer of transformers, and what is before them by hand."""
    fresh = AutoTokenizer.from_pretrained(folder)
    ids = list(fresh(request.context + request.continuation, add_special_tokens=False)["input_ids"])
    begins_with = fresh.eos_token_id if fresh.bos_token_id is None else fresh.bos_token_id
    if request.templated or (request.context and ids[:1] == [begins_with]):
        return ids
    if not request.context:
        return [begins_with, *(ids[1:] if ids[:1] == [begins_with] else ids)]
    whole = list(fresh("a", add_special_tokens=True)["input_ids"])
    bare = list(fresh("a", add_special_tokens=False)["input_ids"])
    starts = [start for start in range(len(whole)) if bare and whole[start : start + len(bare)] == bare]
    return [*(whole[: starts[0]] if starts else []), *ids]


@pytest.mark.slow
def test_damaged_files_are_one_message_or_a_tokenizer(tmp_path: Path) -> None:
    """No traceback, no hang, and no token that a fresh load does not give."""
    whole = save(tmp_path / "m", tokenizer_of(("a", "b"), begins_texts=True))
    (whole / "chat_template.jinja").write_text(TURNS, encoding="utf-8")
    names = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", "config.json")
    contents = {
        name: (whole / name).read_bytes() if (whole / name).exists() else b'{"bos_token": "<bos>"}' for name in names
    }
    refused: list[BiasauditError] = []
    compared = 0
    for number in range(MUTATIONS):
        began = time.monotonic()
        chance = Random(number)
        name = chance.choice(names[:4])
        for other, content in contents.items():
            (whole / other).write_bytes(content)
        changes = name.endswith(".json") and number >= MUTATIONS / 2
        (whole / name).write_bytes((_changed if changes else _damaged)(contents[name], chance))
        try:
            tokenizer = load_tokenizer(located(whole))
            encoded = encode_all(tokenizer, ASKED)
            templates = chat_templates_of(located(whole), tokenizer)
            chat_frame(tokenizer, templates.get("default", TEMPLATE))
        except BiasauditError as error:
            refused.append(error)
            continue
        finally:
            assert time.monotonic() - began < SECONDS, number
        for request in ASKED:
            found = encoded[request.key]
            if isinstance(found, Encoded):
                assert [*found.context_ids, *found.continuation_ids] == _freshly(whole, request), (number, request)
                compared += 1
    assert compared > MUTATIONS / 2
    assert all(error.fix for error in refused)
    assert MUTATIONS / 4 < len(refused) < MUTATIONS
