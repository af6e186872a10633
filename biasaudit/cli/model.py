"""`biasaudit model`."""

from __future__ import annotations

from typing import Annotated

import typer


def model(reference: Annotated[str, typer.Argument(help="A model reference.")]) -> None:
    """Find a model, and say what would be loaded."""
    from biasaudit.models import locate, parse_reference
    from biasaudit.models.tokenizer import chat_template_of, load_tokenizer

    found = locate(parse_reference(reference), lambda text: typer.echo(text, err=True))
    template = chat_template_of(found, load_tokenizer(found))
    typer.echo(f"reference      {reference}")
    typer.echo(f"architecture   {found.config.get('architectures', ['unknown'])}")
    typer.echo(f"weights        {found.weights}")
    typer.echo(f"adapter        {found.adapter or 'none'}")
    typer.echo(f"chat template  {'yes' if template else 'none: name one with --chat-template'}")
