"""Tiny models whose tokenizers join what one asks them to join, and their values by one plain forward."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from biasaudit.framing import request_key
from biasaudit.models import LoadedModel, ModelShelf, locate, parse_reference
from biasaudit.types import Request

SPECIAL = ("<bos>", "<eos>", "<other>", "<user>", "<model>")


def tokenizer_of(*merges: tuple[str, str], ends_texts: bool = False, begins_texts: bool = False, **named: str) -> Any:
    """Return a byte-level tokenizer that joins these; `Any`, for transformers gives its tokenizers no types."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    symbols = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(merge) for merge in merges)]
    made = Tokenizer(models.BPE(vocab={symbol: number for number, symbol in enumerate(symbols)}, merges=list(merges)))
    # Without the rule that splits words: what joins is what the test says.
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    if ends_texts or begins_texts:
        made.post_processor = processors.TemplateProcessing(
            single=("<bos> " if begins_texts else "") + "$A" + (" <eos>" if ends_texts else ""),
            special_tokens=[("<bos>", 0), ("<eos>", 1)],
        )
    names = {"bos_token": "<bos>", "eos_token": "<eos>", **named}
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made, additional_special_tokens=["<other>", "<user>", "<model>"], **names
    )


def save(folder: Path, tokenizer: Any, *, seed: int = 1, n_ids: int | None = None) -> Path:
    """Save a Llama of one layer with random weights beside a tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=n_ids or len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.4,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def opened(reference: Path | str) -> LoadedModel:
    return ModelShelf().open(locate(parse_reference(str(reference))))


def by_hand(folder: Path, context_ids: Sequence[int], scored_ids: Sequence[int]) -> float:
    """Return the log-probability of tokens after others: one forward of a freshly loaded model."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    with torch.inference_mode():
        logprobs = model(torch.tensor([[*context_ids, *scored_ids]])).logits[0].log_softmax(-1)
    start = len(context_ids) - 1
    return sum(float(logprobs[start + place, number]) for place, number in enumerate(scored_ids))


def asked(context: str, continuation: str, *, templated: bool = False, part: str = "first") -> Request:
    return Request(
        key=request_key(context, continuation, templated=templated),
        context=context,
        continuation=continuation,
        templated=templated,
        item_id="i",
        part=part,
        framing_id="chat-1" if templated else "plain",
    )
