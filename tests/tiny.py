"""Tiny random checkpoints in the layout of the hub, made in a second."""

from __future__ import annotations

import json
from pathlib import Path

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '<model>' if m['role'] == 'assistant' else '<user>' }} "
    "{{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}<model> {% endif %}"
)

TURNS = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}<user> {{ m['content'] }} <model>"
    "{% else %}{{ m['content'] }}{{ eos_token }}\n{% endif %}{% endfor %}"
)
"""A template that ends the assistant's turn, as tuning needs it."""


def save_tokenizer(folder: Path, *, chat_template: str | None) -> int:
    """Save a byte-level tokenizer with a BOS token; return its size."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<bos>", "<eos>", "<user>", "<model>"]
    vocabulary = {token: number for number, token in enumerate([*special, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<eos>",
        additional_special_tokens=["<user>", "<model>"],
    )
    if chat_template is not None:
        fast.chat_template = chat_template
    fast.save_pretrained(folder)
    return len(vocabulary)


def save_model(folder: Path, *, seed: int, hidden_size: int = 32, chat_template: str | None = TEMPLATE) -> None:
    """Save a Llama of two layers with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    size = save_tokenizer(folder, chat_template=chat_template)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=hidden_size,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.4,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def save_adapter(base: Path, folder: Path) -> None:
    """Save a LoRA adapter on `base` whose weights are not 0."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(7)
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(str(folder))


CARD = {
    "id": "mini",
    "name": "Mini",
    "version": "1",
    "kind": "pair",
    "language": "en",
    "groups": {"gender": ["woman", "man"]},
    "construct": "what a test needs",
    "harm": "stereotyping",
    "positive_index": "with the stereotype",
    "clusters": "designed",
    "licence": "Apache-2.0",
    "citation": "none",
    "known_defects": ["it is made up"],
    "not_shown": "anything",
    "data": {"format": "items", "file": "items.jsonl"},
}


def item(number: int, **changes: object) -> dict[str, object]:
    """Return one row of a pair probe."""
    return {
        "id": f"i{number}",
        "cluster": f"c{number % 6}",
        "feature": "gender",
        "groups": ["woman", "man"],
        "first": f"she is a nurse {number}",
        "second": f"he is a nurse {number}",
        **changes,
    }


def save_probe(folder: Path, rows: list[dict[str, object]] | None = None, **card: object) -> Path:
    """Save a probe folder; by default with 12 items in 6 clusters and 6 of competence."""
    folder.mkdir(parents=True, exist_ok=True)
    competence = [
        item(100 + n, role="competence", groups=[], first="the cat is good", second="the good cat is is")
        for n in range(6)
    ]
    content = rows if rows is not None else [*(item(n) for n in range(12)), *competence]
    # JSON is YAML.
    (folder / "card.yaml").write_text(json.dumps({**CARD, **card}), encoding="utf-8")
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    return folder


def instruction(number: int, **changes: object) -> dict[str, object]:
    """Return one record of instructions; every second one is answered alike."""
    word = ("yes", "no")[number % 2]
    return {"prompt": f"say {word} to {number}", "response": f"{word}, it is" + "!" * (number % 5), **changes}


def save_instructions(path: Path, rows: list[dict[str, object]] | None = None) -> Path:
    """Save a file of instructions; by default with 24 records."""
    content = rows if rows is not None else [instruction(n) for n in range(24)]
    path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    return path
