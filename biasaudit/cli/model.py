"""`biasaudit model`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biasaudit.cli import terminal

if TYPE_CHECKING:
    from biasaudit.models.backend import Settings


def model(
    reference: Annotated[str, typer.Argument(help="A model reference.")],
    suite: Annotated[str, typer.Option(help="Suite whose time is estimated: demo, quick, standard or full.")] = "quick",
    check: Annotated[
        bool, typer.Option("--check", help="Load it too, and see whether it finds sentences likelier than nonsense.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(help="Another reference: score the same texts on both, and say how far they differ.")
    ] = None,
    probe: Annotated[
        list[str] | None, typer.Option("--probe", "-p", help="With --against: whose texts; default the suite quick's.")
    ] = None,
    limit: Annotated[int, typer.Option(help="With --against: about how many texts.")] = 300,
    within: Annotated[
        float | None, typer.Option(help="With --against: exit code 1 where a token differs by more nats than this.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="With --against: auto, float32 or bfloat16.")] = "auto",
    against_dtype: Annotated[
        str | None, typer.Option(help="The same of the other model, where that is not the first's.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="With --against: cpu, cuda or mps; default the best.")] = None,
    quantize: Annotated[
        str | None, typer.Option(help="With --against: nf4 or int8 for plain weights of the first model.")
    ] = None,
    against_quantize: Annotated[str | None, typer.Option(help="The same of the other model.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="With --against: write what was found to this file too.")
    ] = None,
    trust_remote_code: Annotated[bool, typer.Option(help="Let code that comes with a model run.")] = False,
) -> None:
    """Find a model, check what an audit would check, and say what would be loaded and how long it takes.

    With --against OTHER, the same texts are scored on both and compared number by number. Exit codes: 0 compared,
    1 further apart than --within, 2 wrong usage, 3 no text that both scored, 4 something failed. It is no verdict on
    bias.
    """
    from biasaudit.cli import choices
    from biasaudit.models.backend import Settings

    if against is None:
        _told(reference, suite=suite, check=check)
        return
    common = Settings(device=device, trust_remote_code=trust_remote_code)
    first = replace(common, dtype=choices.dtype(dtype), quantize=choices.quantize(quantize))
    second = replace(common, dtype=choices.dtype(against_dtype or dtype), quantize=choices.quantize(against_quantize))
    _against(reference, against, first, second, probe=probe, limit=limit, within=within, json_file=json_file)


def _told(reference: str, *, suite: str, check: bool) -> None:
    from biasaudit.audits.facts import adapter_facts, model_facts
    from biasaudit.cli.forecast import print_model
    from biasaudit.cli.progress import Shown

    with Shown() as shown:
        found = model_facts(reference, suite=suite, progress=shown, ask=check)
    print_model(found, adapter=adapter_facts(found.located))
    if found.sanity is not None:
        # The exit code is the one that an audit of it would end with.
        found.sanity.refuse({"base": reference})


def _against(
    one: str,
    other: str,
    first: Settings,
    second: Settings,
    *,
    probe: list[str] | None,
    limit: int,
    within: float | None,
    json_file: Path | None,
) -> None:
    from biasaudit.audits.against import model_against
    from biasaudit.cli.against import print_against
    from biasaudit.cli.progress import Shown
    from biasaudit.outputs import check_outputs, write_output

    check_outputs((json_file,), inputs=[])
    with Shown() as shown:
        found = model_against(
            one, other, probes=probe, limit=limit, settings=first, settings_other=second, progress=shown
        )
    print_against(found)
    if json_file is not None:
        write_output(json_file, json.dumps(found.as_dict(), indent=2, sort_keys=True) + "\n", inputs=[])
    if within is not None and not (found.largest_token_nats is not None and found.largest_token_nats <= within):
        terminal.say_line(f"further apart than {within:g} nats a token")
        raise typer.Exit(1)
