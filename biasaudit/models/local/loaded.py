"""A checkpoint in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.models.local.placement import input_device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from biasaudit.models.engine.packed import Checked
    from biasaudit.models.text.beginning import Beginning
    from biasaudit.types import ModelFingerprint, ScoringFacts


@dataclass(slots=True, kw_only=True)
class LoadedModel:
    """A checkpoint that can score.

    Attributes
    ----------
    model, tokenizer
        Of transformers; the model in evaluation mode.
    fingerprint : ModelFingerprint
    chat_template : str or None
    max_length : int or None
        Longest sequence in tokens.
    scoring : ScoringFacts or None
        How it scored; None before it did.
    checked : Checked or None
        Whether packs of it are to be believed; None before that was asked.
    beginning : Beginning or None
        What stands before its texts; None takes what its tokenizer names.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    fingerprint: ModelFingerprint
    chat_template: str | None
    max_length: int | None
    scoring: ScoringFacts | None = None
    checked: Checked | None = None
    beginning: Beginning | None = None

    def close(self) -> None:
        """Let go of the weights; asked afterwards, it has no attribute ``model``."""
        self.checked = None
        if hasattr(self, "model"):
            del self.model

    @property
    def causal_model(self) -> PreTrainedModel:
        """The causal model itself, with the layers of an adapter inside it."""
        inner = getattr(self.model, "get_base_model", None)
        return inner() if inner is not None else self.model

    @property
    def vocabulary_size(self) -> int:
        """Width of the output layer."""
        return int(self.model.config.get_text_config().vocab_size)

    @property
    def n_ids(self) -> int:
        """Tokens that the weights have a row for: a padded or grown vocabulary has more than its name says."""
        rows = getattr(self.causal_model.get_input_embeddings(), "num_embeddings", None)
        return rows if isinstance(rows, int) else self.vocabulary_size

    @property
    def device(self) -> str:
        """cpu, cuda or mps."""
        return self.fingerprint.device

    def continuation_logprobs(self, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[list[float]]:
        """Return, for each (context, continuation) of token ids, the log-probabilities in nats.

        Rows are padded on the right, where a causal model cannot see the padding. The output layer
        runs only from the earliest position that is read.
        """
        import torch  # noqa: PLC0415

        length = max(len(context) + len(continuation) for context, continuation in rows)
        start = min(len(context) for context, _ in rows) - 1
        ids = torch.zeros((len(rows), length), dtype=torch.long)
        mask = torch.zeros((len(rows), length), dtype=torch.long)
        for row, (context, continuation) in enumerate(rows):
            whole = [*context, *continuation]
            ids[row, : len(whole)] = torch.tensor(whole)
            mask[row, : len(whole)] = 1
        device = input_device(self.model)
        with torch.inference_mode():
            keep = torch.arange(start, length - 1, device=device)
            logits = self.model(
                input_ids=ids.to(device), attention_mask=mask.to(device), logits_to_keep=keep, use_cache=False
            ).logits.float()
            targets = ids[:, start + 1 :].to(device)
            picked = logits.gather(2, targets.unsqueeze(2)).squeeze(2)
            logprobs = (picked - torch.logsumexp(logits, dim=2)).cpu().double()  # not every device has float64
        return [
            logprobs[row, len(context) - 1 - start : len(context) - 1 - start + len(continuation)].tolist()
            for row, (context, continuation) in enumerate(rows)
        ]
