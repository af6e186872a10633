"""Tokenizers of an audit, each loaded once: one of 262,144 words takes seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from biasaudit.models.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.loading import Located

OWN: Final = ("tokenizer*", "added_tokens.json", "special_tokens_map.json", "vocab*", "merges.txt", "*.model")
"""Files of an adapter that bring a tokenizer of its own, or change the base's."""


@dataclass(slots=True)
class Tokenizers:
    """Loads a tokenizer where it was not loaded before.

    Parameters
    ----------
    trust_remote_code : bool
    """

    trust_remote_code: bool = False
    _loaded: dict[tuple[Path, Path | None], PreTrainedTokenizerBase] = field(default_factory=dict, init=False)

    def of(self, located: Located) -> PreTrainedTokenizerBase:
        """Return the tokenizer of a checkpoint; an adapter without one of its own shares the base's.

        Raises
        ------
        ModelFilesError
            If there is none.
        """
        adapter = located.adapter_folder
        key = (located.folder, adapter if adapter is not None and _brings_one(adapter) else None)
        if key not in self._loaded:
            self._loaded[key] = load_tokenizer(located, trust_remote_code=self.trust_remote_code)
        return self._loaded[key]


def _brings_one(folder: Path) -> bool:
    return any(True for pattern in OWN for _ in folder.glob(pattern))
