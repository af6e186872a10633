"""How the vocabulary of a GGUF file splits text before it merges: the file names a rule, and that one is applied.

transformers knows some of the rules by name and falls back to GPT-2's for all others, which gives digits and
spaces to the model otherwise than it learned them.

References
----------
llama.cpp, ``src/llama-vocab.cpp``, the table of ``LLAMA_VOCAB_PRE_TYPE_…``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import ModelFilesError
from biasaudit.models.local.gguf_header import GgufHeader

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_GPT2: Final = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_BLOOM: Final = r" ?[^(\s|.,!?…。，、।۔،)]+"  # noqa: RUF001  # the commas and stops of other scripts
_QWEN2: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GLM4: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_DIGITS: Final = (r"\p{N}", _GPT2)

MENDED: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"), _DIGITS),
    "falcon": (r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, "[0-9][0-9][0-9]"),
    **dict.fromkeys(("bloom", "poro-chat", "gpt3-finnish"), (_BLOOM,)),
    "viking": (_BLOOM, r"\p{N}"),
    "stablelm2": (_QWEN2,),
    "chatglm-bpe": (_GLM4,),
}
"""Rules that transformers does not apply, and the splits that make them, one after another."""

GPT2_RULE: Final = ("gpt-2", "phi-2", "mpt", "olmo", "jais", "gigachat", "a.x-4.0", "mellum", "jina-es", "jina-de")
"""Rules that are GPT-2's, which is what transformers falls back to."""

WHOLE_WORDS_FIRST: Final = ("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "tekken")
"""Rules under which a word that is in the vocabulary is one token, whatever the merges say."""

OF_TRANSFORMERS: Final = (
    "lfm2", "dbrx", "smaug-bpe", "qwen2", "deepseek-r1-qwen", "kormo", "megrez", "qwen35", "gpt-4o", "llama4",
    "kanana2", "minimax-m2",
)  # fmt: skip
"""Rules that transformers 5.23 applies by name."""

_BPE: Final = "gpt2"
_WITHOUT_RULES: Final = ("llama", "gemma4", "t5")
"""Kinds of vocabularies that do not split before they merge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRule:
    """What is done to a converted tokenizer.

    Attributes
    ----------
    splits : tuple of str
        Regular expressions to split at, one after another; empty leaves what transformers made.
    whole_words_first : bool
    """

    splits: tuple[str, ...] = ()
    whole_words_first: bool = False

    @property
    def mends(self) -> bool:
        """Whether it gives other tokens than transformers alone."""
        return bool(self.splits) or self.whole_words_first


def split_rule(header: GgufHeader, path: Path) -> SplitRule:
    """Return the rule that a GGUF file names.

    Raises
    ------
    ModelFilesError
        If it has no vocabulary, or names a rule that is not known: its digits, spaces and punctuation would be split
        otherwise than the model learned them, and its numbers be those of other tokens.
    """
    kind = header.metadata.get("tokenizer.ggml.model")
    if kind in _WITHOUT_RULES:
        return SplitRule()
    if kind != _BPE:
        raise ModelFilesError(
            f"{path}: its vocabulary is of kind {str(kind)[:80]!r}; expected {', '.join((_BPE, *_WITHOUT_RULES))}.",
            fix="Use a safetensors version of this model.",
        )
    name = header.metadata.get("tokenizer.ggml.pre")
    if name in MENDED:
        return SplitRule(splits=MENDED[name])
    if name in WHOLE_WORDS_FIRST:
        return SplitRule(whole_words_first=True)
    if name in GPT2_RULE or name in OF_TRANSFORMERS:
        return SplitRule()
    known = len(MENDED) + len(WHOLE_WORDS_FIRST) + len(GPT2_RULE) + len(OF_TRANSFORMERS)
    raise ModelFilesError(
        f"{path}: its vocabulary splits text by the rule {str(name)[:80]!r}, which is not among the {known} known "
        "ones: digits, spaces and punctuation would reach the model otherwise than it learned them.",
        fix="Use a safetensors version of this model, which brings its tokenizer.",
    )


def apply_rule(tokenizer: PreTrainedTokenizerBase, rule: SplitRule) -> None:
    """Make a converted tokenizer split as its file says."""
    if not rule.mends:
        return
    from tokenizers import Regex, pre_tokenizers  # noqa: PLC0415

    backend: Any = tokenizer.backend_tokenizer  # Any: a class without types
    if rule.splits:
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                *(pre_tokenizers.Split(Regex(split), behavior="isolated") for split in rule.splits),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    if rule.whole_words_first:
        backend.model.ignore_merges = True


def refuse_other_spaces(tokenizer: PreTrainedTokenizerBase, header: GgufHeader, path: Path) -> None:
    """Make sure that a vocabulary of sentencepiece puts a space before a text where its file says so, and only there.

    Raises
    ------
    ModelFilesError
    """
    if header.metadata.get("tokenizer.ggml.model") != "llama":
        return
    said = header.metadata.get("tokenizer.ggml.add_space_prefix", True) is not False
    first = tokenizer.convert_ids_to_tokens(tokenizer("word", add_special_tokens=False)["input_ids"])[0]
    if str(first).startswith("\u2581") != said:
        raise ModelFilesError(
            f"{path}: its vocabulary {'puts a' if said else 'puts no'} space before a text, and the tokenizer that "
            f"transformers makes of it {'does not' if said else 'does'}.",
            fix="Use a safetensors version of this model, which brings its tokenizer.",
        )
