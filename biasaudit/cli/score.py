"""`biasaudit score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biasaudit.cli import terminal


def score(
    probe: Annotated[str, typer.Argument(help="Probe whose set has published scores.")],
    predictions: Annotated[
        Path,
        typer.Option(
            help=".jsonl or .csv: item_id with part and score (`probes items` writes them), or with answer; "
            "StereoSet: the authors' .json."
        ),
    ],
    data_dir: Annotated[Path | None, typer.Option(help="Folder with published data sets.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the scores to this file too.")] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence level of the intervals.")] = 0.95,
) -> None:
    """Compute a benchmark's published scores from predictions, without a model.

    Exit code 3 if no score that a lean shows in could be measured.
    """
    from biasaudit import api
    from biasaudit.benchmarks.printed import part_of_the_set
    from biasaudit.cli.console import print_scores
    from biasaudit.outputs import check_outputs, write_output
    from biasaudit.probes.files import files_of
    from biasaudit.report.outputs.csv_files import csv_bytes

    inputs = [predictions, *files_of(probe, data_dir=data_dir)] if csv is not None else []
    check_outputs([csv], inputs=inputs)
    found = api.score(probe, predictions=predictions, data_dir=data_dir, level=level)
    print_scores(found, title=f"{probe}: {predictions.name}")
    if said := part_of_the_set(found.to_dict("records")):
        terminal.say(said)
    if csv is not None:
        write_output(csv, csv_bytes(found), inputs=inputs)
    # Shares of refused and unread answers are numbers where there is nothing else.
    leans = found[found["parity"].notna()]
    if not (leans["status"] == "ok").any():
        terminal.tell("No lean was measured.")
        raise typer.Exit(3)
