"""`biasaudit attack`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from biasaudit.cli import terminal

if TYPE_CHECKING:
    from biasaudit.facade import Audit


def attack(
    base: Annotated[str, typer.Argument(help="Pretrained model: hub id[@revision], folder or .gguf file, [+adapter].")],
    tuned: Annotated[str, typer.Argument(help="A model tuned from it.")],
    probe: Annotated[
        str, typer.Option("--probe", "-p", help="Probe id or folder: half of it is searched on, the other half asked.")
    ] = "occupations",
    also: Annotated[
        list[str] | None, typer.Option(help="Further probe to ask under what was found; repeat for more.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the audit and what was found.")] = Path(
        "reports/attack"
    ),
    budget: Annotated[int, typer.Option(help="Queries of each search: of base and tuned, with and against.")] = 100,
    length: Annotated[int, typer.Option(help="Words of a prefix.")] = 3,
    items: Annotated[int, typer.Option(help="At most so many items are searched on.")] = 48,
    method: Annotated[str, typer.Option(help="gradient, or coordinate: without gradients.")] = "gradient",
    words: Annotated[
        Path | None, typer.Option(help="File of words to search among, one a line; default the base's own.")
    ] = None,
    feature: Annotated[str | None, typer.Option(help="The one feature of the probe; default all.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder with published data sets.")] = None,
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps; default the best there is.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the halves, of what is drawn, and of the audit.")] = 0,
    allow_different_lineage: Annotated[bool, typer.Option(help="Compare models of different lineage.")] = False,
    allow_different_engines: Annotated[
        bool,
        typer.Option(help="Compare models that differ in engine, number format or quantisation; the report says so."),
    ] = False,
    allow_implausible: Annotated[
        bool, typer.Option(help="Audit a model that finds shuffled words as likely as sentences; the report says so.")
    ] = False,
    trust_remote_code: Annotated[bool, typer.Option(help="Let code that comes with a model run.")] = False,
) -> None:
    """Search for words before a text that bring a lean out, on half of a probe, and audit the other half under them."""
    from biasaudit import tuned as looked_at
    from biasaudit.attacks import STRINGS
    from biasaudit.cli import choices
    from biasaudit.cli.progress import Shown
    from biasaudit.report.words.searched import search_lines

    settings: dict[str, Any] = {  # the fields of a plan
        "dtype": choices.dtype(dtype),
        "device": device,
        "allow_different_lineage": allow_different_lineage,
        "allow_different_engines": allow_different_engines,
        "allow_implausible": allow_implausible,
        "trust_remote_code": trust_remote_code,
    }
    with Shown() as shown:
        found: Audit = looked_at.attack(
            base,
            tuned,
            probe=probe,
            also=tuple(also or ()),
            out=out,
            words=words,
            data_dir=data_dir,
            progress=shown,
            budget=budget,
            length=length,
            n_items=items,
            method=method,
            feature=feature,
            seed=seed,
            **settings,
        )
    for line in search_lines(found):
        terminal.say_line(line)
    terminal.say_line(f"Report: {out / 'report.html'}; what was found: {out / STRINGS}")
