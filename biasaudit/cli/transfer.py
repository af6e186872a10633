"""`biasaudit transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biasaudit.cli import terminal

if TYPE_CHECKING:
    from biasaudit.align.transfer import Transfer


def transfer(
    base: Annotated[str, typer.Argument(help="Pretrained model: hub id[@revision], folder or .gguf file.")],
    adapter: Annotated[Path, typer.Argument(help="Folder of an adapter that was tuned on it.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the table and its two audits.")],
    contrasts: Annotated[Path | None, typer.Option(help="Contrasts that it was tuned on; default our own.")] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(
            "--probe",
            "-p",
            help="Probe to ask besides the contrasts; repeat. Default occupations, traits, decisions and pronouns.",
        ),
    ] = None,
    instructions: Annotated[
        Path | None, typer.Option(help="JSON Lines with prompt and response: are they followed as before?")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="About so many items of each probe; default those of the suite quick, else 120.")
    ] = None,
    chat_template: Annotated[str | None, typer.Option(help="Jinja file or shipped name (gemma).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder with published data sets.")] = None,
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps; default the best there is.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn and of the tests.")] = 0,
) -> None:
    """Measure what an adapter did where it was tuned, and elsewhere: templates, words, features, framings, probes."""
    from biasaudit import tuned
    from biasaudit.cli import choices
    from biasaudit.cli.progress import Shown

    chosen_dtype = choices.dtype(dtype)
    with Shown() as shown:
        found = tuned.transfer(
            base,
            adapter,
            out=out,
            contrasts=contrasts,
            probes=probe or None,
            instructions=instructions,
            limit=limit,
            seed=seed,
            chat_template=chat_template,
            data_dir=data_dir,
            dtype=chosen_dtype,
            device=device,
            progress=shown,
        )
    for line in _lines(found):
        terminal.say_line(line)
    terminal.say_line(f"Table: {out / 'transfer.csv'}, {out / 'transfer.md'}")
    audits = [str(out / framing / "report.html") for framing in ("plain", "chat") if (out / framing).is_dir()]
    terminal.say_line(f"Reports: {', '.join(audits)}")


def _lines(found: Transfer) -> list[str]:
    """Return one line a row: what, feature, base, tuned, and what came of it."""
    lines = []
    for row in found.rows:
        where = ", ".join(part for part in (row.framing, row.what, row.feature) if part)
        if row.base is None or row.tuned is None:
            number = "" if row.difference is None else f" {row.difference:.3f}"
        else:
            number = f" {row.base:.3f} -> {row.tuned:.3f}"
        came = row.verdict or ("" if row.status == "ok" else row.status)
        lines.append(f"{where}:{number} {came}".rstrip())
    return lines
