"""Instructions as the tokens that a training sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.align.instructions import Instruction, InstructionFile
from biasaudit.errors import ChatTemplateError, InstructionError
from biasaudit.models.text.tokenizer import render_chat

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.align.method import Base

_SAMPLE_PROMPT: Final = "What is asked?"
_SAMPLE_RESPONSE: Final = "What is answered."
_FIX: Final = "Name another with --chat-template: one that was made for this model."


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One record as tokens.

    Attributes
    ----------
    token_ids : tuple of int
        The rendered prompt up to where the assistant's turn begins, the response, the end of turn.
    n_prompt_tokens : int
        How many of them are given: the loss is taken on the others. 0 < n_prompt_tokens < length.
    line : int
        Of the record in its file, from 1; 0 where it comes from none.
    """

    token_ids: tuple[int, ...]
    n_prompt_tokens: int
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What became of the records of a file.

    Attributes
    ----------
    examples : tuple of Example
        In the order of the file.
    n_without_response : int
        Left out: there is nothing to learn but to say nothing.
    n_too_long : int
        Left out: a response that is cut teaches to stop in the middle.
    """

    examples: tuple[Example, ...]
    n_without_response: int
    n_too_long: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What is learned from a file of instructions.

    Attributes
    ----------
    examples : tuple of Example
        Not empty.
    end_of_turn : str
    counts : mapping
        For the card: n_records, n_used, and of those left out n_without_response and n_too_long.
    """

    examples: tuple[Example, ...]
    end_of_turn: str
    counts: Mapping[str, int]


def end_of_turn(tokenizer: PreTrainedTokenizerBase, template: str) -> str:
    """Return the text with which `template` ends the assistant's turn.

    Raises
    ------
    ChatTemplateError
        If it does not end it, ends it with no special token of this tokenizer, renders the prompt
        otherwise once a response follows, or begins with two beginning tokens.
    """
    prompt = render_chat(tokenizer, _SAMPLE_PROMPT, template)
    _, found, ending = _completion(tokenizer, prompt, _SAMPLE_PROMPT, _SAMPLE_RESPONSE, template).partition(
        _SAMPLE_RESPONSE
    )
    ending = ending.strip()
    if not found or not ending:
        raise ChatTemplateError(
            "the chat template does not end the assistant's turn, so nothing would teach the model to stop.", fix=_FIX
        )
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    if not special.intersection(_ids(tokenizer, ending)):
        raise ChatTemplateError(
            f"the chat template ends a turn with {ending!r}, which is no special token of this model's tokenizer.",
            fix=_FIX,
        )
    bos = tokenizer.bos_token_id
    if bos is not None and _ids(tokenizer, prompt)[:2] == [bos, bos]:
        raise ChatTemplateError("the chat template begins with two beginning tokens.", fix=_FIX)
    return ending


def encode_instructions(
    instructions: Sequence[Instruction], *, tokenizer: PreTrainedTokenizerBase, template: str, max_length_tokens: int
) -> Examples:
    """Render and tokenize `instructions` as an audit in the chat framing does.

    What the template puts after the end of turn is left out, for nothing is generated after it.

    Parameters
    ----------
    instructions : sequence of Instruction
    tokenizer : of transformers
    template : str
        One for which :func:`end_of_turn` does not raise.
    max_length_tokens : int
        Records with more tokens are left out.

    Raises
    ------
    ChatTemplateError
        If the template cannot be rendered.
    """
    examples: list[Example] = []
    n_without_response = n_too_long = 0
    for instruction in instructions:
        if not instruction.response.strip():
            n_without_response += 1
            continue
        example = _example(instruction, tokenizer, template)
        if len(example.token_ids) > max_length_tokens:
            n_too_long += 1
        else:
            examples.append(example)
    return Examples(examples=tuple(examples), n_without_response=n_without_response, n_too_long=n_too_long)


def learned_from(file: InstructionFile, base: Base, *, max_length_tokens: int) -> Learned:
    """Return what is learned from a file of instructions by one base.

    Parameters
    ----------
    file : InstructionFile
    base : Base
    max_length_tokens : int
        Where the model reads fewer tokens, the model's limit holds.

    Raises
    ------
    ChatTemplateError
        If there is no template, or one that cannot be used.
    InstructionError
        If no record can be used.
    """
    if base.template is None:
        raise ChatTemplateError(
            f"the base {base.located.spec.base!r} has no chat template, and instructions need one.",
            fix="Name one with --chat-template, or leave --data out.",
        )
    ending = end_of_turn(base.tokenizer, base.template)
    of_model = base.located.config.get("max_position_embeddings")
    limit = min(max_length_tokens, of_model) if isinstance(of_model, int) else max_length_tokens
    found = encode_instructions(
        file.instructions, tokenizer=base.tokenizer, template=base.template, max_length_tokens=limit
    )
    if not found.examples:
        raise InstructionError(
            f"none of the {len(file.instructions)} records of {file.name} can be used: {found.n_too_long} are longer "
            f"than {limit} tokens, {found.n_without_response} have no response.",
            fix="Give a larger --max-length, or other data.",
        )
    counts = {
        "n_records": len(file.instructions),
        "n_used": len(found.examples),
        "n_without_response": found.n_without_response,
        "n_too_long": found.n_too_long,
    }
    return Learned(examples=found.examples, end_of_turn=ending, counts=counts)


def counted(counts: Mapping[str, int]) -> str:
    """Return a line on what became of the records.

    Examples
    --------
    >>> counted({"n_records": 4, "n_used": 1, "n_without_response": 2, "n_too_long": 1})
    '1 of 4 records used; 2 have no response, 1 are too long.'
    """
    return (
        f"{counts['n_used']} of {counts['n_records']} records used; {counts['n_without_response']} have no response, "
        f"{counts['n_too_long']} are too long."
    )


def _example(instruction: Instruction, tokenizer: PreTrainedTokenizerBase, template: str) -> Example:
    prompt = render_chat(tokenizer, instruction.prompt, template)
    completion = _completion(tokenizer, prompt, instruction.prompt, instruction.response, template).rstrip()
    prompt_ids = _ids(tokenizer, prompt)
    whole = _ids(tokenizer, prompt + completion)
    if whole[: len(prompt_ids)] != prompt_ids:
        # A token would reach over the boundary. A model that answers is given the prompt alone.
        whole = [*prompt_ids, *_ids(tokenizer, completion)]
    return Example(token_ids=tuple(whole), n_prompt_tokens=len(prompt_ids), line=instruction.line)


def _completion(tokenizer: PreTrainedTokenizerBase, prompt: str, request: str, response: str, template: str) -> str:
    """Return what the template puts after `prompt`, the rendered `request`, when `response` is the answer."""
    rendered = render_chat(tokenizer, request, template, response=response)
    if not rendered.startswith(prompt):
        raise ChatTemplateError(
            "the chat template renders the user's turn otherwise once a response follows it.", fix=_FIX
        )
    return rendered[len(prompt) :]


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    # The template has written the special tokens.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
