"""The tokenizer of a model behind a server: it lies here, or nothing is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from biasaudit.errors import ModelFilesError, ModelReferenceError
from biasaudit.framing import template_hash
from biasaudit.models.local import embedded
from biasaudit.models.local.checkpoint import ModelFiles
from biasaudit.models.local.files import hub_texts_folder, require_config
from biasaudit.models.local.located import Located
from biasaudit.models.reference import is_local, parse_reference
from biasaudit.models.served.reference import TOKENIZER, ServedSpec
from biasaudit.models.text.tokenizer import (
    TOKENIZER_FILES,
    default_template_of,
    shared_tokenizer,
    text_files_sha256,
    tokenizer_sha256,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_FIX: Final = (
    f"Add where its tokenizer lies: {TOKENIZER}FOLDER, {TOKENIZER}HUB_ID or {TOKENIZER}{embedded.BASE}, "
    "the very one that the server's model has."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What decides what a served model is given to read.

    Attributes
    ----------
    located : Located
        Where the tokenizer's files lie; without weights.
    tokenizer : PreTrainedTokenizerBase
    tokenizer_sha256, text_files_sha256, chat_template_sha256 : str or None
    """

    located: Located
    tokenizer: PreTrainedTokenizerBase
    tokenizer_sha256: str
    text_files_sha256: str
    chat_template_sha256: str | None

    def written(self, number: int) -> frozenset[str]:
        """Return the ways in which a server may write a token."""
        name = str(self.tokenizer.convert_ids_to_tokens(number))
        text = str(self.tokenizer.decode([number], skip_special_tokens=False, clean_up_tokenization_spaces=False))
        # The marks of a space at the beginning of a word.
        return frozenset({name, text, name.replace("\u2581", " "), name.replace("\u0120", " ")}) - {""}

    def is_whole(self, number: int) -> bool:
        """Whether a token is a text by itself: no special one, and no part of a character."""
        text = str(self.tokenizer.decode([number], skip_special_tokens=True, clean_up_tokenization_spaces=False))
        return bool(text.strip()) and "\ufffd" not in text


def texts_of(spec: ServedSpec, say: Callable[[str], None], *, trust_remote_code: bool = False) -> Texts:
    """Find and load the tokenizer of a served model.

    Raises
    ------
    ModelReferenceError
        If none is named, or there is none in that place.
    ModelFilesError
        If its files cannot be used.
    """
    if spec.tokenizer is None:
        raise ModelReferenceError(
            f"{spec.reference} names no tokenizer, and texts are sent as tokens, so that the server reads what a model "
            "on this machine would be given.",
            fix=_FIX,
        )
    folder = _folder(spec.tokenizer, spec, say)
    located = Located(
        spec=parse_reference(str(folder)),
        folder=folder,
        adapter_folder=None,
        weights="",
        adapter=None,
        config=(config := _config(folder)),
        files=ModelFiles(folder=folder, weights=(), others=(), config=config, tensors={}),
    )
    tokenizer = shared_tokenizer(located, trust_remote_code=trust_remote_code)
    return Texts(
        located=located,
        tokenizer=tokenizer,
        tokenizer_sha256=tokenizer_sha256(located),
        text_files_sha256=text_files_sha256(located),
        chat_template_sha256=template_hash(default_template_of(located, tokenizer)),
    )


def _folder(place: str, spec: ServedSpec, say: Callable[[str], None]) -> Path:
    if place == embedded.BASE:
        return embedded.base_folder(say)[0]
    if is_local(place):
        folder = Path(place).expanduser()
        if not folder.is_dir():
            raise ModelFilesError(f"the tokenizer {place!r} of {spec.reference} is a file.", fix=_FIX)
    else:
        hub = parse_reference(place)
        say(f"looking up the tokenizer {hub.base}")
        folder = hub_texts_folder(hub.base, hub.revision)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelFilesError(f"the folder {str(folder)!r} holds no tokenizer.", fix=_FIX)
    return folder


def _config(folder: Path) -> dict[str, object]:
    return require_config(folder, "the tokenizer") if (folder / "config.json").is_file() else {}
