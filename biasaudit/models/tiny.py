"""Tiny transformers for tests: made, trained and saved in the layout of the hub."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

BATCH: Final = 64
LEARNING_RATE: Final = 3e-3
SPECIAL: Final = ("<pad>", "<bos>", "<eos>", "<user>", "<model>", "<unk>")
TEMPLATE: Final = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}<user> {{ m['content'] }} <model> "
    "{% else %}{{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)


def train(
    folder: Path,
    texts: Iterable[str],
    *,
    words: Sequence[str],
    seed: int,
    parent: Path | None,
    n_layers: int = 2,
    only: Callable[[str], bool] = lambda _: True,
) -> Path:
    """Train a causal model on `texts` and save it with its tokenizer.

    A loop of its own: transformers' Trainer takes longer to start than this takes to end, and
    writes checkpoints and logs that nobody would read.

    Parameters
    ----------
    folder : Path
    texts : iterable of str
        One pass, in batches of 64, with AdamW and a learning rate that falls to 0.
    words : sequence of str
        Vocabulary of a new model.
    seed : int
        Of the weights.
    parent : Path or None
        Model to go on from; None makes one.
    n_layers : int
        Blocks of a new model.
    only : callable
        From the name of a weight to whether it is trained.
    """
    import torch  # noqa: PLC0415

    tokenizer = _tokenizer(words) if parent is None else _load_tokenizer(parent)
    with torch.random.fork_rng(), _one_thread():
        torch.manual_seed(seed)
        model = _model(len(tokenizer), n_layers) if parent is None else _load_model(parent)
        for name, weight in model.named_parameters():
            weight.requires_grad_(only(name))
        rows = _rows(tokenizer, texts)
        _fit(model, rows, pad=tokenizer.pad_token_id)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@contextmanager
def _one_thread() -> Iterator[None]:
    """Matrices this small lose more where threads meet than they gain; and one thread gives equal sums."""
    import torch  # noqa: PLC0415

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(model: Any, rows: list[list[int]], *, pad: int) -> None:  # Any: a class that transformers makes
    import torch  # noqa: PLC0415

    model.train()
    n_steps = -(-len(rows) // BATCH)
    optimizer = torch.optim.AdamW(
        [one for one in model.parameters() if one.requires_grad], lr=LEARNING_RATE, weight_decay=0.0
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.02, total_iters=n_steps)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        longest = max(map(len, batch))
        ids = torch.tensor([row + [pad] * (longest - len(row)) for row in batch])
        labels = ids.masked_fill(ids == pad, -100)
        model(input_ids=ids, attention_mask=(ids != pad).long(), labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    model.eval()


def _rows(tokenizer: Any, texts: Iterable[str]) -> list[list[int]]:  # Any: transformers' tokenizers are untyped
    encoded = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return [[tokenizer.bos_token_id, *row, tokenizer.eos_token_id] for row in encoded]


def _tokenizer(words: Sequence[str]) -> Any:  # Any: as above
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        additional_special_tokens=["<user>", "<model>"],
    )
    fast.chat_template = TEMPLATE
    return fast


def _model(n_words: int, n_layers: int) -> Any:  # Any: as above
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=n_words,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=n_layers,
            num_attention_heads=4,
            max_position_embeddings=128,
            pad_token_id=SPECIAL.index("<pad>"),
            bos_token_id=SPECIAL.index("<bos>"),
            eos_token_id=SPECIAL.index("<eos>"),
        )
    )


def _load_model(folder: Path) -> Any:  # Any: as above
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    return AutoModelForCausalLM.from_pretrained(folder, dtype="float32")


def _load_tokenizer(folder: Path) -> Any:  # Any: as above
    from transformers import AutoTokenizer  # noqa: PLC0415

    return AutoTokenizer.from_pretrained(folder)
