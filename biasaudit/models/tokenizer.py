"""The tokenizer beside a model's weights, and the chat template that it or an adapter brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.errors import ChatTemplateError, ModelFilesError
from biasaudit.framing import ChatFrame
from biasaudit.models.hashes import sha256_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.loading import Located

TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "tokenizer_config.json")


def render_chat(tokenizer: PreTrainedTokenizerBase, request: str, template: str, *, response: str | None = None) -> str:
    """Render a chat template around one user's turn: with the generation prompt, or with a response after it."""
    from jinja2.exceptions import TemplateError  # noqa: PLC0415

    turns = [{"role": "user", "content": request}]
    if response is not None:
        turns.append({"role": "assistant", "content": response})
    try:
        rendered = tokenizer.apply_chat_template(
            turns, chat_template=template, tokenize=False, add_generation_prompt=response is None
        )
    except (TemplateError, TypeError, ValueError) as exc:
        raise ChatTemplateError(
            f"the chat template cannot be rendered: {exc}", fix="Name another with --chat-template."
        ) from exc
    return str(rendered)


def chat_frame(tokenizer: PreTrainedTokenizerBase, template: str) -> ChatFrame:
    """Return what a chat template puts around the user's turn, up to where the assistant's begins.

    Raises
    ------
    ChatTemplateError
        If it cannot be rendered, or writes other things around other turns.
    """
    marker = "Which of the two texts was written first?"
    before, found, after = render_chat(tokenizer, marker, template).partition(marker)
    frame = ChatFrame(before=before, after=after)
    other = "Say something.\n\nA. One.\nB. Two."
    if not found or frame.around(other) != render_chat(tokenizer, other, template):
        raise ChatTemplateError(
            "the chat template does not put the same text around every turn of the user.",
            fix="Name another with --chat-template.",
        )
    return frame


def load_tokenizer(located: Located, *, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Load the tokenizer that lies beside the weights.

    Raises
    ------
    ModelFilesError
        If there is none.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415

    try:
        found = AutoTokenizer.from_pretrained(located.folder, trust_remote_code=trust_remote_code)
    except (OSError, ValueError, KeyError, ImportError, AttributeError, TypeError) as exc:
        raise ModelFilesError(
            f"the model {located.spec.base!r} has no tokenizer that can be loaded: {exc}",
            fix="Put the tokenizer's files (tokenizer.json, tokenizer_config.json) beside the weights.",
        ) from exc
    _drop_copies(found)
    return found


def _drop_copies(tokenizer: object) -> None:
    """Let go of the vocabulary and the merges that a fast tokenizer was made from: it has its own.

    Of 262,144 words and 514,906 merges they take 147 MB as Python objects, and nothing reads them again.
    """
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        return
    for name in ("_vocab", "_merges"):
        if isinstance(getattr(tokenizer, name, None), (dict, list)):
            setattr(tokenizer, name, None)


def chat_template_of(located: Located, tokenizer: PreTrainedTokenizerBase) -> str | None:
    """Return the adapter's chat template, else the tokenizer's, else None."""
    if located.adapter_folder is not None:
        path = located.adapter_folder / "chat_template.jinja"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    return None if template is None else str(template)


def tokenizer_sha256(located: Located) -> str:
    """Return the hash of the tokenizer's files."""
    return sha256_of(path for name in TOKENIZER_FILES if (path := located.folder / name).is_file())
