"""The grammar of model references.

::

    reference = model [ "+" adapter ] | demo:tuned | demo:aligned
    model     = hub id [ "@" revision ] | folder | file.gguf | demo:base
    adapter   = hub id [ "@" revision ] | folder
"""

from __future__ import annotations

import re
from pathlib import Path

from biasaudit.errors import ModelReferenceError
from biasaudit.models.local.embedded import ADAPTERS, BASE, REFERENCES
from biasaudit.types import ModelSpec

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
_GRAMMAR = (
    "Use a hub id (optionally @revision), a folder, or a .gguf file; add +ADAPTER for a PEFT adapter on it. "
    f"{', '.join(REFERENCES[:-1])} and {REFERENCES[-1]} need no hub."
)


def parse_reference(text: str) -> ModelSpec:
    """Parse a model reference.

    Existing paths win over hub ids, and the longest existing path wins where ``+`` or ``@`` is
    part of a name.

    Parameters
    ----------
    text : str

    Returns
    -------
    ModelSpec

    Raises
    ------
    ModelReferenceError
        If the text follows no form, or is plainly a path that does not exist.

    Examples
    --------
    >>> parse_reference("google/gemma-3-270m@main+someone/adapter").revision
    'main'
    """
    if not text.strip():
        raise ModelReferenceError("the model reference is empty.", fix=_GRAMMAR)
    if text in ADAPTERS:
        return ModelSpec(reference=text, base=BASE, adapter=text)
    base_text, adapter_text = _split_adapter(text)
    base, revision = _location(base_text, text)
    if adapter_text is None:
        return ModelSpec(reference=text, base=base, revision=revision)
    adapter, adapter_revision = _location(adapter_text, text)
    if adapter.endswith(".gguf"):
        raise ModelReferenceError(f"the adapter {adapter!r} is a GGUF file.", fix="Name the folder of a PEFT adapter.")
    return ModelSpec(reference=text, base=base, revision=revision, adapter=adapter, adapter_revision=adapter_revision)


def is_local(location: str) -> bool:
    """Whether `location` names something on this machine rather than on the hub."""
    return bool(location) and Path(location).expanduser().exists()


def _split_adapter(text: str) -> tuple[str, str | None]:
    if is_local(text) or "+" not in text:
        return text, None
    splits = [(text[:at], text[at + 1 :]) for at, letter in enumerate(text) if letter == "+"]
    for base, adapter in reversed(splits):
        if is_local(base) and adapter:
            return base, adapter
    base, adapter = splits[0]
    if not base or not adapter:
        raise ModelReferenceError(f"{text!r} has nothing on one side of the '+'.", fix=_GRAMMAR)
    return base, adapter


def _location(text: str, whole: str) -> tuple[str, str | None]:
    if is_local(text):
        return str(Path(text).expanduser()), None
    if text == BASE:
        return BASE, None
    name, at, revision = text.partition("@")
    if _looks_like_path(text) or not _HUB_ID.match(name) or (at and not revision):
        raise ModelReferenceError(
            f"the model reference {whole!r} names {text!r}, and there is no such file or folder.", fix=_GRAMMAR
        )
    return name, revision or None


def _looks_like_path(text: str) -> bool:
    return text.startswith((".", "/", "~")) or text.endswith(".gguf") or "\\" in text or text.count("/") > 1
