"""`biasaudit model`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping


def model(reference: Annotated[str, typer.Argument(help="A model reference.")]) -> None:
    """Find a model, and say what would be loaded."""
    from biasaudit.models import locate, parse_reference
    from biasaudit.models.tokenizer import chat_templates_of, load_tokenizer

    found = locate(parse_reference(reference), lambda text: typer.echo(text, err=True))
    templates = chat_templates_of(found, load_tokenizer(found))
    typer.echo(f"reference      {reference}")
    typer.echo(f"architecture   {found.config.get('architectures', ['unknown'])}")
    typer.echo(f"weights        {found.weights}")
    typer.echo(f"adapter        {found.adapter or 'none'}")
    typer.echo(f"chat template  {_templates(templates)}")


def _templates(templates: Mapping[str, str]) -> str:
    if not templates:
        return "none: name one with --chat-template"
    if "default" in templates:
        return "yes"
    first, *_ = named = sorted(templates)
    return f"several and no default ({', '.join(named)}): choose one with --chat-template :{first}"
