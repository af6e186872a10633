"""Which chat template an audit uses."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from biasaudit.errors import ChatTemplateError


def named_templates() -> tuple[str, ...]:
    """Return the names of the chat templates that come with the package."""
    folder = resources.files("biasaudit.models") / "chat_templates"
    return tuple(
        sorted(entry.name.removesuffix(".jinja") for entry in folder.iterdir() if entry.name.endswith(".jinja"))
    )


def read_template(name: str) -> str:
    """Return a template by its name, or from a file.

    Raises
    ------
    ChatTemplateError
        If it is neither.
    """
    if name in named_templates():
        return (resources.files("biasaudit.models") / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")
    try:
        return Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ChatTemplateError(
            f"the chat template {name!r} is neither a readable file nor one of: {', '.join(named_templates())}.",
            fix="Name a Jinja file, such as the chat_template.jinja of the tuned model.",
        ) from exc


def chosen_template(asked_for: str | None, found: tuple[str | None, ...]) -> str:
    """Return the template that every chat framing of an audit uses.

    Parameters
    ----------
    asked_for : str or None
        Text of a template that was named; it wins.
    found : tuple of str or None
        The models' own, tuned checkpoints first, base last.

    Raises
    ------
    ChatTemplateError
        If there is none.
    """
    if asked_for is not None:
        return asked_for
    for template in found:
        if template:
            return template
    raise ChatTemplateError(
        "no checkpoint has a chat template, and the chat framing needs one.",
        fix=(
            "Name one with --chat-template (a Jinja file, or one of: "
            + ", ".join(named_templates())
            + "), or audit the plain framing only with --framing plain."
        ),
    )
