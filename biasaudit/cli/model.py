"""`biasaudit model`."""

from __future__ import annotations

from typing import Annotated

import typer


def model(
    reference: Annotated[str, typer.Argument(help="A model reference.")],
    suite: Annotated[str, typer.Option(help="Suite whose time is estimated: demo, quick, standard or full.")] = "quick",
    check: Annotated[
        bool, typer.Option("--check", help="Load it too, and see whether it finds sentences likelier than nonsense.")
    ] = False,
) -> None:
    """Find a model, check what an audit would check, and say what would be loaded and how long it takes."""
    from biasaudit.audits.facts import adapter_facts, model_facts
    from biasaudit.cli.forecast import print_model
    from biasaudit.cli.progress import Shown

    with Shown() as shown:
        found = model_facts(reference, suite=suite, progress=shown, ask=check)
    print_model(found, adapter=adapter_facts(found.located))
    if found.sanity is not None:
        # The exit code is the one that an audit of it would end with.
        found.sanity.refuse({"base": reference})
