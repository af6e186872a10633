"""Which chat template an audit uses, and where a checkpoint keeps its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from biasaudit.errors import ChatTemplateError

DEFAULT: Final = "default"
LARGEST_BYTES: Final = 1 << 20
"""Of a template's file; the longest known has 15 kB."""
_LARGEST_CONFIG_BYTES: Final = 1 << 26
_NAMED: Final = re.compile(r":([\w.-]{1,64})")
FOLDERS: Final = ("additional_chat_templates", "chat_templates")
CONFIGS: Final = ("tokenizer_config.json", "processor_config.json", "chat_template.json")


def named_templates() -> tuple[str, ...]:
    """Return the names of the chat templates that come with the package."""
    folder = resources.files("biasaudit.models") / "chat_templates"
    return tuple(
        sorted(entry.name.removesuffix(".jinja") for entry in folder.iterdir() if entry.name.endswith(".jinja"))
    )


def read_template(name: str) -> str:
    """Return a template by its name, or from a file; ``:NAME``, one of the checkpoint's own, as it is.

    Raises
    ------
    ChatTemplateError
        If it is neither.
    """
    if _NAMED.fullmatch(name):
        return name
    if name in named_templates():
        return (resources.files("biasaudit.models") / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")
    try:
        return _text(Path(name).expanduser())
    except (OSError, ValueError, RuntimeError) as exc:
        raise ChatTemplateError(
            f"the chat template {name!r} is neither a readable file nor one of: {', '.join(named_templates())}.",
            fix="Name a Jinja file, such as the chat_template.jinja of the tuned model, or :NAME, one of several "
            "templates that the model itself names.",
        ) from exc


def templates_in(folder: Path) -> dict[str, str]:
    """Return the chat templates that a folder holds, by name, from where transformers would read them.

    ``chat_template.jinja`` and ``additional_chat_templates/*.jinja`` come before those in ``tokenizer_config.json``,
    these before ``processor_config.json`` and ``chat_template.json``. A single one is named ``default``.

    Raises
    ------
    ChatTemplateError
        If a file cannot be read.
    """
    found = {path.stem: path for name in FOLDERS for path in sorted((folder / name).glob("*.jinja"))}
    single = folder / "chat_template.jinja"
    if single.is_file():
        found[DEFAULT] = single
    if found:
        return {name: _read(path) for name, path in found.items()}
    for name in CONFIGS:
        if (folder / name).is_file():
            declared = as_templates(_config(folder / name).get("chat_template"))
            if declared:
                return declared
    return {}


def as_templates(declared: object) -> dict[str, str]:
    """Return templates by name from what a configuration or a tokenizer holds: a text, a list, or a mapping."""
    if isinstance(declared, str):
        return {DEFAULT: declared} if declared else {}
    if isinstance(declared, Mapping):
        return {str(name): text for name, text in declared.items() if isinstance(text, str)}
    if isinstance(declared, list):
        entries = [entry for entry in declared if isinstance(entry, Mapping)]
        return {str(entry.get("name")): text for entry in entries if isinstance(text := entry.get("template"), str)}
    return {}


def one_of(templates: Mapping[str, str], *, name: str | None, whose: str) -> str | None:
    """Return the template of that name, else the default, or None where there is none at all.

    Raises
    ------
    ChatTemplateError
        If there are several and none is the default, or none has that name: which of them stands for the model is
        not ours to say.
    """
    if name is None and not templates:
        return None
    chosen = templates.get(DEFAULT if name is None else name)
    if chosen is not None:
        return chosen
    names = ", ".join(repr(one) for one in sorted(templates)) or "none"
    raise ChatTemplateError(
        f"{whose} has no chat template named {name!r}; it names: {names}."
        if name is not None
        else f"{whose} has several chat templates and no default: {names}.",
        fix=f"Choose one with --chat-template :{min(templates)}."
        if templates
        else "Name a Jinja file with --chat-template.",
    )


def chosen_template(asked_for: str | None, found: tuple[str | Mapping[str, str] | None, ...]) -> str:
    """Return the template that every chat framing of an audit uses.

    Parameters
    ----------
    asked_for : str or None
        Text of a template that was named, which wins; or ``:NAME``, one of those that a checkpoint names.
    found : tuple of str, mapping or None
        The models' own, tuned checkpoints first, base last; by name where there are several.

    Raises
    ------
    ChatTemplateError
        If there is none, or one of several is to be chosen.
    """
    named = None if asked_for is None else _NAMED.fullmatch(asked_for)
    if asked_for is not None and named is None:
        return asked_for
    for templates in found:
        if templates:
            own = as_templates(templates)
            chosen = one_of(own, name=named.group(1) if named else None, whose="the checkpoint")
            if chosen:
                return chosen
    raise ChatTemplateError(
        "no checkpoint has a chat template, and the chat framing needs one.",
        fix=(
            "Name one with --chat-template (a Jinja file, or one of: "
            + ", ".join(named_templates())
            + "), or audit the plain framing only with --framing plain."
        ),
    )


def _text(path: Path, largest: int = LARGEST_BYTES) -> str:
    """Read a regular file of bounded size."""
    if path.exists() and not path.is_file():
        msg = "is no regular file"
        raise ValueError(msg)
    if path.stat().st_size > largest:
        msg = f"has {path.stat().st_size:,} bytes, more than {largest:,}"
        raise ValueError(msg)
    return path.read_text(encoding="utf-8")


def _read(path: Path) -> str:
    try:
        return _text(path)
    except (OSError, ValueError) as exc:
        raise ChatTemplateError(
            f"{path}: cannot be read as a chat template: {exc}.", fix="Restore the file from its source."
        ) from exc


def _config(path: Path) -> Mapping[str, object]:
    try:
        content = json.loads(_text(path, _LARGEST_CONFIG_BYTES))
    except (OSError, ValueError, RecursionError) as exc:
        raise ChatTemplateError(f"{path}: cannot be read: {exc}.", fix="Restore the file from its source.") from exc
    return content if isinstance(content, dict) else {}
