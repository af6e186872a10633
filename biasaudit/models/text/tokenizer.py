"""The tokenizer of a checkpoint, the chat template that it or an adapter brings, and the files that both come from."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from biasaudit.errors import ChatTemplateError, ModelFilesError
from biasaudit.models.hashes import file_sha256, sha256_of
from biasaudit.models.text.chat import chat_frame, render_chat
from biasaudit.models.text.templates import FOLDERS, as_templates, one_of, templates_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.local.located import Located

__all__ = [
    "chat_frame",
    "chat_template_of",
    "chat_templates_of",
    "default_template_of",
    "load_tokenizer",
    "render_chat",
    "same_text_files",
    "shared_tokenizer",
    "text_files_sha256",
    "tokenizer_folder",
    "tokenizer_sha256",
]

TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "tiktoken.model",
)
"""What tokens a text becomes is decided by these."""

TEXT_FILES: Final = (
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
)
"""What further decides what a checkpoint is given to read."""

_EARLIER_LIST: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "tokenizer_config.json")
"""Audits without a hash of the text files hold one of these."""

_VOCABULARIES: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")
_LARGEST_BYTES: Final = 1 << 29
_MOST_SHARED: Final = 2


def tokenizer_folder(located: Located) -> Path:
    """Return where a checkpoint's tokenizer lies: in the adapter's folder if it brings a whole one, else the base's."""
    adapter = located.adapter_folder
    if adapter is not None and (adapter / "tokenizer_config.json").is_file():
        whole = any((adapter / name).is_file() for name in _VOCABULARIES)
        return adapter if whole else located.folder
    return located.folder


def load_tokenizer(located: Located, *, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Load a checkpoint's tokenizer, from its folder and nowhere else.

    Raises
    ------
    ModelFilesError
        If there is none, or its files are damaged.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415

    folder = tokenizer_folder(located)
    _check_files(folder)
    with _Border(located.spec.reference, folder):
        found = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)
        # A file that is damaged in the middle may show only when it is used.
        sample = found("a", add_special_tokens=False)["input_ids"]
        found.convert_ids_to_tokens(sample)
        hash((found.bos_token_id, found.eos_token_id, found.unk_token_id))
    _drop_copies(found)
    return found


_SHARED: dict[str, PreTrainedTokenizerBase] = {}


def shared_tokenizer(located: Located, *, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Return a checkpoint's tokenizer; one that is loaded already where the files are equal. Not to be changed."""
    folder = tokenizer_folder(located)
    kind = (located.config.get("model_type"), located.config.get("tokenizer_class"), trust_remote_code)
    code = folder.resolve() if trust_remote_code else ""
    # Not by what an adapter brings beside it: a template of its own is asked for by its folder.
    identity = f"{_text_files(folder)} {kind} {code}"
    if identity not in _SHARED:
        while len(_SHARED) >= _MOST_SHARED:
            del _SHARED[next(iter(_SHARED))]
        _SHARED[identity] = load_tokenizer(located, trust_remote_code=trust_remote_code)
    return _SHARED[identity]


def _check_files(folder: Path) -> None:
    """Refuse what would be read without an end."""
    for path in _files(folder, (*TOKENIZER_FILES, *TEXT_FILES)):
        if not path.is_file():
            raise ModelFilesError(f"{path}: is no regular file.", fix="Put the tokenizer's own file there.")
        if path.stat().st_size > _LARGEST_BYTES:
            raise ModelFilesError(
                f"{path}: has {path.stat().st_size:,} bytes, more than any tokenizer.",
                fix="Restore the file from its source.",
            )


class _Border(AbstractContextManager["_Border"]):
    """Says which model has no tokenizer, for whatever reason a library gives.

    The library that reads `tokenizer.json` raises bare exceptions, and panics, for what is wrong in it.
    """

    _FOREIGN: Final = (
        ArithmeticError,
        AssertionError,
        AttributeError,
        ImportError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    )

    def __init__(self, reference: str, folder: Path) -> None:
        self._reference = reference
        self._folder = folder

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or error is None:
            return
        if issubclass(kind, self._FOREIGN) or kind is Exception or kind.__name__ == "PanicException":
            reason = (str(error).strip() or kind.__name__).splitlines()[0][:300]
            raise ModelFilesError(
                f"the model {self._reference!r} has no tokenizer that can be loaded from {str(self._folder)!r}: "
                f"{reason}",
                fix="Put the tokenizer's files (tokenizer.json, tokenizer_config.json) beside the weights.",
            ) from error


def _drop_copies(tokenizer: object) -> None:
    """Let go of the vocabulary and the merges that a fast tokenizer was made from: it has its own.

    Of 262,144 words and 514,906 merges they take 147 MB as Python objects, and nothing reads them again.
    """
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        return
    for name in ("_vocab", "_merges"):
        if isinstance(getattr(tokenizer, name, None), (dict, list)):
            setattr(tokenizer, name, None)


def chat_templates_of(located: Located, tokenizer: PreTrainedTokenizerBase) -> dict[str, str]:
    """Return a checkpoint's own chat templates by name: the adapter's, else those beside the weights.

    Raises
    ------
    ChatTemplateError
        If a file cannot be read.
    """
    if located.adapter_folder is not None:
        found = templates_in(located.adapter_folder)
        if found:
            return found
    return as_templates(tokenizer.chat_template) or templates_in(located.folder)


def chat_template_of(located: Located, tokenizer: PreTrainedTokenizerBase, *, name: str | None = None) -> str | None:
    """Return a checkpoint's own chat template: the one of that name, else the default, else None.

    Raises
    ------
    ChatTemplateError
        If a file cannot be read, or there are several and none is the default or has that name.
    """
    return one_of(chat_templates_of(located, tokenizer), name=name, whose=f"{located.spec.reference!r}")


def default_template_of(located: Located, tokenizer: PreTrainedTokenizerBase) -> str | None:
    """Return the template that a checkpoint is known by; None also where it has several and no default."""
    try:
        return chat_template_of(located, tokenizer)
    except ChatTemplateError:
        return None


def _files(folder: Path, names: tuple[str, ...]) -> Iterator[Path]:
    return (path for name in names if (path := folder / name).exists())


def tokenizer_sha256(located: Located) -> str:
    """Return the hash of the files that decide what tokens a text becomes."""
    return sha256_of(_files(tokenizer_folder(located), TOKENIZER_FILES))


def text_files_sha256(located: Located) -> str:
    """Return the hash of every file that decides what a checkpoint is given to read.

    Those of the tokenizer, the chat templates wherever they lie, and the configurations of generation and
    preprocessing, of the base and of the adapter.
    """
    roles = [_text_files(located.folder, "base")]
    if located.adapter_folder is not None:
        roles.append(_text_files(located.adapter_folder, "adapter"))
    return hashlib.sha256("".join(roles).encode()).hexdigest()


def _text_files(folder: Path, role: str = "") -> str:
    named = sorted(path for name in FOLDERS for path in (folder / name).glob("*.jinja"))
    files = (*_files(folder, (*TOKENIZER_FILES, *TEXT_FILES)), *named)
    return "".join(f"{role}:{path.relative_to(folder)}:{file_sha256(path)}\n" for path in files)


def same_text_files(located: Located, recorded: Mapping[str, object]) -> bool:
    """Whether a checkpoint is given to read what a fingerprint in a manifest says.

    One of an earlier version holds a hash of fewer files, and is compared by these.
    """
    known = recorded.get("text_files_sha256")
    if known is not None:
        return known == text_files_sha256(located)
    return recorded.get("tokenizer_sha256") == sha256_of(_files(located.folder, _EARLIER_LIST))
