"""Chat templates: the context is what stands before a real reply, and the value is that of one plain forward."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from biasaudit.errors import ChatTemplateError, UsageError
from biasaudit.framing import Framing, Prompt, framed
from biasaudit.models import LoadedModel, score
from biasaudit.models.text.chat import chat_frame, render_chat, template_date
from biasaudit.models.text.rendering import RENDERER
from biasaudit.types import Scored
from tests.models.worded import by_hand, opened, save, tokenizer_of

DAY: Final = datetime(2025, 1, 2)  # noqa: DTZ001  # a template knows no zone

LLAMA_2 = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}{% for m in messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + m['content'].strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_3 = (
    "{{- bos_token }}{%- if not date_string is defined %}{%- if strftime_now is defined %}"
    "{%- set date_string = strftime_now('%d %b %Y') %}{%- else %}{%- set date_string = '26 Jul 2024' %}{%- endif %}"
    "{%- endif %}{{- 'system\n\nToday Date: ' + date_string + '\n<eot>' }}{%- for m in messages %}"
    "{{- '[' + m['role'] + ']\n\n' + m['content'] | trim + '<eot>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '[assistant]\n\n' }}{%- endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}{{ '<start>' + ('model' if m['role'] == 'assistant' else 'user') + '\n' }}"
    "{{ m['content'] | trim }}{{ '<end>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start>model\n' }}{% endif %}"
)
EMPTY_THOUGHT = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<user>' + m.content + '\n' }}{% else %}"
    "{{ '<model>\n<think>\n\n</think>\n\n' + m.content.strip() }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<model>\n' }}{% endif %}"
)
OPEN_THOUGHT = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<user>' + m.content }}{% else %}"
    "{{ '<model>' + m.content.split('</think>')[-1] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<model><think>\n' }}{% endif %}"
)
OPEN_AND_CLOSED = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<user>' + m.content }}{% else %}"
    "{{ '<model><think></think>\n' + m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<model><think>\n' }}{% endif %}"
)
TRAILING_SPACE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ 'USER: ' + m.content + ' ASSISTANT: ' }}"
    "{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}"
)
LEADING_NEWLINE = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '### Human' + '\n' + m.content + '\n### Reply' }}"
    "{% else %}{{ '\n' + m.content + '\n' }}{% endif %}{% endfor %}"
)
DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|system|>\nBe kind. <think> first.<|end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
TOOLS = (
    "{% if tools %}{{ 'TOOLS' + tools | tojson }}{% endif %}{% for m in messages %}{{ '<' + m.role + '>' }}"
    "{% if m.tool_calls is defined %}{{ m.tool_calls[0].name }}{% else %}{{ m.content }}{% endif %}"
    "{% if m.role == 'assistant' %}{% generation %}{{ eos_token }}{% endgeneration %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
CHANNELS = (
    "{% for m in messages %}{{ '<|start|>' + m.role }}{% if m.role == 'assistant' %}{{ '<|channel|>final' }}{% endif %}"
    "{{ '<|message|>' + m.content + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant' }}"
    "{% endif %}"
)
NAMESPACED = (
    "{% set ns = namespace(first=true) %}{% for m in messages %}{% if m.role == 'user' %}"
    "{% if ns.first %}{{ bos_token }}{% set ns.first = false %}{% endif %}{{ '<user>' + m.content }}{% continue %}"
    "{% endif %}{{ '<model> ' + m.content | trim }}{% endfor %}{% if add_generation_prompt %}{{ '<model>' }}{% endif %}"
)

TEMPLATES: Final = {
    "llama-2-like": (LLAMA_2, "<bos>[INST] Say. [/INST]", " She"),
    "chatml": (CHATML, "<|im_start|>user\nSay.<|im_end|>\n<|im_start|>assistant\n", "She"),
    "dated": (
        LLAMA_3,
        "<bos>system\n\nToday Date: 02 Jan 2025\n<eot>[user]\n\nSay.<eot>[assistant]\n\n",
        "She",
    ),
    "gemma": (GEMMA, "<bos><start>user\nSay.<end>\n<start>model\n", "She"),
    "empty-thought": (EMPTY_THOUGHT, "<user>Say.\n<model>\n<think>\n\n</think>\n\n", "She"),
    "open-thought": (OPEN_THOUGHT, "<user>Say.<model>", "She"),
    "open-and-closed": (OPEN_AND_CLOSED, "<user>Say.<model><think></think>\n", "She"),
    "trailing-space": (TRAILING_SPACE, "<bos>USER: Say. ASSISTANT:", " She"),
    "leading-newline": (LEADING_NEWLINE, "### Human\nSay.\n### Reply\n", "She"),
    "default-system": (
        DEFAULT_SYSTEM,
        "<|system|>\nBe kind. <think> first.<|end|>\n<|user|>\nSay.<|end|>\n<|assistant|>\n",
        "She",
    ),
    "tools": (TOOLS, "<user>Say.<assistant>", "She"),
    "channels": (CHANNELS, "<|start|>user<|message|>Say.<|end|><|start|>assistant<|channel|>final<|message|>", "She"),
    "namespace": (NAMESPACED, "<bos><user>Say.<model>", " She"),
}
"""Template, and by hand: what is given and what is scored of the reply 'She'."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """' She' is one token, so that a space that is lost or doubled shows."""
    return save(tmp_path_factory.mktemp("m") / "m", tokenizer_of(("Ġ", "S"), ("ĠS", "h"), ("ĠSh", "e")))


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIASAUDIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return opened(folder)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_reply_is_scored_where_the_template_writes_one(name: str, folder: Path, model: LoadedModel) -> None:
    """Two sides of an item, each by one plain forward over what is written here by hand."""
    template, given, scored = TEMPLATES[name]
    frame = chat_frame(model.tokenizer, template, date=DAY)
    framing = Framing(framing_id="chat-1", framing="chat", request="Say.")
    requests = [
        framed(Prompt(part=text, context="", continuation=text), item_id="i", framing=framing, chat=frame)
        for text in ("She", "He")
    ]
    found = list(score(model, requests))
    ids = model.tokenizer(given, add_special_tokens=False)["input_ids"]
    assert ids.count(0) == given.count("<bos>")
    for response, text in zip(found, (scored, scored.replace("She", "He")), strict=True):
        assert isinstance(response, Scored)
        scored_ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert response.token_ids == tuple(scored_ids)
        assert response.logprob_nats == pytest.approx(by_hand(folder, ids, scored_ids), abs=1e-5)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("response", [None, "She said <b>\n\nthat. ", "</think> x"])
def test_what_is_rendered_is_what_transformers_renders(name: str, response: str | None, model: LoadedModel) -> None:
    """The environment is ours, so that it can be ended; what it gives a template is transformers'."""
    template, _, _ = TEMPLATES[name]
    turns = [{"role": "user", "content": " Say\tsomething. "}]
    turns += [] if response is None else [{"role": "assistant", "content": response}]
    expected = model.tokenizer.apply_chat_template(
        turns,
        chat_template=template,
        tokenize=False,
        add_generation_prompt=response is None,
        date_string="02 Jan 2025",
    )
    assert render_chat(model.tokenizer, " Say\tsomething. ", template, response=response, date=DAY) == expected


def test_a_question_is_asked_in_the_users_turn_and_answered_after_the_template(model: LoadedModel) -> None:
    """The answer opens the assistant's turn: no space of its own before it, and one of the template's with it."""
    frame = chat_frame(model.tokenizer, LLAMA_2)
    framing = Framing(framing_id="chat-1", framing="chat", request="Say.")
    prompt = Prompt(part="a", context="Q?\nAnswer:", continuation=" A", turn="Q?")
    found = framed(prompt, item_id="i", framing=framing, chat=frame)
    assert (found.context, found.continuation) == ("<bos>[INST] Q? [/INST] ", "A")
    begun = framed(Prompt(part="a", context="", continuation=" A"), item_id="i", framing=framing, chat=frame)
    assert begun.continuation == "A"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (EMPTY_THOUGHT.replace("</think>\n\n", ""), "left open"),
        (OPEN_THOUGHT.replace("'<model>' + m", "'<model><think>\n' + m"), "left open"),
        (OPEN_THOUGHT.replace("'<model>' + m", "'<model>[THINK]' + m").replace("<think>\n", "[THINK]"), "left open"),
        (CHANNELS.replace("final", "analysis"), "left open"),
        (CHATML.replace("m['content'] +", "m['content'] | upper +"), "as it is"),
        (GEMMA.replace("m['content'] | trim", "m['content'] if m.role == 'user' else 'x'"), "reply once and as it is"),
        (GEMMA.replace("m['content'] | trim", "m['content'] + m['content']"), "once"),
        (
            "{% for m in messages %}<user> {{ m.content }} {% endfor %}{{ '<model>' if add_generation_prompt }}",
            "where a reply stands is not known",
        ),
        ("{{ messages | length }}" + CHATML, "otherwise once a reply follows"),
        (CHATML.replace("m['content'] +", "m['content'] + (m['content'] | length | string) +"), "same text around"),
        (GEMMA.replace("{{ bos_token }}", "{{ bos_token }}{{ bos_token }}"), "two beginning tokens"),
        (CHATML + "{% if messages | length > 1 %}{{ raise_exception('one turn only') }}{% endif %}", "one turn only"),
        ("{{ raise_exception('\x1b[31mno\u202e') }}", r"\\x1b\[31mno\\u202e"),
        ("{% for %}", "cannot be rendered"),
        ("", "as it is"),
    ],
)
def test_a_template_whose_replies_have_no_known_place_is_refused(
    template: str, expected: str, model: LoadedModel
) -> None:
    """Texts would be scored inside a block of thought, in the user's turn, or in other words."""
    with pytest.raises(ChatTemplateError, match=expected) as caught:
        chat_frame(model.tokenizer, template)
    assert "--chat-template" in str(caught.value)


def test_a_turn_with_nul_and_bidi_is_text(model: LoadedModel) -> None:
    """What a template writes goes to the tokenizer and nowhere else."""
    frame = chat_frame(model.tokenizer, GEMMA.replace("<start>", "\x00\u202e"))
    assert frame.before == "<bos>\x00\u202euser\n"
    assert frame.after == "<end>\n\x00\u202emodel\n"


def test_a_dated_template_says_so_and_takes_a_date(model: LoadedModel) -> None:
    """Every day would ask anew; the older way, a variable, is given the same date."""
    assert chat_frame(model.tokenizer, LLAMA_3).dated
    assert not chat_frame(model.tokenizer, CHATML, date=DAY).dated
    older = CHATML.replace("{% for", "{{ 'Today: ' + (date_string | default('26 Jul 2024')) }}{% for", 1)
    assert "26 Jul 2024" in chat_frame(model.tokenizer, older).before
    assert "02 Jan 2025" in chat_frame(model.tokenizer, older, date=DAY).before
    timed = CHATML.replace("{% for", "{{ strftime_now('%H:%M:%S.%f') }}{% for", 1)
    assert chat_frame(model.tokenizer, timed).dated, "one moment for all renderings"


@pytest.mark.parametrize(
    "text", ["2025-1-2", "20250102", "2025-02-30", "2025-01-02T00:00", "today", "", "２０２５-01-02"]
)
def test_a_date_is_written_in_one_way(text: str) -> None:
    """It is part of the plan, and compared as it is written."""
    with pytest.raises(UsageError, match="date of the template"):
        template_date(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "longer than"),
        ("{{ 9 ** (9 ** 9) }}", "longer than|memory"),
        ("{{ 'a' * 10 ** 10 }}", "memory"),
        ("{{ 'a' * 10 ** 7 }}", "more than 1,000,000 characters"),
        ("{% for i in range(99999) %}{{ 'a' * 1000 }}{% endfor %}", "more than 1,000,000 characters"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself"),
        ("{{ range(10 ** 9) | list }}", "Range too big"),
        ("{% set x = range(99999) | list %}{% for i in range(12) %}{{ (x * 9999) | length }}{% endfor %}", "memory"),
        ("{{ '{:>9999999999}'.format(1) }}", "memory|longer"),
        ("{{ " + "(" * 9000 + "1" + ")" * 9000 + " }}", "calls itself|cannot be rendered"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ cycler.__init__.__globals__.os.system('touch hit') }}", "unsafe"),
        ("{{ namespace(__class__=1) }}", "no name like"),
        ("{% set ns = namespace() %}{% set ns.__x = 1 %}", "cannot be rendered"),
        ("{{ 10 ** 9999 }}", "cannot be rendered"),
        ("{% include '/etc/passwd' %}", "no loader"),
    ],
)
def test_a_template_without_an_end_is_ended(template: str, expected: str, model: LoadedModel) -> None:
    """In a process of its own: nothing else can be stopped. The next template is rendered as if nothing had been."""
    with pytest.raises(ChatTemplateError, match=expected):
        RENDERER.render(template, [], variables={}, add_generation_prompt=True, now=DAY.isoformat(), limit_seconds=2.0)
    assert "im_start" in chat_frame(model.tokenizer, CHATML).before


def test_the_renderer_is_a_process_that_ends_with_this_one() -> None:
    """A closed one starts anew."""
    ask: dict[str, Any] = {"variables": {}, "add_generation_prompt": False, "now": DAY.isoformat()}
    assert RENDERER.render("a", [], **ask).text == "a"
    RENDERER.close()
    assert RENDERER.render("b", [], **ask).text == "b"
